/* config_load.c - from what was said to a checked configuration with its plugins loaded. */
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/server/config_plan.h"

#define PLUGIN_NAMES_MAX 1024 /* environment names among which a near one is looked for */
#define ENV_NAME_MAX 160

#ifndef LOOM_PLUGINS_FROM_BIN /* the build knows: from the program's folder to the plugins' */
#define LOOM_PLUGINS_FROM_BIN "../lib/loomcache/plugins"
#endif

static int no_memory(struct error *error)
{
    return error_set(error, LOOM_E_NOMEM, "out of memory reading the configuration");
}

/* Lost when memory is short: a warning is not worth refusing to start. */
static void warn(struct config *config, const char *format, ...) LOOM_PRINTF(2, 3);
static void warn(struct config *config, const char *format, ...)
{
    char text[512];
    va_list args;

    if (config->n_warnings == CONFIG_WARNINGS_MAX) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    config->warnings[config->n_warnings] = mem_strdup(MEM_CONFIG, text);
    if (config->warnings[config->n_warnings] != NULL) config->n_warnings++;
}

/* --- variables that are no key of the core ---------------------------------------------------- */

/* Kept aside until the plugins can be asked: key is the name, section is empty. */
static int put_aside(void *arg, const char *name, const char *value)
{
    return layers_add(arg, CONFIG_FROM_ENVIRONMENT, "", name, value, "");
}

/* EVICTION_LRU_SAMPLED_SAMPLES: which of its underscores ends the plugin's name?  The one where
 * there is a plugin that has the rest as a key. */
