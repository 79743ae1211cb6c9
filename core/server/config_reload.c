/* config_reload.c - SIGHUP: the file is read again, and what differs is applied or reported. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config_plan.h"

struct reloading {
    struct config *config;
    struct layers layers; /* the file as it is now, the rest as it was at the start */
    void (*said)(void *arg, enum loom_log_level level, const char *sentence);
    void *arg;
};

static void say(const struct reloading *r, enum loom_log_level level, const char *format, ...)
    LOOM_PRINTF(3, 4);
static void say(const struct reloading *r, enum loom_log_level level, const char *format, ...)
{
    char sentence[512];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    r->said(r->arg, level, sentence);
}

static int collect(struct reloading *r, struct error *error)
{
    const struct config_plan *plan = r->config->plan;
    int rc = plan->file ? layers_add_file(&r->layers, plan->file, error) : 0;

    for (size_t i = 0; i < plan->layers.n && rc == 0; i++) {
        const struct layer *l = &plan->layers.at[i];
        if (l->origin == CONFIG_FROM_FILE) continue;
        rc = layers_add(&r->layers, l->origin, l->section, l->key, l->value, l->place);
        if (rc != 0) error_set(error, rc, "out of memory reading the configuration");
    }
    return rc;
}

/* What the layers say of a key now; text: owned by the layers or the table. */
static const char *said_now(const struct reloading *r, enum config_key key,
                            struct option_value *ret, enum config_origin *ret_origin, char *text,
                            size_t bytes)
{
    int rc = config_layered(&r->layers, key, ret, ret_origin, NULL);

    LOOM_ASSERT(rc == 0); /* config_check_core() has passed */
    return config_row_format(config_row(key), ret, text, bytes);
}

static bool is_live(enum config_key key) { return (config_row(key)->flags & CONFIG_LIVE) != 0; }

/* All live changes together must make sense before the first is applied. */
static int verify_all(const struct reloading *r, struct error *error)
{
    struct config preview = *r->config;
    char text[OPTION_TEXT_MAX];
    enum config_origin origin;
    struct option_value value;

    for (int i = 0; i < CONFIG_KEYS; i++) {
        enum config_key key = (enum config_key)i;
        said_now(r, key, &value, &origin, text, sizeof text);
        if (is_live(key) && strcmp(text, r->config->plan->layered[key]) != 0)
            option_store(&config_row(key)->option, &preview, &value);
    }
    return config_verify(&preview, error);
}

static const char *shown(enum config_key key, const char *text)
{
    return config_row(key)->flags & CONFIG_SECRET ? "***" : text;
}

/* LOOM_E_NOMEM only: a refusal is said, and the file is asked again next time. */
static int apply(struct reloading *r, const struct config_change *change,
                 enum config_origin origin, const char *text, struct error *error)
{
    const struct config_row *row = config_row(change->key);
    struct config_plan *plan = r->config->plan;
    char *copy = mem_strdup(MEM_CONFIG, text);
    struct error why = {0};
    size_t at;
    int rc;

    if (copy == NULL) return error_set(error, LOOM_E_NOMEM, "out of memory");
    rc = config_change_all(r->config, change, 1, origin, &at, &why);
    if (rc != 0) {
        mem_free(MEM_CONFIG, copy);
        say(r, LOOM_LOG_ERROR, "[%s] %s = %.100s is not applied: %.300s", row->section,
            row->option.key, shown(change->key, text), why.text);
        return rc == LOOM_E_NOMEM ? error_set(error, rc, "out of memory") : 0;
    }
    mem_free(MEM_CONFIG, plan->layered[change->key]);
    plan->layered[change->key] = copy;
    say(r, LOOM_LOG_INFO, "[%s] %s = %.200s is applied", row->section, row->option.key,
        shown(change->key, text));
    return 0;
}

static int apply_all(struct reloading *r, struct error *error)
{
    char text[OPTION_TEXT_MAX];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        struct config_change change = {.key = (enum config_key)i};
        const struct config_row *row = config_row(change.key);
        enum config_origin origin;
        int rc = 0;
        said_now(r, change.key, &change.value, &origin, text, sizeof text);
        if (strcmp(text, r->config->plan->layered[change.key]) == 0) continue;
        if (is_live(change.key)) rc = apply(r, &change, origin, text, error);
        else
            say(r, LOOM_LOG_WARN, "[%s] %s = %.200s needs a restart", row->section,
                row->option.key, text);
        if (rc != 0) return rc;
    }
    return 0;
}

/* A plugin's keys are for its next start; both directions, so that a key taken out is seen too. */
static void compare_plugins(const struct reloading *r, const struct layers *from,
                            const struct layers *to)
{
    for (size_t i = 0; i < to->n; i++) {
        const struct layer *now = &to->at[i];
        const struct layer *before = layers_find(from, now->section, now->key);
        if (config_is_core(now->section) || layers_find(to, now->section, now->key) != now)
            continue;
        if (before == NULL || (to == &r->layers && strcmp(before->value, now->value) != 0))
            say(r, LOOM_LOG_WARN, "[%s] %s has changed in the file and needs a restart",
                now->section, now->key);
    }
}

int config_reload(struct config *config,
                  void (*said)(void *arg, enum loom_log_level level, const char *sentence),
                  void *arg, struct error *error)
{
    struct reloading r = {.config = config, .said = said, .arg = arg};
    int rc;

    config_lock(config);
    rc = collect(&r, error);
    if (rc == 0) rc = config_check_core(&r.layers, error);
    if (rc == 0) rc = config_check_plugins(&r.layers, config->registry, error);
    if (rc == 0) rc = verify_all(&r, error);
    if (rc == 0) rc = apply_all(&r, error);
    if (rc == 0) {
        compare_plugins(&r, &config->plan->layers, &r.layers);
        compare_plugins(&r, &r.layers, &config->plan->layers);
    }
    layers_free(&r.layers);
    config_unlock(config);
    return rc;
}
