/* test_log.c - lines are whole, escaped, in order, and few. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"

static char path[64], moved[80];
static char content[1 << 20];

static void open_log(enum log_format format)
{
    struct log_settings settings = {LOOM_LOG_INFO, format, path};
    struct error error = {0};

    cr_assert_eq(log_open(&settings, &error), 0, "%s", error.text);
}

static void begin(void)
{
    strcpy(path, "/tmp/loom_test_log_XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
    snprintf(moved, sizeof moved, "%s.1", path);
}

static void end(void)
{
    unlink(path);
    unlink(moved);
}

static size_t n_lines(const char *file)
{
    FILE *in = fopen(file, "r");
    size_t bytes, n = 0;

    cr_assert_not_null(in);
    bytes = fread(content, 1, sizeof content - 1, in);
    content[bytes] = '\0';
    fclose(in);
    for (size_t i = 0; i < bytes; i++) n += content[i] == '\n';
    return n;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    bool ret;

    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    ret = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return ret;
}

TestSuite(log, .init = begin, .fini = end);

Test(log, text_line)
{
    open_log(LOG_TEXT);
    errno = ENOENT;
    LOG_INFO("server", "on port %d: %m", 7654);
    cr_assert_eq(errno, ENOENT, "logging leaves errno alone");
    cr_assert_eq(n_lines(path), 1u);
    cr_assert(matches(content, "^20[0-9]{2}-[0-9]{2}-[0-9]{2}"
                               "T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z INFO server: "
                               "on port 7654: No such file or directory\n$"),
              "%s", content);
}

Test(log, json_line)
{
    open_log(LOG_JSON);
    LOG_WARN("plugin", "say \"%s\" \\ \r\n\t\x01\x7f \xc3\xa9 \xff \xed\xa0\x80 end", "x");
    cr_assert_eq(n_lines(path), 1u);
    cr_assert(matches(content, "^\\{\"time\":\"20[^\"]*Z\",\"level\":\"warn\",\"from\":\"plugin\","
                               "\"message\":\""),
              "%s", content);
    cr_assert_not_null(strstr(content,
                              "say \\\"x\\\" \\\\ \\r\\n\\t\\u0001\\u007f \xc3\xa9 \\ufffd "
                              "\\ufffd\\ufffd\\ufffd end\"}\n"),
                       "%s", content);
}

Test(log, nobody_forges_a_line)
{
    open_log(LOG_TEXT);
    LOG_INFO("server", "user said %s", "x\n2026-01-01T00:00:00.000Z ERROR server: \x1b[31mfake");
    cr_assert_eq(n_lines(path), 1u);
    cr_assert_not_null(strstr(content, "x\\n2026"));
    cr_assert_not_null(strstr(content, "\\x1b[31m"));
}

Test(log, levels)
{
    open_log(LOG_TEXT);
    LOG_DEBUG("a", "not wanted");
    log_level_set(LOOM_LOG_ERROR);
    LOG_WARN("a", "not wanted");
    LOG_ERROR("a", "wanted");
    log_level_set(LOOM_LOG_DEBUG);
    LOG_DEBUG("a", "wanted");
    cr_assert_eq(n_lines(path), 2u);
    cr_assert_null(strstr(content, "not wanted"));
}

Test(log, long_messages_are_cut_in_one_line)
{
    static char message[5000];

    open_log(LOG_TEXT);
    memset(message, '\x01', sizeof message - 1); /* the worst to escape */
    LOG_INFO("server", "%s", message);
    cr_assert_eq(n_lines(path), 1u);
    cr_assert(matches(content, "\\.\\.\\.\n$"));
    open_log(LOG_JSON);
    LOG_INFO("server", "%s", message);
    cr_assert_eq(n_lines(path), 2u);
    cr_assert(matches(content, "\\.\\.\\.\"\\}\n$"));
}

/* However fast, LOG_BURST lines a second from one place; and nothing is lost uncounted. */
Test(log, floods_are_counted)
{
    struct log_place place = {0};
    uint64_t began = clock_unix_ms() / 1000, seconds, n_told = 0;

    open_log(LOG_TEXT);
    for (int i = 0; i < 5000; i++) log_write(&place, LOOM_LOG_WARN, "server", "flood %d", i);
    seconds = clock_unix_ms() / 1000 - began + 1;
    size_t n = n_lines(path), n_summaries = 0;
    for (char *line = strtok(content, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned told;
        char *at = strstr(line, "server: ");
        cr_assert_not_null(at);
        if (sscanf(at, "server: %u more lines like the next", &told) == 1) {
            n_told += told;
            n_summaries++;
        }
    }
    cr_assert_leq(n - n_summaries, LOG_BURST * seconds);
    cr_assert_eq(n - n_summaries + n_told + place.n_dropped, 5000u);
}

Test(log, the_next_second_tells_how_many_were_left_out)
{
    struct log_place place = {.second = 1, .n_written = LOG_BURST, .n_dropped = 7};

    open_log(LOG_TEXT);
    log_write(&place, LOOM_LOG_ERROR, "server", "again");
    cr_assert_eq(n_lines(path), 2u);
    cr_assert(matches(content, "^[^ ]* ERROR server: 7 more lines like the next one were left out\n"
                               "[^ ]* ERROR server: again\n$"),
              "%s", content);
    cr_assert_eq(place.n_dropped, 0u);
}

Test(log, reopening_follows_a_moved_file)
{
    open_log(LOG_TEXT);
    LOG_INFO("a", "one");
    cr_assert_eq(rename(path, moved), 0);
    LOG_INFO("a", "two");
    open_log(LOG_TEXT);
    LOG_INFO("a", "three");
    cr_assert_eq(n_lines(moved), 2u);
    cr_assert_eq(n_lines(path), 1u);
    cr_assert_not_null(strstr(content, "three"));
}

Test(log, a_bad_file_leaves_the_old_target)
{
    struct log_settings settings = {LOOM_LOG_ERROR, LOG_JSON, "/nowhere/at/all.log"};
    struct error error = {0};

    open_log(LOG_TEXT);
    cr_assert_eq(log_open(&settings, &error), LOOM_E_IO);
    cr_assert_not_null(strstr(error.text, "/nowhere/at/all.log"));
    LOG_INFO("a", "still here");
    cr_assert_eq(n_lines(path), 1u);
    cr_assert(matches(content, " INFO a: still here\n$"));
    settings.file = NULL;
    cr_assert_eq(log_open(&settings, &error), 0);
    log_level_set(LOOM_LOG_ERROR);
    LOG_INFO("a", "not wanted any more");
    cr_assert_eq(n_lines(path), 1u);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 500; i++) {
        struct log_place place = {0}; /* a place of one's own is never over its rate */
        log_write(&place, LOOM_LOG_INFO, arg, "line %d of many", i);
    }
    return NULL;
}

Test(log, threads_do_not_mix_lines_while_the_file_is_reopened)
{
    static char *const names[] = {"t0", "t1", "t2"};
    pthread_t threads[3];
    size_t n = 0;

    open_log(LOG_TEXT);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    for (int i = 0; i < 50; i++) open_log(LOG_TEXT);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    cr_assert_eq(n_lines(path), 1500u);
    for (char *line = strtok(content, "\n"); line != NULL; line = strtok(NULL, "\n"), n++)
        cr_assert(matches(line, "^[^ ]*Z INFO t[0-2]: line [0-9]+ of many$"), "%s", line);
}
