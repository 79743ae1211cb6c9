/* host.h - one instance of a plugin, and the struct loom_host it talks to.
 *
 * The instance is generic over the kinds: it allocates and fills `self`, and serves the host's
 * functions.  Calling init(), fini() and the rest with typed operations is the creator's part:
 *
 *     struct plugin_env env = {.partition = 3, .now_ms = &now, .arg = partition};
 *     rc = plugin_instance_create(plugin, settings, n, &env, &instance, error);
 *     rc = ops->init(instance->self, &instance->host, &eviction_env);
 *     if (rc != 0) return plugin_instance_failed(instance, rc, error);   (destroys it)
 *     ...
 *     ops->fini(instance->self);
 *     plugin_instance_destroy(instance);
 *
 * Thread: creation and destruction [control] or single-threaded; the host's functions as tagged in
 * plugin.h.  Accounting is an atomic add per call, so that metrics may read at any time.
 */
#ifndef CORE_PLUGIN_HOST_H
#define CORE_PLUGIN_HOST_H

#include <loomcache/plugin.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/plugin/options.h"
#include "core/plugin/registry.h"

#define PLUGIN_COUNTERS_MAX 32
#define PLUGIN_COUNTER_NAME_MAX 48

/* What the creator brings.  Copied; what it points to outlives the instance. */
struct plugin_env {
    uint32_t partition;     /* or LOOM_NODE_WIDE */
    const uint64_t *now_ms; /* never NULL */
    /* Memory taken (+) or given back (-) by the instance: alloc, free and charge all report here,
     * the former by what the allocator really sets aside.  NULL: nobody asks. */
    void (*charge)(void *arg, int64_t bytes);
    /* NULL, or a function that returns NULL: no such extension. */
    const void *(*extension)(void *arg, const char *id);
    void *arg;
    bool quiet; /* log lines are swallowed (--describe) */
};

struct plugin_counter {
    uint64_t value;   /* read with METRIC_READ() */
    const char *name; /* "ghost_hits": exported as loomcache_plugin_<plugin>_<name>_total */
    const char *help;
};

struct plugin_instance {
    struct loom_host host; /* first: given a host, its instance is found */
    const struct plugin *plugin;
    void *self; /* zeroed, options filled in */
    struct plugin_env env;
    struct error why; /* what fail() said last */
    int64_t used_bytes;           /* self, and what the host gave or was told; METRIC_READ() */
    char from[OPTION_KEY_MAX * 2]; /* "eviction.sieve": section, and who speaks in the log */
    struct log_place places[4];   /* one per level */
    char *strings[OPTIONS_MAX];   /* copies behind STR options */
    size_t n_strings;
    struct plugin_counter *counters[PLUGIN_COUNTERS_MAX];
    uint32_t n_counters; /* see plugin_instance_counters() */
    struct plugin_instance *next, *prev; /* the registry's list */
};

/* plugin_instance_create - allocate self, fill options: presets, then the settings (all of one
 * section; copied).  The error has its place. */
int plugin_instance_create(const struct plugin *plugin, const struct option_setting *settings,
                           size_t n_settings, const struct plugin_env *env,
                           struct plugin_instance **ret, struct error *error);
/* plugin_instance_destroy - after fini(), or after a failed init().  NULL is fine. */
void plugin_instance_destroy(struct plugin_instance *instance);
/* plugin_instance_failed - init() returned code: put its sentence into error ("eviction plugin
 * sieve: ..."), destroy the instance, return the code (LOOM_E_CONFIG for a positive one). */
int plugin_instance_failed(struct plugin_instance *instance, int code, struct error *error);

/* plugin_host_arg - env.arg of the instance this host belongs to: how a function that the creator
 * hands to a plugin (sample, hash, timer) finds its way home. */
static inline void *plugin_host_arg(const struct loom_host *host)
{
    return ((const struct plugin_instance *)(const void *)host)->env.arg;
}
static inline struct plugin_instance *plugin_host_instance(const struct loom_host *host)
{
    return (struct plugin_instance *)(uintptr_t)host;
}

/* plugin_instance_counters - how many of .counters may be read now.  [any-thread] */
static inline uint32_t plugin_instance_counters(const struct plugin_instance *instance)
{
    return __atomic_load_n(&instance->n_counters, __ATOMIC_ACQUIRE);
}

/* plugin_instances_each - every living instance of a registry's plugins, for metrics and PLUGIN
 * INFO.  [any-thread]: creation and destruction wait meanwhile, so each() must be short. */
void plugin_instances_each(struct registry *registry,
                           void (*each)(void *arg, const struct plugin_instance *instance),
                           void *arg);

#endif
