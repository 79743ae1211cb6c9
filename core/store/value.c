/* value.c - how a value is kept: behind its key, as a blob, or compressed; and reading it back. */
#include <lz4.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "core/store/store_private.h"

/* Compressing happens under the partition's lock; 256 KiB take LZ4 about half a millisecond. */
#define PACK_MAX (256u << 10)
#define LZ4_HEAD sizeof(uint32_t) /* the raw length stands before the block */

uint64_t value_blob_charge(const struct loom_blob *blob) { return blob_charge(blob); }

/* ---- on the way in --------------------------------------------------------------------------- */

static void try_lz4(const struct store *store, const struct store_put *put,
                    struct value_packed *ret)
{
    uint64_t least = __atomic_load_n(&store->compress_min, __ATOMIC_RELAXED);
    uint32_t raw = (uint32_t)put->value.bytes;

    if (put->value.bytes < least || put->value.bytes > PACK_MAX || raw <= LZ4_HEAD) return;
    char *buffer = mem_alloc(MEM_BUFFER, raw);

    if (buffer == NULL) return; /* kept as it is */
    int n = LZ4_compress_default(put->value.at, buffer + LZ4_HEAD, (int)raw, (int)(raw - LZ4_HEAD));

    if (n <= 0 || (size_t)n + LZ4_HEAD >= raw) {
        mem_free(MEM_BUFFER, buffer);
        return;
    }
    memcpy(buffer, &raw, LZ4_HEAD);
    ret->buffer = buffer;
    ret->raw_bytes = raw;
    ret->value.at = buffer;
    ret->value.bytes = (uint64_t)n + LZ4_HEAD;
    ret->value.type = LOOM_TYPE_STRING_LZ4;
}

int value_pack(const struct store *store, const struct store_put *put, struct value_packed *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->value.at = put->value.at;
    ret->value.bytes = put->value.bytes;
    ret->value.type = LOOM_TYPE_STRING;
    if (__atomic_load_n(&store->compress, __ATOMIC_RELAXED) == STORE_COMPRESS_LZ4)
        try_lz4(store, put, ret);
    if (ret->value.bytes <= store->inline_max) return 0;
    if (ret->buffer == NULL && put->blob != NULL && put->value.at == loom_blob_at(put->blob) &&
        put->value.bytes == put->blob->bytes) {
        ret->value.blob = put->blob;
        return 0;
    }
    ret->made = blob_new(ret->value.bytes);
    if (ret->made == NULL) {
        value_packed_free(ret);
        return LOOM_E_NOMEM;
    }
    memcpy(loom_blob_at(ret->made), ret->value.at, ret->value.bytes);
    ret->value.at = loom_blob_at(ret->made);
    ret->value.blob = ret->made;
    return 0;
}

void value_packed_free(struct value_packed *packed)
{
    mem_free(MEM_BUFFER, packed->buffer);
    loom_blob_drop(packed->made);
    packed->buffer = NULL;
    packed->made = NULL;
}

/* ---- on the way out -------------------------------------------------------------------------- */

/* stored - the bytes as they are kept. */
static int stored(struct partition *p, loom_entry *e, struct loom_value *ret)
{
    if (e->size_flags & LOOM_ENTRY_OUTLINE) return p->storage_ops->value(p->storage, e, ret);
    *ret = (struct loom_value){.at = loom_entry_value(e), .bytes = loom_entry_value_bytes(e)};
    return 0;
}

static uint32_t raw_bytes_of(const struct loom_value *v)
{
    uint32_t raw;

    memcpy(&raw, v->at, sizeof raw);
    return raw;
}

int value_read(struct partition *p, loom_entry *e, struct value_view *ret)
{
    struct loom_value v = {0};
    int rc = stored(p, e, &v);

    if (rc != 0) return rc;
    *ret = (struct value_view){.at = v.at, .bytes = v.bytes, .blob = v.blob};
    if (loom_entry_type(e) != LOOM_TYPE_STRING_LZ4) return 0;
    uint32_t raw = raw_bytes_of(&v);
    char *buffer = mem_alloc(MEM_BUFFER, raw);

    if (buffer == NULL) return LOOM_E_NOMEM;
    int n = LZ4_decompress_safe((const char *)v.at + LZ4_HEAD, buffer, (int)(v.bytes - LZ4_HEAD),
                                (int)raw);

    if (n < 0 || (uint32_t)n != raw) {
        mem_free(MEM_BUFFER, buffer);
        return LOOM_E_CORRUPT;
    }
    *ret = (struct value_view){.at = buffer, .bytes = raw, .unpacked = buffer};
    return 0;
}

void value_release(struct value_view *view)
{
    mem_free(MEM_BUFFER, view->unpacked);
    view->unpacked = NULL;
}

