/* fixture.h - a node without sockets: table, store (the memory backend and a policy, loaded as
 * users load them), executor, one session.  A test says a line and looks at the bytes of the reply.
 *
 *     struct fixture f;
 *     fixture_open(&f, &(struct fixture_setup){.policy = "none", .max_memory = 1 << 20});
 *     cr_assert_str_eq(fixture_say(&f, "SET k \"a\\x00b\""), OK);
 *     fixture_close(&f);
 *
 * Time stands still until the test moves f.now_ms.  NUL bytes of a reply are shown as \0.
 */
#ifndef TESTS_UNIT_COMMAND_FIXTURE_H
#define TESTS_UNIT_COMMAND_FIXTURE_H

#include "core/command/execute.h"
#include "core/plugin/registry.h"

/* Replies in RESP2, as constants that can be written one after the other. */
#define OK "+OK\r\n"
#define NIL "$-1\r\n"
#define INT(digits) ":" digits "\r\n"
#define ARRAY(n) "*" n "\r\n"
#define BULK(n, text) "$" n "\r\n" text "\r\n"
#define ERROR(text) "-" text "\r\n"
#define NOT_INTEGER ERROR("ERR value is not an integer or out of range")
#define SYNTAX ERROR("ERR syntax error")
#define WRONG_ARGS(name) ERROR("ERR wrong number of arguments for '" name "' command")
#define OOM ERROR("OOM command not allowed when used memory > 'maxmemory'.")

#define FIXTURE_NOW_MS 1700000000000ull

struct fixture_setup {
    const char *policy;    /* NULL: "lru" */
    uint32_t n_partitions; /* 0: 4 */
    uint64_t max_memory;
    uint64_t max_items;
    uint32_t inline_max; /* 0: 4096 */
    uint64_t compress_min; /* not 0: with LZ4 from this length on */
};

struct fixture {
    struct registry *registry;
    struct store *store;
    struct executor executor;
    struct session session;
    struct reply reply;
    uint64_t now_ms;
    char *text; /* of the last reply */
};

/* fixture_register - the table alone. */
void fixture_register(void);

/* fixture_open - setup may be NULL.  Fails the test when something is missing. */
void fixture_open(struct fixture *f, const struct fixture_setup *setup);
void fixture_close(struct fixture *f);

/* fixture_say - one command as a person would type it; the reply, good until the next. */
const char *fixture_say(struct fixture *f, const char *line);
/* fixture_refused - for tests in which memory fails: did an error come back?  A reply that could not
 * be written is none. */
bool fixture_refused(struct fixture *f, const char *line);
/* fixture_run - one command of arguments; blobs: NULL, or as in struct execute_item. */
const char *fixture_run(struct fixture *f, uint32_t argc, const struct slice *argv,
                        struct loom_blob *const *blobs);

struct fixture_step {
    const char *line, *reply;
};
/* fixture_steps - say each line; the test fails with the lines whose reply is another. */
void fixture_steps(struct fixture *f, const struct fixture_step *steps, size_t n);
#define FIXTURE_STEPS(f, ...)                                                                      \
    do {                                                                                           \
        static const struct fixture_step steps_[] = {__VA_ARGS__};                                 \
        fixture_steps(f, steps_, sizeof steps_ / sizeof steps_[0]);                                \
    } while (0)

#endif
