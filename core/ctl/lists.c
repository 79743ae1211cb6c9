/* lists.c - replies into tables: plugins, keys of the configuration, slow commands, clients. */
#include "core/ctl/lists.h"

#include <string.h>

#include "core/ctl/grid.h"

#define COLUMNS(columns) (columns), sizeof(columns) / sizeof((columns)[0])

static int not_a(const struct link *link, const char *what, struct error *error)
{
    return error_set(error, LOOM_E_INVALID, "%s: the reply to %s is not as expected; are loomctl "
                     "and the node of the same version?", link->where, what);
}

/* --- plugins ---------------------------------------------------------------------------------- */

/* The value of one name in a flat list; NULL: not there. */
static const redisReply *value_of(const redisReply *list, const char *name)
{
    for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i + 1 < list->elements; i += 2) {
        const redisReply *key = list->element[i];
        if (key->type == REDIS_REPLY_STRING && strcmp(key->str, name) == 0)
            return list->element[i + 1];
    }
    return NULL;
}

static int add_plugin(struct grid *grid, const redisReply *info, struct error *error)
{
    struct grid_cell *row = grid_row(grid, error);

    if (row == NULL) return error->code;
    row[0] = grid_text(value_of(info, "kind"));
    row[1] = grid_text(value_of(info, "name"));
    row[2] = grid_text(value_of(info, "version"));
    row[3] = grid_number(value_of(info, "instances"));
    row[4] = grid_number(value_of(info, "memory-bytes"));
    row[5] = grid_list(value_of(info, "options"));
    row[6] = grid_list(value_of(info, "counters"));
    return 0;
}

#define PLUGINS_MAX 256

int list_plugins(struct link *link, const struct ctl_args *args, struct error *error)
{
    static const struct grid_column columns[] = {
        {"kind", GRID_TEXT},       {"name", GRID_TEXT},     {"version", GRID_TEXT},
        {"instances", GRID_NUMBER}, {"memory", GRID_BYTES}, {"options", GRID_PAIRS},
        {"counters", GRID_PAIRS}};
    const char *list_words[] = {"PLUGIN", "LIST"};
    redisReply *list = NULL, *infos[PLUGINS_MAX] = {0};
    struct grid grid = {COLUMNS(columns), NULL, 0, 0};
    int rc = link_ask(link, 2, list_words, &list, error);

    if (rc == 0 && list->type != REDIS_REPLY_ARRAY) rc = not_a(link, "PLUGIN LIST", error);
    if (rc == 0 && list->elements > PLUGINS_MAX) rc = not_a(link, "PLUGIN LIST", error);
    for (size_t i = 0; rc == 0 && i < list->elements; i++) {
        struct slice kind = grid_text(value_of(list->element[i], "kind")).text,
                     name = grid_text(value_of(list->element[i], "name")).text;
        char full[160];
        const char *info_words[] = {"PLUGIN", "INFO", full};
        snprintf(full, sizeof full, "%.*s.%.*s", (int)kind.bytes, kind.at, (int)name.bytes,
                 name.at);
        rc = link_ask(link, 3, info_words, &infos[i], error);
        if (rc == 0) rc = add_plugin(&grid, infos[i], error);
    }
    if (rc == 0) grid_print(&grid, args->json);
    grid_free(&grid);
    for (size_t i = 0; i < PLUGINS_MAX; i++) freeReplyObject(infos[i]);
    freeReplyObject(list);
    return rc;
}

/* --- config get ------------------------------------------------------------------------------- */

/* The node tells passwords to whoever may ask for them; a terminal's history should not. */
static bool is_secret(struct slice name)
{
    const char *last = memrchr(name.at, '.', name.bytes);
    const char *at = last != NULL ? last + 1 : name.at;
    struct slice key = slice_of(at, (size_t)(name.at + name.bytes - at));

    return memmem(key.at, key.bytes, "pass", 4) != NULL ||
           memmem(key.at, key.bytes, "secret", 6) != NULL || slice_is(key, "masterauth");
}

