/* args.h - the command line of loomctl, taken apart. */
#ifndef CORE_CTL_ARGS_H
#define CORE_CTL_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

#define CTL_OK 0
#define CTL_FAILED 1 /* the node cannot be reached, or refused */
#define CTL_USAGE 2  /* the command line is not acceptable */

#define CTL_WORDS_MAX 3 /* operands of one command */

struct ctl_args;
struct link;

/* One command of loomctl. */
struct ctl_command {
    const char *name, *operands, *help; /* operands: as shown in the usage */
    int n_min, n_max;                   /* words after the name */
    /* Prints to standard output.  0, or negative with a sentence. */
    int (*run)(struct link *link, const struct ctl_args *args, struct error *error);
};
extern const struct ctl_command ctl_commands[]; /* ends with a NULL name */

struct ctl_args {
    const char *host, *password; /* password NULL: none given */
    uint16_t port;
    bool json, help, version;
    uint32_t count;   /* watch: 0: for ever */
    const struct ctl_command *command;
    const char *words[CTL_WORDS_MAX]; /* what stands behind the command's name */
    int n_words;
};

/* ctl_args_parse - LOOM_E_CONFIG: a usage error.  Borrows argv; a password in there is taken out,
 * so that it does not stay in the list of processes.  The caller frees nothing; the environment's
 * LOOMCTL_PASSWORD is the password unless -a is given. */
int ctl_args_parse(int argc, char **argv, struct ctl_args *ret, struct error *error);
void ctl_usage(FILE *out);

#endif
