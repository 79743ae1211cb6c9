/* Units, ranges, sentences, and back to text. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin/options.h"

struct fields {
    uint32_t n, wait_ms;
    uint64_t bytes;
    bool on;
    double ratio;
    const char *name;
    int64_t us;
};
static const struct loom_option table[] = {
    LOOM_OPTION(U32, "n", struct fields, n, "3", 1, 64, "A count."),
    LOOM_OPTION(MS, "wait", struct fields, wait_ms, "250ms", 1, 3600000, "A time."),
    LOOM_OPTION(SIZE, "bytes", struct fields, bytes, "4KiB", 1024, 4294967296.0, "A size."),
    LOOM_OPTION(BOOL, "on", struct fields, on, "no", 0, 0, "A switch."),
    LOOM_OPTION(FLOAT, "small_ratio", struct fields, ratio, "0.1", 0.01, 0.9, "A share."),
    LOOM_OPTION(STR, "name", struct fields, name, "x", 0, 5, "A text."),
    LOOM_OPTION_END,
};
static const struct loom_option any[] = {
    LOOM_OPTION(U32, "u32", struct fields, n, "0", 0, 0, ""),
    LOOM_OPTION(MS, "ms", struct fields, wait_ms, "0", 0, 0, ""),
    LOOM_OPTION(SIZE, "size", struct fields, bytes, "0", 0, 0, ""),
    LOOM_OPTION(BOOL, "bool", struct fields, on, "0", 0, 0, ""),
    LOOM_OPTION(FLOAT, "float", struct fields, ratio, "0", 0, 0, ""),
    LOOM_OPTION(STR, "str", struct fields, name, "", 0, 0, ""),
    {"us", OPTION_US, offsetof(struct fields, us), "10ms", "", 0, 0},
    LOOM_OPTION_END,
};

/* What the text becomes when it is printed back; "!" when it is refused. */
static const char *through(const char *key, const char *text)
{
    static char at[OPTION_TEXT_MAX];
    struct option_value value;
    struct error error = {0};

    if (option_parse(options_find(any, key), text, &value, &error) != 0) {
        cr_assert(eq(int, error.code, LOOM_E_CONFIG));
        cr_assert(strncmp(error.text, "expected ", 9) == 0);
        return "!";
    }
    return option_format(&value, at, sizeof at);
}

static void expect(const char *key, const char *const (*cases)[2])
{
    for (; (*cases)[0] != NULL; cases++) {
        const char *got = through(key, (*cases)[0]);
        cr_expect(strcmp(got, (*cases)[1]) == 0, "%s \"%s\": got %s, want %s", key, (*cases)[0],
                  got, (*cases)[1]);
    }
}

Test(options, sizes_take_powers_of_1024)
{
    static const char *const cases[][2] = {
        {"0", "0"}, {"1", "1"}, {"1023", "1023"}, {"1024", "1KiB"}, {"64k", "64KiB"},
        {"64K", "64KiB"}, {"64kb", "64KiB"}, {"64KiB", "64KiB"}, {"64kib", "64KiB"},
        {"64mb", "64MiB"}, {"64MiB", "64MiB"}, {"1g", "1GiB"}, {"1 GiB", "1GiB"},
        {"1024MiB", "1GiB"}, {"1025MiB", "1025MiB"}, {"3t", "3TiB"}, {"5b", "5"},
        {"18446744073709551615", "18446744073709551615"}, {"16777215TiB", "16777215TiB"},
        {"16777216TiB", "!"}, {"18446744073709551616", "!"}, {"", "!"}, {" 1", "!"}, {"-1", "!"},
        {"+1", "!"}, {"1.5g", "!"}, {"1x", "!"}, {"1mm", "!"}, {"g", "!"}, {"0x10", "!"},
        {"1ms", "!"}, {NULL, NULL}};
    expect("size", cases);
}

