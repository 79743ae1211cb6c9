/* hash.h - which slot a key belongs to, and where it lies inside its partition.
 *
 * The slot is Redis Cluster's: CRC16 (XMODEM) of the key or of its {tag}, modulo 16384.  It is
 * public and unseeded, since clients compute it too.  Inside a partition a seeded XXH3 (Collet,
 * 2019) decides, so that nobody can aim keys at one bucket.
 */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_SLOTS 16384u

uint16_t hash_crc16(const void *at, size_t bytes);
/* hash_slot - the key's slot, 0 to 16383; a non-empty {tag} stands for the key. */
uint16_t hash_slot(const void *key, size_t bytes);
/* hash_key - 64 bits; the database takes part, so equal names in two databases differ. */
uint64_t hash_key(const void *key, size_t bytes, uint8_t db, uint64_t seed);

#endif
