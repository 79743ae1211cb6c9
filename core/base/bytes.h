/* bytes.h - borrowed byte ranges, and numbers written as text. */
#ifndef CORE_BASE_BYTES_H
#define CORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range somebody else owns.  Not terminated by NUL. */
struct slice {
    const char *at;
    size_t bytes;
};

static inline struct slice slice_of(const void *at, size_t bytes)
{
    return (struct slice){(const char *)at, bytes};
}
/* slice_is - equal to a C string, ignoring ASCII case. */
bool slice_is(struct slice s, const char *text);
bool slice_equal(struct slice a, struct slice b);
int slice_compare_nocase(struct slice a, struct slice b); /* as strcasecmp */

/* bytes_to_i64 - a whole decimal integer as Redis takes it: optional '-', no leading zeros, no
 * '+', no blanks, nothing after it.  false: not one, or out of range. */
bool bytes_to_i64(struct slice s, int64_t *ret);
bool bytes_to_u64(struct slice s, uint64_t *ret);
/* bytes_to_double - a whole finite or infinite number ("3.0e3", "inf"); NaN and blanks refused. */
bool bytes_to_long_double(struct slice s, long double *ret);

/* bytes_from_u64, bytes_from_i64 - decimal digits into at (room for 20), no NUL; how many. */
size_t bytes_from_u64(char *at, uint64_t value);
size_t bytes_from_i64(char *at, int64_t value);

/* bytes_match - glob as in Redis: * ? [a-z] [^a] \x.  Bounded: no exponential patterns. */
bool bytes_match(struct slice pattern, struct slice text, bool nocase);

/* bytes_equal_secret - equality in a time that depends on the lengths only. */
bool bytes_equal_secret(struct slice a, struct slice b);

/* bytes_nearest - the candidate closest to text by edit distance; NULL when none is near. */
const char *bytes_nearest(const char *text, const char *const *candidates, size_t n);

#endif
