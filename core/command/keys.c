/* keys.c - whole keys: whether they exist, what they are, under which name, in which database.
 *
 * Walking over all keys is scan.c; how long they live is expire.c.
 */
#include "core/command/command.h"
#include "core/command/keys_carry.h"
#include "core/command/session.h"

/* ---- being there ------------------------------------------------------------------------------- */

static void run_del(struct call *call)
{
    int64_t n = 0;

    for (uint32_t i = 0; i < call->n_keys; i++) {
        loom_entry *e = partition_find(&call->keys[i], STORE_PEEK);
        if (e == NULL) continue;
        partition_remove(&call->keys[i], e);
        n++;
    }
    reply_int(call->reply, n);
}

static void count_found(struct call *call, enum store_look look)
{
    int64_t n = 0;

    for (uint32_t i = 0; i < call->n_keys; i++)
        n += partition_find(&call->keys[i], look) != NULL;
    reply_int(call->reply, n);
}

static void run_exists(struct call *call) { count_found(call, STORE_PEEK); }
static void run_touch(struct call *call) { count_found(call, STORE_READ); }

static void run_type(struct call *call)
{
    loom_entry *e = partition_find(&call->keys[0], STORE_PEEK);

    reply_simple(call->reply, e != NULL ? "string" : "none");
}

/* ---- other names, other databases -------------------------------------------------------------- */

/* Take e away from one key and put it at another.  For a moment it is there twice, over this
 * partition's limit if need be: the node holds no more afterwards, so nothing is pushed out for it.
 * On failure nothing has changed. */
static int move_entry(const struct store_key *from, loom_entry *e, const struct store_key *to)
{
    struct carried carried;
    int rc = carry_take(from->partition, e, &carried);

    if (rc != 0) return rc;
    rc = carry_put(&carried, to, partition_find(to, STORE_PEEK), true);
    carry_drop(&carried);
    if (rc != 0) return rc;
    e = partition_find(from, STORE_PEEK);
    if (e != NULL) partition_remove(from, e);
    return 0;
}

static bool same_name(const struct call *call)
{
    return slice_equal(call->argv[1], call->argv[2]);
}

static void rename_key(struct call *call, bool only_new)
{
    const struct store_key *from = &call->keys[0], *to = &call->keys[1];
    loom_entry *e = partition_find(from, STORE_WRITE);
    int rc;

    if (e == NULL) {
        call_error(call, "no such key");
        return;
    }
    if (only_new && (same_name(call) || partition_find(to, STORE_PEEK) != NULL)) {
        reply_int(call->reply, 0);
        return;
    }
    rc = same_name(call) ? 0 : move_entry(from, e, to);
    if (rc != 0) call_failed(call, rc);
    else if (only_new) reply_int(call->reply, 1);
    else reply_ok(call->reply);
}

static void run_rename(struct call *call) { rename_key(call, false); }
static void run_renamenx(struct call *call) { rename_key(call, true); }

/* A database's number.  not_a_number: the sentence, NULL for the usual two. */
static bool parse_db(struct call *call, uint32_t arg, const char *not_a_number, uint8_t *ret)
{
    int64_t n;

    if (not_a_number != NULL && !bytes_to_i64(call->argv[arg], &n)) {
        call_error(call, "%s", not_a_number);
        return false;
    }
    if (!call_i64(call, arg, &n)) return false;
    if (n < INT32_MIN || n > INT32_MAX) {
        if (not_a_number != NULL) call_error(call, "%s", not_a_number);
        else call_error(call, "value is out of range, value must between %d and %d", INT32_MIN,
                        INT32_MAX);
        return false;
    }
    if (n < 0 || n >= (int64_t)STORE_DBS) {
        call_error(call, "DB index is out of range");
        return false;
    }
    *ret = (uint8_t)n;
    return true;
}

