/* blob.h - large values on the heap: struct loom_blob, as plugins know it, made by the core. */
#ifndef CORE_BASE_BLOB_H
#define CORE_BASE_BLOB_H

#include <loomcache/storage.h>

/* blob_new - bytes long, contents unset, one hold, purpose MEM_BLOB.  NULL: no memory. */
struct loom_blob *blob_new(uint64_t bytes);
/* blob_room - how long it can become without moving. */
uint64_t blob_room(const struct loom_blob *blob);
/* blob_resize - longer or shorter; only with the one hold there is.  NULL: no memory, blob is as it
 * was; else the blob, which may have moved. */
struct loom_blob *blob_resize(struct loom_blob *blob, uint64_t bytes);
/* blob_charge - what the heap set aside for it. */
uint64_t blob_charge(const struct loom_blob *blob);

#endif
