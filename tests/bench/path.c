/* path.c - the data path without sockets: bytes in, parse, execute, reply; nanoseconds per command.
 *
 *   path PLUGINS_FOLDER POLICY ITEMS VALUE_BYTES PIPELINE [ROUNDS]
 *
 * Loads ITEMS keys of 16 bytes, then runs GETs and SETs of random keys in pipelines, and prints the
 * smallest and the median of ROUNDS rounds: what the server adds to the kernel's work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/command/execute.h"
#include "core/plugin/registry.h"
#include "core/wire/resp.h"

#define PER_ROUND 400000

static struct executor executor;
static struct session session;
static struct reply reply;
static struct resp_batch batch;
static struct resp_pending *pending;

static void die(const char *what)
{
    fprintf(stderr, "path: %s\n", what);
    exit(1);
}

static void open_all(const char *path, const char *policy)
{
    struct store_settings settings = {.n_partitions = 16, .inline_max = 16384};
    struct store_plugins plugins = {0};
    struct registry *registry;
    struct error error;

    if (registry_create(path, &registry, &error) != 0 ||
        registry_find(registry, PLUGIN_STORAGE, "memory", &plugins.storage, &error) != 0 ||
        registry_find(registry, PLUGIN_EVICTION, policy, &plugins.policy, &error) != 0)
        die(error.text);
    struct store *store = store_open(&settings, &plugins, &error);

    if (store == NULL) die(error.text);
    if (command_register(command_rows_string) != 0) die("the table of commands");
    if (executor_open(&executor, store, &error) != 0) die(error.text);
    session_init(&session, 1);
    session.authenticated = true;
}

static void serve(const char *at, size_t bytes)
{
    static const struct resp_limits limits = RESP_LIMITS;
    struct slice input = slice_of(at, bytes);
    struct execute_item items[EXECUTE_BATCH];
    struct resp_command command;
    size_t n = 0;

    reply_begin(&reply, 2, 0);
    while (resp_parse(&batch, &pending, &limits, &input, &command) == RESP_COMMAND) {
        items[n++] = (struct execute_item){command.argc, command.argv, command.blobs};
        if (n < EXECUTE_BATCH) continue;
        execute_batch(&executor, &session, &reply, items, n, 1);
        n = 0;
    }
    execute_batch(&executor, &session, &reply, items, n, 1);
    resp_release(&batch);
    if (reply.bytes == 0 || reply.at[0] == '-') die("an error reply");
}

static size_t request(char *at, int set, uint64_t key, const char *value, int value_bytes)
{
    if (!set) return (size_t)sprintf(at, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012lu\r\n", key);
    size_t n =
        (size_t)sprintf(at, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012lu\r\n$%d\r\n", key, value_bytes);

    memcpy(at + n, value, (size_t)value_bytes);
    memcpy(at + n + value_bytes, "\r\n", 2);
    return n + (size_t)value_bytes + 2;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(int set, uint64_t items, int value_bytes, int pipeline, int rounds)
{
    char *value = malloc((size_t)value_bytes + 65536), *out;
    double ns[64];
    uint64_t x = 88172645463325252u;
    int batches = PER_ROUND / pipeline;
    size_t room = (size_t)batches * (size_t)pipeline * (size_t)(value_bytes * set + 64), n;
    size_t *ends = malloc(((size_t)batches + 1) * sizeof *ends);

    for (int i = 0; i < value_bytes + 65536; i++) value[i] = (char)('a' + i % 26);
    out = malloc(room);
    if (value == NULL || out == NULL || ends == NULL) die("out of memory");
    for (int r = 0; r < rounds; r++) {
        n = 0;
        for (int b = 0; b < batches; b++) {
            for (int i = 0; i < pipeline; i++) {
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                n += request(out + n, set, x % items, value + x % 65536, value_bytes);
            }
            ends[b] = n;
        }
        uint64_t start = clock_monotonic_ns();

        for (int b = 0; b < batches; b++)
            serve(out + (b ? ends[b - 1] : 0), ends[b] - (b ? ends[b - 1] : 0));
        ns[r] = (double)(clock_monotonic_ns() - start) / (batches * pipeline);
    }
    qsort(ns, (size_t)rounds, sizeof *ns, ascending);
    printf("| %s | %lu | %d | %d | %.0f | %.0f |\n", set ? "SET" : "GET", items, value_bytes,
           pipeline, ns[0], ns[rounds / 2]);
    free(value), free(out), free(ends);
}

int main(int argc, char **argv)
{
    if (argc < 6) die("usage: path PLUGINS_FOLDER POLICY ITEMS VALUE_BYTES PIPELINE [ROUNDS]");
    uint64_t items = strtoull(argv[3], NULL, 10);
    int value_bytes = atoi(argv[4]), pipeline = atoi(argv[5]),
        rounds = argc > 6 ? atoi(argv[6]) : 7;
    char *buffer = malloc((size_t)value_bytes + 64), *value = calloc(1, (size_t)value_bytes + 1);

    if (rounds > 64 || items == 0 || pipeline < 1 || buffer == NULL || value == NULL)
        die("arguments");
    open_all(argv[1], argv[2]);
    for (uint64_t i = 0; i < items; i++) serve(buffer, request(buffer, 1, i, value, value_bytes));
    measure(0, items, value_bytes, pipeline, rounds);
    measure(1, items, value_bytes, pipeline, rounds);
    return 0;
}
