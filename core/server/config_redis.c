/* config_redis.c - the names by which Redis' clients and tools know our keys.
 *
 * A name stands for a key of ours in Redis' unit, for something that can be worked out, or for a
 * feature we do not have: then it has one true value, which may be set and changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/server/config_plan.h"

struct pair {
    const char *redis, *ours;
};
static const struct pair policies[] = {{"noeviction", "none"},
                                       {"allkeys-lru", "lru_sampled"},
                                       {"allkeys-lfu", "lfu"},
                                       {"allkeys-random", "random"},
                                       {NULL, NULL}};
/* The first of several that mean the same is the one shown. */
static const struct pair levels[] = {{"debug", "debug"},  {"notice", "info"},  {"verbose", "info"},
                                     {"warning", "warn"}, {"nothing", "error"}, {NULL, NULL}};

/* --- keys of ours in another dress ------------------------------------------------------------ */

/* Numbers without a unit, in the unit of the field; yes and no; words as they are. */
static void show_plain(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    struct option_value value;

    option_load(&config_row(key)->option, config, &value);
    switch (value.type) {
    case LOOM_OPT_STR: snprintf(at, bytes, "%s", value.as.text); break;
    case LOOM_OPT_BOOL: snprintf(at, bytes, "%s", value.as.truth ? "yes" : "no"); break;
    case OPTION_US: snprintf(at, bytes, "%" PRId64, value.as.us); break;
    default: snprintf(at, bytes, "%" PRIu64, value.as.whole);
    }
}

static void show_seconds(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    struct option_value value;

    option_load(&config_row(key)->option, config, &value);
    snprintf(at, bytes, "%" PRIu64, (value.as.whole + 999) / 1000);
}

static int read_suffixed(const char *value, const char *suffix, const char *what, char *ret,
                         size_t bytes, struct error *error)
{
    uint64_t number;

    if (!bytes_to_u64(slice_of(value, strlen(value)), &number))
        return error_set(error, LOOM_E_CONFIG, "expected a whole number of %s", what);
    snprintf(ret, bytes, "%" PRIu64 "%s", number, suffix);
    return 0;
}

static int read_seconds(const char *value, char *ret, size_t bytes, struct error *error)
{
    return read_suffixed(value, "s", "seconds", ret, bytes, error);
}

static int read_us(const char *value, char *ret, size_t bytes, struct error *error)
{
    if (*value == '-') {
        snprintf(ret, bytes, "off");
        return 0;
    }
    return read_suffixed(value, "us", "microseconds, or -1 for none", ret, bytes, error);
}

static void show_mapped(const struct pair *pairs, const char *ours, char *at, size_t bytes)
{
    for (; pairs->ours != NULL; pairs++)
        if (strcmp(pairs->ours, ours) == 0) break;
    snprintf(at, bytes, "%s", pairs->redis ? pairs->redis : ours);
}

static int read_mapped(const struct pair *pairs, const char *value, char *ret, size_t bytes)
{
    for (; pairs->redis != NULL; pairs++)
        if (strcasecmp(pairs->redis, value) == 0) break;
    snprintf(ret, bytes, "%s", pairs->ours ? pairs->ours : value);
    return 0;
}

static void show_policy(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    (void)key;
    show_mapped(policies, config->eviction.policy, at, bytes);
}

static int read_policy(const char *value, char *ret, size_t bytes, struct error *error)
{
    if (strncasecmp(value, "volatile-", 9) == 0)
        return error_set(error, LOOM_E_CONFIG,
                         "expected noeviction, allkeys-lru, allkeys-lfu, allkeys-random or the "
                         "name of an eviction plugin: policies here see all keys");
    return read_mapped(policies, value, ret, bytes);
}

static void show_level(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    char ours[16];

    show_mapped(levels, config_show(config, key, ours, sizeof ours), at, bytes);
}

static int read_level(const char *value, char *ret, size_t bytes, struct error *error)
{
    (void)error;
    return read_mapped(levels, value, ret, bytes);
}

static void show_output(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    uint64_t n = config->server.output_buffer_max_bytes;

    (void)key;
    snprintf(at, bytes, "normal %" PRIu64 " 0 0 slave 0 0 0 pubsub %" PRIu64 " 0 0", n, n);
}

