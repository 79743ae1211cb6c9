/* config_value.c - one key's value: into its field, out of it, and from one to the next. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config_plan.h"

#define CHANGES_MAX 64

bool config_word(struct slice *rest, struct slice *ret)
{
    while (rest->bytes > 0) {
        const char *comma = memchr(rest->at, ',', rest->bytes);
        struct slice word = slice_of(rest->at, comma ? (size_t)(comma - rest->at) : rest->bytes);
        size_t used = word.bytes + (comma != NULL);
        *rest = slice_of(rest->at + used, rest->bytes - used);
        while (word.bytes > 0 && *word.at == ' ') word = slice_of(word.at + 1, word.bytes - 1);
        while (word.bytes > 0 && word.at[word.bytes - 1] == ' ') word.bytes--;
        if (word.bytes == 0) continue;
        *ret = word;
        return true;
    }
    return false;
}

/* --- fields ----------------------------------------------------------------------------------- */

int config_put(struct config *config, enum config_key key, const struct option_value *value)
{
    const struct loom_option *option = &config_row(key)->option;
    struct option_value owned = *value;

    if (option->type == LOOM_OPT_STR) {
        char *copy = mem_strdup(MEM_CONFIG, value->as.text);
        if (copy == NULL) return LOOM_E_NOMEM;
        mem_free(MEM_CONFIG, config->plan->strings[key]);
        config->plan->strings[key] = copy;
        owned.as.text = copy;
    }
    option_store(option, config, &owned);
    return 0;
}

char *config_show(const struct config *config, enum config_key key, char *at, size_t bytes)
{
    struct option_value value;

    option_load(&config_row(key)->option, config, &value);
    return config_row_format(config_row(key), &value, at, bytes);
}

int config_layered(const struct layers *layers, enum config_key key, struct option_value *ret,
                   enum config_origin *ret_origin, struct error *error)
{
    const struct config_row *row = config_row(key);
    const struct layer *layer = layers_find(layers, row->section, row->option.key);

    *ret_origin = layer ? layer->origin : CONFIG_FROM_DEFAULT;
    return config_row_parse(row, layer ? layer->value : row->option.preset, ret, error);
}

/* --- conditions across keys ------------------------------------------------------------------- */

static bool client_listener(const struct config *config)
{
    return config->server.enabled && config->server.port != 0;
}

static int verify_open(const struct config *config, struct error *error)
{
    struct config_address all[CONFIG_ADDRESSES_MAX];
    int n;

    if (!client_listener(config) || config->server.allow_open || *config->server.requirepass)
        return 0;
    n = config_addresses(config->server.bind, all, CONFIG_ADDRESSES_MAX, error);
    for (int i = 0; i < n; i++)
        if (!all[i].loopback)
            return error_set(error, LOOM_E_CONFIG,
                             "[server] bind = %.100s would let other machines in without a "
                             "password: set requirepass, or allow_open = true if everybody on "
                             "that network may read and write",
                             config->server.bind);
    return n < 0 ? n : 0;
}

static int verify_ports(const struct config *config, struct error *error)
{
    struct config_address mine[CONFIG_ADDRESSES_MAX], other[CONFIG_ADDRESSES_MAX];
    int n, m;

    if (!client_listener(config) || config->server.port != config->health.port) return 0;
    n = config_addresses(config->server.bind, mine, CONFIG_ADDRESSES_MAX, error);
    m = config_addresses(config->health.bind, other, CONFIG_ADDRESSES_MAX, error);
    if (n < 0 || m < 0) return LOOM_E_CONFIG;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            if (mine[i].dual || other[j].dual || strcmp(mine[i].text, other[j].text) == 0)
                return error_set(error, LOOM_E_CONFIG,
                                 "[server] port and [health] port are both %u on %s: change one, "
                                 "or set the health port to 0 (the client port answers GET /health "
                                 "too)",
                                 config->server.port, mine[i].text);
    return 0;
}

