/* options.h - values in the words of a person: parsed, checked and printed back by a table.
 *
 * The table (struct loom_option) belongs to a plugin or to the core's own configuration.  This
 * file knows units and ranges; it does not know files, environments or precedence.
 *
 *   U32    16                        SIZE   4096, 64k, 64KiB, 64mb, 1g   (powers of 1024)
 *   BOOL   true false yes no on off  MS     250, 250ms, 2s, 5min, 1h, 7d
 *          1 0                       FLOAT  0.9, 1e-3
 *   STR    any text without control characters, at most OPTION_TEXT_MAX - 1 bytes
 *
 * Thread: pure functions of their arguments.
 */
#ifndef CORE_PLUGIN_OPTIONS_H
#define CORE_PLUGIN_OPTIONS_H

#include <loomcache/plugin.h>

#include "core/base/error.h"

#define OPTION_TEXT_MAX 4096 /* bytes of one value as text, NUL included */
#define OPTIONS_MAX 64       /* keys of one plugin */
#define OPTION_KEY_MAX 48    /* bytes of a key or of a plugin's name, NUL included */

/* A type of the core's own: int64_t microseconds, "500us" "10ms" "2s", or "off" (-1). */
#define OPTION_US 100u

/* One key somebody has set, and where: "loomcache.ini:42", "environment LOOMCACHE_LOG_LEVEL". */
struct option_setting {
    const char *key, *value, *place;
};

struct option_value {
    uint32_t type; /* enum loom_option_type, or OPTION_US */
    union {
        uint64_t whole; /* U32 SIZE MS */
        int64_t us;     /* OPTION_US */
        bool truth;
        double real;
        const char *text; /* borrowed from whoever gave it */
    } as;
};

/* option_parse - text into a checked value; LOOM_E_CONFIG with "expected a size from 1KiB to 4GiB,
 * such as 64MiB".  The caller puts the place in front: see option_wrap(). */
int option_parse(const struct loom_option *option, const char *text, struct option_value *ret,
                 struct error *error);
/* option_wrap - "place: [section] key = value: " before the sentence.  Returns error's code. */
int option_wrap(struct error *error, const char *place, const char *section, const char *key,
                const char *value);

/* option_printable - text of unknown origin for a sentence: cut to bytes - 1 (at least 3), and
 * nothing in it that a terminal would obey.  Returns at. */
char *option_printable(const char *text, char *at, size_t bytes);

/* option_env_name - LOOMCACHE_<SECTION>_<KEY>, dots become _.  Returns at. */
char *option_env_name(const char *section, const char *key, char *at, size_t bytes);

/* option_store, option_load - the value to and from its field.  A STR field takes the pointer. */
void option_store(const struct loom_option *option, void *instance,
                  const struct option_value *value);
void option_load(const struct loom_option *option, const void *instance, struct option_value *ret);
bool option_equal(const struct option_value *a, const struct option_value *b);

/* option_format - as a user would write it, parsing back to the same value ("64MiB", "250ms").
 * Returns at, always terminated; text that does not fit is cut. */
char *option_format(const struct option_value *value, char *at, size_t bytes);
/* option_accepts - the accepted form in words: "a size from 1KiB to 4GiB, such as 64MiB". */
char *option_accepts(const struct loom_option *option, char *at, size_t bytes);

/* options_count, options_find - the table's keys; a NULL table is empty. */
size_t options_count(const struct loom_option *table);
const struct loom_option *options_find(const struct loom_option *table, const char *key);
/* options_unknown - LOOM_E_CONFIG: "unknown key; did you mean small_ratio?", or what keys there
 * are. */
int options_unknown(const struct loom_option *table, const char *key, struct error *error);

/* options_verify - is a plugin's table itself sane?  Types, alignment, fields inside the instance,
 * key names, no key twice, presets that parse. */
int options_verify(const struct loom_option *table, size_t instance_bytes, struct error *error);

/* options_apply - presets, then the settings, into a zeroed instance.  STR fields point to presets
 * and to the settings' values: both must outlive the instance (see host.h, which copies). */
int options_apply(const struct loom_option *table, const char *section,
                  const struct option_setting *settings, size_t n_settings, void *instance,
                  struct error *error);

#endif
