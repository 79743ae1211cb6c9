/* test_bytes.c - numbers, names and globs as Redis takes them. */
#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/clock.h"

static struct slice text(const char *s) { return slice_of(s, strlen(s)); }

Test(bytes, names_are_compared_without_case)
{
    cr_assert(slice_is(text("GeT"), "get"));
    cr_assert(slice_is(text(""), ""));
    cr_assert_not(slice_is(text("get"), "gets"));
    cr_assert_not(slice_is(text("gets"), "get"));
    cr_assert_not(slice_is(slice_of("get\0", 4), "get"));
    cr_assert_not(slice_is(text("@"), "`"), "only letters have a case");
    cr_assert(slice_equal(slice_of("a\0b", 3), slice_of("a\0b", 3)));
    cr_assert_not(slice_equal(slice_of("a\0b", 3), slice_of("a\0c", 3)));
    cr_assert(slice_equal(slice_of(NULL, 0), text("")));
    cr_assert_eq(slice_compare_nocase(text("ABC"), text("abc")), 0);
    cr_assert_lt(slice_compare_nocase(text("ab"), text("ABC")), 0);
    cr_assert_gt(slice_compare_nocase(text("b"), text("ABC")), 0);
    cr_assert_gt(slice_compare_nocase(text("\xff"), text("a")), 0);
}

Test(bytes, integers_to_the_edge)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"7", 7},
                {"-1", -1},
                {"10", 10},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"-9223372036854775807", INT64_MIN + 1}};
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "01",
                                      "-0",
                                      "-01",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "a",
                                      "--1",
                                      "0x1",
                                      "1.0",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "18446744073709551616",
                                      "100000000000000000000",
                                      "99999999999999999999999"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t value = 42;
        char back[24];
        cr_assert(bytes_to_i64(text(good[i].text), &value), "%s", good[i].text);
        cr_assert_eq(value, good[i].value);
        cr_assert_eq(bytes_from_i64(back, value), strlen(good[i].text));
        cr_assert_arr_eq(back, good[i].text, strlen(good[i].text));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t value = 42;
        cr_assert_not(bytes_to_i64(text(bad[i]), &value), "%s", bad[i]);
        cr_assert_eq(value, 42, "untouched on failure");
    }
    cr_assert_not(bytes_to_i64(slice_of("1\0", 2), &(int64_t){0}));
}

Test(bytes, unsigned_to_the_edge)
{
    uint64_t value = 0;

    cr_assert(bytes_to_u64(text("18446744073709551615"), &value));
    cr_assert_eq(value, UINT64_MAX);
    cr_assert_not(bytes_to_u64(text("18446744073709551616"), &value));
    cr_assert_not(bytes_to_u64(text("-1"), &value));
    cr_assert_not(bytes_to_u64(text("00"), &value));
    cr_assert_eq(value, UINT64_MAX);
}

Test(bytes, digits_as_printf_writes_them)
{
    uint64_t value = 1;

    for (int i = 0; i < 20000; i++) {
        char ours[24], theirs[24];
        int n = snprintf(theirs, sizeof theirs, "%" PRIu64, value);
        cr_assert_eq(bytes_from_u64(ours, value), (size_t)n);
        cr_assert_arr_eq(ours, theirs, (size_t)n);
        value = value * 6364136223846793005u + 1442695040888963407u;
        value >>= i % 64; /* every length */
    }
}

Test(bytes, real_numbers)
{
    static const char *const bad[] = {"",   " 1",  "1 ",       "nan", "NaN", "-nan",
                                      "1e", "abc", "1e999999", "\t1", "1,5", "1e-99999"};
    long double value = 0;
    char longest[5200];

    cr_assert(bytes_to_long_double(text("3.0e3"), &value));
    cr_assert_float_eq(value, 3000.0L, 0);
    cr_assert(bytes_to_long_double(text("-0.5"), &value));
    cr_assert_float_eq(value, -0.5L, 0);
    cr_assert(bytes_to_long_double(text("inf"), &value));
    cr_assert(isinf(value) && value > 0);
    cr_assert(bytes_to_long_double(text("-inf"), &value));
    cr_assert(isinf(value) && value < 0);
    cr_assert(bytes_to_long_double(text("+1"), &value), "strtold() takes a plus, so does Redis");
    value = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(bytes_to_long_double(text(bad[i]), &value), "%s", bad[i]);
    cr_assert_not(bytes_to_long_double(slice_of("1\0", 2), &value));
    memset(longest, '1', sizeof longest);
    cr_assert_not(bytes_to_long_double(slice_of(longest, sizeof longest), &value));
    cr_assert_float_eq(value, 42.0L, 0);
    memset(longest, '0', sizeof longest);
    longest[4999] = '1';
    cr_assert(bytes_to_long_double(slice_of(longest, 5000), &value));
    cr_assert_float_eq(value, 1.0L, 0);
}

