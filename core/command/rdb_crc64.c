/* rdb_crc64.c - the checksum at the end of a DUMP: CRC-64 with Jones' polynomial.
 *
 * Eight bytes at a time through eight tables (Kounavis and Berry, 2005): large values are checked
 * while their partition is locked, so a byte at a time would be felt by others. */
#include <pthread.h>
#include <string.h>

#include "core/command/rdb.h"

#define POLYNOMIAL_REFLECTED 0x95ac9329ac4bc9b5ull

static uint64_t tables[8][256];
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL_REFLECTED : 0);
        tables[0][i] = crc;
    }
    for (unsigned i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            tables[k][i] = tables[0][tables[k - 1][i] & 0xff] ^ (tables[k - 1][i] >> 8);
}

static uint64_t load_le64(const unsigned char *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint64_t rdb_crc64(uint64_t crc, const void *from, size_t bytes)
{
    const unsigned char *at = from;

    pthread_once(&tables_made, make_tables);
    for (; bytes >= 8; bytes -= 8, at += 8) {
        crc ^= load_le64(at);
        crc = tables[7][crc & 0xff] ^ tables[6][(crc >> 8) & 0xff] ^
              tables[5][(crc >> 16) & 0xff] ^ tables[4][(crc >> 24) & 0xff] ^
              tables[3][(crc >> 32) & 0xff] ^ tables[2][(crc >> 40) & 0xff] ^
              tables[1][(crc >> 48) & 0xff] ^ tables[0][crc >> 56];
    }
    for (; bytes > 0; bytes--, at++)
        crc = tables[0][(crc ^ *at) & 0xff] ^ (crc >> 8);
    return crc;
}
