/* registry.c - see registry.h.  Files are checked by elf.c, offers by offer.c. */
#include "core/plugin/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/plugin/elf.h"
#include "core/plugin/offer.h"
#include "core/plugin/options.h"

#define FILES_MAX REGISTRY_PLUGINS_MAX
#define NAMES_MAX 128 /* candidates for "did you mean" */

struct file {
    char *path;
    dev_t device; /* the same file by another name is the same file */
    ino_t inode;
};

struct registry {
    char *path;                            /* as given */
    char *folders[REGISTRY_FOLDERS_MAX];   /* into split */
    char *split;                           /* path with NUL for ':' */
    size_t n_folders;
    struct file files[FILES_MAX];
    size_t n_files;
    struct plugin *plugins[REGISTRY_PLUGINS_MAX];
    size_t n_plugins;
    struct registry_instances instances;
};

static int no_memory(struct error *error)
{
    return error_set(error, LOOM_E_NOMEM, "out of memory loading plugins");
}

/* --- life ------------------------------------------------------------------------------------- */

int registry_create(const char *path, struct registry **ret, struct error *error)
{
    struct registry *registry = mem_zalloc(MEM_CONFIG, sizeof *registry);
    char *rest, *folder;
    int rc = 0;

    if (registry == NULL) return no_memory(error);
    pthread_mutex_init(&registry->instances.lock, NULL);
    registry->path = mem_strdup(MEM_CONFIG, path);
    registry->split = mem_strdup(MEM_CONFIG, path);
    if (registry->path == NULL || registry->split == NULL) {
        rc = no_memory(error);
        goto out;
    }
    for (folder = strtok_r(registry->split, ":", &rest); folder != NULL;
         folder = strtok_r(NULL, ":", &rest)) {
        if (registry->n_folders == REGISTRY_FOLDERS_MAX) {
            rc = error_set(error, LOOM_E_CONFIG, "more than %d folders to look for plugins in",
                           REGISTRY_FOLDERS_MAX);
            goto out;
        }
        registry->folders[registry->n_folders++] = folder;
    }
out:
    if (rc != 0) registry_destroy(registry);
    else *ret = registry;
    return rc;
}

void registry_destroy(struct registry *registry)
{
    if (registry == NULL) return;
    LOOM_ASSERT(registry->instances.first == NULL);
    for (size_t i = 0; i < registry->n_plugins; i++) mem_free(MEM_CONFIG, registry->plugins[i]);
    for (size_t i = 0; i < registry->n_files; i++) mem_free(MEM_CONFIG, registry->files[i].path);
    pthread_mutex_destroy(&registry->instances.lock);
    mem_free(MEM_CONFIG, registry->split);
    mem_free(MEM_CONFIG, registry->path);
    mem_free(MEM_CONFIG, registry);
}

const char *registry_path(const struct registry *registry) { return registry->path; }
size_t registry_count(const struct registry *registry) { return registry->n_plugins; }

const struct plugin *registry_at(const struct registry *registry, size_t i)
{
    LOOM_ASSERT(i < registry->n_plugins);
    return registry->plugins[i];
}

struct registry_instances *registry_instances(struct registry *registry)
{
    return &registry->instances;
}

static const struct plugin *find_loaded(const struct registry *registry, enum plugin_kind kind,
                                        const char *name)
{
    for (size_t i = 0; i < registry->n_plugins; i++)
        if (registry->plugins[i]->kind == kind && strcmp(registry->plugins[i]->name, name) == 0)
            return registry->plugins[i];
    return NULL;
}

/* --- one file --------------------------------------------------------------------------------- */

/* The object stays loaded until the process ends, whatever becomes of it here: its code may have
 * started threads or handed out addresses.  path has a '/' in it. */