static int resolve_split(struct config *config, enum plugin_kind kind, const char *rest,
                         const struct layer *aside, bool *ret_found, struct error *error)
{
    const struct plugin *plugin;
    char name[ENV_NAME_MAX], section[ENV_NAME_MAX + 16], place[ENV_NAME_MAX + 32];

    snprintf(name, sizeof name, "%s", rest);
    for (char *c = name; *c != '\0'; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    snprintf(place, sizeof place, "environment LOOMCACHE_%s", aside->key);
    for (char *c = name + strlen(name); c-- > name;) {
        const char *key = c + 1;
        if (*c != '_') continue;
        *c = '\0';
        if (registry_has(config->registry, kind, name)) {
            int rc = registry_find(config->registry, kind, name, &plugin, error);
            if (rc != 0) {
                error_wrap(error, "%s", place);
                return rc;
            }
            if (options_find(plugin->options, key) != NULL) {
                snprintf(section, sizeof section, "%s.%s", plugin_kind_name(kind), name);
                *ret_found = true;
                return layers_add(&config->plan->layers, CONFIG_FROM_ENVIRONMENT, section, key,
                                  aside->value, place);
            }
        }
        *c = '_';
    }
    return 0;
}

static size_t all_env_names(const struct config *config, char (*ret)[ENV_NAME_MAX], size_t room)
{
    char section[SECTION_MAX];
    size_t n = 0;

    for (int i = 0; i < CONFIG_KEYS && n < room; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        option_env_name(row->section, row->option.key, ret[n++], ENV_NAME_MAX);
    }
    for (size_t i = 0; i < registry_count(config->registry); i++) {
        const struct plugin *plugin = registry_at(config->registry, i);
        size_t n_options = options_count(plugin->options);
        snprintf(section, sizeof section, "%s.%s", plugin_kind_name(plugin->kind), plugin->name);
        for (size_t j = 0; j < n_options && n < room; j++)
            option_env_name(section, plugin->options[j].key, ret[n++], ENV_NAME_MAX);
    }
    return n;
}

static void warn_unknown(struct config *config, const struct layer *aside)
{
    char (*texts)[ENV_NAME_MAX] = mem_alloc(MEM_CONFIG, PLUGIN_NAMES_MAX * sizeof *texts);
    const char **names = mem_alloc(MEM_CONFIG, PLUGIN_NAMES_MAX * sizeof *names);
    char full[ENV_NAME_MAX];
    const char *near = NULL;

    snprintf(full, sizeof full, "LOOMCACHE_%.140s", aside->key);
    if (strncmp(aside->value, "tcp://", 6) == 0) {
        warn(config,
             "the environment variable %s is ignored: its value is what Kubernetes sets for a "
             "Service; name the Service otherwise, or set enableServiceLinks: false",
             full);
    } else if (texts != NULL && names != NULL) {
        size_t n = all_env_names(config, texts, PLUGIN_NAMES_MAX - 2);
        for (size_t i = 0; i < n; i++) names[i] = texts[i];
        names[n++] = "LOOMCACHE_NODES";
        names[n++] = "LOOMCACHE_SEEDS";
        near = bytes_nearest(full, names, n);
        warn(config, "the environment variable %s is not known and is ignored%s%s%s", full,
             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    mem_free(MEM_CONFIG, names);
    mem_free(MEM_CONFIG, texts);
}

static int resolve_aside(struct config *config, const struct layers *aside, struct error *error)
{
    for (size_t i = 0; i < aside->n; i++) {
        const struct layer *layer = &aside->at[i];
        bool found = strncmp(layer->value, "tcp://", 6) == 0;
        bool is_foreign = found;
        for (int kind = 0; kind < PLUGIN_KINDS && !found; kind++) {
            const char *prefix = plugin_kind_name((enum plugin_kind)kind);
            size_t n = strlen(prefix);
            if (strncasecmp(layer->key, prefix, n) != 0 || layer->key[n] != '_') continue;
            int rc = resolve_split(config, (enum plugin_kind)kind, layer->key + n + 1, layer,
                                   &found, error);
            if (rc == LOOM_E_NOMEM || rc == LOOM_E_LIMIT) return no_memory(error);
            if (rc != 0) return rc;
        }
        if (!found || is_foreign) warn_unknown(config, layer);
    }
    return 0;
}

/* --- defaults that depend on the machine ------------------------------------------------------ */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void default_plugins(char *ret, size_t bytes)
{
    char program[PATH_MAX - 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    program[n > 0 ? n : 0] = '\0';
    slash = strrchr(program, '/');
    if (slash != NULL) *slash = '\0';
    snprintf(ret, bytes, "%s/plugins", program);
    if (!is_folder(ret)) {
        char installed[PATH_MAX], *real;
        snprintf(installed, sizeof installed, "%s/" LOOM_PLUGINS_FROM_BIN, program);
        real = realpath(installed, NULL);
        if (real != NULL) snprintf(ret, bytes, "%s", real);
        free(real);
    }
}

static void default_id(char *ret, size_t bytes)
{
    if (gethostname(ret, bytes) != 0) *ret = '\0';
    ret[bytes - 1] = '\0';
    for (char *c = ret; *c != '\0'; c++)
        if (strchr("._-", *c) == NULL && !(*c >= '0' && *c <= '9') && !(*c >= 'a' && *c <= 'z') &&
            !(*c >= 'A' && *c <= 'Z'))
            *c = '-';
    if (*ret == '\0') snprintf(ret, bytes, "node");
}

static int fill_defaults(struct config *config, struct error *error)
{
    char id[65], plugins[PATH_MAX];
    struct option_value value = {.type = LOOM_OPT_STR, .as.text = id};

    if (*config->node.id == '\0') {
        default_id(id, sizeof id);
        if (config_put(config, CONFIG_NODE_ID, &value) != 0) return no_memory(error);
    }
    if (*config->plugins.path == '\0') {
        default_plugins(plugins, sizeof plugins);
        value.as.text = plugins;
        if (config_put(config, CONFIG_PLUGINS_PATH, &value) != 0) return no_memory(error);
    }
    return 0;
}

uint32_t config_threads(const struct config *config)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);

    if (config->server.threads != 0) return config->server.threads;
    return n < 1 ? 1 : n > 64 ? 64 : (uint32_t)n;
}

/* --- the core's keys -------------------------------------------------------------------------- */

static int put_layered(struct config *config, enum config_key key, struct error *error)
{
    struct config_plan *plan = config->plan;
    char text[OPTION_TEXT_MAX];
    struct option_value value;
    int rc = config_layered(&plan->layers, key, &value, &plan->origins[key], error);

    if (rc != 0) return rc; /* config_check_core() has passed: this does not happen */
    if (config_put(config, key, &value) != 0) return no_memory(error);
    config_row_format(config_row(key), &value, text, sizeof text);
    plan->layered[key] = mem_strdup(MEM_CONFIG, text);
    return plan->layered[key] ? 0 : no_memory(error);
}

static int load_core(struct config *config, struct error *error)
{
    int rc = config_check_core(&config->plan->layers, error);

    for (int i = 0; i < CONFIG_KEYS && rc == 0; i++)
        rc = put_layered(config, (enum config_key)i, error);
    if (rc == 0) rc = fill_defaults(config, error);
    return rc == 0 ? config_verify(config, error) : rc;
}

/* --- the plugins ------------------------------------------------------------------------------ */

/* "loomcache.ini:31: [eviction] policy = siev: " before what the registry says. */
static int blame(const struct config *config, enum config_key key, int rc, struct error *error)
{
    const struct config_row *row = config_row(key);
    const struct layer *layer =
        layers_find(&config->plan->layers, row->section, row->option.key);
    char value[OPTION_TEXT_MAX];

    option_wrap(error, layer ? layer->place : "default", row->section, row->option.key,
                config_show(config, key, value, sizeof value));
    return rc;
}

static int load_listed(struct config *config, struct error *error)
{
    struct slice rest = slice_of(config->plugins.load, strlen(config->plugins.load)), word;
    char file[PATH_MAX];

    while (config_word(&rest, &word)) {
        snprintf(file, sizeof file, "%.*s", (int)word.bytes, word.at);
        int rc = registry_load(config->registry, file, error);
        if (rc != 0) return blame(config, CONFIG_PLUGINS_LOAD, rc, error);
    }
    return 0;
}

static int choose(struct config *config, enum config_key key, enum plugin_kind kind,
                  const char *name, const struct plugin **ret, struct error *error)
{
    int rc = registry_find(config->registry, kind, name, ret, error);

    return rc == 0 ? 0 : blame(config, key, rc, error);
}

static int choose_exporters(struct config *config, struct error *error)
{
    struct slice rest = slice_of(config->exporter.plugins, strlen(config->exporter.plugins)), word;
    char name[OPTION_KEY_MAX + 16];

    while (config_word(&rest, &word)) {
        const struct plugin *plugin = NULL;
        int rc = 0;
        snprintf(name, sizeof name, "%.*s", (int)word.bytes, word.at);
        if (config->n_exporters == CONFIG_EXPORTERS_MAX)
            rc = error_set(error, LOOM_E_CONFIG, "expected at most %d exporters",
                           CONFIG_EXPORTERS_MAX);
        else
            rc = registry_find(config->registry, PLUGIN_EXPORTER, name, &plugin, error);
        for (size_t i = 0; i < config->n_exporters && rc == 0; i++)
            if (config->exporter_plugins[i] == plugin)
                rc = error_set(error, LOOM_E_CONFIG, "expected each exporter once");
        if (rc != 0) return blame(config, CONFIG_EXPORTER_PLUGINS, rc, error);
        config->exporter_plugins[config->n_exporters++] = plugin;
    }
    return 0;
}

static int load_plugins(struct config *config, const struct layers *aside, struct error *error)
{
    int rc = registry_create(config->plugins.path, &config->registry, error);

    if (rc != 0) return rc == LOOM_E_CONFIG ? blame(config, CONFIG_PLUGINS_PATH, rc, error) : rc;
    rc = load_listed(config, error);
    if (rc == 0)
        rc = choose(config, CONFIG_STORAGE_BACKEND, PLUGIN_STORAGE, config->storage.backend,
                    &config->storage_plugin, error);
    if (rc == 0)
        rc = choose(config, CONFIG_EVICTION_POLICY, PLUGIN_EVICTION, config->eviction.policy,
                    &config->eviction_plugin, error);
    if (rc == 0)
        rc = choose(config, CONFIG_DISCOVERY_PLUGIN, PLUGIN_DISCOVERY, config->discovery.plugin,
                    &config->discovery_plugin, error);
    if (rc == 0) rc = choose_exporters(config, error);
    if (rc == 0) rc = resolve_aside(config, aside, error);
    return rc == 0 ? config_check_plugins(&config->plan->layers, config->registry, error) : rc;
}

/* --- settings by plugin ----------------------------------------------------------------------- */

static struct config_section *section_named(struct config_plan *plan, const char *name)
{
    struct config_section *sections;

    for (size_t i = 0; i < plan->n_sections; i++)
        if (strcmp(plan->sections[i].name, name) == 0) return &plan->sections[i];
    sections = mem_realloc(MEM_CONFIG, plan->sections, (plan->n_sections + 1) * sizeof *sections);
    if (sections == NULL) return NULL;
    plan->sections = sections;
    sections += plan->n_sections;
    memset(sections, 0, sizeof *sections);
    snprintf(sections->name, sizeof sections->name, "%s", name);
    plan->n_sections++;
    return sections;
}

static int gather_sections(struct config *config, struct error *error)
{
    struct config_plan *plan = config->plan;

    for (size_t i = 0; i < plan->layers.n; i++) {
        const struct layer *layer = &plan->layers.at[i];
        struct config_section *section;
        struct option_setting *settings;
        if (config_is_core(layer->section) ||
            layers_find(&plan->layers, layer->section, layer->key) != layer)
            continue;
        section = section_named(plan, layer->section);
        if (section == NULL) return no_memory(error);
        settings = mem_realloc(MEM_CONFIG, section->settings,
                               (section->n + 1) * sizeof *settings);
        if (settings == NULL) return no_memory(error);
        section->settings = settings;
        settings[section->n++] =
            (struct option_setting){layer->key, layer->value, layer->place};
    }
    return 0;
}

const struct option_setting *config_settings(const struct config *config, enum plugin_kind kind,
                                             const char *name, size_t *ret_n)
{
    char section[SECTION_MAX];

    snprintf(section, sizeof section, "%s.%s", plugin_kind_name(kind), name);
    for (size_t i = 0; i < config->plan->n_sections; i++) {
        if (strcmp(config->plan->sections[i].name, section) != 0) continue;
        *ret_n = config->plan->sections[i].n;
        return config->plan->sections[i].settings;
    }
    *ret_n = 0;
    return NULL;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int remember(struct config_plan *plan, const char *file, struct error *error)
{
    char folder[PATH_MAX];

    if (getcwd(folder, sizeof folder) == NULL) snprintf(folder, sizeof folder, "/");
    plan->folder = mem_strdup(MEM_CONFIG, folder);
    if (file != NULL) plan->file = mem_strdup(MEM_CONFIG, file);
    return plan->folder == NULL || (file != NULL && plan->file == NULL) ? no_memory(error) : 0;
}

int config_load(const struct config_args *args, char *const *environment, struct config **ret,
                struct error *error)
{
    struct config *config = mem_zalloc(MEM_CONFIG, sizeof *config);
    struct config_plan *plan = mem_zalloc(MEM_CONFIG, sizeof *plan);
    struct layers aside = {0};
    int rc;

    if (config == NULL || plan == NULL) {
        mem_free(MEM_CONFIG, config);
        mem_free(MEM_CONFIG, plan);
        return no_memory(error);
    }
    config->plan = plan;
    pthread_mutex_init(&plan->lock, NULL);
    rc = remember(plan, args->file, error);
    if (rc == 0 && args->file != NULL) rc = layers_add_file(&plan->layers, args->file, error);
    if (rc == 0)
        rc = layers_add_environment(&plan->layers, environment, put_aside, &aside, error);
    if (rc == 0) rc = layers_add_sets(&plan->layers, args, error);
    if (rc == 0) rc = load_core(config, error);
    if (rc == 0) rc = load_plugins(config, &aside, error);
    if (rc == 0) rc = gather_sections(config, error);
    layers_free(&aside);
    if (rc == 0) *ret = config;
    else config_free(config);
    return rc;
}

void config_free(struct config *config)
{
    struct config_plan *plan = config ? config->plan : NULL;

    if (config == NULL) return;
    registry_destroy(config->registry);
    for (size_t i = 0; i < config->n_warnings; i++) mem_free(MEM_CONFIG, config->warnings[i]);
    for (size_t i = 0; i < plan->n_sections; i++)
        mem_free(MEM_CONFIG, plan->sections[i].settings);
    mem_free(MEM_CONFIG, plan->sections);
    for (int i = 0; i < CONFIG_KEYS; i++) {
        mem_free(MEM_CONFIG, plan->strings[i]);
        mem_free(MEM_CONFIG, plan->layered[i]);
    }
    layers_free(&plan->layers);
    mem_free(MEM_CONFIG, plan->file);
    mem_free(MEM_CONFIG, plan->folder);
    pthread_mutex_destroy(&plan->lock);
    mem_free(MEM_CONFIG, plan);
    mem_free(MEM_CONFIG, config);
}
