/* status.c - made from INFO and two keys of CONFIG GET, in one round trip each. */
#include "core/ctl/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/ctl/print.h"

#define BAR_CELLS 24
#define WATCH_S 2
#define WATCH_MAX_S 86400

struct status {
    struct slice node, version, policy; /* borrowed from the replies */
    uint64_t uptime_s, items, used_bytes, limit_bytes, rss_bytes, hits, misses, ops_per_s, clients,
        max_clients, evictions, expired;
    redisReply *info, *config;
};

/* --- reading it ------------------------------------------------------------------------------- */

/* "name:value\r\n" in INFO; empty: not there. */
static struct slice field(struct slice info, const char *name)
{
    const char *at = info.at, *end = info.at + info.bytes;
    size_t n = strlen(name);

    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at);
        if (bytes > n && memcmp(at, name, n) == 0 && at[n] == ':') {
            struct slice value = slice_of(at + n + 1, bytes - n - 1);
            if (value.bytes > 0 && value.at[value.bytes - 1] == '\r') value.bytes--;
            return value;
        }
        at += bytes + 1;
    }
    return slice_of("", 0);
}

static uint64_t number(struct slice info, const char *name)
{
    uint64_t value = 0;

    return bytes_to_u64(field(info, name), &value) ? value : 0;
}

/* The sum over "dbN:keys=5,expires=0,..." */
static uint64_t items_of(struct slice info)
{
    uint64_t sum = 0, n;
    char name[16];

    for (int db = 0; db < 16; db++) {
        struct slice value;
        const char *comma;
        snprintf(name, sizeof name, "db%d", db);
        value = field(info, name);
        if (value.bytes < 5 || memcmp(value.at, "keys=", 5) != 0) continue;
        comma = memchr(value.at, ',', value.bytes);
        value = slice_of(value.at + 5, (comma ? (size_t)(comma - value.at) : value.bytes) - 5);
        if (bytes_to_u64(value, &n)) sum += n;
    }
    return sum;
}

static struct slice pair_of(const redisReply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->elements; i += 2) {
        const redisReply *key = list->element[i], *value = list->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            slice_is(slice_of(key->str, (size_t)key->len), name))
            return slice_of(value->str, (size_t)value->len);
    }
    return slice_of("", 0);
}

static void status_free(struct status *status)
{
    freeReplyObject(status->info);
    freeReplyObject(status->config);
}

static int status_read(struct link *link, struct status *ret, struct error *error)
{
    const char *info_words[] = {"INFO"};
    const char *config_words[] = {"CONFIG", "GET", "node.id", "eviction.policy"};
    struct status s = {0};
    struct slice info;
    int rc = link_ask(link, 1, info_words, &s.info, error);

    if (rc == 0) rc = link_ask(link, 4, config_words, &s.config, error);
    if (rc != 0) goto out;
    info = slice_of(s.info->str, (size_t)s.info->len);
    if (s.info->type != REDIS_REPLY_STRING || s.config->type != REDIS_REPLY_ARRAY ||
        field(info, "loomcache_version").bytes == 0) {
        rc = error_set(error, LOOM_E_INVALID, "%s: what answers is not a LoomCache node",
                       link->where);
        goto out;
    }
    s.node = pair_of(s.config, "node.id");
    s.policy = pair_of(s.config, "eviction.policy");
    s.version = field(info, "loomcache_version");
    s.uptime_s = number(info, "uptime_in_seconds");
    s.items = items_of(info);
    s.used_bytes = number(info, "used_memory_dataset");
    s.limit_bytes = number(info, "maxmemory");
    s.rss_bytes = number(info, "used_memory_rss");
    s.hits = number(info, "keyspace_hits");
    s.misses = number(info, "keyspace_misses");
    s.ops_per_s = number(info, "instantaneous_ops_per_sec");
    s.clients = number(info, "connected_clients");
    s.max_clients = number(info, "maxclients");
    s.evictions = number(info, "evicted_keys");
    s.expired = number(info, "expired_keys");
    *ret = s;
    return 0;
out:
    status_free(&s);
    return rc;
}

/* --- showing it ------------------------------------------------------------------------------- */

