/* rdb.h - one string in the form that Redis' DUMP gives out and its RESTORE takes.
 *
 *   | type | string ...                    | version | CRC-64 |
 *   | 0    | length and bytes, or packed   | 2, LE   | 8, LE  |
 *
 * The string's first byte says how it is kept (the two high bits):
 *   00 or 01   length of 6 or 14 bits, the bytes follow
 *   10         0x80: length of 32 bits, 0x81: of 64, both big endian
 *   11         0xc0, 0xc1, 0xc2: an integer of 8, 16, 32 bits, little endian; 0xc3: LZF
 * The checksum (Jones' polynomial, reflected, no inversion) covers everything before it.
 *
 * Pure functions of bytes: no store, no reply.  Thread: [any-thread].
 */
#ifndef CORE_COMMAND_RDB_H
#define CORE_COMMAND_RDB_H

#include "core/base/bytes.h"
#include "core/base/error.h"

#define RDB_VERSION_WRITTEN 9u /* Redis 5 and later read it */
#define RDB_VERSION_MAX 11u    /* what Redis 7.2 and Valkey 8 write */
#define RDB_TYPE_STRING 0u
#define RDB_HEAD_MAX 10u /* type, 0x81, 64 bits of length */
#define RDB_TAIL_BYTES 10u

/* rdb_crc64 - go on with a checksum; start with 0.  About 1 ns per byte or less. */
uint64_t rdb_crc64(uint64_t crc, const void *at, size_t bytes);

/* rdb_dump_bytes - room that rdb_dump() needs for this value.
 * rdb_dump - write the whole payload; how many bytes it has.  Small integers are packed as Redis
 * does, everything else is written as it is. */
size_t rdb_dump_bytes(struct slice value);
size_t rdb_dump(char *at, struct slice value);

/* rdb_verify - is this a payload of a version we read, with the right checksum? */
bool rdb_verify(struct slice payload);

/* A string found in a payload. */
struct rdb_string {
    uint64_t bytes;      /* of the value */
    struct slice stored; /* as it lies in the payload: the value itself, or LZF */
    bool packed;         /* LZF: rdb_unpack() makes the value */
    char digits[24];     /* an integer, as text; stored points to it */
};
/* rdb_parse - read a verified payload.  LOOM_E_UNSUPPORTED: another type than string;
 * LOOM_E_CORRUPT: lengths that do not add up, or a value longer than max_bytes.  *ret must not be
 * copied (stored may point into it). */
int rdb_parse(struct slice payload, uint64_t max_bytes, struct rdb_string *ret);

/* rdb_unpack - the value of a packed string into to, which has room for string->bytes.
 * LOOM_E_CORRUPT: not LZF, or not of that length; to is then partly written. */
int rdb_unpack(const struct rdb_string *string, char *to);

/* lzf_unpack - LZF (Lehmann, liblzf): runs of literals, and references at most 8 KiB back.
 * Reads exactly from, writes exactly to_bytes, or returns LOOM_E_CORRUPT. */
int lzf_unpack(struct slice from, char *to, size_t to_bytes);

#endif