int list_config(struct link *link, const struct ctl_args *args, struct error *error)
{
    static const struct grid_column columns[] = {{"key", GRID_TEXT}, {"value", GRID_TEXT}};
    const char *words[] = {"CONFIG", "GET", args->words[0]};
    struct grid grid = {COLUMNS(columns), NULL, 0, 0};
    redisReply *list = NULL;
    int rc = link_ask(link, 3, words, &list, error);

    if (rc == 0 && list->type != REDIS_REPLY_ARRAY) rc = not_a(link, "CONFIG GET", error);
    for (size_t i = 0; rc == 0 && i + 1 < list->elements; i += 2) {
        struct grid_cell *row = grid_row(&grid, error);
        if (row == NULL) {
            rc = error->code;
            break;
        }
        row[0] = grid_text(list->element[i]);
        row[1] = grid_text(list->element[i + 1]);
        if (is_secret(row[0].text) && row[1].text.bytes > 0) row[1].text = slice_of("***", 3);
    }
    if (rc == 0 && grid.n_rows == 0)
        rc = error_set(error, LOOM_E_INVALID, "%s: no key matches %.100s; try config get '*'",
                       link->where, args->words[0]);
    if (rc == 0) grid_print(&grid, args->json);
    grid_free(&grid);
    freeReplyObject(list);
    return rc;
}

/* --- slowlog ---------------------------------------------------------------------------------- */

int list_slowlog(struct link *link, const struct ctl_args *args, struct error *error)
{
    static const struct grid_column columns[] = {
        {"id", GRID_NUMBER},   {"time", GRID_TIME}, {"microseconds", GRID_NUMBER},
        {"client", GRID_TEXT}, {"name", GRID_TEXT}, {"command", GRID_WORDS}};
    const char *words[] = {"SLOWLOG", "GET", args->n_words > 0 ? args->words[0] : "10"};
    struct grid grid = {COLUMNS(columns), NULL, 0, 0};
    redisReply *list = NULL;
    int rc = link_ask(link, 3, words, &list, error);

    if (rc == 0 && list->type != REDIS_REPLY_ARRAY) rc = not_a(link, "SLOWLOG GET", error);
    for (size_t i = 0; rc == 0 && i < list->elements; i++) {
        const redisReply *entry = list->element[i];
        struct grid_cell *row;
        if (entry->type != REDIS_REPLY_ARRAY || entry->elements < 6) {
            rc = not_a(link, "SLOWLOG GET", error);
            break;
        }
        row = grid_row(&grid, error);
        if (row == NULL) {
            rc = error->code;
            break;
        }
        row[0] = grid_number(entry->element[0]);
        row[1] = grid_number(entry->element[1]);
        row[2] = grid_number(entry->element[2]);
        row[3] = grid_text(entry->element[4]);
        row[4] = grid_text(entry->element[5]);
        row[5] = grid_list(entry->element[3]);
    }
    if (rc == 0) grid_print(&grid, args->json);
    grid_free(&grid);
    freeReplyObject(list);
    return rc;
}

/* --- clients ---------------------------------------------------------------------------------- */

static struct slice text_field(struct slice line, const char *name)
{
    const char *at = line.at, *end = line.at + line.bytes;
    size_t n = strlen(name);

    while (at < end) {
        const char *stop = memchr(at, ' ', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at);
        if (bytes > n && memcmp(at, name, n) == 0 && at[n] == '=')
            return slice_of(at + n + 1, bytes - n - 1);
        at += bytes + 1;
    }
    return slice_of("", 0);
}

static int add_client(struct grid *grid, struct slice line, struct error *error)
{
    struct grid_cell *row = grid_row(grid, error);

    if (row == NULL) return error->code;
    for (size_t i = 0; i < grid->n_columns; i++) {
        struct slice value = text_field(line, grid->columns[i].name);
        row[i].text = value;
        if (!bytes_to_i64(value, &row[i].number)) row[i].number = 0;
    }
    return 0;
}

int list_clients(struct link *link, const struct ctl_args *args, struct error *error)
{
    /* The names are CLIENT LIST's own. */
    static const struct grid_column columns[] = {
        {"id", GRID_NUMBER},  {"addr", GRID_TEXT},   {"name", GRID_TEXT}, {"age", GRID_NUMBER},
        {"idle", GRID_NUMBER}, {"db", GRID_NUMBER}, {"cmd", GRID_TEXT}};
    const char *words[] = {"CLIENT", "LIST"};
    struct grid grid = {COLUMNS(columns), NULL, 0, 0};
    redisReply *list = NULL;
    int rc = link_ask(link, 2, words, &list, error);

    if (rc == 0 && list->type != REDIS_REPLY_STRING) rc = not_a(link, "CLIENT LIST", error);
    for (const char *at = rc == 0 ? list->str : ""; rc == 0 && *at != '\0';) {
        size_t n = strcspn(at, "\n");
        if (n > 0) rc = add_client(&grid, slice_of(at, n), error);
        at += n + (at[n] == '\n');
    }
    if (rc == 0) grid_print(&grid, args->json);
    grid_free(&grid);
    freeReplyObject(list);
    return rc;
}
