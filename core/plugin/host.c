/* host.c - see host.h. */
#include "core/plugin/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/metric.h"

#define LINE_BYTES 1024 /* of a plugin's log line */

/* --- what a plugin sees ----------------------------------------------------------------------- */

static void account(struct plugin_instance *instance, int64_t bytes)
{
    __atomic_fetch_add(&instance->used_bytes, bytes, __ATOMIC_RELAXED);
    if (instance->env.charge != NULL) instance->env.charge(instance->env.arg, bytes);
}

static void host_log(const struct loom_host *host, enum loom_log_level level, const char *format,
                     ...)
{
    struct plugin_instance *instance = plugin_host_instance(host);
    char line[LINE_BYTES];
    va_list args;

    if ((unsigned)level > LOOM_LOG_ERROR) level = LOOM_LOG_ERROR;
    if (instance->env.quiet || !log_wanted(level)) return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log_write(&instance->places[level], level, instance->from, "%s", line);
}

static int host_fail(const struct loom_host *host, int code, const char *format, ...)
{
    struct plugin_instance *instance = plugin_host_instance(host);
    va_list args;

    instance->why.code = code;
    va_start(args, format);
    vsnprintf(instance->why.text, sizeof instance->why.text, format, args);
    va_end(args);
    return code;
}

static void *host_alloc(const struct loom_host *host, size_t bytes)
{
    void *at = mem_zalloc(MEM_PLUGIN, bytes);

    if (at != NULL) account(plugin_host_instance(host), (int64_t)mem_charge_of(bytes));
    return at;
}

static void host_free(const struct loom_host *host, void *at, size_t bytes)
{
    if (at == NULL) return;
    mem_free(MEM_PLUGIN, at);
    account(plugin_host_instance(host), -(int64_t)mem_charge_of(bytes));
}

static void host_charge(const struct loom_host *host, int64_t bytes)
{
    mem_charge(MEM_PLUGIN, bytes);
    account(plugin_host_instance(host), bytes);
}

