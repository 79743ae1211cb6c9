/* print.c - escapes and units. */
#include "core/ctl/print.h"

#include <inttypes.h>
#include <string.h>

/* The length of a well-formed UTF-8 sequence (Unicode 15, table 3-7); 0: none starts here. */
static size_t utf8_length(const unsigned char *at, size_t bytes)
{
    unsigned char low = 0x80, high = 0xbf, c = at[0];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (n == 0 || n > bytes) return 0;
    if (c == 0xe0) low = 0xa0; /* not overlong */
    if (c == 0xed) high = 0x9f; /* no surrogates */
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f; /* not beyond U+10FFFF */
    for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
        if (at[i] < low || at[i] > high) return 0;
    return n;
}

void print_json_text(FILE *out, struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.at, *end = at + text.bytes;

    putc('"', out);
    while (at < end) {
        size_t n = utf8_length(at, (size_t)(end - at));
        if (n == 0) {
            fputs("\\ufffd", out);
            at++;
            continue;
        }
        if (*at == '"' || *at == '\\') fprintf(out, "\\%c", *at);
        else if (*at < ' ' || *at == 0x7f) fprintf(out, "\\u%04x", *at);
        else fwrite(at, 1, n, out);
        at += n;
    }
    putc('"', out);
}

size_t print_plain(char *at, size_t room, struct slice text)
{
    size_t used = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool printable = c >= ' ' && c < 0x7f;
        size_t n = printable ? 1 : 4;
        bool last = i + 1 == text.bytes;
        if (used + n + (last ? 1 : 4) > room) { /* the dots and the NUL must fit as well */
            used += (size_t)snprintf(at + used, room - used, "...");
            return used < room ? used : room - 1;
        }
        if (printable) at[used] = (char)c;
        else snprintf(at + used, room - used, "\\x%02x", c);
        used += n;
    }
    at[used] = '\0';
    return used;
}

char *print_bytes(char *at, size_t room, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1024 && unit + 1 < sizeof units / sizeof units[0]; unit++) value /= 1024;
    snprintf(at, room, "%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
    return at;
}
