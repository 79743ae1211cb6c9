/* ini.c - see ini.h.  inih gets one cleaned line at a time, so that its build options (line length,
 * continuation lines, comments, line numbers for the handler) do not matter. */
#include "core/plugin/ini.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/plugin/options.h"

/* Debian's build of inih lets a program choose the longest line; others fix it at 200. */
extern int ini_max_line __attribute__((weak));

#define LINE_SLACK 2 /* '\n' and NUL */

struct reading {
    const char *at;   /* what is left of the text */
    size_t bytes;
    uint32_t line;    /* of the line handed to inih last */
    struct ini *ini;
    struct error *error;
    int rc;           /* the first failure, LOOM_E_* */
};

static int fail_line(struct reading *r, const struct slice *text, const char *why)
{
    char copy[64], shown[64];
    size_t n = text->bytes < sizeof copy - 1 ? text->bytes : sizeof copy - 1;

    memcpy(copy, text->at, n);
    copy[n] = '\0';
    r->rc = error_set(r->error, LOOM_E_CONFIG, "%.300s:%u: \"%s\": %s", r->ini->file, r->line,
                      option_printable(copy, shown, sizeof shown), why);
    return r->rc;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Blanks around it and a comment at its end do not belong to a line. */
static struct slice clean(struct slice line)
{
    while (line.bytes > 0 && is_blank(*line.at)) line = slice_of(line.at + 1, line.bytes - 1);
    if (line.bytes > 0 && (*line.at == ';' || *line.at == '#')) line.bytes = 0;
    for (size_t i = 1; i < line.bytes; i++)
        if (line.at[i] == ';' && is_blank(line.at[i - 1])) line.bytes = i;
    while (line.bytes > 0 && is_blank(line.at[line.bytes - 1])) line.bytes--;
    return line;
}

/* What inih would pass over in silence. */
static int check_line(struct reading *r, struct slice line, size_t room)
{
    const char *end;

    for (size_t i = 0; i < line.bytes; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return fail_line(r, &line, "has control characters; this is not a text file");
    }
    if (line.bytes > room)
        return fail_line(r, &line, "the line is too long for this build of inih, or over 4093 "
                                   "bytes");
    if (line.bytes == 0 || *line.at != '[') return 0;
    end = memchr(line.at, ']', line.bytes);
    if (end == NULL) return fail_line(r, &line, "a section ends with ]");
    if (end == line.at + 1) return fail_line(r, &line, "a section has a name");
    if (end != line.at + line.bytes - 1)
        return fail_line(r, &line, "nothing may follow a section's ]");
    if ((size_t)(end - line.at - 1) >= INI_NAME_MAX)
        return fail_line(r, &line, "a section's name has at most 48 bytes");
    return 0;
}

/* Stands in for fgets(): at most size - 1 bytes, one whole line each time. */
static char *next_line(char *ret, int size, void *from)
{
    struct reading *r = from;
    const char *end;
    struct slice line;

    if (r->rc != 0 || r->bytes == 0) return NULL;
    end = memchr(r->at, '\n', r->bytes);
    line = slice_of(r->at, end ? (size_t)(end - r->at) : r->bytes);
    r->bytes -= line.bytes + (end != NULL);
    r->at += line.bytes + (end != NULL);
    r->line++;
    line = clean(line);
    if (check_line(r, line, size > LINE_SLACK ? (size_t)(size - LINE_SLACK) : 0) != 0) return NULL;
    memcpy(ret, line.at, line.bytes);
    memcpy(ret + line.bytes, "\n", 2);
    return ret;
}

static int grow(struct ini *ini)
{
    size_t room = ini->room ? ini->room * 2 : 32;
    struct ini_entry *entries;

    if (ini->n < ini->room) return 0;
    entries = mem_realloc(MEM_CONFIG, ini->entries, room * sizeof *entries);
    if (entries == NULL) return LOOM_E_NOMEM;
    ini->entries = entries;
    ini->room = room;
    return 0;
}

/* One block per entry: section, key, value. */
static int append(struct ini *ini, const char *section, const char *key, const char *value,
                  uint32_t line)
{
    size_t n_section = strlen(section) + 1, n_key = strlen(key) + 1, n_value = strlen(value) + 1;
    char *block;

    if (grow(ini) != 0) return LOOM_E_NOMEM;
    block = mem_alloc(MEM_CONFIG, n_section + n_key + n_value);
    if (block == NULL) return LOOM_E_NOMEM;
    memcpy(block, section, n_section);
    memcpy(block + n_section, key, n_key);
    memcpy(block + n_section + n_key, value, n_value);
    ini->entries[ini->n++] =
        (struct ini_entry){block, block + n_section, block + n_section + n_key, line};
    return 0;
}

/* inih's handler: 1 goes on. */
static int take(struct reading *r, const char *section, const char *key, const char *value)
{
    struct slice shown = slice_of(key, strlen(key));
    const struct ini_entry *before;
    char why[80];

    if (*section == '\0') return fail_line(r, &shown, "a key belongs under a [section]");
    if (*key == '\0') return fail_line(r, &shown, "expected \"key = value\"");
    if (shown.bytes >= INI_NAME_MAX) return fail_line(r, &shown, "a key has at most 48 bytes");
    if (r->ini->n >= INI_ENTRIES_MAX)
        return fail_line(r, &shown, "the file has more than 1024 keys");
    before = ini_find(r->ini, section, key);
    if (before != NULL) {
        snprintf(why, sizeof why, "is set in line %u already; keep one of them", before->line);
        return fail_line(r, &shown, why);
    }
    r->rc = append(r->ini, section, key, value, r->line);
    return r->rc;
}

static int handle(void *to, const char *section, const char *key, const char *value
#if INI_HANDLER_LINENO
                  ,
                  int line
#endif
)
{
    struct reading *r = to;

#if INI_HANDLER_LINENO
    (void)line; /* ours is the same */
#endif
    if (r->rc != 0 || key == NULL) return 1; /* a new section, in some builds */
    if (value == NULL) return 0;             /* no '=': inih reports the line */
    return take(r, section, key, value) == 0;
}

/* The line inih could not split, for the sentence. */
static void bad_line(struct reading *r, const char *text, size_t bytes, int number)
{
    const char *at = text, *end = text + bytes, *stop;
    struct slice line;

    for (int i = 1; i < number && at < end; i++) {
        stop = memchr(at, '\n', (size_t)(end - at));
        at = stop ? stop + 1 : end;
    }
    stop = memchr(at, '\n', (size_t)(end - at));
    line = clean(slice_of(at, (size_t)((stop ? stop : end) - at)));
    r->line = (uint32_t)number;
    fail_line(r, &line, "expected \"key = value\" or \"[section]\"");
}

int ini_load_text(const char *name, const void *at, size_t bytes, struct ini *ret,
                  struct error *error)
{
    struct ini ini = {.file = mem_strdup(MEM_CONFIG, name)};
    struct reading r = {.at = at, .bytes = bytes, .ini = &ini, .error = error};
    int rc;

    if (ini.file == NULL) return error_set(error, LOOM_E_NOMEM, "out of memory reading %s", name);
    if (bytes > INI_FILE_MAX) {
        r.rc = error_set(error, LOOM_E_CONFIG, "%.300s: over 1 MiB; this is not a configuration",
                         name);
        goto out;
    }
    if (bytes >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        r.at += 3;
        r.bytes -= 3;
    }
    if (&ini_max_line != NULL) ini_max_line = INI_LINE_MAX;
    const char *text = r.at;
    size_t n_text = r.bytes;
    rc = ini_parse_stream(next_line, &r, handle, &r);
    if (r.rc == LOOM_E_NOMEM || (r.rc == 0 && rc < 0))
        r.rc = error_set(error, LOOM_E_NOMEM, "out of memory reading %.300s", name);
    else if (r.rc == 0 && rc > 0)
        bad_line(&r, text, n_text, rc);
out:
    if (r.rc != 0) ini_free(&ini);
    else *ret = ini;
    return r.rc;
}

static int read_whole(int fd, char *at, size_t room, size_t *ret_bytes)
{
    size_t used = 0;

    while (used < room) {
        ssize_t n = read(fd, at + used, room - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        if (n == 0) break;
        used += (size_t)n;
    }
    *ret_bytes = used;
    return 0;
}

int ini_load(const char *path, struct ini *ret, struct error *error)
{
    struct stat st;
    char *text = NULL;
    size_t bytes = 0;
    int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = error_set(error, LOOM_E_IO, "cannot read %.300s: %s", path, strerror(errno));
        goto out;
    }
    if (S_ISDIR(st.st_mode)) {
        rc = error_set(error, LOOM_E_IO, "cannot read %.300s: it is a folder", path);
        goto out;
    }
    text = mem_alloc(MEM_CONFIG, INI_FILE_MAX + 1);
    if (text == NULL) {
        rc = error_set(error, LOOM_E_NOMEM, "out of memory reading %.300s", path);
        goto out;
    }
    rc = read_whole(fd, text, INI_FILE_MAX + 1, &bytes);
    rc = rc != 0 ? error_set(error, LOOM_E_IO, "cannot read %.300s: %s", path, strerror(-rc))
                 : ini_load_text(path, text, bytes, ret, error);
out:
    mem_free(MEM_CONFIG, text);
    if (fd >= 0) close(fd);
    return rc;
}

void ini_free(struct ini *ini)
{
    for (size_t i = 0; i < ini->n; i++)
        mem_free(MEM_CONFIG, (void *)(uintptr_t)ini->entries[i].section);
    mem_free(MEM_CONFIG, ini->entries);
    mem_free(MEM_CONFIG, ini->file);
    memset(ini, 0, sizeof *ini);
}

const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key)
{
    for (size_t i = 0; i < ini->n; i++)
        if (strcmp(ini->entries[i].section, section) == 0 &&
            strcmp(ini->entries[i].key, key) == 0)
            return &ini->entries[i];
    return NULL;
}