static bool is_counter_name(const char *name)
{
    size_t n = strnlen(name, PLUGIN_COUNTER_NAME_MAX);

    return n > 0 && n < PLUGIN_COUNTER_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static uint64_t *host_counter(const struct loom_host *host, const char *name, const char *help)
{
    struct plugin_instance *instance = plugin_host_instance(host);
    uint32_t n = instance->n_counters;
    struct plugin_counter *counter;
    size_t n_name, n_help;

    for (uint32_t i = 0; i < n; i++)
        if (strcmp(instance->counters[i]->name, name) == 0) return &instance->counters[i]->value;
    if (n == PLUGIN_COUNTERS_MAX || !is_counter_name(name)) return NULL;
    if (help == NULL) help = "";
    n_name = strlen(name) + 1;
    n_help = strlen(help) + 1;
    counter = mem_zalloc(MEM_PLUGIN, sizeof *counter + n_name + n_help);
    if (counter == NULL) return NULL;
    counter->name = memcpy(counter + 1, name, n_name);
    counter->help = memcpy((char *)(counter + 1) + n_name, help, n_help);
    instance->counters[n] = counter;
    __atomic_store_n(&instance->n_counters, n + 1, __ATOMIC_RELEASE);
    return &counter->value;
}

static const void *host_extension(const struct loom_host *host, const char *id)
{
    struct plugin_instance *instance = plugin_host_instance(host);

    return instance->env.extension ? instance->env.extension(instance->env.arg, id) : NULL;
}

/* --- life of an instance ---------------------------------------------------------------------- */

static void link_in(struct plugin_instance *instance)
{
    struct registry_instances *all = registry_instances(instance->plugin->registry);

    pthread_mutex_lock(&all->lock);
    instance->next = all->first;
    if (all->first != NULL) all->first->prev = instance;
    all->first = instance;
    pthread_mutex_unlock(&all->lock);
}

static void link_out(struct plugin_instance *instance)
{
    struct registry_instances *all = registry_instances(instance->plugin->registry);

    pthread_mutex_lock(&all->lock);
    if (instance->next != NULL) instance->next->prev = instance->prev;
    if (instance->prev != NULL) instance->prev->next = instance->next;
    else all->first = instance->next;
    pthread_mutex_unlock(&all->lock);
}

static void fill_host(struct plugin_instance *instance)
{
    instance->host = (struct loom_host){
        .struct_size = sizeof instance->host,
        .partition = instance->env.partition,
        .log = host_log,
        .fail = host_fail,
        .alloc = host_alloc,
        .free = host_free,
        .charge = host_charge,
        .counter = host_counter,
        .now_ms = instance->env.now_ms,
        .extension = host_extension,
    };
}

/* options_apply() leaves STR fields pointing at texts of others. */
static int own_strings(struct plugin_instance *instance)
{
    const struct loom_option *table = instance->plugin->options;
    size_t n = options_count(table);
    struct option_value value;

    for (size_t i = 0; i < n; i++) {
        if (table[i].type != LOOM_OPT_STR) continue;
        option_load(&table[i], instance->self, &value);
        value.as.text = mem_strdup(MEM_PLUGIN, value.as.text);
        if (value.as.text == NULL) return LOOM_E_NOMEM;
        instance->strings[instance->n_strings++] = (char *)(uintptr_t)value.as.text;
        option_store(&table[i], instance->self, &value);
    }
    return 0;
}

int plugin_instance_create(const struct plugin *plugin, const struct option_setting *settings,
                           size_t n_settings, const struct plugin_env *env,
                           struct plugin_instance **ret, struct error *error)
{
    struct plugin_instance *instance = mem_zalloc(MEM_PLUGIN, sizeof *instance);
    int rc = LOOM_E_NOMEM;

    LOOM_ASSERT(env->now_ms != NULL);
    if (instance == NULL) goto no_memory;
    instance->plugin = plugin;
    instance->env = *env;
    snprintf(instance->from, sizeof instance->from, "%s.%s", plugin_kind_name(plugin->kind),
             plugin->name);
    fill_host(instance);
    link_in(instance);
    instance->self = host_alloc(&instance->host, plugin->instance_bytes);
    if (instance->self == NULL) goto no_memory;
    rc = options_apply(plugin->options, instance->from, settings, n_settings, instance->self,
                       error);
    if (rc == 0) rc = own_strings(instance);
    if (rc == LOOM_E_NOMEM) goto no_memory;
    if (rc == 0) *ret = instance;
    else plugin_instance_destroy(instance);
    return rc;

no_memory:
    plugin_instance_destroy(instance);
    return error_set(error, LOOM_E_NOMEM, "out of memory starting %s %s",
                     plugin_kind_noun(plugin->kind), plugin->name);
}

void plugin_instance_destroy(struct plugin_instance *instance)
{
    if (instance == NULL) return;
    link_out(instance);
    host_free(&instance->host, instance->self, instance->plugin->instance_bytes);
    if (instance->used_bytes != 0 && !instance->env.quiet)
        LOG_WARN("plugin", "%s kept %lld bytes after fini()", instance->from,
                 (long long)instance->used_bytes);
    for (size_t i = 0; i < instance->n_strings; i++) mem_free(MEM_PLUGIN, instance->strings[i]);
    for (uint32_t i = 0; i < instance->n_counters; i++)
        mem_free(MEM_PLUGIN, instance->counters[i]);
    mem_free(MEM_PLUGIN, instance);
}

int plugin_instance_failed(struct plugin_instance *instance, int code, struct error *error)
{
    const struct plugin *plugin = instance->plugin;

    if (code >= 0) code = LOOM_E_CONFIG;
    error_set(error, code, "%s %s does not start: %.400s", plugin_kind_noun(plugin->kind),
              plugin->name, instance->why.code != 0 ? instance->why.text : error_name(code));
    plugin_instance_destroy(instance);
    return code;
}

void plugin_instances_each(struct registry *registry,
                           void (*each)(void *arg, const struct plugin_instance *instance),
                           void *arg)
{
    struct registry_instances *all = registry_instances(registry);

    pthread_mutex_lock(&all->lock);
    for (struct plugin_instance *i = all->first; i != NULL; i = i->next) each(arg, i);
    pthread_mutex_unlock(&all->lock);
}