Test(options, times_take_units_up_to_days)
{
    static const char *const cases[][2] = {
        {"0", "0"}, {"250", "250ms"}, {"250ms", "250ms"}, {"2s", "2s"}, {"2000", "2s"},
        {"90s", "90s"}, {"5min", "5min"}, {"300s", "5min"}, {"1h", "1h"}, {"7d", "7d"},
        {"49d", "49d"}, {"50d", "!"}, {"5m", "!"}, {"5us", "!"}, {"1.5s", "!"}, {"s", "!"},
        {"4294967295", "4294967295ms"}, {"4294967296", "!"}, {NULL, NULL}};
    expect("ms", cases);
}

Test(options, microseconds_need_a_unit_or_off)
{
    static const char *const cases[][2] = {
        {"0", "0"}, {"500us", "500us"}, {"10ms", "10ms"}, {"10000us", "10ms"}, {"2s", "2s"},
        {"off", "off"}, {"OFF", "off"}, {"5", "!"}, {"-1", "!"}, {"9223372036854775808us", "!"},
        {NULL, NULL}};
    expect("us", cases);
}

Test(options, counts_are_plain_numbers)
{
    static const char *const cases[][2] = {
        {"0", "0"}, {"16", "16"}, {"4294967295", "4294967295"}, {"4294967296", "!"}, {"16k", "!"},
        {"1e3", "!"}, {"-0", "!"}, {"", "!"}, {NULL, NULL}};
    expect("u32", cases);
}

Test(options, switches_have_eight_words)
{
    static const char *const cases[][2] = {
        {"true", "true"}, {"YES", "true"}, {"on", "true"}, {"1", "true"}, {"false", "false"},
        {"No", "false"}, {"off", "false"}, {"0", "false"}, {"2", "!"}, {"", "!"}, {"t", "!"},
        {NULL, NULL}};
    expect("bool", cases);
}

Test(options, numbers_are_decimal_and_finite)
{
    static const char *const cases[][2] = {
        {"0.9", "0.9"}, {"1", "1"}, {"-2.5", "-2.5"}, {"1e-3", "0.001"},
        {"0.1", "0.1"}, {"3.0000000000000004", "3.0000000000000004"}, {"inf", "!"}, {"nan", "!"},
        {"0x1p3", "!"}, {"1e999", "!"}, {" 1", "!"}, {"1 ", "!"}, {"", "!"}, {"1.2.3", "!"},
        {NULL, NULL}};
    expect("float", cases);
}

Test(options, texts_have_no_control_characters_and_an_end)
{
    static const char *const cases[][2] = {
        {"", ""}, {"a b", "a b"}, {"\xc3\xa9", "\xc3\xa9"}, {"a\tb", "!"}, {"a\x7f", "!"},
        {NULL, NULL}};
    char longest[OPTION_TEXT_MAX + 1];

    expect("str", cases);
    memset(longest, 'x', sizeof longest);
    longest[OPTION_TEXT_MAX - 1] = '\0';
    cr_assert(strcmp(through("str", longest), longest) == 0);
    longest[OPTION_TEXT_MAX - 1] = 'x';
    longest[OPTION_TEXT_MAX] = '\0';
    cr_assert(strcmp(through("str", longest), "!") == 0);
}

/* The sentence of a refused value; "" if it is taken. */
static const char *sentence(const char *key, const char *text)
{
    static struct error error;
    struct option_value value;

    memset(&error, 0, sizeof error);
    option_parse(options_find(table, key), text, &value, &error);
    return error.text;
}

Test(options, ranges_are_inclusive_and_named)
{
    cr_expect(eq(str, (char *)sentence("n", "1"), ""));
    cr_expect(eq(str, (char *)sentence("n", "64"), ""));
    cr_expect(eq(str, (char *)sentence("n", "65"), "expected a whole number from 1 to 64"));
    cr_expect(eq(str, (char *)sentence("n", "0"), "expected a whole number from 1 to 64"));
    cr_expect(eq(str, (char *)sentence("wait", "2h"),
                 "expected a time from 1ms to 1h, such as 250ms"));
    cr_expect(eq(str, (char *)sentence("bytes", "5g"),
                 "expected a size from 1KiB to 4GiB, such as 4KiB"));
    cr_expect(eq(str, (char *)sentence("small_ratio", "7"), "expected a number from 0.01 to 0.9"));
    cr_expect(eq(str, (char *)sentence("small_ratio", "0.9"), ""));
    cr_expect(eq(str, (char *)sentence("on", "maybe"),
                 "expected true or false (or yes, no, on, off, 1, 0)"));
    cr_expect(eq(str, (char *)sentence("name", "sixsix"),
                 "expected text of 0 to 5 bytes without control characters"));
}

