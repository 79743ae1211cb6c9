/* bitmap.c - strings as rows of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP.  BITFIELD is in
 * bitmap_field.c, the work on bytes in bitmap_bits.c. */
#include "core/command/bitmap.h"

#include <string.h>

#include "core/base/blob.h"
#include "core/command/bitmap_bits.h"
#include "core/command/call.h"

bool bitmap_offset(struct call *call, uint32_t arg, unsigned n_bits, uint64_t *ret)
{
    struct slice text = call->argv[arg];
    int64_t offset, unit = 1;

    if (n_bits != 0 && text.bytes != 0 && text.at[0] == '#') { /* "#3": the third of its kind */
        text = slice_of(text.at + 1, text.bytes - 1);
        unit = n_bits;
    }
    if (bytes_to_i64(text, &offset) && !__builtin_mul_overflow(offset, unit, &offset) &&
        offset >= 0 && (uint64_t)offset / 8 < STORE_VALUE_MAX) {
        *ret = (uint64_t)offset;
        return true;
    }
    call_error(call, "bit offset is not an integer or out of range");
    return false;
}

static void run_setbit(struct call *call)
{
    int64_t bit;
    uint64_t offset, bytes;
    loom_entry *e;
    char *at;

    if (!bitmap_offset(call, 2, 0, &offset)) return;
    if (!bytes_to_i64(call->argv[3], &bit) || (bit != 0 && bit != 1)) {
        call_error(call, "bit is not an integer or out of range");
        return;
    }
    if (!call_string(call, 0, STORE_WRITE, &e)) return;
    bytes = e != NULL ? value_bytes(call->keys[0].partition, e) : 0;
    if (offset / 8 >= bytes) bytes = offset / 8 + 1;
    if (!call_edit(call, 0, e, bytes, &at)) return;
    reply_int(call->reply, (int64_t)bits_read(at, bytes, offset, 1));
    bits_write(at, offset, 1, (uint64_t)bit);
}

static void run_getbit(struct call *call)
{
    struct value_view view;
    uint64_t offset;

    if (!bitmap_offset(call, 2, 0, &offset)) return;
    if (!call_view(call, 0, STORE_READ, NULL, &view)) return;
    reply_int(call->reply, (int64_t)bits_read(view.at, view.bytes, offset, 1));
    value_release(&view);
}

/* ---- ranges --------------------------------------------------------------------------------- */

struct range_args {
    int64_t start, end;
    bool in_bits;
    bool open; /* no end was given */
};

/* [start [end [BYTE | BIT]]] from argument i on. */
static bool range_parse(struct call *call, uint32_t i, struct range_args *ret)
{
    struct range_args range = {.start = 0, .end = -1, .open = true};

    if (call->argc > i + 3) {
        call_syntax_error(call);
        return false;
    }
    if (call->argc > i && !call_i64(call, i, &range.start)) return false;
    if (call->argc > i + 1) {
        if (!call_i64(call, i + 1, &range.end)) return false;
        range.open = false;
    }
    if (call->argc > i + 2) {
        range.in_bits = slice_is(call->argv[i + 2], "bit");
        if (!range.in_bits && !slice_is(call->argv[i + 2], "byte")) {
            call_syntax_error(call);
            return false;
        }
    }
    *ret = range;
    return true;
}

/* The bits it means in a value of this length; false: none. */
static bool range_bits(const struct range_args *range, uint64_t bytes, uint64_t *ret_first,
                       uint64_t *ret_last)
{
    int64_t start = range->start, end = range->end;

    if (!call_range(&start, &end, (int64_t)(range->in_bits ? bytes * 8 : bytes))) return false;
    *ret_first = range->in_bits ? (uint64_t)start : (uint64_t)start * 8;
    *ret_last = range->in_bits ? (uint64_t)end : (uint64_t)end * 8 + 7;
    return true;
}

static void run_bitcount(struct call *call)
{
    struct value_view view;
    struct range_args range;
    uint64_t first, last, n = 0;

    if (call->argc == 3) { /* a start wants an end */
        call_syntax_error(call);
        return;
    }
    if (!range_parse(call, 2, &range)) return;
    if (!call_view(call, 0, STORE_READ, NULL, &view)) return;
    if (!call_range_reversed(range.start, range.end) &&
        range_bits(&range, view.bytes, &first, &last))
        n = bits_count(view.at, first, last);
    value_release(&view);
    reply_int(call->reply, (int64_t)n);
}

static void run_bitpos(struct call *call)
{
    struct value_view view;
    struct range_args range;
    loom_entry *e;
    uint64_t first, last;
    int64_t bit, at = -1;

    if (!call_i64(call, 2, &bit)) return;
    if (bit != 0 && bit != 1) {
        call_error(call, "The bit argument must be 1 or 0.");
        return;
    }
    if (!range_parse(call, 3, &range)) return;
    if (!call_view(call, 0, STORE_READ, &e, &view)) return;
    if (e == NULL) {
        at = bit ? -1 : 0; /* an absent key is zeros without end */
    } else if (range_bits(&range, view.bytes, &first, &last)) {
        at = bits_find(view.at, first, last, bit != 0);
        /* Without an end, zeros follow the value. */
        if (at < 0 && bit == 0 && range.open) at = (int64_t)(last + 1);
    }
    value_release(&view);
    reply_int(call->reply, at);
}

