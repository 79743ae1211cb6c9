/* ini.h - an INI file as a bounded list of settings, each with its line.
 *
 * Splitting lines is inih's work.  What depends on how inih was built is settled here, so that a
 * file means the same everywhere: blanks before a key mean nothing (no continuation lines), " ;"
 * starts a comment at the end of a line, ';' and '#' at its start, a byte order mark is skipped.
 *
 * Refused, each with file and line: a line that is too long, a key outside any [section], text
 * after a section's ']', a key given twice in a section, control characters (a binary file), more
 * than INI_FILE_MAX bytes or INI_ENTRIES_MAX keys.
 *
 * Thread: one at a time (inih's settings are global).
 */
#ifndef CORE_PLUGIN_INI_H
#define CORE_PLUGIN_INI_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define INI_FILE_MAX (1u << 20)
#define INI_ENTRIES_MAX 1024
#define INI_NAME_MAX 49  /* bytes of a section's name or of a key, NUL included */
#define INI_LINE_MAX 4096 /* asked of inih; a build of inih with a fixed limit refuses earlier */

struct ini_entry {
    const char *section, *key, *value; /* owned by the struct ini */
    uint32_t line;
};
struct ini {
    char *file; /* name as given, for messages */
    struct ini_entry *entries; /* in the file's order */
    size_t n, room;
};

/* ini_load - read a file.  LOOM_E_IO: cannot be read; LOOM_E_CONFIG: not acceptable; LOOM_E_NOMEM.
 * On success the caller ends with ini_free(). */
int ini_load(const char *path, struct ini *ret, struct error *error);
/* ini_load_text - the same from memory; name stands in for the file's. */
int ini_load_text(const char *name, const void *at, size_t bytes, struct ini *ret,
                  struct error *error);
void ini_free(struct ini *ini); /* a zeroed one is fine */
const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key);

#endif