Test(options, every_size_and_time_survives_the_way_through_text)
{
    uint64_t seed = 1;

    for (int i = 0; i < 20000; i++) {
        char at[64], again[64];
        struct option_value value = {.type = i & 1 ? LOOM_OPT_SIZE : LOOM_OPT_MS}, parsed;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        value.as.whole = (seed >> (i % 60)) << (i % 41);
        if (value.type == LOOM_OPT_MS) value.as.whole &= UINT32_MAX;
        option_format(&value, at, sizeof at);
        cr_assert(option_parse(options_find(any, i & 1 ? "size" : "ms"), at, &parsed, NULL) == 0,
                  "%s", at);
        cr_assert(option_equal(&value, &parsed), "%s became %s", at,
                  option_format(&parsed, again, sizeof again));
    }
}

Test(options, presets_then_settings)
{
    static const struct option_setting settings[] = {{"n", "5", "f.ini:1"},
                                                     {"name", "abc", "f.ini:2"}};
    struct fields f = {0};

    cr_assert(options_apply(table, "s", settings, 2, &f, NULL) == 0);
    cr_expect(f.n == 5 && f.wait_ms == 250 && f.bytes == 4096 && !f.on && f.ratio == 0.1);
    cr_expect(eq(str, (char *)f.name, "abc"));
}

Test(options, errors_name_the_place)
{
    struct fields f = {0};
    struct error error;
    struct option_setting s = {"small_ratio", "7", "loomcache.ini:42"};

    cr_assert(options_apply(table, "eviction.s3fifo", &s, 1, &f, &error) == LOOM_E_CONFIG);
    cr_expect(eq(str, error.text, "loomcache.ini:42: [eviction.s3fifo] small_ratio = 7: expected a "
                                  "number from 0.01 to 0.9"));
    s.key = "smal_ratio";
    cr_assert(options_apply(table, "eviction.s3fifo", &s, 1, &f, &error) == LOOM_E_CONFIG);
    cr_expect(eq(str, error.text, "loomcache.ini:42: [eviction.s3fifo] smal_ratio = 7: unknown "
                                  "key; did you mean small_ratio?"));
    s.key = "zzzzzz";
    s.value = "\x1b[31m";
    cr_assert(options_apply(table, "eviction.s3fifo", &s, 1, &f, &error) == LOOM_E_CONFIG);
    cr_expect(eq(str, error.text,
                 "loomcache.ini:42: [eviction.s3fifo] zzzzzz = ?[31m: unknown key; there are n, "
                 "wait, bytes, on, small_ratio, name"));
    cr_assert(options_apply(NULL, "eviction.fifo", &s, 1, &f, &error) == LOOM_E_CONFIG);
    cr_expect(strstr(error.text, "this section has none") != NULL);
}

Test(options, long_words_are_cut_in_sentences)
{
    char word[200], shown[16];

    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    cr_expect(eq(str, option_printable(word, shown, sizeof shown), "aaaaaaaaaaaa..."));
    cr_expect(eq(str, option_printable("short", shown, sizeof shown), "short"));
}

Test(options, environment_names)
{
    char at[80];

    cr_expect(eq(str, option_env_name("exporter.prometheus", "port", at, sizeof at),
                 "LOOMCACHE_EXPORTER_PROMETHEUS_PORT"));
}

Test(options, verify_accepts_a_good_table_and_none)
{
    struct error error = {0};

    cr_assert(options_verify(table, sizeof(struct fields), &error) == 0, "%s", error.text);
    cr_assert(options_verify(NULL, 0, &error) == 0);
    cr_assert(options_verify(table, 16, &error) == LOOM_E_CONFIG);
}
