/* rdb_lzf.c - unpack LZF, in which Redis keeps longer strings.  We never pack with it.
 *
 * A control byte c below 32 is followed by c + 1 literals.  From 32 on it is a reference: its three
 * high bits are the length less two (7: a byte with 7 less follows), its five low bits and the next
 * byte the distance less one. */
#include <string.h>

#include "core/command/rdb.h"

struct lzf {
    const unsigned char *at, *end;
    char *to, *start, *to_end;
};

static bool literals(struct lzf *z, size_t n)
{
    if ((size_t)(z->end - z->at) < n || (size_t)(z->to_end - z->to) < n) return false;
    memcpy(z->to, z->at, n);
    z->at += n;
    z->to += n;
    return true;
}

static bool reference(struct lzf *z, unsigned control)
{
    size_t n = control >> 5, distance;

    if (n == 7) {
        if (z->at == z->end) return false;
        n += *z->at++;
    }
    n += 2;
    if (z->at == z->end) return false;
    distance = ((size_t)(control & 0x1f) << 8) + *z->at++ + 1;
    if ((size_t)(z->to - z->start) < distance || (size_t)(z->to_end - z->to) < n) return false;
    if (distance >= n) {
        memcpy(z->to, z->to - distance, n);
        z->to += n;
        return true;
    }
    /* The copy reads what it has just written: byte by byte. */
    for (; n > 0; n--, z->to++)
        *z->to = *(z->to - distance);
    return true;
}

int lzf_unpack(struct slice from, char *to, size_t to_bytes)
{
    struct lzf z = {.at = (const unsigned char *)from.at, .to = to, .start = to};

    z.end = z.at + from.bytes;
    z.to_end = to + to_bytes;
    while (z.at < z.end) {
        unsigned control = *z.at++;
        if (!(control < 32 ? literals(&z, control + 1) : reference(&z, control)))
            return LOOM_E_CORRUPT;
    }
    return z.to == z.to_end ? 0 : LOOM_E_CORRUPT;
}
