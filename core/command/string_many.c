/* string_many.c - several keys at one moment: MGET, MSET, MSETNX, LCS.  Their partitions are
 * locked together by the executor, so nobody sees half of it. */
#include <string.h>

#include "core/base/mem.h"
#include "core/command/call.h"
#include "core/command/lcs.h"
#include "core/command/string.h"

void string_mget(struct call *call)
{
    reply_array(call->reply, call->n_keys);
    for (uint32_t i = 0; i < call->n_keys; i++) {
        loom_entry *e = partition_find(&call->keys[i], STORE_READ);
        if (e == NULL || !call_is_string(e)) reply_null(call->reply);
        else call_reply_value(call, call->keys[i].partition, e);
    }
}

/* Key i of MSET is argument 1 + 2 * i, its value the one after it. */
static int put_pair(struct call *call, uint32_t i)
{
    struct store_put put = {.value = call->argv[2 + 2 * i], .blob = call_blob(call, 2 + 2 * i)};
    int rc;

    put.old = partition_find(&call->keys[i], STORE_PEEK);
    rc = partition_put(&call->keys[i], &put, NULL);
    if (rc != LOOM_E_NOSPACE || i == 0) return rc;
    /* Some are stored already, so the rest must be: the limit is overdrawn by this command. */
    put.old = partition_find(&call->keys[i], STORE_PEEK);
    put.overdraw = true;
    return partition_put(&call->keys[i], &put, NULL);
}

/* All of them or, where there is no room, none.  Only a machine without memory stops it half way;
 * *ret_put says how many were stored then. */
static int put_pairs(struct call *call, uint32_t *ret_put)
{
    uint64_t max_memory = store_max_memory(call->store);
    int rc = 0;

    *ret_put = 0;
    for (uint32_t i = 0; max_memory != 0 && i < call->n_keys; i++)
        if (call->argv[2 + 2 * i].bytes >= max_memory) return LOOM_E_NOSPACE; /* would never fit */
    for (uint32_t i = 0; rc == 0 && i < call->n_keys; i++) {
        rc = put_pair(call, i);
        *ret_put += rc == 0;
    }
    return rc;
}

void string_mset(struct call *call)
{
    uint32_t n_put;
    int rc;

    if (call->argc % 2 == 0) {
        call_wrong_args(call);
        return;
    }
    rc = put_pairs(call, &n_put);
    if (rc == 0) reply_ok(call->reply);
    else call_failed(call, rc);
}

void string_msetnx(struct call *call)
{
    uint32_t n_put;
    int rc;

    if (call->argc % 2 == 0) {
        call_wrong_args(call);
        return;
    }
    for (uint32_t i = 0; i < call->n_keys; i++)
        if (partition_find(&call->keys[i], STORE_PEEK) != NULL) {
            reply_int(call->reply, 0);
            return;
        }
    rc = put_pairs(call, &n_put);
    if (rc == 0) {
        reply_int(call->reply, 1);
        return;
    }
    for (uint32_t i = 0; i < n_put; i++) { /* all of these were absent */
        loom_entry *e = partition_find(&call->keys[i], STORE_PEEK);
        if (e != NULL) partition_remove(&call->keys[i], e);
    }
    call_failed(call, rc);
}

/* ---- LCS ------------------------------------------------------------------------------------ */

struct lcs_options {
    bool length, positions, with_lengths;
    int64_t min_bytes;
};

static bool lcs_options_parse(struct call *call, struct lcs_options *ret)
{
    struct lcs_options o = {0};

    for (uint32_t i = 3; i < call->argc; i++) {
        struct slice word = call->argv[i];
        if (slice_is(word, "len")) {
            o.length = true;
        } else if (slice_is(word, "idx")) {
            o.positions = true;
        } else if (slice_is(word, "withmatchlen")) {
            o.with_lengths = true;
        } else if (slice_is(word, "minmatchlen") && i + 1 < call->argc) {
            if (!call_i64(call, ++i, &o.min_bytes)) return false;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    if (o.length && o.positions) {
        call_error(call, "If you want both the length and indexes, please just use IDX.");
        return false;
    }
    *ret = o;
    return true;
}

static void reply_common(struct call *call, const struct lcs *lcs)
{
    struct lcs_walk walk = {lcs->a.bytes, lcs->b.bytes};
    struct lcs_match match;
    uint64_t at = lcs->length;
    char *text = mem_alloc(MEM_BUFFER, lcs->length);

    if (text == NULL) {
        call_failed(call, LOOM_E_NOMEM);
        return;
    }
    while (lcs_next(lcs, &walk, &match)) {
        at -= match.bytes;
        memcpy(text + at, lcs->a.at + match.a_first, match.bytes);
    }
    reply_bulk(call->reply, text, lcs->length);
    mem_free(MEM_BUFFER, text);
}

static void reply_range(struct reply *reply, uint64_t first, uint64_t bytes)
{
    reply_array(reply, 2);
    reply_int(reply, (int64_t)first);
    reply_int(reply, (int64_t)(first + bytes - 1));
}

/* Two walks: the first counts, since an array says its length before its elements. */
static void reply_positions(struct call *call, const struct lcs *lcs,
                            const struct lcs_options *o)
{
    struct reply *reply = call->reply;
    struct lcs_walk walk = {lcs->a.bytes, lcs->b.bytes};
    struct lcs_match match;
    uint64_t n = 0;

    while (lcs_next(lcs, &walk, &match)) n += (int64_t)match.bytes >= o->min_bytes;
    reply_map(reply, 2);
    reply_bulk(reply, "matches", 7);
    reply_array(reply, n);
    walk = (struct lcs_walk){lcs->a.bytes, lcs->b.bytes};
    while (lcs_next(lcs, &walk, &match)) {
        if ((int64_t)match.bytes < o->min_bytes) continue;
        reply_array(reply, o->with_lengths ? 3 : 2);
        reply_range(reply, match.a_first, match.bytes);
        reply_range(reply, match.b_first, match.bytes);
        if (o->with_lengths) reply_int(reply, (int64_t)match.bytes);
    }
    reply_bulk(reply, "len", 3);
    reply_int(reply, (int64_t)lcs->length);
}

void string_lcs(struct call *call)
{
    struct value_view a = {0}, b = {0};
    struct lcs_options o;
    struct lcs lcs = {0};
    int rc;

    if (!call_view(call, 0, STORE_READ, NULL, &a)) return;
    if (!call_view(call, 1, STORE_READ, NULL, &b)) goto out;
    if (!lcs_options_parse(call, &o)) goto out;
    rc = lcs_open(&lcs, slice_of(a.at, a.bytes), slice_of(b.at, b.bytes), !o.length);
    if (rc == LOOM_E_LIMIT)
        call_error(call, "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    else if (rc != 0)
        call_error(call, "Insufficient memory, failed allocating transient memory for LCS");
    else if (o.length) reply_int(call->reply, (int64_t)lcs.length);
    else if (o.positions) reply_positions(call, &lcs, &o);
    else reply_common(call, &lcs);
    lcs_close(&lcs);
out:
    value_release(&a);
    value_release(&b);
}
