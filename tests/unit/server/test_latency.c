/* Latency spikes: what is kept and what LATENCY says of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/server/latency.h"
#include "tests/unit/server/cmd_kit.h"

#define MS 1000000ull

static struct latency_event event_of(struct latency *latency, const char *name)
{
    struct latency_event event = {0};

    latency_find(latency, slice_of(name, strlen(name)), &event);
    return event;
}

Test(latency, only_what_reached_the_threshold)
{
    struct latency *latency = latency_create(0);
    struct latency_event event;

    latency_add_at(latency, "command", 1000 * MS, 1);
    cr_expect_eq(event_of(latency, "command").n, 0, "off by default");
    latency_configure(latency, 10);
    cr_expect_eq(latency_threshold_ns(latency), 10 * MS);
    latency_add_at(latency, "command", 10 * MS - 1, 1);
    cr_expect_eq(event_of(latency, "command").n, 0);
    latency_add_at(latency, "command", 10 * MS, 1);
    latency_add_at(latency, "command", 30 * MS, 1);
    latency_add_at(latency, "command", 20 * MS, 1);
    latency_add_at(latency, "command", 15 * MS, 2);
    event = event_of(latency, "COMMAND");
    cr_assert_eq(event.n, 2, "one sample a second");
    cr_expect_eq(event.samples[0].unix_s, 1);
    cr_expect_eq(event.samples[0].ms, 30, "the worst of it");
    cr_expect_eq(event.samples[1].ms, 15);
    cr_expect_eq(event.max_ms, 30);
    latency_free(latency);
}

Test(latency, history_is_bounded)
{
    struct latency *latency = latency_create(1);
    struct latency_event event;

    for (uint64_t s = 1; s <= 3 * LATENCY_SAMPLES + 7; s++)
        latency_add_at(latency, "command", s == 5 ? 1000 * MS : 2 * MS, s);
    event = event_of(latency, "command");
    cr_assert_eq(event.n, LATENCY_SAMPLES);
    for (uint32_t i = 0; i < event.n; i++)
        cr_expect_eq(event.samples[i].unix_s, 2 * LATENCY_SAMPLES + 8 + i);
    cr_expect_eq(event.max_ms, 1000, "the worst is remembered longer");
    latency_free(latency);
}

Test(latency, kinds_are_bounded_and_reset)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    struct latency *latency = latency_create(1);
    struct latency_event event;
    struct slice b = slice_of("b", 1);
    size_t n = 0;

    for (size_t i = 0; i < 10; i++) latency_add_at(latency, names[i], 2 * MS, 1);
    while (latency_read(latency, n, &event)) n++;
    cr_expect_eq(n, LATENCY_EVENTS);
    cr_expect_eq(latency_reset(latency, &b), 1);
    cr_expect_eq(latency_reset(latency, &b), 0);
    cr_expect_eq(event_of(latency, "b").n, 0);
    cr_expect_eq(event_of(latency, "a").n, 1);
    cr_expect_eq(latency_reset(latency, NULL), LATENCY_EVENTS - 1);
    cr_expect(!latency_read(latency, 0, &event));
    latency_add_at(latency, "b", 3 * MS, 9);
    cr_expect_eq(event_of(latency, "b").max_ms, 3);
    latency_free(latency);
}

Test(latency, command)
{
    struct cmd_kit kit;
    const char *text;

    cmd_kit_open(&kit, NULL);
    cr_expect_not_null(strstr(cmd_body(&kit, "LATENCY DOCTOR"), "latency-monitor-threshold"));
    CMD_STEPS(&kit, {"LATENCY LATEST", "*0\r\n"}, {"LATENCY HISTORY command", "*0\r\n"},
              {"LATENCY RESET", ":0\r\n"}, {"LATENCY HISTOGRAM nosuch", "*0\r\n"});
    latency_configure(kit.server.latency, 10);
    cr_expect_not_null(strstr(cmd_body(&kit, "LATENCY DOCTOR"), "10 ms"));
    latency_add_at(kit.server.latency, "command", 20 * MS, 100);
    latency_add_at(kit.server.latency, "command", 40 * MS, 110);
    latency_add_at(kit.server.latency, "expire-cycle", 11 * MS, 111);
    CMD_STEPS(&kit,
              {"LATENCY LATEST", "*2\r\n*4\r\n$7\r\ncommand\r\n:110\r\n:40\r\n:40\r\n"
                                 "*4\r\n$12\r\nexpire-cycle\r\n:111\r\n:11\r\n:11\r\n"},
              {"LATENCY HISTORY command", "*2\r\n*2\r\n:100\r\n:20\r\n*2\r\n:110\r\n:40\r\n"});
    text = cmd_body(&kit, "LATENCY DOCTOR");
    cr_expect_not_null(strstr(text, "1. command: 2 latency spikes (average 30ms, mean deviation "
                                    "10ms, period 10.00 sec). Worst all time event 40ms."), "%s",
                       text);
    cr_expect_not_null(strstr(text, "2. expire-cycle: 1 latency spikes"), "%s", text);
    CMD_STEPS(&kit, {"LATENCY RESET command nosuch", ":1\r\n"}, {"LATENCY RESET", ":1\r\n"});
    cmd_kit_close(&kit);
}

/* Edges of 1.024 us, doubled; counts add up. */
Test(latency, histogram)
{
    struct cmd_kit kit;
    struct command_stats *stats;
    const struct command *get;

    cmd_kit_open(&kit, NULL);
    cmd_say(&kit, "GET k");
    get = command_find(slice_of("get", 3));
    stats = &kit.loop.executor.stats[command_index(get)];
    *stats->latency = (struct histogram){0};
    histogram_add(stats->latency, 500, 3);
    histogram_add(stats->latency, 1500, 4);
    histogram_add(stats->latency, 3000000, 2);
    histogram_add(stats->latency, 40000000000ull, 1);
    CMD_STEPS(&kit, {"LATENCY HISTOGRAM get",
                     "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:10\r\n$14\r\nhistogram_usec\r\n"
                     "*8\r\n"
                     ":1\r\n:3\r\n:2\r\n:7\r\n:4194\r\n:9\r\n:17179869\r\n:10\r\n"});
    cr_expect_not_null(strstr(cmd_say(&kit, "LATENCY HISTOGRAM"), "$3\r\nget\r\n"));
    cmd_kit_close(&kit);
}
