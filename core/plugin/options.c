/* options.c - see options.h. */
#include "core/plugin/options.h"

#include <ctype.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/bytes.h"

struct unit {
    const char *name;
    uint64_t factor;
};
/* Largest first: option_format() takes the first that divides. */
static const struct unit size_units[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10},
    {"", 1},             {"b", 1},            {"k", 1ull << 10},   {"kb", 1ull << 10},
    {"m", 1ull << 20},   {"mb", 1ull << 20},  {"g", 1ull << 30},   {"gb", 1ull << 30},
    {"t", 1ull << 40},   {"tb", 1ull << 40},  {NULL, 0}};
static const struct unit ms_units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000},
                                       {"s", 1000},     {"ms", 1},      {"", 1},
                                       {NULL, 0}};
static const struct unit us_units[] = {{"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
                                       {"s", 1000000},     {"ms", 1000},      {"us", 1},
                                       {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* --- text to value ---------------------------------------------------------------------------- */

/* Digits, then one of the units, nothing else. */
static bool parse_whole(const char *text, const struct unit *units, uint64_t *ret)
{
    uint64_t value = 0;
    const char *at = text;

    if (!isdigit((unsigned char)*at)) return false;
    for (; isdigit((unsigned char)*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    while (*at == ' ') at++;
    for (; units->name != NULL; units++)
        if (strcasecmp(at, units->name) == 0) break;
    if (units->name == NULL && !(value == 0 && *at == '\0')) return false;
    if (units->name != NULL && value > UINT64_MAX / units->factor) return false;
    *ret = units->name ? value * units->factor : 0;
    return true;
}

static bool parse_truth(const char *text, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *ret = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* Decimal only: strtod() alone would take "0x1p3", "inf" and leading blanks. */
static bool parse_real(const char *text, double *ret)
{
    char *end;
    double value;

    if (*text == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false;
    value = strtod(text, &end);
    if (*end != '\0' || !isfinite(value)) return false;
    *ret = value;
    return true;
}

static bool parse_text(const char *text)
{
    size_t n = 0;

    for (; text[n] != '\0'; n++)
        if (n >= OPTION_TEXT_MAX - 1 || (unsigned char)text[n] < 0x20 || text[n] == 0x7f)
            return false;
    return true;
}

static bool parse_us(const char *text, int64_t *ret)
{
    uint64_t whole;

    if (strcasecmp(text, "off") == 0) {
        *ret = -1;
        return true;
    }
    if (!parse_whole(text, us_units, &whole) || whole > INT64_MAX) return false;
    *ret = (int64_t)whole;
    return true;
}

static bool parse_any(uint32_t type, const char *text, struct option_value *ret)
{
    switch (type) {
    case LOOM_OPT_U32: return parse_whole(text, no_units, &ret->as.whole) &&
                              ret->as.whole <= UINT32_MAX;
    case LOOM_OPT_SIZE: return parse_whole(text, size_units, &ret->as.whole);
    case LOOM_OPT_MS: return parse_whole(text, ms_units, &ret->as.whole) &&
                             ret->as.whole <= UINT32_MAX;
    case LOOM_OPT_BOOL: return parse_truth(text, &ret->as.truth);
    case LOOM_OPT_FLOAT: return parse_real(text, &ret->as.real);
    case LOOM_OPT_STR: ret->as.text = text; return parse_text(text);
    case OPTION_US: return parse_us(text, &ret->as.us);
    default: return false;
    }
}

static bool in_range(const struct loom_option *option, const struct option_value *value)
{
    double number;

    if (option->min == option->max) return true;
    switch (option->type) {
    case LOOM_OPT_U32:
    case LOOM_OPT_SIZE:
    case LOOM_OPT_MS: number = (double)value->as.whole; break;
    case LOOM_OPT_FLOAT: number = value->as.real; break;
    case OPTION_US: number = (double)value->as.us; break;
    case LOOM_OPT_STR: number = (double)strlen(value->as.text); break;
    default: return true;
    }
    return number >= option->min && number <= option->max;
}

int option_parse(const struct loom_option *option, const char *text, struct option_value *ret,
                 struct error *error)
{
    struct option_value value = {.type = option->type};
    char form[160];

    if (!parse_any(option->type, text, &value) || !in_range(option, &value))
        return error_set(error, LOOM_E_CONFIG, "expected %s",
                         option_accepts(option, form, sizeof form));
    *ret = value;
    return 0;
}

char *option_printable(const char *text, char *at, size_t bytes)
{
    size_t n = 0;

    for (; text[n] != '\0' && n + 1 < bytes; n++) {
        unsigned char c = (unsigned char)text[n];
        at[n] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    at[n] = '\0';
    if (text[n] != '\0') memcpy(at + bytes - 4, "...", 4);
    return at;
}

int option_wrap(struct error *error, const char *place, const char *section, const char *key,
                const char *value)
{
    char shown_key[OPTION_KEY_MAX + 4], shown[64];

    return error_wrap(error, "%.160s: [%.100s] %s = %s", place, section,
                      option_printable(key, shown_key, sizeof shown_key),
                      option_printable(value, shown, sizeof shown));
}

char *option_env_name(const char *section, const char *key, char *at, size_t bytes)
{
    snprintf(at, bytes, "LOOMCACHE_%s_%s", section, key);
    for (char *c = at; *c != '\0'; c++) *c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
    return at;
}

/* --- value to field --------------------------------------------------------------------------- */

void option_store(const struct loom_option *option, void *instance,
                  const struct option_value *value)
{
    char *field = (char *)instance + option->offset;
    uint32_t u32 = (uint32_t)value->as.whole;

    switch (option->type) {
    case LOOM_OPT_U32:
    case LOOM_OPT_MS: memcpy(field, &u32, sizeof u32); break;
    case LOOM_OPT_SIZE: memcpy(field, &value->as.whole, sizeof value->as.whole); break;
    case LOOM_OPT_BOOL: memcpy(field, &value->as.truth, sizeof value->as.truth); break;
    case LOOM_OPT_FLOAT: memcpy(field, &value->as.real, sizeof value->as.real); break;
    case LOOM_OPT_STR: memcpy(field, &value->as.text, sizeof value->as.text); break;
    case OPTION_US: memcpy(field, &value->as.us, sizeof value->as.us); break;
    default: LOOM_ASSERT(!"an option table passed options_verify()");
    }
}

void option_load(const struct loom_option *option, const void *instance, struct option_value *ret)
{
    const char *field = (const char *)instance + option->offset;
    uint32_t u32 = 0;

    memset(ret, 0, sizeof *ret);
    ret->type = option->type;
    switch (option->type) {
    case LOOM_OPT_U32:
    case LOOM_OPT_MS:
        memcpy(&u32, field, sizeof u32);
        ret->as.whole = u32;
        break;
    case LOOM_OPT_SIZE: memcpy(&ret->as.whole, field, sizeof ret->as.whole); break;
    case LOOM_OPT_BOOL: memcpy(&ret->as.truth, field, sizeof ret->as.truth); break;
    case LOOM_OPT_FLOAT: memcpy(&ret->as.real, field, sizeof ret->as.real); break;
    case LOOM_OPT_STR: memcpy(&ret->as.text, field, sizeof ret->as.text); break;
    case OPTION_US: memcpy(&ret->as.us, field, sizeof ret->as.us); break;
    default: LOOM_ASSERT(!"an option table passed options_verify()");
    }
}

bool option_equal(const struct option_value *a, const struct option_value *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case LOOM_OPT_BOOL: return a->as.truth == b->as.truth;
    case LOOM_OPT_FLOAT: return a->as.real == b->as.real;
    case LOOM_OPT_STR: return strcmp(a->as.text, b->as.text) == 0;
    case OPTION_US: return a->as.us == b->as.us;
    default: return a->as.whole == b->as.whole;
    }
}

/* --- value to text ---------------------------------------------------------------------------- */

static void format_whole(uint64_t value, const struct unit *units, char *at, size_t bytes)
{
    while (units->factor > 1 && (value == 0 || value % units->factor != 0)) units++;
    snprintf(at, bytes, "%" PRIu64 "%s", value / units->factor, value == 0 ? "" : units->name);
}

static void format_real(double value, char *at, size_t bytes)
{
    for (int digits = 1; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(at, bytes, "%.*g", digits, value);
        if (strtod(at, NULL) == value) return;
    }
}

char *option_format(const struct option_value *value, char *at, size_t bytes)
{
    switch (value->type) {
    case LOOM_OPT_U32: snprintf(at, bytes, "%" PRIu64, value->as.whole); break;
    case LOOM_OPT_SIZE: format_whole(value->as.whole, size_units, at, bytes); break;
    case LOOM_OPT_MS: format_whole(value->as.whole, ms_units, at, bytes); break;
    case LOOM_OPT_BOOL: snprintf(at, bytes, "%s", value->as.truth ? "true" : "false"); break;
    case LOOM_OPT_FLOAT: format_real(value->as.real, at, bytes); break;
    case LOOM_OPT_STR: snprintf(at, bytes, "%s", value->as.text); break;
    case OPTION_US:
        if (value->as.us < 0) snprintf(at, bytes, "off");
        else format_whole((uint64_t)value->as.us, us_units, at, bytes);
        break;
    default: LOOM_ASSERT(!"an option value comes from option_parse() or option_load()");
    }
    return at;
}

static void format_bound(uint32_t type, double bound, char *at, size_t bytes)
{
    struct option_value value = {.type = type};

    switch (type) {
    case LOOM_OPT_FLOAT: value.as.real = bound; break;
    case OPTION_US: value.as.us = (int64_t)bound; break;
    default: value.as.whole = (uint64_t)bound;
    }
    option_format(&value, at, bytes);
}

char *option_accepts(const struct loom_option *option, char *at, size_t bytes)
{
    char range[80] = "", low[32], high[32];
    const char *example = option->preset;

    if (option->type == LOOM_OPT_BOOL) {
        snprintf(at, bytes, "true or false (or yes, no, on, off, 1, 0)");
        return at;
    }
    if (option->type == LOOM_OPT_STR) {
        snprintf(at, bytes, "text of %.0f to %.0f bytes without control characters",
                 option->min == option->max ? 0 : option->min,
                 option->min == option->max ? OPTION_TEXT_MAX - 1 : option->max);
        return at;
    }
    if (option->min != option->max) {
        format_bound(option->type, option->min, low, sizeof low);
        format_bound(option->type, option->max, high, sizeof high);
        snprintf(range, sizeof range, " from %s to %s", low, high);
    }
    bool shown = example != NULL && example[strspn(example, "0")] != '\0';
    switch (option->type) {
    case LOOM_OPT_U32: snprintf(at, bytes, "a whole number%s", range); break;
    case LOOM_OPT_FLOAT: snprintf(at, bytes, "a number%s", range); break;
    case LOOM_OPT_SIZE:
        snprintf(at, bytes, "a size%s%ssuch as %s", range, range[0] ? ", " : " ",
                 shown ? example : range[0] ? high : "64MiB");
        break;
    case LOOM_OPT_MS:
        snprintf(at, bytes, "a time%s%ssuch as %s", range, range[0] ? ", " : " ",
                 shown ? example : range[0] ? high : "250ms");
        break;
    default: snprintf(at, bytes, "a time such as 500us or 10ms, or off");
    }
    return at;
}

/* --- tables ----------------------------------------------------------------------------------- */

size_t options_count(const struct loom_option *table)
{
    size_t n = 0;

    while (table != NULL && n <= OPTIONS_MAX && table[n].key != NULL) n++;
    return n;
}

const struct loom_option *options_find(const struct loom_option *table, const char *key)
{
    size_t n = options_count(table);

    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].key, key) == 0) return &table[i];
    return NULL;
}

int options_unknown(const struct loom_option *table, const char *key, struct error *error)
{
    const char *names[OPTIONS_MAX] = {NULL};
    char known[300] = "";
    size_t n = options_count(table), used = 0;
    const char *near;

    for (size_t i = 0; i < n; i++) {
        names[i] = table[i].key;
        int more = snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", names[i]);
        used = more > 0 && used + (size_t)more < sizeof known ? used + (size_t)more : used;
    }
    near = bytes_nearest(key, names, n);
    if (near != NULL)
        return error_set(error, LOOM_E_CONFIG, "unknown key; did you mean %s?", near);
    if (n == 0) return error_set(error, LOOM_E_CONFIG, "unknown key; this section has none");
    return error_set(error, LOOM_E_CONFIG, "unknown key; there are %s", known);
}

static size_t field_bytes(uint32_t type)
{
    switch (type) {
    case LOOM_OPT_U32:
    case LOOM_OPT_MS: return sizeof(uint32_t);
    case LOOM_OPT_SIZE: return sizeof(uint64_t);
    case LOOM_OPT_BOOL: return sizeof(bool);
    case LOOM_OPT_STR: return sizeof(const char *);
    case LOOM_OPT_FLOAT: return sizeof(double);
    case OPTION_US: return sizeof(int64_t);
    default: return 0;
    }
}

static int verify_option(const struct loom_option *option, size_t instance_bytes,
                         struct error *error)
{
    size_t bytes = field_bytes(option->type), length = strnlen(option->key, OPTION_KEY_MAX);
    struct option_value value;

    if (length == 0 || length == OPTION_KEY_MAX ||
        option->key[strspn(option->key, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return error_set(error, LOOM_E_CONFIG,
                         "a key must have 1 to %d characters out of a-z, 0-9 and _",
                         OPTION_KEY_MAX - 1);
    if (bytes == 0 || option->type == OPTION_US)
        return error_set(error, LOOM_E_CONFIG, "type %u is unknown", option->type);
    if (option->offset % bytes != 0 || option->offset > instance_bytes ||
        instance_bytes - option->offset < bytes)
        return error_set(error, LOOM_E_CONFIG,
                         "its field at %u does not lie in the instance of %zu bytes",
                         option->offset, instance_bytes);
    if (!(option->min <= option->max))
        return error_set(error, LOOM_E_CONFIG, "its range is upside down");
    if (option->preset == NULL || option->help == NULL)
        return error_set(error, LOOM_E_CONFIG, "it has no preset or no help");
    if (option_parse(option, option->preset, &value, error) != 0)
        return error_wrap(error, "its preset \"%.60s\" is not acceptable", option->preset);
    return 0;
}

int options_verify(const struct loom_option *table, size_t instance_bytes, struct error *error)
{
    size_t n = options_count(table);

    if (n > OPTIONS_MAX)
        return error_set(error, LOOM_E_CONFIG,
                         "more than %d options, or no LOOM_OPTION_END at the end", OPTIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (verify_option(&table[i], instance_bytes, error) != 0)
            return error_wrap(error, "option %.*s", OPTION_KEY_MAX, table[i].key);
        if (options_find(table, table[i].key) != &table[i])
            return error_set(error, LOOM_E_CONFIG, "option %s is there twice", table[i].key);
    }
    return 0;
}

int options_apply(const struct loom_option *table, const char *section,
                  const struct option_setting *settings, size_t n_settings, void *instance,
                  struct error *error)
{
    struct option_value value;
    size_t n = options_count(table);

    for (size_t i = 0; i < n; i++) {
        int rc = option_parse(&table[i], table[i].preset, &value, error);
        if (rc != 0) return option_wrap(error, "preset", section, table[i].key, table[i].preset);
        option_store(&table[i], instance, &value);
    }
    for (size_t i = 0; i < n_settings; i++) {
        const struct option_setting *s = &settings[i];
        const struct loom_option *option = options_find(table, s->key);
        int rc = option ? option_parse(option, s->value, &value, error)
                        : options_unknown(table, s->key, error);
        if (rc != 0) {
            option_wrap(error, s->place, section, s->key, s->value);
            return rc;
        }
        option_store(option, instance, &value);
    }
    return 0;
}
