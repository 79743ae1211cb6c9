/* config_rewrite.c - CONFIG REWRITE: what clients changed goes into the file, and nothing else of
 * the file changes.
 *
 * A key that has a line keeps the line, its indentation and its comment.  Another goes to the end
 * of its section, or into a new section at the end of the file.  The new text is read back before
 * it replaces the old one: a value that an INI file cannot hold is refused, not garbled. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/plugin/ini.h"
#include "core/server/config_plan.h"

#define GROWTH_MAX ((size_t)CONFIG_KEYS * (OPTION_TEXT_MAX + 256)) /* all keys, at their longest */

struct text {
    char *at;
    size_t bytes, room;
};

/* Put new in the place of the n_old bytes at offset. */
static void replace(struct text *text, size_t offset, size_t n_old, const char *new)
{
    size_t n_new = strlen(new);

    LOOM_ASSERT(offset + n_old <= text->bytes && text->bytes - n_old + n_new <= text->room);
    memmove(text->at + offset + n_new, text->at + offset + n_old, text->bytes - offset - n_old);
    memcpy(text->at + offset, new, n_new);
    text->bytes += n_new - n_old;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static struct slice trim(struct slice s)
{
    while (s.bytes > 0 && is_blank(*s.at)) s = slice_of(s.at + 1, s.bytes - 1);
    while (s.bytes > 0 && is_blank(s.at[s.bytes - 1])) s.bytes--;
    return s;
}

static bool is(struct slice s, const char *text)
{
    return slice_equal(s, slice_of(text, strlen(text)));
}

/* --- one line --------------------------------------------------------------------------------- */

struct line {
    struct slice all;     /* without '\n' */
    struct slice section; /* of a [section] line */
    struct slice key;     /* of a key's line */
    struct slice comment; /* blanks, ';' and what follows; and a '\r' */
};

static struct line parse_line(struct slice all)
{
    struct line line = {.all = all};
    struct slice body = all;
    const char *split;

    for (size_t i = 1; i < all.bytes; i++)
        if (all.at[i] == ';' && is_blank(all.at[i - 1])) body.bytes = i;
    while (body.bytes > 0 && is_blank(body.at[body.bytes - 1])) body.bytes--;
    line.comment = slice_of(body.at + body.bytes, all.bytes - body.bytes);
    body = trim(body);
    if (body.bytes == 0 || *body.at == ';' || *body.at == '#') return line;
    if (*body.at == '[' && body.at[body.bytes - 1] == ']') {
        line.section = slice_of(body.at + 1, body.bytes - 2);
        return line;
    }
    for (split = body.at; split < body.at + body.bytes && *split != '=' && *split != ':';) split++;
    line.key = trim(slice_of(body.at, (size_t)(split - body.at)));
    return line;
}

/* --- the whole text --------------------------------------------------------------------------- */

/* A key's place: its own line, else the end of its section, else the end of the file. */
struct place {
    struct line line;  /* of the key; all.at is NULL if there is none */
    size_t offset;     /* of that line, or where a new one goes */
    bool has_section;
};

static struct place find_place(const struct text *text, const struct config_row *row)
{
    struct place place = {.offset = text->bytes};
    struct slice section = {"", 0};
    size_t next;

    for (size_t at = 0; at < text->bytes; at = next) {
        const char *end = memchr(text->at + at, '\n', text->bytes - at);
        size_t n = end ? (size_t)(end - text->at) - at : text->bytes - at;
        struct line line = parse_line(slice_of(text->at + at, n));
        next = at + n + (end != NULL);
        if (line.section.bytes > 0) section = line.section;
        if (!is(section, row->section)) continue;
        if (is(line.key, row->option.key)) {
            place.line = line;
            place.offset = at;
            place.has_section = true;
            return place;
        }
        if (trim(line.all).bytes == 0) continue; /* blank lines stay behind the new key */
        place.has_section = true;
        place.offset = next;
    }
    return place;
}

static void write_key(struct text *text, const struct config_row *row, const char *value)
{
    struct place place = find_place(text, row);
    const char *blank = *value ? " " : "";
    char new[OPTION_TEXT_MAX + 256];

    if (place.line.all.at != NULL) {
        size_t indent = (size_t)(place.line.key.at - place.line.all.at);
        size_t n_old = place.line.all.bytes - indent - place.line.comment.bytes;
        snprintf(new, sizeof new, "%s =%s%s", row->option.key, blank, value);
        replace(text, place.offset + indent, n_old, new);
        return;
    }
    if (place.offset > 0 && text->at[place.offset - 1] != '\n') {
        replace(text, place.offset, 0, "\n");
        place.offset++;
    }
    if (place.has_section)
        snprintf(new, sizeof new, "%s =%s%s\n", row->option.key, blank, value);
    else
        snprintf(new, sizeof new, "%s[%s]\n%s =%s%s\n", place.offset > 0 ? "\n" : "",
                 row->section, row->option.key, blank, value);
    replace(text, place.offset, 0, new);
}

/* The proof: an INI reader finds every changed value in the new text. */
static int read_back(const struct config *config, const struct text *text, struct error *error)
{
    struct ini ini = {0};
    char value[OPTION_TEXT_MAX];
    int rc = ini_load_text(config->plan->file, text->at, text->bytes, &ini, error);

    for (int i = 0; i < CONFIG_KEYS && rc == 0; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        const struct ini_entry *entry;
        if (config->plan->origins[i] != CONFIG_FROM_CLIENT) continue;
        entry = ini_find(&ini, row->section, row->option.key);
        if (entry != NULL &&
            strcmp(entry->value, config_show(config, (enum config_key)i, value, sizeof value)) == 0)
            continue;
        rc = error_set(error, LOOM_E_CONFIG,
                       "the value of [%s] %s cannot be written into an INI file: a blank at either "
                       "end, or a ';' behind a blank, would be lost",
                       row->section, row->option.key);
    }
    ini_free(&ini);
    return rc;
}

/* --- files ------------------------------------------------------------------------------------ */

static int fail_io(struct error *error, const char *what, const char *path)
{
    return error_set(error, LOOM_E_IO, "cannot %s %.300s: %s", what, path, strerror(errno));
}

static int read_file(const char *path, struct text *ret, struct stat *ret_st, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    ssize_t n = 1;

    if (fd < 0) return fail_io(error, "read", path);
    if (fstat(fd, ret_st) != 0) rc = fail_io(error, "read", path);
    while (rc == 0 && n > 0 && ret->bytes < INI_FILE_MAX) {
        n = read(fd, ret->at + ret->bytes, INI_FILE_MAX - ret->bytes);
        if (n < 0 && errno != EINTR) rc = fail_io(error, "read", path);
        else if (n > 0) ret->bytes += (size_t)n;
        else if (n < 0) n = 1;
    }
    close(fd);
    return rc;
}

static int write_whole(int fd, const struct text *text)
{
    size_t used = 0;

    while (used < text->bytes) {
        ssize_t n = write(fd, text->at + used, text->bytes - used);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        used += (size_t)n;
    }
    return fsync(fd);
}

/* The rename is on disk only when the folder is. */
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    char *slash;
    int fd, rc;

    snprintf(folder, sizeof folder, "%s", path);
    slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    rc = fsync(fd);
    close(fd);
    return rc;
}

