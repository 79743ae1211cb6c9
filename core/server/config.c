/* config.c - the configuration of a running node: CONFIG GET, CONFIG SET, the lock. */
#include "core/server/config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/server/config_plan.h"

#define PAIRS_MAX 64
#define NAME_MAX_BYTES 160

void config_lock(struct config *config) { pthread_mutex_lock(&config->plan->lock); }
void config_unlock(struct config *config) { pthread_mutex_unlock(&config->plan->lock); }

void config_on_change(struct config *config,
                      int (*on_change)(void *arg, enum config_key key, struct error *error),
                      void *arg)
{
    config_lock(config);
    config->plan->on_change = on_change;
    config->plan->arg = arg;
    config_unlock(config);
}

enum config_origin config_origin(const struct config *config, enum config_key key)
{
    LOOM_ASSERT((unsigned)key < CONFIG_KEYS);
    return config->plan->origins[key];
}

const char *config_file(const struct config *config) { return config->plan->file; }

/* --- CONFIG GET ------------------------------------------------------------------------------- */

struct getting {
    struct slice glob;
    void (*each)(void *arg, const char *name, const char *value);
    void *arg;
};

static void give(void *arg, const char *name, const char *value)
{
    struct getting *getting = arg;

    if (bytes_match(getting->glob, slice_of(name, strlen(name)), true))
        getting->each(getting->arg, name, value);
}

static void get_core(const struct config *config, struct getting *getting)
{
    char name[NAME_MAX_BYTES], value[OPTION_TEXT_MAX];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        snprintf(name, sizeof name, "%s.%s", row->section, row->option.key);
        give(getting, name, config_show(config, (enum config_key)i, value, sizeof value));
    }
}

static void get_plugin(const struct config *config, const struct plugin *plugin,
                       struct getting *getting)
{
    char name[NAME_MAX_BYTES];
    size_t n_settings, n = options_count(plugin->options);
    const struct option_setting *settings =
        config_settings(config, plugin->kind, plugin->name, &n_settings);

    for (size_t i = 0; i < n; i++) {
        const struct loom_option *option = &plugin->options[i];
        const char *value = option->preset;
        for (size_t j = 0; j < n_settings; j++)
            if (strcmp(settings[j].key, option->key) == 0) value = settings[j].value;
        snprintf(name, sizeof name, "%s.%s.%s", plugin_kind_name(plugin->kind), plugin->name,
                 option->key);
        give(getting, name, value);
    }
}

void config_get(struct config *config, struct slice glob,
                void (*each)(void *arg, const char *name, const char *value), void *arg)
{
    struct getting getting = {glob, each, arg};

    config_lock(config);
    get_core(config, &getting);
    get_plugin(config, config->storage_plugin, &getting);
    get_plugin(config, config->eviction_plugin, &getting);
    get_plugin(config, config->discovery_plugin, &getting);
    for (size_t i = 0; i < config->n_exporters; i++)
        get_plugin(config, config->exporter_plugins[i], &getting);
    config_redis_each(config, give, &getting);
    config_unlock(config);
}

/* --- CONFIG SET ------------------------------------------------------------------------------- */

static enum config_key own_name(const char *name)
{
    char own[NAME_MAX_BYTES];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        snprintf(own, sizeof own, "%s.%s", row->section, row->option.key);
        if (strcasecmp(own, name) == 0) return (enum config_key)i;
    }
    return CONFIG_KEYS;
}

struct looking {
    const char *name;
    bool found;
};

static void look(void *arg, const char *name, const char *value)
{
    struct looking *looking = arg;

    (void)value;
    if (strcasecmp(name, looking->name) == 0) looking->found = true;
}

static bool is_plugin_key(const struct config *config, const char *name)
{
    struct looking looking = {name, false};
    struct getting all = {slice_of("*", 1), look, &looking};

    get_plugin(config, config->storage_plugin, &all);
    get_plugin(config, config->eviction_plugin, &all);
    get_plugin(config, config->discovery_plugin, &all);
    for (size_t i = 0; i < config->n_exporters; i++)
        get_plugin(config, config->exporter_plugins[i], &all);
    return looking.found;
}

static int unknown_name(const char *name, struct error *error)
{
    const char *names[CONFIG_KEYS + 64], *near;
    char own[CONFIG_KEYS][NAME_MAX_BYTES], shown[64];
    size_t n = config_redis_names(names, 64);

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        snprintf(own[i], sizeof own[i], "%s.%s", row->section, row->option.key);
        names[n++] = own[i];
    }
    near = bytes_nearest(name, names, n);
    return error_set(error, LOOM_E_UNSUPPORTED, "there is no key '%s'%s%s%s",
                     option_printable(name, shown, sizeof shown), near ? "; did you mean " : "",
                     near ? near : "", near ? "?" : "");
}

