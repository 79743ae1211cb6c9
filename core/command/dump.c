/* dump.c - DUMP and RESTORE: values that travel between us and Redis, in its format (rdb.h). */
#include "core/base/blob.h"
#include "core/command/command.h"
#include "core/command/rdb.h"

#define DUMP_SMALL_BYTES 1024u

/* ---- DUMP ----------------------------------------------------------------------------------- */

static int reply_dump(struct call *call, struct slice value)
{
    size_t room = rdb_dump_bytes(value);
    struct loom_blob *blob;
    char small[DUMP_SMALL_BYTES];

    if (room <= sizeof small) {
        reply_bulk(call->reply, small, rdb_dump(small, value));
        return 0;
    }
    blob = blob_new(room);
    if (blob == NULL) return LOOM_E_NOMEM;
    reply_blob(call->reply, blob, loom_blob_at(blob), rdb_dump(loom_blob_at(blob), value));
    loom_blob_drop(blob);
    return 0;
}

static void run_dump(struct call *call)
{
    struct partition *p = call->keys[0].partition;
    loom_entry *e = partition_find(&call->keys[0], STORE_READ);
    struct value_view view;
    int rc;

    if (e == NULL) {
        reply_null(call->reply);
        return;
    }
    rc = value_read(p, e, &view);
    if (rc == 0) {
        rc = reply_dump(call, slice_of(view.at, view.bytes));
        value_release(&view);
    }
    if (rc != 0) call_failed(call, rc);
}

/* ---- RESTORE -------------------------------------------------------------------------------- */

struct restore {
    bool replace, absolute;
    uint64_t expires_ms;
};

/* How long a key has not been used, and how often it was: checked, though our policies keep their
 * own account and begin anew. */
static bool parse_usage(struct call *call, uint32_t arg, bool idle)
{
    int64_t value;

    if (!call_i64(call, arg, &value)) return false;
    if (idle && value < 0) {
        call_error(call, "Invalid IDLETIME value, must be >= 0");
        return false;
    }
    if (!idle && (value < 0 || value > 255)) {
        call_error(call, "Invalid FREQ value, must be >= 0 and <= 255");
        return false;
    }
    return true;
}

static bool parse_options(struct call *call, struct restore *ret)
{
    bool idle = false, frequency = false;

    for (uint32_t i = 4; i < call->argc; i++) {
        struct slice name = call->argv[i];
        bool has_value = i + 1 < call->argc;

        if (slice_is(name, "replace")) {
            ret->replace = true;
        } else if (slice_is(name, "absttl")) {
            ret->absolute = true;
        } else if (has_value && !frequency && slice_is(name, "idletime")) {
            if (!parse_usage(call, ++i, true)) return false;
            idle = true;
        } else if (has_value && !idle && slice_is(name, "freq")) {
            if (!parse_usage(call, ++i, false)) return false;
            frequency = true;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    return true;
}

static bool parse_ttl(struct call *call, struct restore *ret)
{
    int64_t ttl;

    if (!call_i64(call, 2, &ttl)) return false;
    if (ttl < 0) {
        call_error(call, "Invalid TTL value, must be >= 0");
        return false;
    }
    ret->expires_ms = (uint64_t)ttl;
    if (ttl == 0 || ret->absolute) return true;
    ret->expires_ms += call->now_ms;
    if (ret->expires_ms > INT64_MAX) ret->expires_ms = INT64_MAX;
    return true;
}

static int store_restored(struct call *call, const struct restore *restore,
                          const struct rdb_string *string)
{
    const struct store_key *key = &call->keys[0];
    struct store_put put = {.value = string->stored, .expires_ms = restore->expires_ms};
    struct loom_blob *blob = NULL;
    int rc = 0;

    if (string->packed) {
        blob = blob_new(string->bytes);
        if (blob == NULL) return LOOM_E_NOMEM;
        rc = rdb_unpack(string, loom_blob_at(blob));
        if (rc != 0) goto out;
        put.value = slice_of(loom_blob_at(blob), string->bytes);
        put.blob = blob;
    }
    put.old = partition_find(key, STORE_PEEK);
    if (put.expires_ms == 0 || put.expires_ms > call->now_ms)
        rc = partition_put(key, &put, NULL);
    else if (put.old != NULL) /* long gone: what was there goes, nothing comes */
        partition_remove(key, put.old);
out:
    loom_blob_drop(blob);
    return rc;
}

static void run_restore(struct call *call)
{
    struct restore restore = {0};
    struct rdb_string string;
    int rc;

    if (!parse_options(call, &restore)) return;
    if (!restore.replace && partition_find(&call->keys[0], STORE_PEEK) != NULL) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!parse_ttl(call, &restore)) return;
    if (!rdb_verify(call->argv[3])) {
        call_error(call, "DUMP payload version or checksum are wrong");
        return;
    }
    rc = rdb_parse(call->argv[3], STORE_VALUE_MAX, &string);
    if (rc == 0) rc = store_restored(call, &restore, &string);
    if (rc == LOOM_E_UNSUPPORTED || rc == LOOM_E_CORRUPT) call_error(call, "Bad data format");
    else if (rc != 0) call_failed(call, rc);
    else reply_ok(call->reply);
}

/* ---- the table ------------------------------------------------------------------------------ */

const struct command command_rows_dump[] = {
    {.name = "dump",
     .run = run_dump,
     .arity = 2,
     .flags = COMMAND_READ,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "generic",
     .since = "2.6.0",
     .syntax = "key",
     .summary = "Replies a value in Redis' portable form, for RESTORE."},
    {.name = "restore",
     .run = run_restore,
     .arity = -4,
     .flags = COMMAND_WRITE | COMMAND_GROWS,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "generic",
     .since = "2.6.0",
     .syntax = "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
     .summary = "Makes a key from what DUMP replied, here or at a Redis."},
    {.name = NULL},
};
