/* policy_kit_host.c - the kit's host: services, options, loading a policy. */
#include "policy_kit_inside.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SPACE_BYTES ((size_t)256 << 20)

static char sentence[300]; /* what ret_why points at */

static struct policy_kit *kit_of(const struct loom_host *host)
{
    return (struct policy_kit *)(uintptr_t)host;
}

static void host_log(const struct loom_host *host, enum loom_log_level level, const char *format,
                     ...)
{
    (void)host, (void)level, (void)format;
}

static int host_fail(const struct loom_host *host, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(kit_of(host)->refusal, sizeof kit_of(host)->refusal, format, args);
    va_end(args);
    return code;
}

/* The size lies in front, so that free() can be held to it. */
static void *host_alloc(const struct loom_host *host, size_t bytes)
{
    struct policy_kit *kit = kit_of(host);
    uint64_t at = ++kit->n_allocs, fails = kit->setup.fail_alloc;
    if (fails > 0 && (at == fails || (at > fails && kit->setup.fail_later))) return NULL;
    uint64_t *block = calloc(1, bytes + 16);
    if (block == NULL) abort();
    block[0] = bytes;
    kit->held_bytes += bytes;
    return block + 2;
}

static void host_free(const struct loom_host *host, void *at, size_t bytes)
{
    struct policy_kit *kit = kit_of(host);
    uint64_t *block = (uint64_t *)at - 2;
    if (block[0] != bytes)
        policy_kit_blame(kit, "free() with %zu bytes of what was %llu", bytes,
                         (unsigned long long)block[0]);
    kit->held_bytes -= block[0];
    free(block);
}

static void host_charge(const struct loom_host *host, int64_t bytes)
{
    (void)host, (void)bytes;
}

/* There is none for the second name: policies must bear that. */
static uint64_t *host_counter(const struct loom_host *host, const char *name, const char *help)
{
    struct policy_kit *kit = kit_of(host);
    if (name == NULL || help == NULL) policy_kit_blame(kit, "a counter without a name or a help");
    if (kit->n_counters == sizeof kit->counters / sizeof kit->counters[0]) return NULL;
    return kit->n_counters++ == 1 ? NULL : &kit->counters[kit->n_counters - 1];
}

static const void *host_extension(const struct loom_host *host, const char *id)
{
    (void)host, (void)id;
    return NULL;
}

/* SplitMix64 (Steele, Lea, Flood, 2014).  Its steps are not those of the keys' hashes: else it
 * would draw keys 1, 2, 3 in their order. */
static uint64_t random_next(struct policy_kit *kit)
{
    kit->random += 0x9e3779b97f4a7c15u;
    return policy_kit_mix(kit->random);
}

/* Slots are drawn, not entries: uniform.  A few tries each, so a sparse table may give less. */
static size_t host_sample(const struct loom_host *host, loom_entry **ret, size_t n)
{
    struct policy_kit *kit = kit_of(host);
    size_t found = 0;
    if (kit->n_items == kit->n_claimed) return 0;
    for (size_t tries = 64 * n; found < n && tries > 0; tries--) {
        loom_ref ref = kit->table[random_next(kit) & (kit->n_slots - 1)].ref;
        if (ref != 0 && !is_claimed(loom_at(&kit->env.space, ref)))
            ret[found++] = loom_at(&kit->env.space, ref);
    }
    for (size_t i = 0; found == 0; i++)
        if (kit->table[i].ref != 0 && !is_claimed(loom_at(&kit->env.space, kit->table[i].ref)))
            ret[found++] = loom_at(&kit->env.space, kit->table[i].ref);
    return found;
}

static uint64_t host_hash(const struct loom_host *host, const loom_entry *e)
{
    return policy_kit_hash(kit_of(host), policy_kit_key(e));
}

/* --- loading ------------------------------------------------------------------------------- */

const struct loom_eviction_ops *policy_kit_load(const char *path, const char **ret_name,
                                                const char **ret_why)
{
    const struct loom_plugin *(*entry)(void);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (ret_why != NULL) *ret_why = sentence;
    if (object == NULL) {
        snprintf(sentence, sizeof sentence, "%s", dlerror());
        return NULL;
    }
    *(void **)&entry = dlsym(object, LOOM_PLUGIN_ENTRY);
    if (entry == NULL) {
        snprintf(sentence, sizeof sentence, "%s has no " LOOM_PLUGIN_ENTRY "()", path);
        return NULL;
    }
    const struct loom_plugin *plugin = entry();
    for (size_t i = 0; i < plugin->n_offers; i++) {
        if (strcmp(plugin->offers[i].kind, LOOM_KIND_EVICTION) != 0) continue;
        if (ret_name != NULL) *ret_name = plugin->offers[i].name;
        return plugin->offers[i].ops;
    }
    snprintf(sentence, sizeof sentence, "%s offers no " LOOM_KIND_EVICTION, path);
    return NULL;
}

