/* config_kit.c - see config_kit.h. */
#include "tests/unit/server/config_kit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/kit/scratch.h"

struct error set_error;

void base_args(struct config_args *ret, const char *path, const char *more)
{
    static char folder[1000];

    snprintf(folder, sizeof folder, "plugins.path=%s", fixture_path(""));
    memset(ret, 0, sizeof *ret);
    ret->file = path;
    ret->sets[ret->n_sets++] = folder;
    ret->sets[ret->n_sets++] = "plugins.load=toy.so, toy_storage.so";
    ret->sets[ret->n_sets++] = "eviction.policy=toy";
    ret->sets[ret->n_sets++] = "storage.backend=toy";
    ret->sets[ret->n_sets++] = "discovery.plugin=toy";
    ret->sets[ret->n_sets++] = "exporter.plugins=toy";
    if (more != NULL) ret->sets[ret->n_sets++] = more;
}

int load(const char *path, char *const *environment, const char *more, struct config **ret,
         struct error *error)
{
    struct config_args args;

    base_args(&args, path, more);
    return config_load(&args, environment, ret, error);
}

struct config *load_good(const char *file, char *const *environment, const char *more)
{
    struct error error = {0};
    struct config *config = NULL;
    const char *path = file ? scratch_text("t.ini", file) : NULL;

    cr_assert(load(path, environment, more, &config, &error) == 0, "%s", error.text);
    return config;
}

const char *refusal(const char *file, char *const *environment, const char *more)
{
    static struct error error;
    struct config *config = NULL;
    const char *path = file ? scratch_text("t.ini", file) : NULL;
    int rc;

    memset(&error, 0, sizeof error);
    rc = load(path, environment, more, &config, &error);
    cr_expect(rc == LOOM_E_CONFIG && error.code == rc && config == NULL, "loaded: %s",
              file ? file : more);
    config_free(config);
    return error.text;
}

struct getting {
    const char *name;
    char value[OPTION_TEXT_MAX];
    int n;
};

static void take(void *arg, const char *name, const char *value)
{
    struct getting *getting = arg;

    cr_assert(strcasecmp(name, getting->name) == 0);
    getting->n++;
    snprintf(getting->value, sizeof getting->value, "%s", value);
}

const char *get(struct config *config, const char *name)
{
    static struct getting getting;

    getting.name = name;
    getting.n = 0;
    config_get(config, slice_of(name, strlen(name)), take, &getting);
    cr_assert(getting.n <= 1, "%s is there %d times", name, getting.n);
    return getting.n == 1 ? getting.value : NULL;
}

int set(struct config *config, const char *name, const char *value)
{
    struct config_pair pair = {slice_of(name, strlen(name)), slice_of(value, strlen(value))};
    size_t at = 99;
    int rc;

    memset(&set_error, 0, sizeof set_error);
    rc = config_set(config, &pair, 1, &at, &set_error);
    cr_assert(rc == set_error.code);
    cr_assert(rc == 0 ? at == 99 : at == 0);
    return rc;
}