static int find_entry(const char *path, const struct loom_plugin *(**ret)(void),
                      struct error *error)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    int rc = 0;

    if (handle == NULL)
        return error_set(error, LOOM_E_CONFIG, "cannot be loaded: %.300s", dlerror());
    *(void **)(void *)ret = dlsym(handle, LOOM_PLUGIN_ENTRY);
    if (*ret == NULL)
        rc = error_set(error, LOOM_E_CONFIG,
                       "is a shared object without %s(): not a LoomCache plugin, or built without "
                       "LOOM_PLUGIN()",
                       LOOM_PLUGIN_ENTRY);
    /* cppcheck-suppress resourceLeak */
    return rc;
}

/* Says who made it, or why it is no plugin. */
static int open_plugin(const char *path, const struct loom_plugin **ret, struct error *error)
{
    const struct loom_plugin *(*entry)(void) = NULL;
    const struct loom_plugin *about;
    int rc = elf_check(path, error);

    if (rc == 0) rc = find_entry(path, &entry, error);
    if (rc != 0) return rc;
    about = entry();
    if (about == NULL) return error_set(error, LOOM_E_CONFIG, "%s() gives NULL", LOOM_PLUGIN_ENTRY);
    if (about->struct_size < sizeof *about || about->struct_size > UINT16_MAX)
        return error_set(error, LOOM_E_CONFIG,
                         "describes itself in %u bytes, this host expects at least %zu: is "
                         "struct_size set?",
                         about->struct_size, sizeof *about);
    if (about->offers == NULL || about->n_offers == 0)
        return error_set(error, LOOM_E_CONFIG, "offers nothing");
    if (about->n_offers > REGISTRY_OFFERS_MAX)
        return error_set(error, LOOM_E_CONFIG, "offers %zu things; at most %d are believed",
                         about->n_offers, REGISTRY_OFFERS_MAX);
    *ret = about;
    return 0;
}

static int take_offer(struct registry *registry, const struct loom_plugin *about, size_t i,
                      const char *path, struct error *error)
{
    const struct plugin *before;
    struct plugin offered, *plugin;
    int rc;

    memset(&offered, 0, sizeof offered);
    rc = offer_check(&about->offers[i], &offered, error);
    if (rc != 0) return rc;
    before = find_loaded(registry, offered.kind, offered.name);
    if (before != NULL)
        return error_set(error, LOOM_E_CONFIG, "offers %s %s, which %s offers already",
                         plugin_kind_noun(offered.kind), offered.name,
                         before->file == path ? "it" : before->file);
    if (registry->n_plugins == REGISTRY_PLUGINS_MAX)
        return error_set(error, LOOM_E_CONFIG, "is one plugin too many: at most %d are loaded",
                         REGISTRY_PLUGINS_MAX);
    offered.registry = registry;
    offered.vendor = about->vendor ? about->vendor : "";
    offered.version = about->version ? about->version : "";
    offered.license = about->license ? about->license : "";
    offered.file = path;
    plugin = mem_alloc(MEM_CONFIG, sizeof *plugin);
    if (plugin == NULL) return no_memory(error);
    *plugin = offered;
    registry->plugins[registry->n_plugins++] = plugin;
    return 0;
}

/* All of a file's offers, or none. */
static int take_file(struct registry *registry, const char *path, const struct stat *st,
                     struct error *error)
{
    const struct loom_plugin *about = NULL;
    size_t n_before = registry->n_plugins;
    char *copy;
    int rc;

    if (registry->n_files == FILES_MAX)
        return error_set(error, LOOM_E_CONFIG, "is one file too many: at most %d are loaded",
                         FILES_MAX);
    rc = open_plugin(path, &about, error);
    if (rc != 0) return rc;
    copy = mem_strdup(MEM_CONFIG, path);
    if (copy == NULL) return no_memory(error);
    for (size_t i = 0; i < about->n_offers && rc == 0; i++)
        rc = take_offer(registry, about, i, copy, error);
    if (rc == 0) {
        registry->files[registry->n_files++] = (struct file){copy, st->st_dev, st->st_ino};
        return 0;
    }
    while (registry->n_plugins > n_before)
        mem_free(MEM_CONFIG, registry->plugins[--registry->n_plugins]);
    mem_free(MEM_CONFIG, copy);
    return rc;
}

