/* describe.c - see describe.h. */
#include "core/plugin/describe.h"

#include <string.h>

#include <loomcache/discovery.h>
#include <loomcache/eviction.h>
#include <loomcache/exporter.h>
#include <loomcache/http.h>
#include <loomcache/loop.h>
#include <loomcache/storage.h>

#include "core/plugin/host.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void json_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, ",\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
        else if (c < 0x20) fprintf(out, "\\u%04x", c);
        else fputc(c, out);
    }
    fputc('"', out);
}

void describe_option(FILE *out, enum describe_format format, const struct describe_option *option)
{
    char own[160], env[160];
    const struct loom_option *o = option->option;
    const char *form = option->form ? option->form : option_accepts(o, own, sizeof own);

    option_env_name(option->section, o->key, env, sizeof env);
    if (format == DESCRIBE_TEXT) {
        fprintf(out, "[%s] %s =%s%s\n    %s\n    Accepts %s.\n    %s", option->section, o->key,
                *o->preset ? " " : "", o->preset, o->help, form, env);
        if (option->redis != NULL) fprintf(out, ", CONFIG %s", option->redis);
        fprintf(out, ", %s\n", option->live ? "at run time" : "at start");
        return;
    }
    fputs("{\"type\":\"option\"", out);
    json_text(out, "section", option->section);
    json_text(out, "key", o->key);
    json_text(out, "default", o->preset);
    json_text(out, "accepts", form);
    json_text(out, "help", o->help);
    json_text(out, "environment", env);
    if (option->redis != NULL) json_text(out, "redis", option->redis);
    fprintf(out, ",\"live\":%s}\n", option->live ? "true" : "false");
}

void describe_metric(FILE *out, enum describe_format format, const struct describe_metric *metric)
{
    const char *labels = metric->labels ? metric->labels : "";

    if (format == DESCRIBE_TEXT) {
        fprintf(out, "%s%s%s%s  %s\n    %s\n", metric->name, *labels ? "{" : "", labels,
                *labels ? "}" : "", metric->kind, metric->help);
        return;
    }
    fputs("{\"type\":\"metric\"", out);
    json_text(out, "name", metric->name);
    json_text(out, "kind", metric->kind);
    json_text(out, "labels", labels);
    json_text(out, "help", metric->help);
    fputs("}\n", out);
}

static void describe_head(FILE *out, enum describe_format format, const struct plugin *plugin)
{
    if (format == DESCRIBE_TEXT) {
        fprintf(out, "plugin %s %s %s (%s, %s)\n    %s\n", plugin_kind_name(plugin->kind),
                plugin->name, plugin->version, plugin->vendor, plugin->license, plugin->about);
        return;
    }
    fputs("{\"type\":\"plugin\"", out);
    json_text(out, "kind", plugin_kind_name(plugin->kind));
    json_text(out, "id", plugin_kind_id(plugin->kind));
    json_text(out, "name", plugin->name);
    json_text(out, "about", plugin->about);
    json_text(out, "vendor", plugin->vendor);
    json_text(out, "version", plugin->version);
    json_text(out, "license", plugin->license);
    fputs("}\n", out);
}

/* --- a host where nothing happens: plugins start on it to name their counters ----------------- */

static uint64_t idle_timer(const struct loom_host *host, uint32_t first_ms, uint32_t repeat_ms,
                           void (*fire)(void *arg), void *arg)
{
    (void)host, (void)first_ms, (void)repeat_ms, (void)fire, (void)arg;
    return 1;
}
static uint64_t idle_watch(const struct loom_host *host, int fd, bool readable, bool writable,
                           void (*ready)(void *arg, int fd, bool readable, bool writable),
                           void *arg)
{
    (void)host, (void)fd, (void)readable, (void)writable, (void)ready, (void)arg;
    return 2;
}
static void idle_cancel(const struct loom_host *host, uint64_t id) { (void)host, (void)id; }
static int idle_post(const struct loom_host *host, void (*run)(void *arg), void *arg)
{
    (void)host, (void)run, (void)arg;
    return 0;
}
static int idle_serve(const struct loom_host *host, const char *bind, uint32_t port,
                      const char *path, const char *content_type,
                      int (*body)(void *arg, const struct loom_sink *out), void *arg)
{
    (void)host, (void)bind, (void)port, (void)path, (void)content_type, (void)body, (void)arg;
    return 0;
}
static const void *idle_extension(void *arg, const char *id)
{
    static const struct loom_loop loop = {sizeof loop, idle_timer, idle_watch, idle_cancel,
                                          idle_post};
    static const struct loom_http http = {sizeof http, idle_serve};

    (void)arg;
    if (strcmp(id, LOOM_EXT_LOOP) == 0) return &loop;
    return strcmp(id, LOOM_EXT_HTTP) == 0 ? &http : NULL;
}

