/* fixture.c - see fixture.h. */
#include "tests/unit/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/inline.h"

void fixture_register(void)
{
    static const struct command *const tables[] = {
        command_rows_string, command_rows_counter, command_rows_bitmap,
        command_rows_keys,   command_rows_expire,  command_rows_scan,
        command_rows_dump,   command_rows_object,  command_rows_transaction,
        command_rows_introspect,
    };

    if (command_count() != 0) return;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        cr_assert_eq(command_register(tables[i]), 0);
}

void fixture_open(struct fixture *f, const struct fixture_setup *wanted)
{
    struct fixture_setup setup = wanted ? *wanted : (struct fixture_setup){0};
    struct store_settings settings = {
        .n_partitions = setup.n_partitions ? setup.n_partitions : 4,
        .max_memory = setup.max_memory,
        .max_items = setup.max_items,
        .inline_max = setup.inline_max ? setup.inline_max : 4096,
        .compress = setup.compress_min ? STORE_COMPRESS_LZ4 : STORE_COMPRESS_NONE,
        .compress_min = setup.compress_min,
        .hash_seed = 1};
    struct store_plugins plugins = {0};
    struct error error = {0};
    const char *build = getenv("LOOM_BUILD_DIR");
    char path[4096];

    memset(f, 0, sizeof *f);
    fixture_register();
    cr_assert_not_null(build, "LOOM_BUILD_DIR is not set: run the tests with ctest");
    snprintf(path, sizeof path, "%s/plugins", build);
    cr_assert_eq(registry_create(path, &f->registry, &error), 0, "%s", error.text);
    cr_assert_eq(registry_find(f->registry, PLUGIN_STORAGE, "memory", &plugins.storage, &error), 0,
                 "%s", error.text);
    cr_assert_eq(registry_find(f->registry, PLUGIN_EVICTION, setup.policy ? setup.policy : "lru",
                               &plugins.policy, &error), 0, "%s", error.text);
    f->store = store_open(&settings, &plugins, &error);
    cr_assert_not_null(f->store, "%s", error.text);
    cr_assert_eq(executor_open(&f->executor, f->store, &error), 0, "%s", error.text);
    session_init(&f->session, 1);
    f->session.authenticated = true;
    f->now_ms = FIXTURE_NOW_MS;
}

void fixture_close(struct fixture *f)
{
    session_close(&f->session);
    reply_free(&f->reply);
    executor_close(&f->executor);
    store_close(f->store);
    registry_destroy(f->registry);
    free(f->text);
}

/* The reply as one string, as if it had been sent. */
static const char *reply_shown(struct fixture *f)
{
    struct iovec pieces[64];
    size_t n = reply_iovecs(&f->reply, 0, pieces, 64), at = 0;

    cr_assert_lt(n, 64, "more pieces than a test should need");
    free(f->text);
    f->text = malloc(2 * reply_waiting(&f->reply) + 1);
    cr_assert_not_null(f->text);
    for (size_t i = 0; i < n; i++) {
        const char *from = pieces[i].iov_base;
        for (size_t j = 0; j < pieces[i].iov_len; j++) {
            if (from[j] == '\0') f->text[at++] = '\\';
            f->text[at++] = from[j] == '\0' ? '0' : from[j];
        }
    }
    f->text[at] = '\0';
    return f->text;
}

static void execute(struct fixture *f, uint32_t argc, const struct slice *argv,
                    struct loom_blob *const *blobs)
{
    struct execute_item item = {argc, argv, blobs};

    reply_begin(&f->reply, f->session.proto, 0);
    cr_assert_eq(execute_batch(&f->executor, &f->session, &f->reply, &item, 1, f->now_ms), 1);
}

const char *fixture_run(struct fixture *f, uint32_t argc, const struct slice *argv,
                        struct loom_blob *const *blobs)
{
    const char *shown;

    execute(f, argc, argv, blobs);
    cr_assert_eq(f->reply.failed, REPLY_WELL);
    shown = reply_shown(f);
    reply_begin(&f->reply, f->session.proto, 0); /* lets go of blobs, as sending would */
    return shown;
}

struct line {
    char text[4096];
    struct slice argv[256];
    int argc;
};

static void line_split(struct line *line, const char *from)
{
    size_t n = strlen(from);

    cr_assert_lt(n, sizeof line->text);
    memcpy(line->text, from, n);
    cr_assert_leq(inline_count(slice_of(line->text, n)), 256);
    line->argc = inline_split(line->text, n, line->argv);
    cr_assert_gt(line->argc, 0, "not a command: %s", from);
}

const char *fixture_say(struct fixture *f, const char *from)
{
    struct line line;

    line_split(&line, from);
    return fixture_run(f, (uint32_t)line.argc, line.argv, NULL);
}

bool fixture_refused(struct fixture *f, const char *from)
{
    struct line line;
    bool refused;

    line_split(&line, from);
    execute(f, (uint32_t)line.argc, line.argv, NULL);
    refused = f->reply.failed == REPLY_WELL && f->reply.bytes > 0 && f->reply.at[0] == '-';
    reply_begin(&f->reply, f->session.proto, 0);
    return refused;
}

void fixture_steps(struct fixture *f, const struct fixture_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *reply = fixture_say(f, steps[i].line);
        cr_expect_str_eq(reply, steps[i].reply, "step %zu: %s\ngot:\n%s\nexpected:\n%s", i + 1,
                         steps[i].line, reply, steps[i].reply);
    }
}