static void print_json(const struct status *s)
{
    fputs("{\"node\":", stdout);
    print_json_text(stdout, s->node);
    fputs(",\"version\":", stdout);
    print_json_text(stdout, s->version);
    fputs(",\"policy\":", stdout);
    print_json_text(stdout, s->policy);
    printf(",\"uptime_seconds\":%" PRIu64 ",\"items\":%" PRIu64 ",\"memory_used_bytes\":%" PRIu64
           ",\"memory_limit_bytes\":%" PRIu64 ",\"memory_rss_bytes\":%" PRIu64,
           s->uptime_s, s->items, s->used_bytes, s->limit_bytes, s->rss_bytes);
    printf(",\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"hit_ratio\":", s->hits, s->misses);
    if (s->hits + s->misses == 0) fputs("null", stdout);
    else printf("%.6f", (double)s->hits / (double)(s->hits + s->misses));
    printf(",\"ops_per_second\":%" PRIu64 ",\"connections\":%" PRIu64
           ",\"connections_limit\":%" PRIu64 ",\"evictions\":%" PRIu64 ",\"expired\":%" PRIu64
           "}\n", s->ops_per_s, s->clients, s->max_clients, s->evictions, s->expired);
}

static void print_line(const char *name, struct slice value)
{
    char text[128];

    print_plain(text, sizeof text, value);
    printf("%-12s %s\n", name, text);
}

static void print_uptime(uint64_t s)
{
    fputs("uptime       ", stdout);
    if (s >= 86400) printf("%" PRIu64 " d ", s / 86400);
    if (s >= 3600) printf("%" PRIu64 " h ", s / 3600 % 24);
    if (s >= 60) printf("%" PRIu64 " min ", s / 60 % 60);
    printf("%" PRIu64 " s\n", s % 60);
}

static void print_memory(const struct status *s)
{
    char used[32], limit[32], rss[32], bar[BAR_CELLS + 1];
    double share = s->limit_bytes ? (double)s->used_bytes / (double)s->limit_bytes : 0;
    size_t full = share < 1 ? (size_t)(share * BAR_CELLS) : BAR_CELLS;

    print_bytes(used, sizeof used, s->used_bytes);
    print_bytes(rss, sizeof rss, s->rss_bytes);
    if (s->limit_bytes == 0) {
        printf("memory       %s for items, no limit; process %s\n", used, rss);
        return;
    }
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', full);
    bar[BAR_CELLS] = '\0';
    printf("memory       [%s] %.1f%%  %s of %s for items; process %s\n", bar, 100 * share, used,
           print_bytes(limit, sizeof limit, s->limit_bytes), rss);
}

static void print_text(const struct status *s)
{
    print_line("node", s->node);
    print_line("version", s->version);
    print_uptime(s->uptime_s);
    print_line("policy", s->policy);
    printf("items        %" PRIu64 "\n", s->items);
    print_memory(s);
    if (s->hits + s->misses == 0) puts("hit ratio    - (nothing was asked for yet)");
    else printf("hit ratio    %.2f%%  (%" PRIu64 " hits, %" PRIu64 " misses)\n",
                100 * (double)s->hits / (double)(s->hits + s->misses), s->hits, s->misses);
    printf("ops/s        %" PRIu64 "\n", s->ops_per_s);
    printf("connections  %" PRIu64 " of %" PRIu64 "\n", s->clients, s->max_clients);
    printf("evictions    %" PRIu64 "  (expired: %" PRIu64 ")\n", s->evictions, s->expired);
}

int status_run(struct link *link, const struct ctl_args *args, struct error *error)
{
    struct status status = {0};
    int rc = status_read(link, &status, error);

    if (rc != 0) return rc;
    if (args->json) print_json(&status);
    else print_text(&status);
    status_free(&status);
    return 0;
}

/* --- again and again -------------------------------------------------------------------------- */

int status_watch(struct link *link, const struct ctl_args *args, struct error *error)
{
    uint64_t every_s = WATCH_S;
    bool screen = !args->json && isatty(STDOUT_FILENO);
    const char *word = args->n_words > 0 ? args->words[0] : NULL;

    if (word != NULL && (!bytes_to_u64(slice_of(word, strlen(word)), &every_s) || every_s < 1 ||
                         every_s > WATCH_MAX_S))
        return error_set(error, LOOM_E_CONFIG,
                         "watch: expected whole seconds from 1 to %d, not %.40s", WATCH_MAX_S,
                         word);
    for (uint32_t n = 1;; n++) {
        int rc;
        if (screen) fputs("\033[H\033[2J", stdout);
        rc = status_run(link, args, error);
        if (rc != 0) return rc;
        if (fflush(stdout) != 0) return 0; /* the reader has gone, say head; main() knows */
        if (args->count != 0 && n == args->count) return 0;
        sleep((unsigned)every_s);
        if (!screen && !args->json) putchar('\n');
    }
}
