/* rdb.c - write and read the payload of DUMP; see rdb.h. */
#include "core/command/rdb.h"

#include <string.h>

#define LZF_GROWTH_MAX 88u /* three bytes stand for 264 at most */
#define PACKED_DIGITS_MAX 11u /* "-2147483648" */

enum { LENGTH_6 = 0, LENGTH_14 = 1, LENGTH_LONG = 2, PACKED = 3 };
enum { LENGTH_32 = 0x80, LENGTH_64 = 0x81 };
enum { INT_8 = 0xc0, INT_16 = 0xc1, INT_32 = 0xc2, LZF = 0xc3 };

static size_t put_le(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * i));
    return bytes;
}

static size_t put_be(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * (bytes - 1 - i)));
    return bytes;
}

static uint64_t get_le(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return value;
}

static uint64_t get_be(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

static size_t put_length(char *at, uint64_t bytes)
{
    if (bytes < 1u << 6) {
        at[0] = (char)bytes;
        return 1;
    }
    if (bytes < 1u << 14) return put_be(at, (uint64_t)LENGTH_14 << 14 | bytes, 2);
    if (bytes <= UINT32_MAX) {
        at[0] = (char)LENGTH_32;
        return 1 + put_be(at + 1, bytes, 4);
    }
    at[0] = (char)LENGTH_64;
    return 1 + put_be(at + 1, bytes, 8);
}

/* A number of at most 32 bits, spelled the one way it can be: kept as a number.  0: it is none. */
static size_t put_integer(char *at, struct slice value)
{
    int64_t number;

    if (value.bytes > PACKED_DIGITS_MAX || !bytes_to_i64(value, &number)) return 0;
    if (number >= INT8_MIN && number <= INT8_MAX) {
        at[0] = (char)INT_8;
        return 1 + put_le(at + 1, (uint64_t)number, 1);
    }
    if (number >= INT16_MIN && number <= INT16_MAX) {
        at[0] = (char)INT_16;
        return 1 + put_le(at + 1, (uint64_t)number, 2);
    }
    if (number >= INT32_MIN && number <= INT32_MAX) {
        at[0] = (char)INT_32;
        return 1 + put_le(at + 1, (uint64_t)number, 4);
    }
    return 0;
}

size_t rdb_dump_bytes(struct slice value)
{
    return RDB_HEAD_MAX + value.bytes + RDB_TAIL_BYTES;
}

size_t rdb_dump(char *at, struct slice value)
{
    size_t n = 0, packed;

    at[n++] = (char)RDB_TYPE_STRING;
    packed = put_integer(at + n, value);
    n += packed;
    if (packed == 0) {
        n += put_length(at + n, value.bytes);
        if (value.bytes > 0) memcpy(at + n, value.at, value.bytes);
        n += value.bytes;
    }
    n += put_le(at + n, RDB_VERSION_WRITTEN, 2);
    return n + put_le(at + n, rdb_crc64(0, at, n), 8);
}

bool rdb_verify(struct slice payload)
{
    const char *tail;

    if (payload.bytes < RDB_TAIL_BYTES) return false;
    tail = payload.at + payload.bytes - RDB_TAIL_BYTES;
    if (get_le(tail, 2) > RDB_VERSION_MAX) return false;
    return get_le(tail + 2, 8) == rdb_crc64(0, payload.at, payload.bytes - 8);
}

/* A plain length at *rest, which moves on.  false: cut short, or not a plain length. */
static bool get_length(struct slice *rest, uint64_t *ret)
{
    unsigned first;
    size_t n;

    if (rest->bytes == 0) return false;
    first = (unsigned char)rest->at[0];
    switch (first >> 6) {
    case LENGTH_6: n = 1; break;
    case LENGTH_14: n = 2; break;
    case LENGTH_LONG:
        if (first != LENGTH_32 && first != LENGTH_64) return false;
        n = first == LENGTH_32 ? 5 : 9;
        break;
    default: return false;
    }
    if (rest->bytes < n) return false;
    if (n <= 2) *ret = get_be(rest->at, n) & (n == 1 ? 0x3fu : 0x3fffu);
    else *ret = get_be(rest->at + 1, n - 1);
    *rest = slice_of(rest->at + n, rest->bytes - n);
    return true;
}

static int parse_integer(struct slice rest, struct rdb_string *ret)
{
    unsigned form = (unsigned char)rest.at[0];
    size_t n = form == INT_8 ? 1 : form == INT_16 ? 2 : 4;
    int64_t number;

    if (rest.bytes != 1 + n) return LOOM_E_CORRUPT;
    number = (int64_t)get_le(rest.at + 1, n);
    if (n == 1) number = (int8_t)number;
    else if (n == 2) number = (int16_t)number;
    else number = (int32_t)number;
    ret->bytes = bytes_from_i64(ret->digits, number);
    ret->stored = slice_of(ret->digits, ret->bytes);
    ret->packed = false;
    return 0;
}

static int parse_lzf(struct slice rest, uint64_t max_bytes, struct rdb_string *ret)
{
    uint64_t packed_bytes, bytes;

    rest = slice_of(rest.at + 1, rest.bytes - 1);
    if (!get_length(&rest, &packed_bytes) || !get_length(&rest, &bytes)) return LOOM_E_CORRUPT;
    if (packed_bytes != rest.bytes || bytes == 0) return LOOM_E_CORRUPT;
    /* Memory is set aside for what the payload claims: believe only what LZF can do. */
    if (bytes > max_bytes || bytes / LZF_GROWTH_MAX > packed_bytes) return LOOM_E_CORRUPT;
    ret->bytes = bytes;
    ret->stored = rest;
    ret->packed = true;
    return 0;
}

int rdb_parse(struct slice payload, uint64_t max_bytes, struct rdb_string *ret)
{
    struct slice rest;
    uint64_t bytes;

    if (payload.bytes < 2 + RDB_TAIL_BYTES) return LOOM_E_CORRUPT;
    if ((unsigned char)payload.at[0] != RDB_TYPE_STRING) return LOOM_E_UNSUPPORTED;
    rest = slice_of(payload.at + 1, payload.bytes - 1 - RDB_TAIL_BYTES);
    switch ((unsigned char)rest.at[0]) {
    case INT_8:
    case INT_16:
    case INT_32: return parse_integer(rest, ret);
    case LZF: return parse_lzf(rest, max_bytes, ret);
    default: break;
    }
    if (!get_length(&rest, &bytes) || bytes != rest.bytes || bytes > max_bytes)
        return LOOM_E_CORRUPT;
    ret->bytes = bytes;
    ret->stored = rest;
    ret->packed = false;
    return 0;
}

int rdb_unpack(const struct rdb_string *string, char *to)
{
    return lzf_unpack(string->stored, to, string->bytes);
}
