/* config_kit.h - what the tests of the configuration share: loading with the toy plugins. */
#ifndef TESTS_UNIT_SERVER_CONFIG_KIT_H
#define TESTS_UNIT_SERVER_CONFIG_KIT_H

#include "core/server/config.h"

/* base_args - a command line that chooses the toy plugins, and one more --set (NULL: none). */
void base_args(struct config_args *ret, const char *path, const char *set);
int load(const char *path, char *const *environment, const char *set, struct config **ret,
         struct error *error);
/* load_good - file: its text, written to t.ini (NULL: none).  Must succeed. */
struct config *load_good(const char *file, char *const *environment, const char *set);
/* refusal - must fail: the sentence. */
const char *refusal(const char *file, char *const *environment, const char *set);
/* get - the value by a name; NULL: no such name. */
const char *get(struct config *config, const char *name);
/* set - CONFIG SET of one pair: 0 and "", or the code and the sentence. */
int set(struct config *config, const char *name, const char *value);
extern struct error set_error;

#endif
