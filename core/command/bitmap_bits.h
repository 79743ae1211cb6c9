/* bitmap_bits.h - bits of a byte range: counted, searched, read and written as integers.
 *
 * Bit 0 is the highest bit of byte 0, as Redis numbers them.  Plain functions of bytes: no keys,
 * no replies.
 */
#ifndef CORE_COMMAND_BITMAP_BITS_H
#define CORE_COMMAND_BITMAP_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bits_count - ones in bits first to last, both included.  Eight bytes at a time. */
uint64_t bits_count(const void *at, uint64_t first, uint64_t last);
/* bits_find - the first bit that is `one` in first to last, both included; -1: there is none. */
int64_t bits_find(const void *at, uint64_t first, uint64_t last, bool one);

enum bits_operation { BITS_AND, BITS_OR, BITS_XOR, BITS_NOT };
/* bits_combine - into[i] = into[i] op from[i] for n bytes; BITS_NOT: into[i] = ~from[i].  The two
 * are the same or do not overlap. */
void bits_combine(enum bits_operation operation, void *into, const void *from, size_t n);

/* bits_read - the unsigned integer of n_bits (1 to 64) at bit offset; bytes beyond the end of the
 * range are zero. */
uint64_t bits_read(const void *at, uint64_t bytes, uint64_t offset, unsigned n_bits);
/* bits_write - the low n_bits of value to bit offset; all of them lie inside the range. */
void bits_write(void *at, uint64_t offset, unsigned n_bits, uint64_t value);

#endif
