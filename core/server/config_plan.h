/* config_plan.h - inside of the configuration, for the config_*.c files only.
 *
 * A layer is one thing somebody said: section, key, value, and where.  Layers are kept as text, in
 * the order file, environment, command line; a key's value is what its highest layer says.
 */
#ifndef CORE_SERVER_CONFIG_PLAN_H
#define CORE_SERVER_CONFIG_PLAN_H

#include <pthread.h>

#include "core/server/config.h"

#define LAYERS_MAX 2048
#define SECTION_MAX (OPTION_KEY_MAX * 2) /* "eviction.lru_sampled" */

struct layer {
    const char *section, *key, *value, *place; /* one block, owned by the list */
    enum config_origin origin;
};
struct layers {
    struct layer *at;
    size_t n, room;
};
/* layers_add - copies the texts; LOOM_E_NOMEM, LOOM_E_LIMIT. */
int layers_add(struct layers *layers, enum config_origin origin, const char *section,
               const char *key, const char *value, const char *place);
void layers_free(struct layers *layers);
/* layers_find - what outranks: the highest origin, and of one origin the last.  NULL: nobody. */
const struct layer *layers_find(const struct layers *layers, const char *section,
                                const char *key);

/* layers_add_file, layers_add_sets - collect; every error has its place. */
int layers_add_file(struct layers *layers, const char *path, struct error *error);
int layers_add_sets(struct layers *layers, const struct config_args *args, struct error *error);
/* layers_add_environment - keys of the core.  What is left over is passed to other(), name without
 * "LOOMCACHE_": it may be a plugin's key, or "tcp://..." that Kubernetes sets for some Service. */
int layers_add_environment(struct layers *layers, char *const *environment,
                           int (*other)(void *arg, const char *name, const char *value), void *arg,
                           struct error *error);

/* The settings of one plugin, as plugin_instance_create() wants them. */
struct config_section {
    char name[SECTION_MAX]; /* "eviction.s3fifo" */
    struct option_setting *settings; /* texts borrowed from the layers */
    size_t n;
};

struct config_plan {
    pthread_mutex_t lock;
    struct layers layers;                   /* as they were when the node started */
    struct config_section *sections;        /* made from them */
    size_t n_sections;
    enum config_origin origins[CONFIG_KEYS];
    char *strings[CONFIG_KEYS];             /* behind the STR fields */
    char *layered[CONFIG_KEYS];             /* what the layers said when last read: see reload */
    char *file, *folder;                    /* NULL: none; working directory at start */
    int (*on_change)(void *arg, enum config_key key, struct error *error);
    void *arg;
};

/* --- values (config_value.c) ------------------------------------------------------------------ */

/* A key's next value, not yet in force. */
struct config_change {
    enum config_key key;
    struct option_value value; /* STR: borrowed from text */
    char *text;                /* as the file would have it; owned */
};

/* config_put - into the field, with a copy of a string.  LOOM_E_NOMEM. */
int config_put(struct config *config, enum config_key key, const struct option_value *value);
/* config_show - the present value as the file would have it.  Returns at. */
char *config_show(const struct config *config, enum config_key key, char *at, size_t bytes);
/* config_verify - conditions that involve several keys. */
int config_verify(const struct config *config, struct error *error);
/* config_change_all - check the changes together, put them in force and announce them.  All or
 * none.  *ret_at: the one that an error is about, n_changes: all of them together.  Lock held. */
int config_change_all(struct config *config, const struct config_change *changes,
                      size_t n_changes, enum config_origin origin, size_t *ret_at,
                      struct error *error);

/* config_check_core - core sections have only keys that exist, with good values, and every other
 * section could be a plugin's. */
int config_check_core(const struct layers *layers, struct error *error);
/* config_check_plugins - those plugins exist and know their keys.  Loads them. */
int config_check_plugins(const struct layers *layers, struct registry *registry,
                         struct error *error);
bool config_is_core(const char *section);
/* config_layered - parse what the layers say of a key, or its default. */
int config_layered(const struct layers *layers, enum config_key key, struct option_value *ret,
                   enum config_origin *ret_origin, struct error *error);

/* config_word - next word of a comma list, blanks trimmed, empty ones passed over. */
bool config_word(struct slice *rest, struct slice *ret);

/* --- Redis' names (config_redis.c) ------------------------------------------------------------ */

/* config_redis_read - Redis' value to ours: *ret_key and a text for the row.  LOOM_E_UNSUPPORTED:
 * no such name; LOOM_E_CONFIG: not acceptable.  *ret_key CONFIG_KEYS: nothing to change. */
int config_redis_read(const struct config *config, const char *name, const char *value,
                      enum config_key *ret_key, char *ret, size_t bytes, struct error *error);
/* config_redis_each - every name of Redis' with its value. */
void config_redis_each(const struct config *config,
                       void (*each)(void *arg, const char *name, const char *value), void *arg);
/* config_redis_names - into names, at most room; how many. */
size_t config_redis_names(const char **names, size_t room);

#endif
