/* cmd_latency.c - LATENCY: spikes that latency.h remembers, and the commands' own histograms. */
#include <inttypes.h>
#include <string.h>

#include "core/server/cmd_rows.h"
#include "core/server/cmd_text.h"
#include "core/server/info.h"
#include "core/server/latency.h"

/* ---- spikes ---------------------------------------------------------------------------------- */

static void run_latest(struct call *call)
{
    size_t place = reply_later(call->reply), n = 0;
    struct latency_event event;

    for (; latency_read(server_the->latency, n, &event); n++) {
        const struct latency_sample *last = &event.samples[event.n - 1];

        reply_array(call->reply, 4);
        reply_text(call->reply, event.name);
        reply_int(call->reply, (int64_t)last->unix_s);
        reply_int(call->reply, (int64_t)last->ms);
        reply_int(call->reply, (int64_t)event.max_ms);
    }
    reply_array_at(call->reply, place, n);
}

static void run_history(struct call *call)
{
    struct latency_event event = {0};

    latency_find(server_the->latency, call->argv[2], &event);
    reply_array(call->reply, event.n);
    for (uint32_t i = 0; i < event.n; i++) {
        reply_array(call->reply, 2);
        reply_int(call->reply, (int64_t)event.samples[i].unix_s);
        reply_int(call->reply, (int64_t)event.samples[i].ms);
    }
}

static void run_reset(struct call *call)
{
    size_t n = 0;

    if (call->argc == 2) n = latency_reset(server_the->latency, NULL);
    for (uint32_t i = 2; i < call->argc; i++)
        n += latency_reset(server_the->latency, &call->argv[i]);
    reply_int(call->reply, (int64_t)n);
}

/* ---- DOCTOR ---------------------------------------------------------------------------------- */

static const char *advice(const char *event)
{
    if (strcmp(event, "command") == 0)
        return "SLOWLOG GET names the commands.  KEYS over many keys is better done by SCAN.";
    if (strcmp(event, "expire-cycle") == 0)
        return "Many keys expire at the same moment: spread their times to live.";
    if (strcmp(event, "eviction-cycle") == 0)
        return "Writes wait for victims: give the node more memory or write smaller values.";
    return "";
}

static void doctor_event(struct text *text, size_t i, const struct latency_event *event)
{
    uint64_t sum = 0, deviation = 0, first = event->samples[0].unix_s;
    uint64_t last = event->samples[event->n - 1].unix_s, mean;

    for (uint32_t k = 0; k < event->n; k++) sum += event->samples[k].ms;
    mean = sum / event->n;
    for (uint32_t k = 0; k < event->n; k++)
        deviation += event->samples[k].ms > mean ? event->samples[k].ms - mean
                                                 : mean - event->samples[k].ms;
    text_add(text,
             "%zu. %s: %u latency spikes (average %" PRIu64 "ms, mean deviation %" PRIu64
             "ms, period %.2f sec). Worst all time event %" PRIu64 "ms.\n   %s\n",
             i + 1, event->name, event->n, mean, deviation / event->n,
             event->n > 1 ? (double)(last - first) / (event->n - 1) : 0.0, event->max_ms,
             advice(event->name));
}

static void run_doctor(struct call *call)
{
    struct latency_event event;
    struct text text = {0};
    size_t n = 0;

    for (; latency_read(server_the->latency, n, &event); n++) doctor_event(&text, n, &event);
    if (n == 0 && latency_threshold_ms(server_the->latency) == 0)
        text_add(&text, "Spikes are not watched for: CONFIG SET latency-monitor-threshold "
                        "<milliseconds> switches that on.\n");
    else if (n == 0)
        text_add(&text, "Nothing took %u ms or longer since the last reset.\n",
                 latency_threshold_ms(server_the->latency));
    text_reply(call, &text);
}

/* ---- HISTOGRAM ------------------------------------------------------------------------------- */

/* Upper edges are powers of two of 1.024 us, as everybody's parser has learned from Redis. */
static bool reply_histogram(struct reply *reply, const struct command *command)
{
    struct command_stats sum;
    struct histogram latency = {0};
    uint64_t before = 0, n = 0;
    size_t place;

    info_command(server_the, command_index(command), &sum, &latency);
    if (latency.count == 0) return false;
    reply_text(reply, command->name);
    reply_map(reply, 2);
    reply_text(reply, "calls");
    reply_int(reply, (int64_t)latency.count);
    reply_text(reply, "histogram_usec");
    place = reply_later(reply);
    for (uint64_t edge_ns = 1024; before < latency.count; edge_ns *= 2) {
        bool last = edge_ns >= UINT64_C(1) << 34; /* what is slower is in the last bucket */
        uint64_t up_to = last ? latency.count : histogram_up_to(&latency, edge_ns - 1);

        if (up_to == before) continue;
        reply_int(reply, (int64_t)(edge_ns / 1000));
        reply_int(reply, (int64_t)up_to);
        before = up_to;
        n++;
    }
    reply_map_at(reply, place, n);
    return true;
}

static void run_histogram(struct call *call)
{
    size_t place = reply_later(call->reply);
    uint64_t n = 0;

    for (size_t i = 0; call->argc == 2 && i < command_count(); i++)
        n += reply_histogram(call->reply, command_at(i));
    for (uint32_t i = 2; i < call->argc; i++) {
        const struct command *command = command_find(call->argv[i]);

        if (command != NULL) n += reply_histogram(call->reply, command);
    }
    reply_map_at(call->reply, place, n);
}

#define ROW(name, run, arity, since, syntax, summary)                                              \
    CMD_ROW("latency|" name, run, arity, COMMAND_ADMIN | COMMAND_LOADING, "server", since, syntax, \
            summary)

const struct command cmd_rows_latency[] = {
    ROW("doctor", run_doctor, 2, "2.8.13", "", "Says in sentences what the spikes were."),
    ROW("help", cmd_help, 2, "2.8.13", "", "Lists the subcommands."),
    ROW("histogram", run_histogram, -2, "7.0.0", "[command [command ...]]",
        "Replies how many calls took at most so many microseconds, by command."),
    ROW("history", run_history, 3, "2.8.13", "event", "Replies the spikes of one kind."),
    ROW("latest", run_latest, 2, "2.8.13", "",
        "Replies each kind of spike: when last, how long, and the longest."),
    ROW("reset", run_reset, -2, "2.8.13", "[event [event ...]]", "Forgets spikes."),
    CMD_END,
};
