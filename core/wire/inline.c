/* inline.c - see inline.h. */
#include "core/wire/inline.h"

#include <string.h>

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

size_t inline_count(struct slice line)
{
    size_t n = 0;
    bool in_word = false;

    /* Blanks inside quotes only make this too high. */
    for (size_t i = 0; i < line.bytes; i++) {
        n += !in_word && !blank(line.at[i]);
        in_word = !blank(line.at[i]);
    }
    return n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* One escape of a "..." string, at the backslash with a byte behind it: its value, and where the
 * next byte is. */
static char *escape(char *from, const char *end, char *ret)
{
    if (from[1] == 'x' && end - from >= 4 && hex_digit(from[2]) >= 0 && hex_digit(from[3]) >= 0) {
        *ret = (char)(hex_digit(from[2]) << 4 | hex_digit(from[3]));
        return from + 4;
    }
    switch (from[1]) {
    case 'n': *ret = '\n'; break;
    case 'r': *ret = '\r'; break;
    case 't': *ret = '\t'; break;
    case 'b': *ret = '\b'; break;
    case 'a': *ret = '\a'; break;
    default: *ret = from[1];
    }
    return from + 2;
}

/* The part of an argument between quotes, from the opening one on.  Where it goes on behind the
 * closing one, or NULL: there is none, or something sticks to it. */
static char *unquote(char *from, const char *end, char **to)
{
    char quote = *from++;

    while (from < end && *from != quote) {
        if (*from == '\\' && end - from >= 2 && quote == '"') {
            from = escape(from, end, (*to)++);
        } else if (*from == '\\' && end - from >= 2 && from[1] == '\'') {
            *(*to)++ = '\'';
            from += 2;
        } else {
            *(*to)++ = *from++;
        }
    }
    if (from == end) return NULL;
    from++;
    return from == end || blank(*from) ? from : NULL;
}

int inline_split(char *line, size_t bytes, struct slice *args)
{
    char *from = line, *end = line + bytes;
    int n = 0;

    for (;;) {
        char *to, *start;
        while (from < end && blank(*from)) from++;
        if (from == end) return n;
        to = start = from;
        /* What is written is never longer than what was read. */
        while (from < end && !blank(*from)) {
            if (*from == '"' || *from == '\'') {
                from = unquote(from, end, &to);
                if (from == NULL) return -1;
            } else {
                *to++ = *from++;
            }
        }
        args[n++] = slice_of(start, (size_t)(to - start));
    }
}

bool inline_is_http(struct slice line)
{
    static const char version[] = " HTTP/1.";
    const size_t n_version = sizeof version - 1 + 1; /* and a digit */
    size_t i = 0;

    while (line.bytes > 0 && (line.at[line.bytes - 1] == '\n' || line.at[line.bytes - 1] == '\r'))
        line.bytes--;
    while (i < line.bytes && i < 16 && line.at[i] >= 'A' && line.at[i] <= 'Z') i++;
    if (i == 0 || line.bytes < i + 2 + n_version || line.at[i] != ' ') return false;
    i++;
    if (line.at[i] != '/' && line.at[i] != '*' && memcmp(line.at + i, "http", 4) != 0) return false;
    line.at += line.bytes - n_version;
    return memcmp(line.at, version, sizeof version - 1) == 0 && line.at[n_version - 1] >= '0' &&
           line.at[n_version - 1] <= '9';
}
