/* blob.c - see blob.h. */
#include "core/base/blob.h"

#include <malloc.h>

#include "core/base/error.h"
#include "core/base/mem.h"

static void destroy(struct loom_blob *blob) { mem_free(MEM_BLOB, blob); }

struct loom_blob *blob_new(uint64_t bytes)
{
    struct loom_blob *blob = mem_alloc(MEM_BLOB, sizeof *blob + bytes);

    if (blob != NULL) *blob = (struct loom_blob){.refs = 1, .bytes = bytes, .destroy = destroy};
    return blob;
}

uint64_t blob_room(const struct loom_blob *blob)
{
    return malloc_usable_size((void *)(uintptr_t)blob) - sizeof *blob;
}

struct loom_blob *blob_resize(struct loom_blob *blob, uint64_t bytes)
{
    LOOM_ASSERT(blob->refs == 1);
    struct loom_blob *to = mem_realloc(MEM_BLOB, blob, sizeof *blob + bytes);

    if (to != NULL) to->bytes = bytes;
    return to;
}

uint64_t blob_charge(const struct loom_blob *blob)
{
    return malloc_usable_size((void *)(uintptr_t)blob);
}