/* ---- BITOP ---------------------------------------------------------------------------------- */

static bool operation_parse(struct slice word, enum bits_operation *ret)
{
    static const char *const words[] = {"and", "or", "xor", "not"};

    for (unsigned i = 0; i < 4; i++)
        if (slice_is(word, words[i])) {
            *ret = (enum bits_operation)i;
            return true;
        }
    return false;
}

/* The longest source; sources are keys 1 and on.  An access of each, as reading them is. */
static bool longest_source(struct call *call, uint64_t *ret)
{
    uint64_t longest = 0;

    for (uint32_t i = 1; i < call->n_keys; i++) {
        loom_entry *e;
        uint64_t bytes;
        if (!call_string(call, i, STORE_READ, &e)) return false;
        bytes = e != NULL ? value_bytes(call->keys[i].partition, e) : 0;
        if (bytes > longest) longest = bytes;
    }
    *ret = longest;
    return true;
}

/* Sources shorter than the result, absent ones included, go on in zeros. */
static bool combine(struct call *call, enum bits_operation operation, char *into, uint64_t bytes)
{
    for (uint32_t i = 1; i < call->n_keys; i++) {
        struct value_view view;
        if (!call_view(call, i, STORE_PEEK, NULL, &view)) return false;
        if (i == 1 && operation != BITS_NOT) {
            if (view.bytes != 0) memcpy(into, view.at, view.bytes);
            memset(into + view.bytes, 0, bytes - view.bytes);
        } else {
            bits_combine(operation, into, view.at, view.bytes);
            if (operation == BITS_AND) memset(into + view.bytes, 0, bytes - view.bytes);
        }
        value_release(&view);
    }
    return true;
}

/* The result is made beside the store: storing it may move or evict what it is made from. */
static void run_bitop(struct call *call)
{
    enum bits_operation operation;
    struct store_put put = {0};
    uint64_t bytes;
    int rc;

    if (!operation_parse(call->argv[1], &operation)) {
        call_syntax_error(call);
        return;
    }
    if (operation == BITS_NOT && call->n_keys != 2) {
        call_error(call, "BITOP NOT must be called with a single source key.");
        return;
    }
    if (!longest_source(call, &bytes)) return;
    if (bytes == 0) {
        loom_entry *e = partition_find(&call->keys[0], STORE_PEEK);
        if (e != NULL) partition_remove(&call->keys[0], e);
        reply_int(call->reply, 0);
        return;
    }
    put.blob = blob_new(bytes);
    if (put.blob == NULL) {
        call_failed(call, LOOM_E_NOMEM);
        return;
    }
    put.value = slice_of(loom_blob_at(put.blob), bytes);
    if (combine(call, operation, loom_blob_at(put.blob), bytes)) {
        put.old = partition_find(&call->keys[0], STORE_PEEK);
        rc = partition_put(&call->keys[0], &put, NULL);
        if (rc == 0) reply_int(call->reply, (int64_t)bytes);
        else call_failed(call, rc);
    }
    loom_blob_drop(put.blob);
}

#define READ COMMAND_READ
#define GROWS (COMMAND_WRITE | COMMAND_GROWS)
#define FAST COMMAND_FAST

const struct command command_rows_bitmap[] = {
    {"bitcount", run_bitcount, -2, READ, 1, 1, 1, "bitmap", "2.6.0", "key [start end [BYTE | BIT]]",
     "Counts the bits of a value that are 1, in all of it or in a range.", NULL},
    {"bitfield", bitmap_field, -2, GROWS, 1, 1, 1, "bitmap", "3.2.0",
     "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | "
     "INCRBY encoding offset increment> [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] "
     "<SET encoding offset value | INCRBY encoding offset increment> ...]]",
     "Reads, writes and counts with integers of 1 to 64 bits at any bit of a value.", NULL},
    {"bitfield_ro", bitmap_field_ro, -2, READ | FAST, 1, 1, 1, "bitmap", "6.0.0",
     "key [GET encoding offset [GET encoding offset ...]]",
     "Reads integers of 1 to 64 bits at any bit of a value.", NULL},
    {"bitop", run_bitop, -4, GROWS, 2, -1, 1, "bitmap", "2.6.0",
     "<AND | OR | XOR | NOT> destkey key [key ...]",
     "Combines values bit by bit and stores the result.", NULL},
    {"bitpos", run_bitpos, -3, READ, 1, 1, 1, "bitmap", "2.8.7",
     "key bit [start [end [BYTE | BIT]]]",
     "Finds the first bit of a value that is 0, or 1, in all of it or in a range.", NULL},
    {"getbit", run_getbit, 3, READ | FAST, 1, 1, 1, "bitmap", "2.2.0", "key offset",
     "Returns a bit of a value; 0 beyond its end.", NULL},
    {"setbit", run_setbit, 4, GROWS | FAST, 1, 1, 1, "bitmap", "2.2.0", "key offset value",
     "Sets a bit of a value and returns what it was; the value grows as needed.", NULL},
    {0},
};
