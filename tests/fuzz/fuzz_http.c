/* fuzz_http.c - any bytes: no crash, an answer within the limits, the same for every prefix that is
 * long enough.  Byte 0 is the seed of where prefixes end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"
#include "core/wire/http.h"
#include "core/wire/inline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) abort();
}

static bool inside(struct slice part, const char *at, size_t bytes)
{
    return part.bytes == 0 || (part.at >= at && part.at + part.bytes <= at + bytes);
}

static void look_at(const struct http_request *request, const char *at, size_t bytes)
{
    must(request->bytes > 0 && request->bytes <= bytes && request->bytes <= HTTP_REQUEST_BYTES);
    must(request->path.bytes > 0);
    must(inside(request->path, at, bytes) || slice_is(request->path, "/"));
    must(inside(request->query, at, bytes));
    must(memchr(request->path.at, '?', request->path.bytes) == NULL);
    must(memchr(request->path.at, ' ', request->path.bytes) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct random random;
    struct http_request whole = {0}, part = {0};
    const char *at = (const char *)data + 1;
    char head[HTTP_HEAD_BYTES];
    size_t n = 0;
    int status, early = HTTP_MORE;

    if (size < 2) return 0;
    size--;
    random_seed(&random, data[0]);
    status = http_parse(slice_of(at, size), &whole);
    if (status == HTTP_OK) look_at(&whole, at, size);
    if (status != HTTP_MORE) must(http_head(head, status, "text/plain", size, false) < sizeof head);
    else must(size <= HTTP_REQUEST_BYTES);
    inline_is_http(slice_of(at, size));

    /* As bytes arrive, in blocks of exactly their size. */
    while (early == HTTP_MORE && n < size) {
        char *block;
        n += 1 + random_below(&random, 1 + size / 4);
        if (n > size) n = size;
        block = malloc(n);
        must(block != NULL);
        memcpy(block, at, n);
        early = http_parse(slice_of(block, n), &part);
        if (early == HTTP_OK) look_at(&part, block, n);
        free(block);
    }
    must(early == status);
    if (status == HTTP_OK)
        must(part.bytes == whole.bytes && part.path.bytes == whole.path.bytes &&
             part.query.bytes == whole.query.bytes && part.head == whole.head &&
             part.keep_alive == whole.keep_alive);
    return 0;
}
