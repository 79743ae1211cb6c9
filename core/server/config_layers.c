/* config_layers.c - what the file, the environment and the command line say, as text with a place.
 * What it means is the affair of config_load.c. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/plugin/ini.h"
#include "core/server/config_plan.h"

#define PREFIX "LOOMCACHE_"

/* --- the list --------------------------------------------------------------------------------- */

static int grow(struct layers *layers)
{
    size_t room = layers->room ? layers->room * 2 : 32;
    struct layer *at;

    if (layers->n < layers->room) return 0;
    if (layers->n >= LAYERS_MAX) return LOOM_E_LIMIT;
    at = mem_realloc(MEM_CONFIG, layers->at, room * sizeof *at);
    if (at == NULL) return LOOM_E_NOMEM;
    layers->at = at;
    layers->room = room;
    return 0;
}

int layers_add(struct layers *layers, enum config_origin origin, const char *section,
               const char *key, const char *value, const char *place)
{
    size_t n_section = strlen(section) + 1, n_key = strlen(key) + 1, n_value = strlen(value) + 1,
           n_place = strlen(place) + 1;
    int rc = grow(layers);
    char *block;

    if (rc != 0) return rc;
    block = mem_alloc(MEM_CONFIG, n_section + n_key + n_value + n_place);
    if (block == NULL) return LOOM_E_NOMEM;
    layers->at[layers->n++] = (struct layer){
        .section = memcpy(block, section, n_section),
        .key = memcpy(block + n_section, key, n_key),
        .value = memcpy(block + n_section + n_key, value, n_value),
        .place = memcpy(block + n_section + n_key + n_value, place, n_place),
        .origin = origin,
    };
    return 0;
}

void layers_free(struct layers *layers)
{
    for (size_t i = 0; i < layers->n; i++)
        mem_free(MEM_CONFIG, (void *)(uintptr_t)layers->at[i].section);
    mem_free(MEM_CONFIG, layers->at);
    memset(layers, 0, sizeof *layers);
}

const struct layer *layers_find(const struct layers *layers, const char *section, const char *key)
{
    const struct layer *best = NULL;

    for (size_t i = 0; i < layers->n; i++) {
        const struct layer *layer = &layers->at[i];
        if (strcmp(layer->section, section) == 0 && strcmp(layer->key, key) == 0 &&
            (best == NULL || layer->origin >= best->origin))
            best = layer;
    }
    return best;
}

static int refuse(int rc, const char *place, struct error *error)
{
    if (rc == LOOM_E_LIMIT)
        return error_set(error, LOOM_E_CONFIG, "%s: more than %d settings altogether", place,
                         LAYERS_MAX);
    return error_set(error, rc, "out of memory reading the configuration");
}

/* --- the file --------------------------------------------------------------------------------- */

int layers_add_file(struct layers *layers, const char *path, struct error *error)
{
    struct ini ini = {0};
    char place[400];
    int rc = ini_load(path, &ini, error);

    for (size_t i = 0; i < ini.n && rc == 0; i++) {
        const struct ini_entry *e = &ini.entries[i];
        snprintf(place, sizeof place, "%.380s:%u", path, e->line);
        rc = layers_add(layers, CONFIG_FROM_FILE, e->section, e->key, e->value, place);
        if (rc != 0) rc = refuse(rc, place, error);
    }
    ini_free(&ini);
    return rc;
}

/* --- the command line ------------------------------------------------------------------------- */

/* "eviction.s3fifo.small_ratio=0.1": the key is what stands behind the last dot. */
static int split_set(const char *set, char *section, char *key, const char **ret_value,
                     struct error *error)
{
    const char *equals = strchr(set, '='), *dot = NULL;
    char shown[64];

    for (const char *c = set; equals != NULL && c < equals; c++)
        if (*c == '.') dot = c;
    if (dot == NULL || dot == set || equals == dot + 1 || dot - set >= SECTION_MAX ||
        equals - dot > OPTION_KEY_MAX)
        return error_set(error, LOOM_E_CONFIG,
                         "command line: --set %s: expected section.key=value, such as "
                         "--set server.port=7654",
                         option_printable(set, shown, sizeof shown));
    snprintf(section, SECTION_MAX, "%.*s", (int)(dot - set), set);
    snprintf(key, OPTION_KEY_MAX, "%.*s", (int)(equals - dot - 1), dot + 1);
    *ret_value = equals + 1;
    return 0;
}

int layers_add_sets(struct layers *layers, const struct config_args *args, struct error *error)
{
    char section[SECTION_MAX], key[OPTION_KEY_MAX];
    const char *value = NULL;

    for (size_t i = 0; i < args->n_sets; i++) {
        int rc = split_set(args->sets[i], section, key, &value, error);
        if (rc != 0) return rc;
        rc = layers_add(layers, CONFIG_FROM_COMMAND_LINE, section, key, value, "command line");
        if (rc != 0) return refuse(rc, "command line", error);
    }
    return 0;
}

/* --- the environment -------------------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Kubernetes sets these for a Service named loomcache; env discovery reads the last two. */
static bool is_of_others(const char *name)
{
    return starts(name, "SERVICE_") || starts(name, "PORT") || strcmp(name, "NODES") == 0 ||
           strcmp(name, "SEEDS") == 0;
}

static enum config_key row_of(const char *full_name)
{
    char env[160];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        option_env_name(row->section, row->option.key, env, sizeof env);
        if (strcmp(env, full_name) == 0) return (enum config_key)i;
    }
    return CONFIG_KEYS;
}

int layers_add_environment(struct layers *layers, char *const *environment,
                           int (*other)(void *arg, const char *name, const char *value), void *arg,
                           struct error *error)
{
    char name[160], place[200];
    int rc = 0;

    for (; environment != NULL && *environment != NULL && rc == 0; environment++) {
        const char *value = strchr(*environment, '=');
        enum config_key key;
        if (value == NULL || !starts(*environment, PREFIX)) continue;
        snprintf(name, sizeof name, "%.*s", (int)(value - *environment), *environment);
        if (is_of_others(name + strlen(PREFIX))) continue;
        key = row_of(name);
        if (key == CONFIG_KEYS || starts(value + 1, "tcp://")) {
            rc = other(arg, name + strlen(PREFIX), value + 1);
            if (rc != 0) refuse(rc, name, error);
            continue;
        }
        snprintf(place, sizeof place, "environment %s", name);
        rc = layers_add(layers, CONFIG_FROM_ENVIRONMENT, config_row(key)->section,
                        config_row(key)->option.key, value + 1, place);
        if (rc != 0) rc = refuse(rc, place, error);
    }
    return rc;
}