int config_verify(const struct config *config, struct error *error)
{
    int rc = verify_open(config, error);

    return rc == 0 ? verify_ports(config, error) : rc;
}

/* --- changes ---------------------------------------------------------------------------------- */

struct swap {
    struct option_value before, after;
    char *string; /* the one that is not in the field */
};

static int prepare(const struct config *config, const struct config_change *changes,
                   size_t n_changes, struct swap *swaps, struct error *error)
{
    struct config preview = *config;

    for (size_t i = 0; i < n_changes; i++) {
        const struct loom_option *option = &config_row(changes[i].key)->option;
        option_load(option, config, &swaps[i].before);
        swaps[i].after = changes[i].value;
        swaps[i].string = NULL;
        if (option->type == LOOM_OPT_STR) {
            swaps[i].string = mem_strdup(MEM_CONFIG, changes[i].value.as.text);
            if (swaps[i].string == NULL) return error_set(error, LOOM_E_NOMEM, "out of memory");
            swaps[i].after.as.text = swaps[i].string;
        }
        option_store(option, &preview, &swaps[i].after);
    }
    return config_verify(&preview, error);
}

/* The old string waits in the swap until the change is final; called again, it is undone. */
static void exchange(struct config *config, enum config_key key, struct swap *swap)
{
    const struct loom_option *option = &config_row(key)->option;
    struct option_value value = swap->before;

    if (option->type == LOOM_OPT_STR) {
        char *string = config->plan->strings[key];
        config->plan->strings[key] = swap->string;
        swap->string = string;
    }
    option_store(option, config, &swap->after);
    swap->before = swap->after;
    swap->after = value;
}

static int announce(struct config *config, const struct config_change *changes,
                    const struct swap *swaps, size_t n, size_t *ret_at, struct error *error)
{
    struct config_plan *plan = config->plan;

    for (size_t i = 0; i < n; i++) {
        int rc = 0;
        *ret_at = i;
        if (plan->on_change != NULL && !option_equal(&swaps[i].before, &swaps[i].after))
            rc = plan->on_change(plan->arg, changes[i].key, error);
        if (rc != 0) return rc;
    }
    return 0;
}

int config_change_all(struct config *config, const struct config_change *changes,
                      size_t n_changes, enum config_origin origin, size_t *ret_at,
                      struct error *error)
{
    struct swap swaps[CHANGES_MAX] = {0};
    size_t at = n_changes;
    int rc;

    LOOM_ASSERT(n_changes <= CHANGES_MAX);
    rc = prepare(config, changes, n_changes, swaps, error);
    if (rc != 0) goto out;
    for (size_t i = 0; i < n_changes; i++) exchange(config, changes[i].key, &swaps[i]);
    rc = announce(config, changes, swaps, n_changes, &at, error);
    if (rc != 0) {
        size_t unused;
        for (size_t i = 0; i < n_changes; i++) exchange(config, changes[i].key, &swaps[i]);
        announce(config, changes, swaps, at + 1, &unused, NULL);
        goto out;
    }
    for (size_t i = 0; i < n_changes; i++) config->plan->origins[changes[i].key] = origin;
out:
    for (size_t i = 0; i < n_changes; i++) mem_free(MEM_CONFIG, swaps[i].string);
    if (rc != 0) *ret_at = at;
    return rc;
}

/* --- what was said, checked ------------------------------------------------------------------- */

bool config_is_core(const char *section)
{
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (strcmp(config_row((enum config_key)i)->section, section) == 0) return true;
    return false;
}

