/* test_hash.c - slots as Redis Cluster computes them, and hashes that keep databases apart. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

static uint16_t slot(const char *key) { return hash_slot(key, strlen(key)); }

/* Bit by bit, from the polynomial alone. */
static uint16_t reference(const unsigned char *at, size_t bytes)
{
    unsigned crc = 0;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= (unsigned)at[i] << 8;
        for (int bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x8000u) ? 0x11021u : 0u);
    }
    return (uint16_t)crc;
}

Test(hash, crc16_is_xmodem)
{
    unsigned char at[64];
    unsigned seed = 7;

    cr_assert_eq(hash_crc16("123456789", 9), 0x31c3);
    cr_assert_eq(hash_crc16("", 0), 0);
    for (int round = 0; round < 2000; round++) {
        size_t bytes = (size_t)round % sizeof at;
        for (size_t i = 0; i < bytes; i++) at[i] = (unsigned char)rand_r(&seed);
        cr_assert_eq(hash_crc16(at, bytes), reference(at, bytes));
    }
}

Test(hash, slots_known_from_redis)
{
    cr_assert_eq(slot("foo"), 12182);
    cr_assert_eq(slot("bar"), 5061);
    cr_assert_eq(slot("hello"), 866);
    cr_assert_eq(slot(""), 0);
    cr_assert_eq(slot("123456789"), 12739);
}

Test(hash, tags)
{
    cr_assert_eq(slot("{user1000}.following"), slot("user1000"));
    cr_assert_eq(slot("{user1000}.followers"), slot("user1000"));
    cr_assert_eq(slot("foo{{bar}}zap"), slot("{bar"));
    cr_assert_eq(slot("foo{bar}{zap}"), slot("bar"));
    /* An empty or unclosed tag is none: the whole key counts. */
    cr_assert_eq(slot("foo{}{bar}"), hash_crc16("foo{}{bar}", 10) % HASH_SLOTS);
    cr_assert_eq(slot("foo{bar"), hash_crc16("foo{bar", 7) % HASH_SLOTS);
    cr_assert_eq(slot("{"), hash_crc16("{", 1) % HASH_SLOTS);
    cr_assert_eq(slot("}{"), hash_crc16("}{", 2) % HASH_SLOTS);
}

Test(hash, key_depends_on_bytes_database_and_seed)
{
    cr_assert_eq(hash_key("key", 3, 0, 1), hash_key("key", 3, 0, 1));
    cr_assert_neq(hash_key("key", 3, 0, 1), hash_key("key", 3, 0, 2));
    cr_assert_neq(hash_key("key", 3, 0, 1), hash_key("kex", 3, 0, 1));
    for (int a = 0; a < 16; a++)
        for (int b = 0; b < a; b++)
            cr_assert_neq(hash_key("key", 3, (uint8_t)a, 1), hash_key("key", 3, (uint8_t)b, 1));
}