uint64_t value_bytes(struct partition *p, loom_entry *e)
{
    struct loom_value v = {0};

    if (stored(p, e, &v) != 0) return 0;
    return loom_entry_type(e) == LOOM_TYPE_STRING_LZ4 ? raw_bytes_of(&v) : v.bytes;
}

void value_account(struct partition *p, loom_entry *e, int sign)
{
    struct loom_value v = {0};

    if (loom_entry_type(e) != LOOM_TYPE_STRING_LZ4 || stored(p, e, &v) != 0) return;
    METRIC_ADD(p->stats.raw_bytes, (uint64_t)((int64_t)raw_bytes_of(&v) * sign));
    METRIC_ADD(p->stats.packed_bytes, (uint64_t)((int64_t)v.bytes * sign));
}

/* ---- editing --------------------------------------------------------------------------------- */

static struct loom_blob *blob_of(struct partition *p, loom_entry *e)
{
    struct loom_value v = {0};

    if (!(e->size_flags & LOOM_ENTRY_OUTLINE) || p->storage_ops->value(p->storage, e, &v) != 0)
        return NULL;
    return v.blob;
}

/* edit_in_place - the writable bytes, or NULL when the value has to move. */
static char *edit_in_place(struct partition *p, loom_entry *e, uint64_t bytes)
{
    struct loom_blob *blob = blob_of(p, e);

    if (loom_entry_type(e) != LOOM_TYPE_STRING) return NULL;
    if (blob != NULL) {
        if (bytes > blob_room(blob) || bytes <= p->store->inline_max) return NULL;
        if (__atomic_load_n(&blob->refs, __ATOMIC_ACQUIRE) != 1) return NULL; /* being sent */
        if (bytes > blob->bytes) memset(loom_blob_at(blob) + blob->bytes, 0, bytes - blob->bytes);
        blob->bytes = bytes;
        return loom_blob_at(blob);
    }
    uint32_t was = loom_entry_value_bytes(e), whole = loom_entry_bytes(e);

    if (bytes > p->store->inline_max) return NULL;
    if (arena_charge(whole) != arena_charge(whole - was + bytes)) return NULL;
    e->size_flags = (e->size_flags & ~LOOM_ENTRY_VALUE_MASK) | (uint32_t)bytes;
    if (bytes > was) memset(loom_entry_value(e) + was, 0, bytes - was);
    return loom_entry_value(e);
}

/* edit_moving - a new place of the right size, with the old bytes and zeros. */
static int edit_moving(const struct store_key *key, loom_entry *e, uint64_t bytes, loom_entry **ret)
{
    struct partition *p = key->partition;
    struct value_view view = {0};
    struct loom_value v = {.bytes = bytes, .expires_ms = e ? loom_entry_expires_ms(e) : 0};
    char *keep = NULL;
    int rc = e ? value_read(p, e, &view) : 0;

    if (rc != 0) return rc;
    uint64_t n_keep = view.bytes < bytes ? view.bytes : bytes;

    if (bytes > p->store->inline_max) {
        /* A little room to grow: APPEND in a loop would otherwise copy the whole each time. */
        v.blob = blob_new(bytes + (e ? bytes / 8 : 0));
        if (v.blob == NULL) rc = LOOM_E_NOMEM;
        else keep = loom_blob_at(v.blob);
    } else {
        keep = mem_alloc(MEM_BUFFER, bytes);
        if (keep == NULL) rc = LOOM_E_NOMEM;
    }
    if (rc == 0) {
        if (n_keep > 0) memcpy(keep, view.at, n_keep);
        memset(keep + n_keep, 0, bytes - n_keep);
        if (v.blob != NULL) v.blob->bytes = bytes;
        v.at = keep;
    }
    value_release(&view);
    if (rc == 0) rc = partition_install(key, e, &v, ROOM_EVICT, ret);
    if (v.blob == NULL) mem_free(MEM_BUFFER, keep);
    loom_blob_drop(v.blob);
    return rc;
}

int partition_edit(const struct store_key *key, loom_entry *e, uint64_t bytes, char **ret_at)
{
    struct partition *p = key->partition;
    char *at = e ? edit_in_place(p, e, bytes) : NULL;

    if (at == NULL) {
        int rc = edit_moving(key, e, bytes, &e);

        if (rc != 0) return rc;
        struct loom_blob *blob = blob_of(p, e);

        at = blob ? loom_blob_at(blob) : loom_entry_value(e);
    } else if (LOOM_HAS(p->storage_ops, written)) {
        p->storage_ops->written(p->storage, e);
    }
    if (p->watches != NULL) watch_bump(p, e, key->key.hash);
    *ret_at = at;
    return 0;
}