static int refuse_restart(enum config_key key, struct error *error)
{
    const struct config_row *row = config_row(key);

    return error_set(error, LOOM_E_CONFIG,
                     "[%s] %s cannot change while the node runs: set it in the file and restart",
                     row->section, row->option.key);
}

/* A pair into a change; *ret_any false: the value is what it is already, or fixed. */
static int stage(const struct config *config, const struct config_pair *pair,
                 struct config_change *ret, bool *ret_any, struct error *error)
{
    char name[NAME_MAX_BYTES], now[OPTION_TEXT_MAX];
    struct option_value present;
    int rc;

    *ret_any = false;
    if (pair->name.bytes >= sizeof name) return unknown_name("", error);
    snprintf(name, sizeof name, "%.*s", (int)pair->name.bytes, pair->name.at);
    if (pair->value.bytes >= OPTION_TEXT_MAX ||
        memchr(pair->value.at, '\0', pair->value.bytes) != NULL)
        return error_set(error, LOOM_E_CONFIG, "expected text of at most %d bytes without NUL",
                         OPTION_TEXT_MAX - 1);
    ret->text = mem_alloc(MEM_CONFIG, OPTION_TEXT_MAX);
    if (ret->text == NULL) return error_set(error, LOOM_E_NOMEM, "out of memory");
    snprintf(now, sizeof now, "%.*s", (int)pair->value.bytes, pair->value.at);
    ret->key = own_name(name);
    if (ret->key != CONFIG_KEYS) {
        memcpy(ret->text, now, strlen(now) + 1);
    } else {
        rc = config_redis_read(config, name, now, &ret->key, ret->text, OPTION_TEXT_MAX, error);
        if (rc == LOOM_E_UNSUPPORTED && is_plugin_key(config, name))
            return error_set(error, LOOM_E_CONFIG, "a plugin's key cannot change while the node "
                                                   "runs: set it in the file and restart");
        if (rc == LOOM_E_UNSUPPORTED) return unknown_name(name, error);
        if (rc != 0 || ret->key == CONFIG_KEYS) return rc;
    }
    rc = config_row_parse(config_row(ret->key), ret->text, &ret->value, error);
    if (rc != 0) return rc;
    option_load(&config_row(ret->key)->option, config, &present);
    if ((config_row(ret->key)->flags & CONFIG_LIVE) == 0)
        return option_equal(&present, &ret->value) ? 0 : refuse_restart(ret->key, error);
    *ret_any = true;
    return 0;
}

static int set_locked(struct config *config, const struct config_pair *pairs, size_t n_pairs,
                      size_t *ret_at, struct error *error)
{
    struct config_change changes[PAIRS_MAX] = {0};
    size_t of_pair[PAIRS_MAX + 1], n = 0, n_texts = 0, at = 0;
    char *texts[PAIRS_MAX];
    int rc = 0;

    for (size_t i = 0; i < n_pairs && rc == 0; i++) {
        bool any;
        at = i;
        changes[n].text = NULL;
        rc = stage(config, &pairs[i], &changes[n], &any, error);
        if (changes[n].text != NULL) texts[n_texts++] = changes[n].text;
        for (size_t j = 0; j < n && rc == 0 && any; j++)
            if (changes[j].key == changes[n].key)
                rc = error_set(error, LOOM_E_CONFIG, "the same key is given twice");
        of_pair[n] = i;
        n += rc == 0 && any;
    }
    if (rc == 0 && n > 0) {
        rc = config_change_all(config, changes, n, CONFIG_FROM_CLIENT, &at, error);
        if (rc != 0) at = of_pair[at < n ? at : n - 1];
    }
    for (size_t i = 0; i < n_texts; i++) mem_free(MEM_CONFIG, texts[i]);
    if (rc != 0) *ret_at = at;
    return rc;
}

int config_set(struct config *config, const struct config_pair *pairs, size_t n_pairs,
               size_t *ret_at, struct error *error)
{
    int rc;

    if (n_pairs > PAIRS_MAX) {
        *ret_at = PAIRS_MAX;
        return error_set(error, LOOM_E_LIMIT, "expected at most %d keys in one command", PAIRS_MAX);
    }
    config_lock(config);
    rc = set_locked(config, pairs, n_pairs, ret_at, error);
    config_unlock(config);
    return rc;
}
