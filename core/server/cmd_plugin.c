/* cmd_plugin.c - PLUGIN: which plugins are loaded, with what settings, and what they count.
 *
 * A plugin has as many instances as there are partitions, or one; numbers are sums over them. */
#include <stdio.h>
#include <string.h>

#include "core/plugin/host.h"
#include "core/plugin/options.h"
#include "core/server/cmd_rows.h"
#include "core/server/server.h"

/* ---- what the instances say ------------------------------------------------------------------ */

struct counted {
    char name[PLUGIN_COUNTER_NAME_MAX]; /* a copy: the instance may end meanwhile */
    uint64_t value;
};

struct gathered {
    const struct plugin *plugin;
    uint32_t n_instances;
    uint64_t bytes;
    struct counted counters[PLUGIN_COUNTERS_MAX];
    uint32_t n_counters;
    /* The values of the first instance, written into the reply as they are found. */
    struct reply *reply;
    bool options_done;
};

static void add_counter(struct gathered *g, const struct plugin_counter *counter)
{
    uint32_t i = 0;

    while (i < g->n_counters && strcmp(g->counters[i].name, counter->name) != 0) i++;
    if (i == PLUGIN_COUNTERS_MAX) return;
    if (i == g->n_counters) {
        snprintf(g->counters[i].name, sizeof g->counters[i].name, "%s", counter->name);
        g->n_counters++;
    }
    g->counters[i].value += METRIC_READ(counter->value);
}

static void gather(void *arg, const struct plugin_instance *instance)
{
    struct gathered *g = arg;
    int64_t bytes = METRIC_READ(instance->used_bytes);

    if (instance->plugin != g->plugin) return;
    g->n_instances++;
    if (bytes > 0) g->bytes += (uint64_t)bytes;
    for (uint32_t i = 0; i < plugin_instance_counters(instance); i++)
        add_counter(g, instance->counters[i]);
}

static void reply_options(void *arg, const struct plugin_instance *instance)
{
    struct gathered *g = arg;
    const struct loom_option *table = g->plugin->options;
    char text[OPTION_TEXT_MAX];
    struct option_value value;

    if (instance->plugin != g->plugin || g->options_done) return;
    for (size_t i = 0; i < options_count(table); i++) {
        option_load(&table[i], instance->self, &value);
        reply_text(g->reply, table[i].key);
        reply_text(g->reply, option_format(&value, text, sizeof text));
    }
    g->options_done = true;
}

/* ---- replies --------------------------------------------------------------------------------- */

static void pair(struct reply *reply, const char *key, const char *value)
{
    reply_text(reply, key);
    reply_text(reply, value);
}

#define IDENTITY 7
static void reply_identity(struct reply *reply, const struct plugin *plugin)
{
    pair(reply, "name", plugin->name);
    pair(reply, "kind", plugin_kind_name(plugin->kind));
    pair(reply, "version", plugin->version);
    pair(reply, "vendor", plugin->vendor);
    pair(reply, "license", plugin->license);
    pair(reply, "about", plugin->about);
    pair(reply, "file", plugin->file);
}

static void reply_plugin(struct reply *reply, const struct plugin *plugin)
{
    struct gathered g = {.plugin = plugin, .reply = reply};
    struct registry *registry = plugin->registry;

    plugin_instances_each(registry, gather, &g);
    reply_map(reply, IDENTITY + 4);
    reply_identity(reply, plugin);
    reply_text(reply, "instances");
    reply_int(reply, g.n_instances);
    reply_text(reply, "memory-bytes");
    reply_int(reply, (int64_t)g.bytes);
    reply_text(reply, "options");
    reply_map(reply, options_count(plugin->options));
    plugin_instances_each(registry, reply_options, &g);
    /* Loaded but not in use: what it would start with. */
    for (size_t i = 0; !g.options_done && i < options_count(plugin->options); i++)
        pair(reply, plugin->options[i].key, plugin->options[i].preset);
    reply_text(reply, "counters");
    reply_map(reply, g.n_counters);
    for (uint32_t i = 0; i < g.n_counters; i++) {
        reply_text(reply, g.counters[i].name);
        reply_int(reply, (int64_t)g.counters[i].value);
    }
}

static void run_list(struct call *call)
{
    const struct registry *registry = server_the->config->registry;
    size_t n = registry_count(registry);

    reply_array(call->reply, n);
    for (size_t i = 0; i < n; i++) {
        reply_map(call->reply, IDENTITY);
        reply_identity(call->reply, registry_at(registry, i));
    }
}

/* "sieve" or "eviction.sieve". */
static bool is_named(const struct plugin *plugin, struct slice name)
{
    char full[2 * OPTION_KEY_MAX];

    if (slice_is(name, plugin->name)) return true;
    snprintf(full, sizeof full, "%s.%s", plugin_kind_name(plugin->kind), plugin->name);
    return slice_is(name, full);
}

static void run_info(struct call *call)
{
    const struct registry *registry = server_the->config->registry;
    struct slice name = call->argv[2];

    for (size_t i = 0; i < registry_count(registry); i++) {
        if (!is_named(registry_at(registry, i), name)) continue;
        reply_plugin(call->reply, registry_at(registry, i));
        return;
    }
    call_error(call, "No such plugin '%.*s'", (int)(name.bytes < 128 ? name.bytes : 128), name.at);
}

#define ROW(name, run, arity, syntax, summary)                                                     \
    CMD_ROW("plugin|" name, run, arity, COMMAND_ADMIN | COMMAND_LOADING, "server", "1.0.0",        \
            syntax, summary)

const struct command cmd_rows_plugin[] = {
    ROW("help", cmd_help, 2, "", "Lists the subcommands."),
    ROW("info", run_info, 3, "name",
        "Replies one plugin's settings, memory and counters; name as sieve or eviction.sieve."),
    ROW("list", run_list, 2, "", "Replies which plugins are loaded."),
    CMD_END,
};
