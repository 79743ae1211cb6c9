/* test_inline.c - quoting as Redis has it, and what is taken for HTTP. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/inline.h"

/* The arguments joined by '|', or NULL: refused. */
static const char *split(const char *line, size_t bytes)
{
    static char joined[512];
    char *copy = malloc(bytes); /* exactly: what lies behind is not ours */
    struct slice args[64];
    size_t n_most = inline_count(slice_of(line, bytes)), n_joined = 0;
    int n;

    cr_assert(bytes < 256 && n_most <= 64);
    memcpy(copy, line, bytes);
    n = inline_split(copy, bytes, args);
    cr_assert_leq(n, (int)n_most);
    for (int i = 0; i < n; i++) {
        if (i > 0) joined[n_joined++] = '|';
        memcpy(joined + n_joined, args[i].at, args[i].bytes);
        n_joined += args[i].bytes;
    }
    joined[n_joined] = '\0';
    free(copy);
    return n < 0 ? NULL : joined;
}

Test(inline, splits_as_redis_does)
{
    static const struct {
        const char *line, *args; /* NULL: refused */
    } cases[] = {
        {"", ""},
        {" \t\v\f\r", ""},
        {"a", "a"},
        {"  a  b\tc ", "a|b|c"},
        {"set key \"a b\"", "set|key|a b"},
        {"\"\"", ""},
        {"a \"\" b", "a||b"},
        {"\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"", "\n\r\t\b\a\\\"q"},
        {"\"\\x41\\x6a\\x6A\"", "Ajj"},
        {"\"\\xzz\\x4\"", "xzzx4"},
        {"'a\\n\\'b\"'", "a\\n'b\""},
        {"foo\"bar\" x", "foobar|x"},
        {"foo'b r'", "foob r"},
        {"\"a\"b", NULL},
        {"'a'b", NULL},
        {"\"a", NULL},
        {"'a", NULL},
        {"\"a\\\"", NULL},
        {"\"a\\", NULL},
        {"\"\\x4", NULL},
        {"\"\\x", NULL},
        {"'a\\'", NULL},
        {"a\\nb", "a\\nb"},
        {"a\"", NULL},
        {"\"\"\"\"", NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *got = split(cases[i].line, strlen(cases[i].line));
        cr_assert((got == NULL) == (cases[i].args == NULL), "%s", cases[i].line);
        if (got != NULL) cr_assert_str_eq(got, cases[i].args, "%s", cases[i].line);
    }
    /* Bytes that are not text are bytes. */
    cr_assert_str_eq(split("a\x80\xff", 3), "a\x80\xff");
    cr_assert_eq(memcmp(split("\"\\x00\" b", 8), "\0|b", 3), 0);
}

static bool http(const char *line) { return inline_is_http(slice_of(line, strlen(line))); }

Test(inline, knows_a_request_line)
{
    cr_assert(http("GET / HTTP/1.1\r\n"));
    cr_assert(http("GET /health HTTP/1.0\n"));
    cr_assert(http("HEAD /health?x=y HTTP/1.1"));
    cr_assert(http("POST / HTTP/1.1"));
    cr_assert(http("OPTIONS * HTTP/1.1"));
    cr_assert(http("GET http://host/path HTTP/1.1"));
    cr_assert_not(http(""));
    cr_assert_not(http("\r\n"));
    cr_assert_not(http("GET"));
    cr_assert_not(http("GET "));
    cr_assert_not(http("GET /"));
    cr_assert_not(http("GET /HTTP/1.1"));
    cr_assert_not(http("GET key HTTP/1.1"));
    cr_assert_not(http("get / HTTP/1.1"));
    cr_assert_not(http(" GET / HTTP/1.1"));
    cr_assert_not(http("GET / HTTP/2.0"));
    cr_assert_not(http("GET / HTTP/1.x"));
    cr_assert_not(http("GET / HTTP/1."));
    cr_assert_not(http("GET / HTTP/1.1 x"));
    cr_assert_not(http("ABCDEFGHIJKLMNOPQ / HTTP/1.1"));
}
