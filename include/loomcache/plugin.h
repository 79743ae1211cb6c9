/* loomcache/plugin.h - what every plugin shares: the entry function, the host, the options.
 *
 * A plugin is one shared object that exports one function, loom_plugin_entry().  It returns a
 * static list of offers; each names a kind ("loom.draft.eviction/1"), a name that an operator
 * writes into the INI file, and a table of functions.
 *
 * Versions.  The kind carries the major: a host that does not speak it refuses the plugin with
 * one sentence.  struct_size carries the minor: structs that start with it only ever grow at
 * the end, and an optional field is read through LOOM_HAS().  A struct without struct_size is
 * frozen for the life of the major.  Kinds that contain "draft" may still change between
 * releases of LoomCache; the word goes away when they are frozen.
 *
 * Threads.  Each function below carries a tag:
 *   [init]        once, single-threaded, before anything else or after everything else
 *   [owner]       the partition's lock is held; nothing else runs on this instance
 *   [control]     on the control thread; node-wide plugins live there
 *   [any-thread]  safe anywhere, at any time
 */
#ifndef LOOMCACHE_PLUGIN_H
#define LOOMCACHE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define LOOM_STATIC_ASSERT static_assert
#define LOOM_C_LINKAGE extern "C"
#else
#define LOOM_STATIC_ASSERT _Static_assert
#define LOOM_C_LINKAGE
#endif
#define LOOM_EXPORT __attribute__((visibility("default")))
#define LOOM_PRINTF(at, first) __attribute__((format(printf, at, first)))

/* LOOM_HAS - does this table, built against whatever header, fill in this field? */
#define LOOM_HAS(p, field)                                                                         \
    ((p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field) && (p)->field)

/* Errors are negative; 0 is success; counts are >= 0. */
#define LOOM_ERROR_MAP(X)                                                                          \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(CONFIG, -2, "configuration not acceptable")                                                  \
    X(UNSUPPORTED, -3, "not offered by this host or backend")                                      \
    X(NOSPACE, -4, "over the memory limit and nothing may be evicted")                             \
    X(IO, -5, "read or write failed")                                                              \
    X(CORRUPT, -6, "stored bytes fail their check")                                                \
    X(BUSY, -7, "try again after the next event")                                                  \
    X(INVALID, -8, "malformed input")                                                              \
    X(LIMIT, -9, "a limit was reached")
enum loom_error {
#define X(name, code, text) LOOM_E_##name = code,
    LOOM_ERROR_MAP(X)
#undef X
};

enum loom_log_level { LOOM_LOG_DEBUG = 0, LOOM_LOG_INFO, LOOM_LOG_WARN, LOOM_LOG_ERROR };

/* One INI key.  The host parses the plugin's section into the instance before init(), checks
 * units and range, and reports an unknown or ill-formed key by file and line. */
enum loom_option_type {
    LOOM_OPT_U32 = 1, /* uint32_t: a plain count                     "16"     */
    LOOM_OPT_SIZE,    /* uint64_t: bytes, with KiB MiB GiB or k m g   "64MiB"  */
    LOOM_OPT_MS,      /* uint32_t: a time, with ms s min h d          "250ms"  */
    LOOM_OPT_BOOL,    /* bool: true false yes no on off 1 0                    */
    LOOM_OPT_STR,     /* const char *: borrowed, lives as long as the instance */
    LOOM_OPT_FLOAT    /* double                                       "0.9"    */
};
struct loom_option {
    const char *key;    /* as written in the INI section */
    uint32_t type;      /* enum loom_option_type */
    uint32_t offset;    /* of the field in the instance */
    const char *preset; /* default, spelled as a user would: "64MiB", "250ms", "" */
    const char *help;   /* one sentence; `loomcache --describe` prints it */
    double min, max;    /* inclusive range in the field's unit; min == max: any */
};
#define LOOM_OPTION(T, key_, s, field, preset_, min_, max_, help_)                                 \
    {key_, LOOM_OPT_##T, (uint32_t)offsetof(s, field), preset_, help_, min_, max_}
#define LOOM_OPTION_END                                                                            \
    {NULL, 0, 0, NULL, NULL, 0, 0}

#define LOOM_NODE_WIDE UINT32_MAX

/* What the host offers.  Valid from init() until fini() has returned; never freed by a plugin. */
struct loom_host {
    uint32_t struct_size;
    uint32_t partition; /* index of the partition, or LOOM_NODE_WIDE */

    /* [any-thread] One line in the node's log, with the plugin's name; rate-limited by the host. */
    void (*log)(const struct loom_host *host, enum loom_log_level level, const char *format, ...)
        LOOM_PRINTF(3, 4);

    /* [init] Why init() is about to return an error: one sentence for the operator.
     * Returns code, so that a plugin writes `return host->fail(host, LOOM_E_CONFIG, "...")`. */
    int (*fail)(const struct loom_host *host, int code, const char *format, ...) LOOM_PRINTF(3, 4);

    /* [init] [owner] [control] Zeroed memory, charged to the plugin and shown in its metrics.
     * NULL when memory is short: the plugin must go on without, or return LOOM_E_NOMEM. */
    void *(*alloc)(const struct loom_host *host, size_t bytes);
    void (*free)(const struct loom_host *host, void *at, size_t bytes);

    /* [owner] Report memory obtained elsewhere (mmap), so that limit and metrics count it. */
    void (*charge)(const struct loom_host *host, int64_t bytes);

    /* [init] A counter of the plugin's own, exported as loomcache_plugin_<plugin>_<name>_total.
     * Count with loom_count(); NULL when the host keeps no more. */
    uint64_t *(*counter)(const struct loom_host *host, const char *name, const char *help);

    /* [owner] [control] Unix time in milliseconds, read once per loop turn by the host. */
    const uint64_t *now_ms;

    /* [init] More services by id ("loom.draft.loop/1"); NULL when this host has none such. */
    const void *(*extension)(const struct loom_host *host, const char *id);
};

/* loom_count - add to a counter that only the caller's lock or thread writes; readable anywhere. */
static inline void loom_count(uint64_t *counter, uint64_t n)
{
    if (counter == NULL) return;
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* One thing that a shared object offers.  A shared object may list several. */
struct loom_offer {
    const char *kind;  /* LOOM_KIND_EVICTION ... */
    const char *name;  /* what the INI names: policy = sieve; [a-z0-9_]+ */
    const char *about; /* one sentence */
    const void *ops;   /* struct loom_<kind>_ops, static, starts with struct_size */
};
struct loom_plugin {
    uint32_t struct_size;
    const char *vendor, *version, *license;
    const struct loom_offer *offers;
    size_t n_offers;
};

/* The one exported symbol.  A function, since dlsym() promises functions only. */
LOOM_C_LINKAGE LOOM_EXPORT const struct loom_plugin *loom_plugin_entry(void);
#define LOOM_PLUGIN_ENTRY "loom_plugin_entry"

#define LOOM_PLUGIN(vendor_, version_, license_, ...)                                              \
    LOOM_C_LINKAGE LOOM_EXPORT const struct loom_plugin *loom_plugin_entry(void)                   \
    {                                                                                              \
        static const struct loom_offer offers[] = {__VA_ARGS__};                                   \
        static const struct loom_plugin plugin = {(uint32_t)sizeof(struct loom_plugin),            \
                                                  vendor_,                                         \
                                                  version_,                                        \
                                                  license_,                                        \
                                                  offers,                                          \
                                                  sizeof offers / sizeof offers[0]};               \
        return &plugin;                                                                            \
    }

#endif