static bool parse_copy(struct call *call, uint8_t *ret_db, bool *ret_replace)
{
    uint8_t db = call->session->db;
    bool replace = false;

    for (uint32_t i = 3; i < call->argc; i++) {
        if (slice_is(call->argv[i], "replace")) {
            replace = true;
        } else if (slice_is(call->argv[i], "db") && i + 1 < call->argc) {
            if (!parse_db(call, ++i, NULL, &db)) return false;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    *ret_db = db;
    *ret_replace = replace;
    return true;
}

static void same_objects(struct call *call)
{
    call_error(call, "source and destination objects are the same");
}

static void run_copy(struct call *call)
{
    struct carried carried;
    struct store_key to;
    loom_entry *e, *old;
    bool replace;
    uint8_t db;
    int rc;

    if (!parse_copy(call, &db, &replace)) return;
    if (db == call->session->db && same_name(call)) {
        same_objects(call);
        return;
    }
    /* The same slot in every database, hence a partition that is locked. */
    store_key_make(call->store, call->argv[2], db, &to);
    e = partition_find(&call->keys[0], STORE_READ);
    if (e == NULL || (partition_find(&to, STORE_PEEK) != NULL && !replace)) {
        reply_int(call->reply, 0);
        return;
    }
    rc = carry_take(call->keys[0].partition, e, &carried);
    if (rc == 0) {
        old = partition_find(&to, STORE_PEEK);
        rc = carry_put(&carried, &to, old, false);
        carry_drop(&carried);
    }
    if (rc != 0) call_failed(call, rc);
    else reply_int(call->reply, 1);
}

static void run_move(struct call *call)
{
    struct store_key to;
    loom_entry *e;
    uint8_t db;
    int rc;

    if (!parse_db(call, 2, NULL, &db)) return;
    if (db == call->session->db) {
        same_objects(call);
        return;
    }
    store_key_make(call->store, call->argv[1], db, &to);
    e = partition_find(&call->keys[0], STORE_WRITE);
    if (e == NULL || partition_find(&to, STORE_PEEK) != NULL) {
        reply_int(call->reply, 0);
        return;
    }
    rc = move_entry(&call->keys[0], e, &to);
    if (rc != 0) call_failed(call, rc);
    else reply_int(call->reply, 1);
}

/* ---- databases ---------------------------------------------------------------------------------- */

static void run_select(struct call *call)
{
    uint8_t db;

    if (!parse_db(call, 1, NULL, &db)) return;
    METRIC_SET(call->session->db, db);
    reply_ok(call->reply);
}

static void run_swapdb(struct call *call)
{
    uint8_t a, b;

    if (!parse_db(call, 1, "invalid first DB index", &a)) return;
    if (!parse_db(call, 2, "invalid second DB index", &b)) return;
    store_swap_dbs(call->store, a, b);
    reply_ok(call->reply);
}

/* ASYNC and SYNC are the same here: an entry is given back in well under a microsecond. */
static void flush(struct call *call, int db)
{
    if (call->argc > 2 || (call->argc == 2 && !slice_is(call->argv[1], "async") &&
                           !slice_is(call->argv[1], "sync"))) {
        call_syntax_error(call);
        return;
    }
    for (uint32_t i = 0; i < store_n_partitions(call->store); i++)
        partition_clear(store_partition(call->store, i), db);
    reply_ok(call->reply);
}

static void run_flushdb(struct call *call)
{
    flush(call, store_db(call->store, call->session->db));
}
static void run_flushall(struct call *call) { flush(call, -1); }

/* ---- the table ----------------------------------------------------------------------------------- */

const struct command command_rows_keys[] = {
    {.name = "del",
     .run = run_del,
     .arity = -2,
     .flags = COMMAND_WRITE,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key [key ...]",
     .summary = "Removes keys; replies how many there were."},
    {.name = "unlink",
     .run = run_del,
     .arity = -2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .group = "generic",
     .since = "4.0.0",
     .syntax = "key [key ...]",
     .summary = "The same as DEL."},
    {.name = "exists",
     .run = run_exists,
     .arity = -2,
     .flags = COMMAND_READ | COMMAND_FAST,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key [key ...]",
     .summary = "Counts those of the keys that exist; a key named twice counts twice."},
    {.name = "touch",
     .run = run_touch,
     .arity = -2,
     .flags = COMMAND_READ | COMMAND_FAST,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .group = "generic",
     .since = "3.2.1",
     .syntax = "key [key ...]",
     .summary = "Counts those of the keys that exist, and is an access of each."},
    {.name = "type",
     .run = run_type,
     .arity = 2,
     .flags = COMMAND_READ | COMMAND_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key",
     .summary = "Replies what kind of value a key holds, or none."},
    {.name = "rename",
     .run = run_rename,
     .arity = 3,
     .flags = COMMAND_WRITE,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key newkey",
     .summary = "Gives a key another name, overwriting what had it."},
    {.name = "renamenx",
     .run = run_renamenx,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key newkey",
     .summary = "Gives a key another name, unless something has it."},
    {.name = "copy",
     .run = run_copy,
     .arity = -3,
     .flags = COMMAND_WRITE | COMMAND_GROWS,
     .first_key = 1,
     .last_key = 2,
     .key_step = 1,
     .group = "generic",
     .since = "6.2.0",
     .syntax = "source destination [DB destination-db] [REPLACE]",
     .summary = "Copies a value and its expiry to another key."},
    {.name = "move",
     .run = run_move,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "key db",
     .summary = "Moves a key to another database, unless it is there already."},
    {.name = "select",
     .run = run_select,
     .arity = 2,
     .flags = COMMAND_FAST | COMMAND_LOADING,
     .group = "connection",
     .since = "1.0.0",
     .syntax = "index",
     .summary = "Chooses the database, 0 to 15, of this connection."},
    {.name = "swapdb",
     .run = run_swapdb,
     .arity = 3,
     .flags = COMMAND_WRITE | COMMAND_FAST | COMMAND_ALL_KEYS,
     .group = "server",
     .since = "4.0.0",
     .syntax = "index1 index2",
     .summary = "Exchanges two databases for every connection."},
    {.name = "flushdb",
     .run = run_flushdb,
     .arity = -1,
     .flags = COMMAND_WRITE | COMMAND_ALL_KEYS,
     .group = "server",
     .since = "1.0.0",
     .syntax = "[ASYNC | SYNC]",
     .summary = "Removes every key of the chosen database."},
    {.name = "flushall",
     .run = run_flushall,
     .arity = -1,
     .flags = COMMAND_WRITE | COMMAND_ALL_KEYS,
     .group = "server",
     .since = "1.0.0",
     .syntax = "[ASYNC | SYNC]",
     .summary = "Removes every key of every database."},
    {.name = NULL},
};