/* One value into its field.  Units are of no use here: plain numbers, true and false. */
static int option_store(const struct loom_option *option, char *field, const char *text)
{
    char *end = NULL;
    double number = strtod(text, &end);
    bool is_number = end != text && *end == '\0';
    if (is_number && option->min < option->max && (number < option->min || number > option->max))
        return LOOM_E_CONFIG;
    switch (option->type) {
    case LOOM_OPT_U32:
    case LOOM_OPT_MS:
        *(uint32_t *)(void *)field = (uint32_t)number;
        return is_number ? 0 : LOOM_E_CONFIG;
    case LOOM_OPT_SIZE:
        *(uint64_t *)(void *)field = (uint64_t)number;
        return is_number ? 0 : LOOM_E_CONFIG;
    case LOOM_OPT_FLOAT:
        *(double *)(void *)field = number;
        return is_number ? 0 : LOOM_E_CONFIG;
    case LOOM_OPT_BOOL:
        *(bool *)field = strcmp(text, "true") == 0;
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? 0 : LOOM_E_CONFIG;
    case LOOM_OPT_STR:
        *(const char **)(void *)field = text;
        return 0;
    default:
        return LOOM_E_CONFIG;
    }
}

/* The presets, then "key=value key=value". */
static int options_store(struct policy_kit *kit)
{
    static const struct loom_option none = LOOM_OPTION_END;
    const struct loom_option *all = kit->ops->options != NULL ? kit->ops->options : &none, *o;
    for (o = all; o->key != NULL; o++) {
        if (o->offset >= kit->ops->instance_size || o->help == NULL ||
            option_store(o, (char *)kit->self + o->offset, o->preset) < 0)
            return kit->host.fail(&kit->host, LOOM_E_CONFIG, "the preset of %s is not one", o->key);
    }
    char *rest = kit->texts;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        char *value = strchr(word, '=');
        if (value != NULL) *value++ = '\0';
        for (o = all; o->key != NULL && strcmp(o->key, word) != 0;) o++;
        if (value == NULL || o->key == NULL ||
            option_store(o, (char *)kit->self + o->offset, value) < 0)
            return kit->host.fail(&kit->host, LOOM_E_CONFIG, "no such option or value: %s", word);
    }
    return 0;
}

/* An instance of ops, or the reason why not. */
static int instance_start(struct policy_kit *kit, const struct loom_eviction_ops *ops,
                          const char *options, const char **ret_why)
{
    kit->ops = ops;
    kit->self = calloc(1, ops->instance_size);
    kit->texts = strdup(options != NULL ? options : "");
    if (kit->self == NULL || kit->texts == NULL) abort();
    int rc = options_store(kit);
    if (rc == 0) rc = ops->init(kit->self, &kit->host, &kit->env);
    if (rc < 0) snprintf(sentence, sizeof sentence, "%s", kit->refusal);
    if (rc < 0 && ret_why != NULL) *ret_why = sentence;
    return rc;
}

static void instance_stop(struct policy_kit *kit)
{
    kit->ops->fini(kit->self);
    if (kit->held_bytes != 0)
        policy_kit_blame(kit, "fini() left %llu bytes", (unsigned long long)kit->held_bytes);
    free(kit->texts);
    free(kit->self);
    kit->self = NULL;
    kit->texts = NULL;
}

static void dispose(struct policy_kit *kit)
{
    if (kit->env.space.base != NULL) munmap(kit->env.space.base, kit->setup.space_bytes);
    free(kit->table);
    free(kit->texts);
    free(kit->self);
    free(kit);
}

struct policy_kit *policy_kit_open(const struct loom_eviction_ops *ops,
                                   const struct policy_kit_setup *setup, const char **ret_why)
{
    struct policy_kit *kit = calloc(1, sizeof *kit);
    if (kit == NULL) abort();
    kit->setup = *setup;
    if (kit->setup.space_bytes == 0) kit->setup.space_bytes = SPACE_BYTES;
    kit->capacity_items = setup->capacity_items;
    kit->capacity_bytes = setup->capacity_bytes;
    kit->random = setup->seed;
    kit->space_used = 64; /* reference 0 is nobody */
    kit->host = (struct loom_host){sizeof kit->host, 0,          host_log,     host_fail,
                                   host_alloc,       host_free,  host_charge,  host_counter,
                                   &kit->now_ms,     host_extension};
    void *base = mmap(NULL, kit->setup.space_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    kit->env = (struct loom_eviction_env){sizeof kit->env,    {base},
                                          &kit->clock,        &kit->n_items,
                                          setup->capacity_bytes, setup->capacity_items,
                                          host_sample,        host_hash};
    if (base == MAP_FAILED) abort();
    if (instance_start(kit, ops, setup->options, ret_why) < 0) {
        dispose(kit);
        return NULL;
    }
    return kit;
}

int policy_kit_swap(struct policy_kit *kit, const struct loom_eviction_ops *ops,
                    const char **ret_why)
{
    if (kit->n_claimed > 0) abort(); /* the test's mistake */
    instance_stop(kit);
    kit->env.capacity_bytes = kit->capacity_bytes;
    kit->env.capacity_items = kit->capacity_items;
    int rc = instance_start(kit, ops, NULL, ret_why);
    for (size_t i = 0; rc == 0 && i < kit->n_slots; i++) {
        if (kit->table[i].ref == 0) continue;
        loom_entry *e = loom_at(&kit->env.space, kit->table[i].ref);
        e->word.all = 0;
        ops->inserted(kit->self, e, policy_kit_hash(kit, policy_kit_key(e)));
    }
    return rc;
}

const char *policy_kit_close(struct policy_kit *kit)
{
    instance_stop(kit);
    bool broken = kit->fault[0] != '\0';
    snprintf(sentence, sizeof sentence, "%s", kit->fault);
    dispose(kit);
    return broken ? sentence : NULL;
}