static int load_path(struct registry *registry, const char *path, struct error *error)
{
    struct stat st;
    int rc;

    if (stat(path, &st) != 0) {
        rc = error_set(error, LOOM_E_CONFIG, "cannot be opened: %s", strerror(errno));
        goto out;
    }
    for (size_t i = 0; i < registry->n_files; i++)
        if (registry->files[i].device == st.st_dev && registry->files[i].inode == st.st_ino)
            return 0;
    rc = take_file(registry, path, &st, error);
out:
    if (rc != 0 && error != NULL) {
        char sentence[sizeof error->text];
        memcpy(sentence, error->text, sizeof sentence);
        error_set(error, rc, "plugin %.200s %.300s", path, sentence);
    }
    return rc;
}

/* --- the search path -------------------------------------------------------------------------- */

static bool in_folder(const struct registry *registry, size_t i, const char *file, char *ret,
                      size_t bytes)
{
    struct stat st;
    int n = snprintf(ret, bytes, "%s/%s", registry->folders[i], file);

    return n > 0 && (size_t)n < bytes && stat(ret, &st) == 0;
}

static bool in_search_path(const struct registry *registry, const char *file, char *ret,
                           size_t bytes)
{
    for (size_t i = 0; i < registry->n_folders; i++)
        if (in_folder(registry, i, file, ret, bytes)) return true;
    return false;
}

int registry_load(struct registry *registry, const char *file, struct error *error)
{
    char path[PATH_MAX];

    if (strchr(file, '/') != NULL) return load_path(registry, file, error);
    if (*file != '\0' && in_search_path(registry, file, path, sizeof path))
        return load_path(registry, path, error);
    return error_set(error, LOOM_E_CONFIG, "no plugin file \"%.100s\" in %.300s", file,
                     registry->n_folders ? registry->path : "any folder ([plugins] path is empty)");
}

/* eviction_sieve.so: kind and name taken from the name of a file. */
static bool parse_file_name(const char *file, enum plugin_kind *ret_kind, char *ret, size_t bytes)
{
    size_t n = strlen(file);

    for (int kind = 0; kind < PLUGIN_KINDS; kind++) {
        const char *prefix = plugin_kind_name((enum plugin_kind)kind);
        size_t n_prefix = strlen(prefix);
        if (n <= n_prefix + 4 || strncmp(file, prefix, n_prefix) != 0 || file[n_prefix] != '_' ||
            strcmp(file + n - 3, ".so") != 0 || n - n_prefix - 4 >= bytes)
            continue;
        memcpy(ret, file + n_prefix + 1, n - n_prefix - 4);
        ret[n - n_prefix - 4] = '\0';
        *ret_kind = (enum plugin_kind)kind;
        return true;
    }
    return false;
}

static int is_plugin_file(const struct dirent *entry)
{
    char name[OPTION_KEY_MAX];
    enum plugin_kind kind;

    return parse_file_name(entry->d_name, &kind, name, sizeof name);
}

/* What there is of a kind, for a sentence: loaded or lying in a folder. */
static const char *nearest(const struct registry *registry, enum plugin_kind kind,
                           const char *name, char *ret, size_t bytes)
{
    char found[NAMES_MAX][OPTION_KEY_MAX];
    const char *names[NAMES_MAX], *best;
    size_t n = 0;

    for (size_t i = 0; i < registry->n_plugins && n < NAMES_MAX; i++)
        if (registry->plugins[i]->kind == kind) names[n++] = registry->plugins[i]->name;
    for (size_t i = 0; i < registry->n_folders; i++) {
        DIR *folder = opendir(registry->folders[i]);
        struct dirent *entry;
        /* cppcheck-suppress readdirCalled ; one thread per stream is fine */
        while (folder != NULL && n < NAMES_MAX && (entry = readdir(folder)) != NULL) {
            enum plugin_kind its;
            if (parse_file_name(entry->d_name, &its, found[n], sizeof found[n]) && its == kind) {
                names[n] = found[n];
                n++;
            }
        }
        if (folder != NULL) closedir(folder);
    }
    best = bytes_nearest(name, names, n);
    if (best == NULL) return NULL;
    snprintf(ret, bytes, "%s", best);
    return ret;
}

