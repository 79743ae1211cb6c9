/* registry.h - the shared objects that were loaded, and what each of them offers.
 *
 * A plugin is asked for by kind and name and is then looked for as <folder>/<kind>_<name>.so in
 * the folders of the search path; other files are loaded by their name, and may offer anything.
 * A file is looked at before the dynamic linker sees it: a linker maps what the headers promise,
 * and touching a page behind the end of a truncated file is a SIGBUS.  Then every offer is checked
 * as far as a table can be checked.  Loaded objects stay loaded until the process ends.
 *
 * Every refusal is one sentence with the file's name, LOOM_E_CONFIG.
 *
 * Thread: [control] or before threads start.  A struct plugin never changes and is never freed
 * before registry_destroy(): pointers to it may be handed to any thread.
 */
#ifndef CORE_PLUGIN_REGISTRY_H
#define CORE_PLUGIN_REGISTRY_H

#include <pthread.h>

#include <loomcache/plugin.h>

#include "core/base/error.h"

enum plugin_kind {
    PLUGIN_EVICTION = 0,
    PLUGIN_STORAGE,
    PLUGIN_DISCOVERY,
    PLUGIN_EXPORTER,
    PLUGIN_KINDS
};

/* Bounds on what is believed. */
#define REGISTRY_PLUGINS_MAX 256
#define REGISTRY_OFFERS_MAX 64             /* in one file */
#define REGISTRY_INSTANCE_MAX (16u << 20)  /* bytes of one instance */
#define REGISTRY_FOLDERS_MAX 16

struct registry;

/* One offer that passed every check. */
struct plugin {
    struct registry *registry;
    enum plugin_kind kind;
    const char *name, *about;          /* the offer's */
    const void *ops;                   /* struct loom_<kind>_ops */
    const struct loom_option *options; /* NULL: none */
    uint32_t instance_bytes;
    const char *vendor, *version, *license; /* never NULL */
    const char *file;                       /* path it was loaded from */
};

/* registry_create - path: folders, separated by ':'; copied.  Nothing is loaded yet. */
int registry_create(const char *path, struct registry **ret, struct error *error);
/* registry_destroy - forget the plugins; no instance may be left.  NULL is fine. */
void registry_destroy(struct registry *registry);
const char *registry_path(const struct registry *registry);

/* registry_load - a file: a path when it has a '/', else a name in the search path.  The same file
 * again is nothing to do. */
int registry_load(struct registry *registry, const char *file, struct error *error);
/* registry_find - loaded already, or found in the search path and loaded now.
 * Absent: "no eviction plugin "siev" in plugins/ (eviction_siev.so); did you mean sieve?" */
int registry_find(struct registry *registry, enum plugin_kind kind, const char *name,
                  const struct plugin **ret, struct error *error);
/* registry_has - loaded, or there is a file of that name: find would at least try. */
bool registry_has(const struct registry *registry, enum plugin_kind kind, const char *name);
/* registry_load_all - every <kind>_<name>.so of the search path, for --describe. */
int registry_load_all(struct registry *registry, struct error *error);

size_t registry_count(const struct registry *registry);
const struct plugin *registry_at(const struct registry *registry, size_t i); /* loading order */

const char *plugin_kind_noun(enum plugin_kind kind); /* "eviction policy": in sentences */
const char *plugin_kind_name(enum plugin_kind kind); /* "eviction": section prefix, file prefix */
const char *plugin_kind_id(enum plugin_kind kind);   /* LOOM_KIND_EVICTION */
/* plugin_kind_of - from the name; false: there is no such kind. */
bool plugin_kind_of(const char *name, enum plugin_kind *ret);

/* Living instances, kept by host.c. */
struct plugin_instance;
struct registry_instances {
    pthread_mutex_t lock;
    struct plugin_instance *first;
};
struct registry_instances *registry_instances(struct registry *registry);

#endif