/* Groups of class, hard limit, soft limit, seconds: only the hard limit of "normal" is ours. */
static int read_output(const char *value, char *ret, size_t bytes, struct error *error)
{
    char class[16], hard[32], soft[32], seconds[32];
    int used;

    *ret = '\0';
    while (sscanf(value, " %15s %31s %31s %31s%n", class, hard, soft, seconds, &used) == 4) {
        value += used;
        if (strcmp(soft, "0") != 0)
            return error_set(error, LOOM_E_CONFIG, "expected a soft limit of 0: there is only the "
                                                   "hard limit here");
        if (strcasecmp(class, "normal") == 0) snprintf(ret, bytes, "%s", hard);
        else if (strcasecmp(class, "slave") != 0 && strcasecmp(class, "replica") != 0 &&
                 strcasecmp(class, "pubsub") != 0)
            return error_set(error, LOOM_E_CONFIG, "expected the classes normal, replica, pubsub");
    }
    if (value[strspn(value, " ")] != '\0' || *ret == '\0')
        return error_set(error, LOOM_E_CONFIG,
                         "expected \"normal <bytes> 0 0\", and the same for other classes");
    return 0;
}

/* --- worked out ------------------------------------------------------------------------------- */

static void show_bind(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    struct config_address all[CONFIG_ADDRESSES_MAX];
    int n = config_addresses(config->server.bind, all, CONFIG_ADDRESSES_MAX, NULL);
    size_t used = 0;

    (void)key;
    *at = '\0';
    for (int i = 0; i < n && used < bytes; i++)
        used += (size_t)snprintf(at + used, bytes - used, "%s%s", i ? " " : "",
                                 all[i].dual ? "* -::*" : all[i].text);
}

static void show_threads(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    (void)key;
    snprintf(at, bytes, "%u", config_threads(config));
}

static void show_folder(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    (void)key;
    snprintf(at, bytes, "%s", config->plan->folder);
}

static void show_protected(const struct config *config, enum config_key key, char *at,
                           size_t bytes)
{
    (void)key;
    snprintf(at, bytes, "%s", config->server.allow_open ? "no" : "yes");
}

static void show_hz(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    uint32_t ms = config->storage.expire_interval_ms;

    (void)key;
    snprintf(at, bytes, "%u", ms < 1000 ? 1000 / ms : 1);
}

/* The policy's own key of that name, if it has one. */
static void show_samples(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    const struct plugin *policy = config->eviction_plugin;
    const struct loom_option *option = options_find(policy->options, "samples");
    const char *text = option ? option->preset : "0";
    size_t n;
    const struct option_setting *settings =
        config_settings(config, PLUGIN_EVICTION, policy->name, &n);

    (void)key;
    for (size_t i = 0; i < n; i++)
        if (strcmp(settings[i].key, "samples") == 0) text = settings[i].value;
    snprintf(at, bytes, "%s", text);
}

/* --- the names -------------------------------------------------------------------------------- */

