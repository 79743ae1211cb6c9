/* bytes.c - see bytes.h. */
#include "core/base/bytes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ASCII only: what a byte above 127 means is the client's affair. */
static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
}

bool slice_is(struct slice s, const char *text)
{
    for (size_t i = 0; i < s.bytes; i++)
        if (text[i] == '\0' || lower((unsigned char)s.at[i]) != lower((unsigned char)text[i]))
            return false;
    return text[s.bytes] == '\0';
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.at, b.at, a.bytes) == 0);
}

int slice_compare_nocase(struct slice a, struct slice b)
{
    size_t n = a.bytes < b.bytes ? a.bytes : b.bytes;

    for (size_t i = 0; i < n; i++) {
        int d = lower((unsigned char)a.at[i]) - lower((unsigned char)b.at[i]);
        if (d != 0) return d;
    }
    return (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

/* Digits without sign: "0", or a digit 1 to 9 and more digits. */
static bool digits(const char *at, size_t bytes, uint64_t *ret)
{
    uint64_t value = 0;

    if (bytes == 0 || bytes > 20 || (at[0] == '0' && bytes > 1)) return false;
    for (size_t i = 0; i < bytes; i++) {
        unsigned d = (unsigned)(unsigned char)at[i] - '0';
        if (d > 9 || __builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)d, &value))
            return false;
    }
    *ret = value;
    return true;
}

bool bytes_to_u64(struct slice s, uint64_t *ret) { return digits(s.at, s.bytes, ret); }

bool bytes_to_i64(struct slice s, int64_t *ret)
{
    uint64_t value;
    bool minus = s.bytes > 0 && s.at[0] == '-';

    if (!digits(s.at + minus, s.bytes - minus, &value)) return false;
    if (minus) {
        if (value == 0 || value > (uint64_t)INT64_MAX + 1) return false;
        *ret = (int64_t)(0 - value);
        return true;
    }
    if (value > (uint64_t)INT64_MAX) return false;
    *ret = (int64_t)value;
    return true;
}

bool bytes_to_long_double(struct slice s, long double *ret)
{
    char text[5 * 1024]; /* LDBL_MAX written out has 4933 digits */
    char *end;
    long double value;

    if (s.bytes == 0 || s.bytes >= sizeof text) return false;
    /* strtold() would skip blanks in front. */
    if (strchr(" \t\n\v\f\r", s.at[0]) != NULL) return false;
    memcpy(text, s.at, s.bytes);
    text[s.bytes] = '\0';
    errno = 0;
    value = strtold(text, &end);
    if (end != text + s.bytes || isnan(value)) return false;
    /* Too large, or so small that nothing is left of it; "inf" itself raises no ERANGE. */
    if (errno == ERANGE && (isinf(value) || value == 0)) return false;
    *ret = value;
    return true;
}

size_t bytes_from_u64(char *at, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char text[20];
    size_t i = sizeof text;

    while (value >= 100) {
        i -= 2;
        memcpy(text + i, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        i -= 2;
        memcpy(text + i, pairs + value * 2, 2);
    } else {
        text[--i] = (char)('0' + value);
    }
    memcpy(at, text + i, sizeof text - i);
    return sizeof text - i;
}

size_t bytes_from_i64(char *at, int64_t value)
{
    if (value >= 0) return bytes_from_u64(at, (uint64_t)value);
    *at = '-';
    return 1 + bytes_from_u64(at + 1, 0 - (uint64_t)value);
}

/* A [class] that opens at p: where it ends, and whether c is in it.  An unclosed class ends with
 * the pattern, as in Redis. */
static const char *match_class(const char *p, const char *p_end, unsigned char c, bool nocase,
                               bool *ret_in)
{
    bool in = false, negated;

    p++; /* '[' */
    negated = p < p_end && *p == '^';
    if (negated) p++;
    for (; p < p_end && *p != ']'; p++) {
        unsigned char from, to;
        if (*p == '\\' && p_end - p >= 2) {
            from = to = (unsigned char)*++p;
        } else if (p_end - p >= 3 && p[1] == '-') {
            from = (unsigned char)p[0];
            to = (unsigned char)p[2];
            p += 2;
        } else {
            from = to = (unsigned char)*p;
        }
        if (nocase) {
            from = lower(from);
            to = lower(to);
        }
        if (from > to) {
            unsigned char swap = from;
            from = to;
            to = swap;
        }
        in |= c >= from && c <= to;
    }
    *ret_in = in != negated;
    return p < p_end ? p + 1 : p;
}

/* One token of the pattern that is not '*' against one byte: where the next token begins, or NULL
 * when it does not match. */
static const char *match_one(const char *p, const char *p_end, unsigned char c, bool nocase)
{
    unsigned char want;

    if (nocase) c = lower(c);
    if (*p == '?') return p + 1;
    if (*p == '[') {
        bool in;
        p = match_class(p, p_end, c, nocase, &in);
        return in ? p : NULL;
    }
    if (*p == '\\' && p_end - p >= 2) p++;
    want = nocase ? lower((unsigned char)*p) : (unsigned char)*p;
    return want == c ? p + 1 : NULL;
}

/* Every token but '*' takes exactly one byte, so it is enough to go back to the last star: an
 * earlier one could only give the later pieces less text to choose from.  Cost: at most the text
 * times the longest piece between two stars; no recursion. */
bool bytes_match(struct slice pattern, struct slice text, bool nocase)
{
    const char *p = pattern.at, *p_end = p + pattern.bytes;
    const char *t = text.at, *t_end = t + text.bytes;
    const char *star_p = NULL, *star_t = NULL;

    while (t < t_end) {
        const char *next = NULL;
        if (p < p_end && *p == '*') {
            star_p = ++p;
            star_t = t;
            if (p == p_end) return true;
            continue;
        }
        if (p < p_end) next = match_one(p, p_end, (unsigned char)*t, nocase);
        if (next != NULL) {
            p = next;
            t++;
        } else if (star_p != NULL) {
            p = star_p;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (p < p_end && *p == '*') p++;
    return p == p_end;
}

bool bytes_equal_secret(struct slice a, struct slice b)
{
    volatile unsigned char differ = a.bytes != b.bytes;

    /* With lengths that differ a is compared with itself: the same work, and no read beyond b. */
    const char *with = differ ? a.at : b.at;
    for (size_t i = 0; i < a.bytes; i++) differ |= (unsigned char)(a.at[i] ^ with[i]);
    return differ == 0;
}

#define NEAREST_MAX 96 /* longer names are nobody's typing error */

/* Levenshtein's distance (1966) between two short words, ignoring case; two rows. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t row[NEAREST_MAX + 1];

    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            bool differ = lower((unsigned char)a[i - 1]) != lower((unsigned char)b[j - 1]);
            size_t same = diagonal + differ;
            size_t skip = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = same < skip ? same : skip;
        }
    }
    return row[n_b];
}

const char *bytes_nearest(const char *text, const char *const *candidates, size_t n)
{
    size_t bytes = strlen(text);
    size_t best = bytes / 4 + 2; /* one more than what still counts as near */
    const char *ret = NULL;

    if (bytes == 0 || bytes > NEAREST_MAX) return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t n_candidate = strlen(candidates[i]), d;
        if (n_candidate == 0 || n_candidate > NEAREST_MAX) continue;
        d = distance(text, bytes, candidates[i], n_candidate);
        if (d < best && d < n_candidate) {
            best = d;
            ret = candidates[i];
        }
    }
    return ret;
}
