/* scratch.c - see scratch.h. */
#include "core/wire/scratch.h"

#include <stdint.h>

#include "core/base/mem.h"

#define CHUNK_MIN_BYTES 512u
#define CHUNK_MAX_BYTES (128u << 10) /* except for a piece that is larger by itself */

struct scratch_chunk {
    struct scratch_chunk *older;
    size_t bytes; /* with this head */
};

static void chunk_open(struct scratch *scratch, struct scratch_chunk *chunk)
{
    scratch->at = (char *)(chunk + 1);
    scratch->end = (char *)chunk + chunk->bytes;
}

void *scratch_more(struct scratch *scratch, size_t bytes)
{
    size_t want = scratch->chunks ? scratch->chunks->bytes * 2 : CHUNK_MIN_BYTES;
    struct scratch_chunk *chunk;
    void *at;

    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + 7) & ~(size_t)7;
    if (want > CHUNK_MAX_BYTES) want = CHUNK_MAX_BYTES;
    if (want < bytes + sizeof *chunk) want = bytes + sizeof *chunk;
    chunk = mem_alloc(MEM_BUFFER, want);
    if (chunk == NULL) return NULL;
    chunk->older = scratch->chunks;
    chunk->bytes = want;
    scratch->chunks = chunk;
    scratch->held_bytes += want;
    chunk_open(scratch, chunk);
    at = scratch->at;
    scratch->at += bytes;
    return at;
}

void scratch_reset(struct scratch *scratch, size_t keep_bytes)
{
    struct scratch_chunk *chunk = scratch->chunks, *keep = NULL;

    while (chunk != NULL) {
        struct scratch_chunk *older = chunk->older;
        if (chunk->bytes <= keep_bytes && (keep == NULL || chunk->bytes > keep->bytes)) {
            mem_free(MEM_BUFFER, keep);
            keep = chunk;
        } else {
            mem_free(MEM_BUFFER, chunk);
        }
        chunk = older;
    }
    *scratch = (struct scratch){NULL, NULL, keep, keep ? keep->bytes : 0};
    if (keep == NULL) return;
    keep->older = NULL;
    chunk_open(scratch, keep);
}