/* path is absolute and no symbolic link. */
static int replace_file(const char *path, const struct text *text, const struct stat *st,
                        struct error *error)
{
    char new[PATH_MAX];
    int fd, rc = 0;

    if (snprintf(new, sizeof new, "%s.XXXXXX", path) >= (int)sizeof new)
        return error_set(error, LOOM_E_IO, "cannot write %.300s: its name is too long", path);
    fd = mkostemp(new, O_CLOEXEC);
    if (fd < 0) return fail_io(error, "write beside", path);
    if (fchown(fd, st->st_uid, st->st_gid) != 0 && errno != EPERM)
        rc = fail_io(error, "write", new);
    if (rc == 0 && fchmod(fd, st->st_mode & 07777) != 0) rc = fail_io(error, "write", new);
    if (rc == 0 && write_whole(fd, text) != 0) rc = fail_io(error, "write", new);
    close(fd);
    if (rc == 0 && rename(new, path) != 0) rc = fail_io(error, "replace", path);
    if (rc != 0) unlink(new);
    else if (sync_folder(path) != 0) rc = fail_io(error, "write the folder of", path);
    return rc;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* From now on these values are the file's: unless the environment or the command line says
 * otherwise, a reload finds them unchanged. */
static int settle(struct config *config, struct error *error)
{
    struct config_plan *plan = config->plan;
    char value[OPTION_TEXT_MAX];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        const struct layer *layer = layers_find(&plan->layers, row->section, row->option.key);
        if (plan->origins[i] != CONFIG_FROM_CLIENT) continue;
        if (layer == NULL || layer->origin == CONFIG_FROM_FILE) {
            char *copy = mem_strdup(MEM_CONFIG, config_show(config, (enum config_key)i, value,
                                                            sizeof value));
            if (copy == NULL) return error_set(error, LOOM_E_NOMEM, "out of memory");
            mem_free(MEM_CONFIG, plan->layered[i]);
            plan->layered[i] = copy;
        }
        plan->origins[i] = CONFIG_FROM_FILE;
    }
    return 0;
}

static int rewrite_locked(struct config *config, struct error *error)
{
    struct config_plan *plan = config->plan;
    struct text text = {.room = INI_FILE_MAX + GROWTH_MAX};
    char *path = realpath(plan->file, NULL), value[OPTION_TEXT_MAX];
    struct stat st;
    int rc;

    if (path == NULL) return fail_io(error, "find", plan->file);
    text.at = mem_alloc(MEM_CONFIG, text.room);
    if (text.at == NULL) {
        rc = error_set(error, LOOM_E_NOMEM, "out of memory");
        goto out;
    }
    rc = read_file(path, &text, &st, error);
    if (rc != 0) goto out;
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (plan->origins[i] == CONFIG_FROM_CLIENT)
            write_key(&text, config_row((enum config_key)i),
                      config_show(config, (enum config_key)i, value, sizeof value));
    rc = read_back(config, &text, error);
    if (rc == 0) rc = replace_file(path, &text, &st, error);
    if (rc == 0) rc = settle(config, error);
out:
    mem_free(MEM_CONFIG, text.at);
    free(path);
    return rc;
}

int config_rewrite(struct config *config, struct error *error)
{
    int rc;

    if (config->plan->file == NULL)
        return error_set(error, LOOM_E_UNSUPPORTED,
                         "the node was started without a configuration file");
    config_lock(config);
    rc = rewrite_locked(config, error);
    config_unlock(config);
    return rc;
}