static int unknown_key(const struct layer *layer, struct error *error)
{
    const char *names[CONFIG_KEYS], *near;
    size_t n = 0;

    for (int i = 0; i < CONFIG_KEYS; i++)
        if (strcmp(config_row((enum config_key)i)->section, layer->section) == 0)
            names[n++] = config_row((enum config_key)i)->option.key;
    near = bytes_nearest(layer->key, names, n);
    if (near != NULL)
        error_set(error, LOOM_E_CONFIG, "unknown key; did you mean %s?", near);
    else
        error_set(error, LOOM_E_CONFIG, "unknown key; `loomcache --describe` lists all of them");
    return LOOM_E_CONFIG;
}

static int unknown_section(const struct layer *layer, struct error *error)
{
    const char *names[CONFIG_KEYS], *near;
    char shown[64];
    size_t n = 0;

    for (int i = 0; i < CONFIG_KEYS; i++)
        names[n++] = config_row((enum config_key)i)->section;
    near = bytes_nearest(layer->section, names, n);
    option_printable(layer->section, shown, sizeof shown);
    if (near != NULL)
        return error_set(error, LOOM_E_CONFIG, "%.200s: unknown section [%s]; did you mean [%s]?",
                         layer->place, shown, near);
    return error_set(error, LOOM_E_CONFIG,
                     "%.200s: unknown section [%s]; a plugin's is [eviction.<name>], "
                     "[storage.<name>], [discovery.<name>] or [exporter.<name>]",
                     layer->place, shown);
}

/* "eviction.s3fifo" into kind and name. */
static bool split_section(const char *section, enum plugin_kind *ret, const char **ret_name)
{
    const char *dot = strchr(section, '.');
    char kind[16];

    if (dot == NULL || dot[1] == '\0' || (size_t)(dot - section) >= sizeof kind) return false;
    snprintf(kind, sizeof kind, "%.*s", (int)(dot - section), section);
    *ret_name = dot + 1;
    return plugin_kind_of(kind, ret);
}

static int check_row(const struct layer *layer, struct error *error)
{
    enum config_key key = config_row_find(layer->section, layer->key);
    struct option_value value;
    const char *shown = layer->value;
    int rc;

    if (key == CONFIG_KEYS) {
        rc = unknown_key(layer, error);
    } else {
        rc = config_row_parse(config_row(key), layer->value, &value, error);
        if (config_row(key)->flags & CONFIG_SECRET) shown = "***";
    }
    if (rc != 0) option_wrap(error, layer->place, layer->section, layer->key, shown);
    return rc;
}

int config_check_core(const struct layers *layers, struct error *error)
{
    for (size_t i = 0; i < layers->n; i++) {
        const struct layer *layer = &layers->at[i];
        enum plugin_kind kind;
        const char *name;
        int rc = 0;
        if (config_is_core(layer->section)) rc = check_row(layer, error);
        else if (!split_section(layer->section, &kind, &name)) rc = unknown_section(layer, error);
        if (rc != 0) return rc;
    }
    return 0;
}

static int check_option(const struct layer *layer, enum plugin_kind kind, const char *name,
                        struct registry *registry, struct error *error)
{
    const struct loom_option *option;
    const struct plugin *plugin;
    struct option_value value;
    int rc = registry_find(registry, kind, name, &plugin, error);

    if (rc != 0) {
        error_wrap(error, "%.200s: [%.100s]", layer->place, layer->section);
        return rc;
    }
    option = options_find(plugin->options, layer->key);
    rc = option ? option_parse(option, layer->value, &value, error)
                : options_unknown(plugin->options, layer->key, error);
    if (rc != 0) option_wrap(error, layer->place, layer->section, layer->key, layer->value);
    return rc;
}

int config_check_plugins(const struct layers *layers, struct registry *registry,
                         struct error *error)
{
    for (size_t i = 0; i < layers->n; i++) {
        enum plugin_kind kind;
        const char *name;
        if (config_is_core(layers->at[i].section) ||
            !split_section(layers->at[i].section, &kind, &name))
            continue;
        int rc = check_option(&layers->at[i], kind, name, registry, error);
        if (rc != 0) return rc;
    }
    return 0;
}