static size_t no_sample(const struct loom_host *host, loom_entry **ret, size_t n)
{
    (void)host, (void)ret, (void)n;
    return 0;
}
static uint64_t no_hash(const struct loom_host *host, const loom_entry *e)
{
    (void)host, (void)e;
    return 0;
}
static loom_entry *no_entry(const struct loom_host *host, size_t bytes)
{
    (void)host, (void)bytes;
    return NULL;
}
static void no_entry_free(const struct loom_host *host, loom_entry *e, size_t bytes)
{
    (void)host, (void)e, (void)bytes;
}
static size_t no_charge(size_t bytes) { return bytes; }
static void no_peers(void *to, const struct loom_peer *all, size_t n)
{
    (void)to, (void)all, (void)n;
}
static void no_answer(void *to, int code, const char *sentence)
{
    (void)to, (void)code, (void)sentence;
}
static const struct loom_metric *const *no_metrics(void *from, size_t *ret_n)
{
    (void)from;
    *ret_n = 0;
    return NULL;
}

static const uint32_t idle_clock;
static const uint64_t idle_number; /* now_ms, n_items */

static int start(const struct plugin_instance *instance)
{
    static const struct loom_eviction_env eviction = {
        .struct_size = sizeof eviction, .clock = &idle_clock, .n_items = &idle_number,
        .sample = no_sample, .hash = no_hash};
    static const struct loom_storage_env storage = {
        .struct_size = sizeof storage, .entry_alloc = no_entry, .entry_free = no_entry_free,
        .entry_charge = no_charge, .hash = no_hash};
    static const struct loom_discovery_sink sink = {
        .struct_size = sizeof sink, .found = no_peers, .failed = no_answer};
    static const struct loom_metrics_source source = {
        .struct_size = sizeof source, .sample = no_metrics};
    const void *ops = instance->plugin->ops;
    void *self = instance->self;

    switch (instance->plugin->kind) {
    case PLUGIN_EVICTION:
        return ((const struct loom_eviction_ops *)ops)->init(self, &instance->host, &eviction);
    case PLUGIN_STORAGE:
        return ((const struct loom_storage_ops *)ops)->init(self, &instance->host, &storage);
    case PLUGIN_DISCOVERY:
        return ((const struct loom_discovery_ops *)ops)->init(self, &instance->host, &sink);
    default:
        return ((const struct loom_exporter_ops *)ops)->init(self, &instance->host, &source);
    }
}

static void stop(const struct plugin_instance *instance)
{
    const void *ops = instance->plugin->ops;

    switch (instance->plugin->kind) {
    case PLUGIN_EVICTION: ((const struct loom_eviction_ops *)ops)->fini(instance->self); break;
    case PLUGIN_STORAGE: ((const struct loom_storage_ops *)ops)->fini(instance->self); break;
    case PLUGIN_DISCOVERY: ((const struct loom_discovery_ops *)ops)->fini(instance->self); break;
    default: ((const struct loom_exporter_ops *)ops)->fini(instance->self);
    }
}

static void describe_counters(FILE *out, enum describe_format format,
                              const struct plugin_instance *instance)
{
    uint32_t n = plugin_instance_counters(instance);
    char name[200];

    for (uint32_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "loomcache_plugin_%s_%s_total", instance->plugin->name,
                 instance->counters[i]->name);
        describe_metric(out, format,
                        &(struct describe_metric){name, "counter", instance->counters[i]->help,
                                                  "kind"});
    }
}

int describe_plugin(FILE *out, enum describe_format format, const struct plugin *plugin,
                    struct error *error)
{
    struct plugin_env env = {.partition = LOOM_NODE_WIDE,
                             .now_ms = &idle_number,
                             .extension = idle_extension,
                             .quiet = true};
    size_t n = options_count(plugin->options);
    struct plugin_instance *instance;
    char section[OPTION_KEY_MAX * 2];
    int rc;

    describe_head(out, format, plugin);
    snprintf(section, sizeof section, "%s.%s", plugin_kind_name(plugin->kind), plugin->name);
    for (size_t i = 0; i < n; i++)
        describe_option(out, format,
                        &(struct describe_option){.section = section,
                                                  .option = &plugin->options[i]});
    if (plugin->kind == PLUGIN_EVICTION || plugin->kind == PLUGIN_STORAGE) env.partition = 0;
    rc = plugin_instance_create(plugin, NULL, 0, &env, &instance, error);
    if (rc != 0) return rc;
    rc = start(instance);
    describe_counters(out, format, instance);
    if (rc == 0) stop(instance);
    plugin_instance_destroy(instance);
    return 0;
}