bool registry_has(const struct registry *registry, enum plugin_kind kind, const char *name)
{
    char file[OPTION_KEY_MAX * 2], path[PATH_MAX];

    if (find_loaded(registry, kind, name) != NULL) return true;
    if (*name == '\0' || strlen(name) >= OPTION_KEY_MAX || strchr(name, '/') != NULL) return false;
    snprintf(file, sizeof file, "%s_%s.so", plugin_kind_name(kind), name);
    return in_search_path(registry, file, path, sizeof path);
}

static int refuse_absent(const struct registry *registry, enum plugin_kind kind, const char *name,
                         const char *file, struct error *error)
{
    char near[OPTION_KEY_MAX], shown[OPTION_KEY_MAX + 4];

    option_printable(name, shown, sizeof shown);
    if (registry->n_folders == 0)
        return error_set(error, LOOM_E_CONFIG,
                         "no %s \"%s\": [plugins] path names no folder to look in",
                         plugin_kind_noun(kind), shown);
    if (nearest(registry, kind, name, near, sizeof near) != NULL)
        return error_set(error, LOOM_E_CONFIG, "no %s \"%s\" (%s) in %.250s; did you mean %s?",
                         plugin_kind_noun(kind), shown, file, registry->path, near);
    return error_set(error, LOOM_E_CONFIG, "no %s \"%s\" (%s) in %.250s", plugin_kind_noun(kind),
                     shown, file, registry->path);
}

int registry_find(struct registry *registry, enum plugin_kind kind, const char *name,
                  const struct plugin **ret, struct error *error)
{
    const struct plugin *plugin = find_loaded(registry, kind, name);
    char file[OPTION_KEY_MAX * 2], path[PATH_MAX], shown[OPTION_KEY_MAX + 4];
    int rc;

    if (plugin == NULL) {
        snprintf(file, sizeof file, "%s_%s.so", plugin_kind_name(kind),
                 option_printable(name, shown, sizeof shown));
        if (!registry_has(registry, kind, name) ||
            !in_search_path(registry, file, path, sizeof path))
            return refuse_absent(registry, kind, name, file, error);
        rc = load_path(registry, path, error);
        if (rc != 0) return rc;
        plugin = find_loaded(registry, kind, name);
    }
    if (plugin == NULL)
        return error_set(error, LOOM_E_CONFIG, "plugin %.250s does not offer %s %s", path,
                         plugin_kind_noun(kind), name);
    *ret = plugin;
    return 0;
}

static int load_folder(struct registry *registry, const char *folder, struct error *error)
{
    struct dirent **entries = NULL;
    char path[PATH_MAX], name[OPTION_KEY_MAX];
    enum plugin_kind kind;
    int rc = 0, n = scandir(folder, &entries, is_plugin_file, alphasort);

    for (int i = 0; i < n; i++) {
        bool known = parse_file_name(entries[i]->d_name, &kind, name, sizeof name) &&
                     find_loaded(registry, kind, name) != NULL; /* the first folder wins */
        if (rc == 0 && !known) {
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            rc = load_path(registry, path, error);
        }
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int registry_load_all(struct registry *registry, struct error *error)
{
    int rc = 0;

    for (size_t i = 0; i < registry->n_folders && rc == 0; i++)
        rc = load_folder(registry, registry->folders[i], error);
    return rc;
}
