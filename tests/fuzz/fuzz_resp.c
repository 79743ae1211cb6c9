/* fuzz_resp.c - any bytes, cut in any way: no crash, no leak, and always the same commands.
 *
 *   byte 0   bits 0 to 1: which limits
 *            bit 2: look for the difference between whole and byte by byte, too
 *   byte 1   seed of the cuts
 *   rest     the stream
 */
#include <stdint.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "tests/kit/resp_said.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct resp_limits all_limits[4] = {
    RESP_LIMITS,
    RESP_LIMITS_UNAUTHENTICATED,
    /* Small ones, so that short inputs reach every edge; blobs from 4 bytes on. */
    {5, 40, 30, 100, 4, false},
    {1000, 200, 1 << 20, 1 << 21, 16, false},
};

/* Mostly short pieces, some long. */
static size_t random_cut(void *arg)
{
    struct random *random = arg;

    return 1 + random_below(random, UINT64_C(1) << random_below(random, 12));
}

static void must_be_same(const struct said *a, const struct said *b)
{
    if (a->bytes == b->bytes && memcmp(a->text, b->text, a->bytes) == 0) return;
    fprintf(stderr, "one way:\n%s\nanother way:\n%s\n", a->text, b->text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct resp_limits *limits;
    struct slice stream, key;
    struct said whole = {0}, cut = {0}, each = {0};
    struct random random;
    size_t one = 1;

    if (size < 3) return 0;
    limits = &all_limits[data[0] & 3];
    stream = slice_of(data + 2, size - 2);
    random_seed(&random, data[1]);
    resp_peek_key(stream, &key);
    said_stream(&whole, limits, stream, (struct said_cut){said_whole, NULL});
    said_stream(&cut, limits, stream, (struct said_cut){random_cut, &random});
    must_be_same(&whole, &cut);
    if (data[0] & 4) {
        said_stream(&each, limits, stream, (struct said_cut){said_each, &one});
        must_be_same(&whole, &each);
    }
    said_free(&whole);
    said_free(&cut);
    said_free(&each);
    if (mem_used(MEM_BUFFER) + mem_used(MEM_BLOB) != 0) abort();
    return 0;
}
