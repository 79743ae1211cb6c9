/* hash.c - see hash.h. */
#include "core/base/hash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* crc_after[k][b]: the remainder of byte b with k zero bytes behind it.  Eight bytes are then
 * eight independent look-ups (slicing-by-8, Kounavis and Berry, 2005), 4 KiB in all. */
static uint16_t crc_after[8][256];

__attribute__((constructor)) static void crc_after_build(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint16_t crc = (uint16_t)(b << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)((crc << 1) ^ ((crc & 0x8000u) ? 0x1021u : 0u));
        crc_after[0][b] = crc;
    }
    for (unsigned k = 1; k < 8; k++)
        for (unsigned b = 0; b < 256; b++) {
            uint16_t crc = crc_after[k - 1][b];
            crc_after[k][b] = (uint16_t)((crc << 8) ^ crc_after[0][crc >> 8]);
        }
}

uint16_t hash_crc16(const void *at, size_t bytes)
{
    const unsigned char *p = at;
    unsigned crc = 0;

    for (; bytes >= 8; bytes -= 8, p += 8)
        crc = (unsigned)crc_after[7][p[0] ^ (crc >> 8)] ^ crc_after[6][p[1] ^ (crc & 0xff)] ^
              crc_after[5][p[2]] ^ crc_after[4][p[3]] ^ crc_after[3][p[4]] ^ crc_after[2][p[5]] ^
              crc_after[1][p[6]] ^ crc_after[0][p[7]];
    for (; bytes > 0; bytes--, p++) crc = ((crc << 8) & 0xffff) ^ crc_after[0][(crc >> 8) ^ *p];
    return (uint16_t)crc;
}

uint16_t hash_slot(const void *key, size_t bytes)
{
    const char *open = bytes ? memchr(key, '{', bytes) : NULL;

    if (open != NULL) {
        const char *tag = open + 1;
        size_t rest = bytes - (size_t)(tag - (const char *)key);
        const char *close = rest ? memchr(tag, '}', rest) : NULL;
        if (close != NULL && close != tag) {
            key = tag;
            bytes = (size_t)(close - tag);
        }
    }
    return hash_crc16(key, bytes) & (HASH_SLOTS - 1);
}

uint64_t hash_key(const void *key, size_t bytes, uint8_t db, uint64_t seed)
{
    return XXH3_64bits_withSeed(key, bytes, seed ^ (db * UINT64_C(0x9e3779b97f4a7c15)));
}