Test(bytes, globs)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"?", "", false},
        {"?", "a", true},
        {"??", "a", false},
        {"h?llo", "hello", true},
        {"h*llo", "heeeello", true},
        {"h*llo", "hllo", true},
        {"h*llo", "hllox", false},
        {"h[ae]llo", "hello", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-c]llo", "hbllo", true},
        {"h[a-c]llo", "hdllo", false},
        {"h[c-a]llo", "hbllo", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\", "a\\", true},
        {"a\\?", "a?", true},
        {"a\\?", "ab", false},
        {"[\\]]", "]", true},
        {"[\\^]", "^", true},
        {"[]", "]", false},
        {"[]", "a", false},
        {"[^]", "a", true},
        {"[abc", "b", true},
        {"[abc", "d", false},
        {"[^abc", "d", true},
        {"[", "[", false},
        {"[a-]", "-", false},
        {"[a-]", "^", true},
        {"[-a]", "-", true},
        {"a*b*c", "axxbyyc", true},
        {"a*b*c", "axxbyy", false},
        {"*c", "abcabc", true},
        {"*abc*", "xxabxabcx", true},
        {"*[0-9]", "key:7", true},
        {"*[0-9]", "key:", false},
        {"a*", "ba", false},
        {"*a", "", false},
        {"a**", "a", true},
        {"abc", "ABC", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(bytes_match(text(cases[i].pattern), text(cases[i].text), false),
                     cases[i].match, "%s on %s", cases[i].pattern, cases[i].text);
    cr_assert(bytes_match(text("aB[X-Z]\\q"), text("AbyQ"), true));
    cr_assert_not(bytes_match(text("aB[^X-Z]"), text("Aby"), true));
    cr_assert(bytes_match(slice_of("*\0?", 3), slice_of("xy\0z", 4), false));
    cr_assert(bytes_match(slice_of("\xff*", 2), slice_of("\xff\xfe", 2), false));
}

/* The plain recursive meaning of a glob, exponential and obviously right. */
static bool reference(const char *p, const char *t)
{
    if (*p == '\0') return *t == '\0';
    if (*p == '*') return reference(p + 1, t) || (*t != '\0' && reference(p, t + 1));
    return *t != '\0' && (*p == '?' || *p == *t) && reference(p + 1, t + 1);
}

Test(bytes, globs_agree_with_a_reference)
{
    unsigned seed = 1, n_matched = 0;

    for (int i = 0; i < 200000; i++) {
        char p[9] = {0}, t[11] = {0};
        int n_p = rand_r(&seed) % 9, n_t = rand_r(&seed) % 11;
        for (int j = 0; j < n_p; j++) p[j] = "ab*?"[rand_r(&seed) % 4];
        for (int j = 0; j < n_t; j++) t[j] = "ab"[rand_r(&seed) % 2];
        bool want = reference(p, t);
        n_matched += want;
        cr_assert_eq(bytes_match(text(p), text(t), false), want, "%s on %s", p, t);
    }
    cr_assert_gt(n_matched, 1000);
}

Test(bytes, no_glob_is_exponential, .timeout = 20)
{
    char pattern[2002], key[4096];

    for (int i = 0; i < 1000; i++) memcpy(pattern + 2 * i, "a*", 2);
    pattern[2000] = 'b';
    memset(key, 'a', sizeof key);
    /* Recursion without care would outlive the universe, and its stack the process. */
    cr_assert_not(bytes_match(slice_of(pattern, 2001), slice_of(key, sizeof key), false));
    key[sizeof key - 1] = 'b';
    cr_assert(bytes_match(slice_of(pattern, 2001), slice_of(key, sizeof key), false));
}

Test(bytes, secrets)
{
    cr_assert(bytes_equal_secret(text("password"), text("password")));
    cr_assert_not(bytes_equal_secret(text("password"), text("passwore")));
    cr_assert_not(bytes_equal_secret(text("password"), text("qassword")));
    cr_assert_not(bytes_equal_secret(text("pass"), text("password")));
    cr_assert_not(bytes_equal_secret(text("password"), text("pass")));
    cr_assert(bytes_equal_secret(text(""), text("")));
}

Test(bytes, nearest_name)
{
    static const char *const names[] = {"max_memory", "max_items", "policy", "port", "id"};

    cr_assert_str_eq(bytes_nearest("max_memroy", names, 5), "max_memory");
    cr_assert_str_eq(bytes_nearest("MAX_ITEM", names, 5), "max_items");
    cr_assert_str_eq(bytes_nearest("prot", names, 5), "port");
    cr_assert_null(bytes_nearest("zzzzzzzz", names, 5));
    cr_assert_null(bytes_nearest("", names, 5));
    cr_assert_null(bytes_nearest("port", names, 0));
    cr_assert_null(bytes_nearest("xy", names, 5), "nothing of it is right");
}