#define NONE CONFIG_KEYS
struct name {
    const char *name;
    enum config_key key; /* NONE: cannot be set to anything but what it is */
    void (*show)(const struct config *config, enum config_key key, char *at, size_t bytes);
    /* Redis' value to a text for our row; NULL: they are the same */
    int (*read)(const char *value, char *ret, size_t bytes, struct error *error);
    const char *fixed; /* the true value where there is nothing to show */
};
static const struct name names[] = {
    {"maxmemory", CONFIG_STORAGE_MAX_MEMORY, show_plain, NULL, NULL},
    {"maxmemory-policy", CONFIG_EVICTION_POLICY, show_policy, read_policy, NULL},
    {"maxmemory-samples", NONE, show_samples, NULL, NULL},
    {"maxclients", CONFIG_SERVER_MAX_CLIENTS, show_plain, NULL, NULL},
    {"timeout", CONFIG_SERVER_IDLE_TIMEOUT, show_seconds, read_seconds, NULL},
    {"tcp-keepalive", CONFIG_SERVER_TCP_KEEPALIVE, show_seconds, read_seconds, NULL},
    {"tcp-backlog", CONFIG_SERVER_BACKLOG, show_plain, NULL, NULL},
    {"databases", CONFIG_SERVER_DATABASES, show_plain, NULL, NULL},
    {"requirepass", CONFIG_SERVER_REQUIREPASS, show_plain, NULL, NULL},
    {"port", CONFIG_SERVER_PORT, show_plain, NULL, NULL},
    {"bind", NONE, show_bind, NULL, NULL},
    {"protected-mode", NONE, show_protected, NULL, NULL},
    {"io-threads", NONE, show_threads, NULL, NULL},
    {"dir", NONE, show_folder, NULL, NULL},
    {"hz", NONE, show_hz, NULL, NULL},
    {"loglevel", CONFIG_LOG_LEVEL, show_level, read_level, NULL},
    {"logfile", CONFIG_LOG_FILE, show_plain, NULL, NULL},
    {"slowlog-log-slower-than", CONFIG_SERVER_SLOWLOG_THRESHOLD, show_plain, read_us, NULL},
    {"slowlog-max-len", CONFIG_SERVER_SLOWLOG_LEN, show_plain, NULL, NULL},
    {"latency-monitor-threshold", CONFIG_SERVER_LATENCY_THRESHOLD, show_plain, NULL, NULL},
    {"proto-max-bulk-len", CONFIG_SERVER_BULK_MAX, show_plain, NULL, NULL},
    {"client-query-buffer-limit", CONFIG_SERVER_QUERY_BUFFER_MAX, show_plain, NULL, NULL},
    {"client-output-buffer-limit", CONFIG_SERVER_OUTPUT_BUFFER_MAX, show_output, read_output,
     NULL},
    {"save", NONE, NULL, NULL, ""},
    {"appendonly", NONE, NULL, NULL, "no"},
    {"appendfsync", NONE, NULL, NULL, "no"},
    {"lazyfree-lazy-eviction", NONE, NULL, NULL, "no"},
    {"lazyfree-lazy-expire", NONE, NULL, NULL, "no"},
    {"lazyfree-lazy-server-del", NONE, NULL, NULL, "no"},
    {"lazyfree-lazy-user-del", NONE, NULL, NULL, "no"},
    {"lazyfree-lazy-user-flush", NONE, NULL, NULL, "no"},
    {"notify-keyspace-events", NONE, NULL, NULL, ""},
    {"activedefrag", NONE, NULL, NULL, "no"},
    {"cluster-enabled", NONE, NULL, NULL, "no"},
    {"daemonize", NONE, NULL, NULL, "no"},
};
#define NAMES (sizeof names / sizeof names[0])

static void show(const struct config *config, const struct name *name, char *at, size_t bytes)
{
    if (name->show != NULL) name->show(config, name->key, at, bytes);
    else snprintf(at, bytes, "%s", name->fixed);
}

void config_redis_each(const struct config *config,
                       void (*each)(void *arg, const char *name, const char *value), void *arg)
{
    char value[OPTION_TEXT_MAX];

    for (size_t i = 0; i < NAMES; i++) {
        show(config, &names[i], value, sizeof value);
        each(arg, names[i].name, value);
    }
}

size_t config_redis_names(const char **ret, size_t room)
{
    size_t n = 0;

    for (; n < NAMES && n < room; n++) ret[n] = names[n].name;
    return n;
}

int config_redis_read(const struct config *config, const char *name, const char *value,
                      enum config_key *ret_key, char *ret, size_t bytes, struct error *error)
{
    char now[OPTION_TEXT_MAX], shown[64];
    const struct name *found = NULL;

    for (size_t i = 0; i < NAMES && found == NULL; i++)
        if (strcasecmp(names[i].name, name) == 0) found = &names[i];
    if (found == NULL) return error_set(error, LOOM_E_UNSUPPORTED, "unknown");
    if (found->key == NONE) {
        show(config, found, now, sizeof now);
        if (strcasecmp(now, value) != 0)
            return error_set(error, LOOM_E_CONFIG,
                             "it is \"%s\" on this server and cannot be changed while it runs",
                             option_printable(now, shown, sizeof shown));
        *ret_key = CONFIG_KEYS;
        return 0;
    }
    *ret_key = found->key;
    if (found->read != NULL) return found->read(value, ret, bytes, error);
    snprintf(ret, bytes, "%s", value);
    return 0;
}
