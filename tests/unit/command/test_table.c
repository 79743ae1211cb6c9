/* test_table.c - rows are found, in any case, and know where their keys are. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/command/fixture.h"

static struct slice text(const char *s) { return slice_of(s, strlen(s)); }

TestSuite(table, .init = fixture_register);

Test(table, finds_every_row_in_any_case)
{
    cr_assert_gt(command_count(), 30);
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        char upper[32];
        size_t n = strlen(row->name);

        for (size_t j = 0; j <= n; j++) upper[j] = (char)toupper((unsigned char)row->name[j]);
        cr_expect_eq(command_find(text(row->name)), row, "%s", row->name);
        cr_expect_eq(command_find(text(upper)), row, "%s", upper);
        cr_expect_eq(command_index(row), i);
        /* One byte more, one byte less, one byte else. */
        upper[n] = 'X';
        upper[n + 1] = '\0';
        cr_expect_neq(command_find(text(upper)), row);
        cr_expect_neq(command_find(slice_of(upper, n - 1)), row);
        for (size_t j = 0; j < n; j++) {
            upper[j] ^= 0x80;
            cr_expect_null(command_find(slice_of(upper, n)), "byte %zu of %s", j, row->name);
            upper[j] ^= 0x80;
        }
    }
}

Test(table, does_not_find_what_is_not_there)
{
    static const char *const names[] = {"", "g", "ge", "gett", "tge", "g\xc5t", "get ", "[et",
                                        "a-name-of-16-byt", "a-name-of-17-byte"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect_null(command_find(text(names[i])), "%s", names[i]);
}

static void run_nothing(struct call *call) { reply_ok(call->reply); }

Test(table, refuses_a_second_row_and_a_long_name)
{
    struct command rows[2] = {
        {"get", run_nothing, 2, 0, 0, 0, 0, "server", "1.0.0", "", "", NULL}, {0}};
    size_t before = command_count();

    cr_expect_eq(command_register(rows), LOOM_E_INVALID);
    rows[0].name = "GET";
    cr_expect_eq(command_register(rows), LOOM_E_INVALID);
    rows[0].name = "a-name-of-17-byte";
    cr_expect_eq(command_register(rows), LOOM_E_LIMIT);
    cr_expect_eq(command_count(), before);
    rows[0].name = "a-name-of-16-byt";
    cr_expect_eq(command_register(rows), 0);
    cr_expect_eq(command_index(command_find(text("A-NAME-OF-16-BYT"))), before);
}

Test(table, is_full_one_day)
{
    static char names[400][16];
    int rc = 0;

    for (int i = 0; rc == 0 && i < 400; i++) {
        struct command rows[2] = {
            {names[i], run_nothing, 1, 0, 0, 0, 0, "server", "1.0.0", "", "", NULL}, {0}};
        snprintf(names[i], sizeof names[i], "x%d", i);
        rc = command_register(rows);
    }
    cr_expect_eq(rc, LOOM_E_LIMIT);
    for (size_t i = 0; i < command_count(); i++)
        cr_expect_eq(command_find(text(command_at(i)->name)), command_at(i));
}

Test(table, finds_children)
{
    const struct command *row = command_find(text("command"));
    const struct command *child = command_child(row, text("GetKeys"));

    cr_assert_not_null(child);
    cr_expect_str_eq(child->name, "command|getkeys");
    cr_expect_eq(command_index(child), command_index(row));
    cr_expect_null(command_child(row, text("getkey")));
    cr_expect_null(command_child(row, text("")));
    cr_expect_null(command_child(command_find(text("get")), text("x")));
}

/* The key indexes as text: "1,3", "-" for none, "bad". */
static const char *keys(const char *line)
{
    static char shown[128];
    struct slice argv[16];
    uint32_t at[16], argc = 0;
    char copy[128], *save = NULL;
    int n;

    strcpy(copy, line);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = text(w);
    n = command_keys(command_find(argv[0]), argc, argv, at, 16);
    if (n <= 0) return n == 0 ? "-" : "bad";
    shown[0] = '\0';
    for (int i = 0; i < n; i++)
        sprintf(shown + strlen(shown), i ? ",%u" : "%u", at[i]);
    return shown;
}

static const struct command counted[] = {
    {"counted", run_nothing, -3, COMMAND_KEYS_BY_COUNT, 2, 0, 1, "generic", "1.0.0", "", "", NULL},
    {0},
};

Test(table, knows_where_keys_are)
{
    cr_assert_eq(command_register(counted), 0);
    cr_expect_str_eq(keys("get a"), "1");
    cr_expect_str_eq(keys("set a b"), "1");
    cr_expect_str_eq(keys("mget a b c"), "1,2,3");
    cr_expect_str_eq(keys("mset a 1 b 2"), "1,3");
    cr_expect_str_eq(keys("lcs a b LEN"), "1,2");
    cr_expect_str_eq(keys("lcs a"), "bad");
    cr_expect_str_eq(keys("bitop and d a b"), "2,3,4");
    cr_expect_str_eq(keys("command count"), "-");
    cr_expect_str_eq(keys("get"), "bad");
    cr_expect_str_eq(keys("counted 2 a b c"), "2,3");
    cr_expect_str_eq(keys("counted 3 a b c"), "2,3,4");
    cr_expect_str_eq(keys("counted 4 a b c"), "bad");
    cr_expect_str_eq(keys("counted 0 a"), "bad");
    cr_expect_str_eq(keys("counted -1 a"), "bad");
    cr_expect_str_eq(keys("counted x a"), "bad");
    cr_expect_str_eq(keys("counted 9223372036854775807 a"), "bad");
}

Test(table, counts_keys_beyond_the_room)
{
    struct slice argv[] = {text("mget"), text("a"), text("b"), text("c")};
    uint32_t at[2] = {77, 77};

    cr_expect_eq(command_keys(command_find(argv[0]), 4, argv, at, 1), 3);
    cr_expect_eq(at[0], 1);
    cr_expect_eq(at[1], 77);
}

Test(table, every_row_is_complete)
{
    for (size_t i = 0; i < command_count(); i++) {
        const struct command *row = command_at(i);
        bool reads = (row->flags & COMMAND_READ) != 0, writes = (row->flags & COMMAND_WRITE) != 0;

        cr_expect_not_null(row->syntax, "%s", row->name);
        cr_expect_gt(strlen(row->summary), 10, "%s", row->name);
        cr_expect_eq(row->summary[strlen(row->summary) - 1], '.', "%s", row->name);
        cr_expect_gt(strlen(row->since), 0, "%s", row->name);
        cr_expect_gt(strlen(row->group), 0, "%s", row->name);
        cr_expect_neq(row->arity, 0, "%s", row->name);
        cr_expect(!(reads && writes), "%s", row->name);
        cr_expect(writes || !(row->flags & COMMAND_GROWS), "%s", row->name);
        cr_expect(row->first_key == 0 || reads || writes || (row->flags & COMMAND_NO_MULTI) ||
                      (row->flags & COMMAND_IN_MULTI), "%s", row->name); /* WATCH does neither */
        cr_expect_eq(row->children != NULL, (row->flags & COMMAND_SUBCOMMANDS) != 0, "%s",
                     row->name);
    }
}
