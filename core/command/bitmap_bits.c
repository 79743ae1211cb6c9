/* bitmap_bits.c - see bitmap_bits.h. */
#include "core/command/bitmap_bits.h"

#include <string.h>

static bool bit_at(const uint8_t *at, uint64_t i)
{
    return at[i / 8] >> (7 - i % 8) & 1;
}

/* Ones in a word by adding neighbours (SWAR).  The baseline of x86-64 has no popcount instruction;
 * this needs none, and compilers make vectors of it. */
static uint64_t ones(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555ull;
    word = (word & 0x3333333333333333ull) + (word >> 2 & 0x3333333333333333ull);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return word * 0x0101010101010101ull >> 56;
}

uint64_t bits_count(const void *from, uint64_t first, uint64_t last)
{
    const uint8_t *at = from;
    uint64_t end = last + 1, i = first, n = 0;

    for (; i < end && i % 8 != 0; i++) n += bit_at(at, i);
    for (; end - i >= 64; i += 64) {
        uint64_t word;
        memcpy(&word, at + i / 8, sizeof word);
        n += ones(word);
    }
    for (; end - i >= 8; i += 8) n += ones(at[i / 8]);
    for (; i < end; i++) n += bit_at(at, i);
    return n;
}

int64_t bits_find(const void *from, uint64_t first, uint64_t last, bool one)
{
    const uint8_t *at = from;
    const uint64_t skip = one ? 0 : ~0ull; /* a word in which there is nothing to find */

    for (uint64_t i = first; i <= last;) {
        if (i % 8 == 0 && last - i >= 63) {
            uint64_t word;
            memcpy(&word, at + i / 8, sizeof word);
            if (word == skip) {
                i += 64;
                continue;
            }
        }
        if (bit_at(at, i) == one) return (int64_t)i;
        i++;
    }
    return -1;
}

void bits_combine(enum bits_operation operation, void *into, const void *from, size_t n)
{
    uint8_t *to = into;
    const uint8_t *at = from;

    switch (operation) {
    case BITS_AND:
        for (size_t i = 0; i < n; i++) to[i] &= at[i];
        break;
    case BITS_OR:
        for (size_t i = 0; i < n; i++) to[i] |= at[i];
        break;
    case BITS_XOR:
        for (size_t i = 0; i < n; i++) to[i] ^= at[i];
        break;
    case BITS_NOT:
        for (size_t i = 0; i < n; i++) to[i] = (uint8_t)~at[i];
        break;
    }
}

/* Up to 64 bits that begin anywhere in a byte touch at most nine bytes: they are held, highest
 * first, in a wider integer. */
static unsigned bytes_touched(uint64_t offset, unsigned n_bits)
{
    return (unsigned)((offset % 8 + n_bits + 7) / 8);
}

static uint64_t mask_of(unsigned n_bits)
{
    return n_bits == 64 ? ~0ull : (1ull << n_bits) - 1;
}

uint64_t bits_read(const void *from, uint64_t bytes, uint64_t offset, unsigned n_bits)
{
    const uint8_t *at = from;
    unsigned n = bytes_touched(offset, n_bits);
    unsigned __int128 held = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t byte = offset / 8 + i;
        held = held << 8 | (byte < bytes ? at[byte] : 0);
    }
    return (uint64_t)(held >> (n * 8 - offset % 8 - n_bits)) & mask_of(n_bits);
}

void bits_write(void *to, uint64_t offset, unsigned n_bits, uint64_t value)
{
    uint8_t *at = (uint8_t *)to + offset / 8;
    unsigned n = bytes_touched(offset, n_bits);
    unsigned shift = (unsigned)(n * 8 - offset % 8 - n_bits);
    unsigned __int128 held = 0;

    for (unsigned i = 0; i < n; i++) held = held << 8 | at[i];
    held &= ~((unsigned __int128)mask_of(n_bits) << shift);
    held |= (unsigned __int128)(value & mask_of(n_bits)) << shift;
    for (unsigned i = n; i-- > 0; held >>= 8) at[i] = (uint8_t)held;
}
