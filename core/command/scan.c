/* scan.c - walking over all keys: SCAN, KEYS, RANDOMKEY, DBSIZE.
 *
 * These lock one partition at a time, so the node goes on while they walk.  A cursor of SCAN is a
 * partition and that partition's own cursor:
 *
 *   | partition, 8 bits | of the backend, 40 bits |      under 2^53: a double holds it
 *
 * A key that is there from the first call to the last is in exactly one partition, and the walk
 * leaves a partition only when the backend says that it is through: the backend's guarantee, of
 * visiting such a key at least once whatever grows or goes meanwhile, holds for the whole.
 */
#include "core/command/command.h"
#include "core/command/session.h"

#define CURSOR_BITS 40
#define CURSOR_MASK ((UINT64_C(1) << CURSOR_BITS) - 1)

/* What one SCAN may do, whatever COUNT says: the thread has other clients. */
#define SCAN_KEYS_MAX 16384u
#define SCAN_STEPS_MIN 4096u   /* empty places cost little: small databases are through at once */
#define SCAN_STEPS_PER_KEY 10u /* a sparse table takes more steps than it has keys */
#define SCAN_STEPS_MAX 65536u
#define SCAN_OUTPUT_BYTES (1u << 20)

#define RANDOM_DRAWS 8u
#define SEARCH_STEPS_PER_LOCK 256u

/* SWAPDB holds every lock: under one of them the number stays. */
static uint8_t physical_db(const struct call *call)
{
    return store_db(call->store, call->session->db);
}

static struct slice key_of(const loom_entry *e)
{
    return slice_of(loom_entry_key(e), e->key_bytes);
}

/* ---- SCAN ---------------------------------------------------------------------------------------- */

struct scan {
    /* asked for */
    uint64_t cursor;
    uint32_t count;
    bool matches_all, no_type;
    struct slice pattern;
    /* while walking */
    uint8_t db;
    uint32_t n_visited, n_steps, n_found;
    struct reply keys;
};

static bool parse_scan(struct call *call, struct scan *scan)
{
    int64_t count;

    if (!bytes_to_u64(call->argv[1], &scan->cursor) ||
        scan->cursor >> CURSOR_BITS >= store_n_partitions(call->store)) {
        call_error(call, "invalid cursor");
        return false;
    }
    for (uint32_t i = 2; i < call->argc; i += 2) {
        struct slice name = call->argv[i];
        bool has_value = i + 1 < call->argc;

        if (has_value && slice_is(name, "count")) {
            if (!call_i64(call, i + 1, &count)) return false;
            if (count < 1) goto syntax;
            scan->count = count < SCAN_KEYS_MAX ? (uint32_t)count : SCAN_KEYS_MAX;
        } else if (has_value && slice_is(name, "match")) {
            scan->pattern = call->argv[i + 1];
            scan->matches_all = slice_equal(scan->pattern, slice_of("*", 1));
        } else if (has_value && slice_is(name, "type")) {
            scan->no_type = !slice_is(call->argv[i + 1], "string");
        } else {
            goto syntax;
        }
    }
    return true;
syntax:
    call_syntax_error(call);
    return false;
}

static void scan_each(void *arg, loom_entry *e)
{
    struct scan *scan = arg;

    scan->n_visited++;
    if (loom_entry_db(e) != scan->db || scan->no_type) return;
    if (!scan->matches_all && !bytes_match(scan->pattern, key_of(e), false)) return;
    reply_bulk(&scan->keys, loom_entry_key(e), e->key_bytes);
    scan->n_found++;
}

static bool scan_enough(const struct scan *scan)
{
    uint32_t max_steps = scan->count * SCAN_STEPS_PER_KEY;

    if (max_steps < SCAN_STEPS_MIN) max_steps = SCAN_STEPS_MIN;
    if (max_steps > SCAN_STEPS_MAX) max_steps = SCAN_STEPS_MAX;
    return scan->n_visited >= scan->count || scan->n_steps >= max_steps ||
           reply_waiting(&scan->keys) >= SCAN_OUTPUT_BYTES || scan->keys.failed;
}

/* Steps in one partition; the cursor where to go on, 0 when through with it. */
static uint64_t scan_partition(struct call *call, struct scan *scan, struct partition *p,
                               uint64_t cursor)
{
    /* What has nothing now holds no key that stays throughout. */
    if (cursor == 0 && METRIC_READ(p->stats.n_items) == 0) return 0;
    call_lock(call, p);
    scan->db = physical_db(call);
    do {
        cursor = partition_scan(p, cursor, scan_each, scan);
        scan->n_steps++;
    } while (cursor != 0 && !scan_enough(scan));
    call_unlock(call, p);
    LOOM_ASSERT(cursor <= CURSOR_MASK);
    return cursor;
}

static void walk(struct call *call, struct scan *scan)
{
    uint32_t i = (uint32_t)(scan->cursor >> CURSOR_BITS);
    uint64_t cursor = scan->cursor & CURSOR_MASK;

    do {
        cursor = scan_partition(call, scan, store_partition(call->store, i), cursor);
        if (cursor == 0) i++;
    } while (i < store_n_partitions(call->store) && !scan_enough(scan));
    scan->cursor = i < store_n_partitions(call->store) ? (uint64_t)i << CURSOR_BITS | cursor : 0;
}

static void run_scan(struct call *call)
{
    struct scan scan = {.count = 10, .matches_all = true};
    char digits[20];

    if (!parse_scan(call, &scan)) return;
    reply_begin(&scan.keys, call->reply->proto, 0);
    walk(call, &scan);
    if (scan.keys.failed) {
        call_failed(call, LOOM_E_NOMEM);
    } else {
        reply_array(call->reply, 2);
        reply_bulk(call->reply, digits, bytes_from_u64(digits, scan.cursor));
        reply_array(call->reply, scan.n_found);
        if (scan.n_found > 0)
            reply_raw(call->reply, scan.keys.at + scan.keys.start, reply_waiting(&scan.keys));
    }
    reply_free(&scan.keys);
}

/* ---- KEYS ---------------------------------------------------------------------------------------- */

struct list {
    struct reply *reply;
    struct slice pattern;
    bool matches_all;
    uint8_t db;
    uint64_t n;
};

static void list_each(void *arg, loom_entry *e)
{
    struct list *list = arg;

    if (loom_entry_db(e) != list->db) return;
    if (!list->matches_all && !bytes_match(list->pattern, key_of(e), false)) return;
    reply_bulk(list->reply, loom_entry_key(e), e->key_bytes);
    list->n++;
}

/* Each partition is listed under one hold of its lock, so no key comes twice. */
static void run_keys(struct call *call)
{
    struct list list = {.reply = call->reply, .pattern = call->argv[1]};
    size_t place = reply_later(call->reply);

    list.matches_all = slice_equal(list.pattern, slice_of("*", 1));
    for (uint32_t i = 0; i < store_n_partitions(call->store); i++) {
        struct partition *p = store_partition(call->store, i);
        uint64_t cursor = 0;

        if (METRIC_READ(p->stats.n_items) == 0) continue;
        if (call->reply->failed) break; /* the reply's limit: the connection is as good as closed */
        call_lock(call, p);
        list.db = physical_db(call);
        do
            cursor = partition_scan(p, cursor, list_each, &list);
        while (cursor != 0 && !call->reply->failed);
        call_unlock(call, p);
    }
    reply_array_at(call->reply, place, list.n);
}

/* ---- RANDOMKEY ----------------------------------------------------------------------------------- */

static uint64_t draw_below(uint64_t n)
{
    static _Thread_local struct random random;
    static _Thread_local bool seeded;

    if (!seeded) {
        uint64_t seed;

        random_entropy(&seed, sizeof seed);
        random_seed(&random, seed);
        seeded = true;
    }
    return random_below(&random, n);
}

/* A partition, each as likely as it has keys; NULL: none has any. */
static struct partition *draw_partition(const struct call *call, uint8_t db)
{
    uint64_t n = store_db_items(call->store, call->session->db, NULL), skip;
    struct partition *some = NULL;

    if (n == 0) return NULL;
    skip = draw_below(n);
    for (uint32_t i = 0; i < store_n_partitions(call->store); i++) {
        struct partition *p = store_partition(call->store, i);
        uint64_t has = METRIC_READ(p->db_items[db]);

        if (has == 0) continue;
        if (skip < has) return p;
        skip -= has;
        some = p; /* the counts may have shrunk meanwhile */
    }
    return some;
}

static bool reply_drawn(struct call *call, struct partition *p)
{
    loom_entry *e;

    call_lock(call, p);
    e = partition_random(p, physical_db(call));
    if (e != NULL) reply_bulk(call->reply, loom_entry_key(e), e->key_bytes);
    call_unlock(call, p);
    return e != NULL;
}

struct search {
    uint8_t db;
    loom_entry *found;
};

static void search_each(void *arg, loom_entry *e)
{
    struct search *search = arg;

    if (loom_entry_db(e) == search->db) search->found = e;
}

/* Where keys are rare among others, or most have expired: look everywhere, lock by lock. */
static bool reply_searched(struct call *call, struct partition *p)
{
    struct search search = {0};
    uint64_t cursor = 0;

    if (METRIC_READ(p->stats.n_items) == 0) return false;
    do {
        call_lock(call, p);
        search.db = physical_db(call);
        for (uint32_t i = 0; i < SEARCH_STEPS_PER_LOCK && search.found == NULL; i++) {
            cursor = partition_scan(p, cursor, search_each, &search);
            if (cursor == 0) break;
        }
        if (search.found != NULL)
            reply_bulk(call->reply, loom_entry_key(search.found), search.found->key_bytes);
        call_unlock(call, p);
    } while (search.found == NULL && cursor != 0 && METRIC_READ(p->db_items[search.db]) != 0);
    return search.found != NULL;
}

static void run_randomkey(struct call *call)
{
    uint32_t n = store_n_partitions(call->store), first;

    for (uint32_t i = 0; i < RANDOM_DRAWS; i++) {
        struct partition *p = draw_partition(call, physical_db(call));

        if (p == NULL) break;
        if (reply_drawn(call, p)) return;
    }
    first = (uint32_t)draw_below(n);
    for (uint32_t i = 0; i < n; i++)
        if (reply_searched(call, store_partition(call->store, (first + i) % n))) return;
    reply_null(call->reply);
}

/* ---- DBSIZE -------------------------------------------------------------------------------------- */

/* As in Redis, keys that have expired but are not yet removed count. */
static void run_dbsize(struct call *call)
{
    reply_int(call->reply, (int64_t)store_db_items(call->store, call->session->db, NULL));
}

/* ---- the table ----------------------------------------------------------------------------------- */

const struct command command_rows_scan[] = {
    {.name = "scan",
     .run = run_scan,
     .arity = -2,
     .flags = COMMAND_READ | COMMAND_OWN_LOCKS,
     .group = "generic",
     .since = "2.8.0",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
     .summary = "Walks over the keys, some at a time, without stopping the node."},
    {.name = "keys",
     .run = run_keys,
     .arity = 2,
     .flags = COMMAND_READ | COMMAND_OWN_LOCKS,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "pattern",
     .summary = "Lists every key that matches; SCAN is kinder."},
    {.name = "randomkey",
     .run = run_randomkey,
     .arity = 1,
     .flags = COMMAND_READ | COMMAND_OWN_LOCKS,
     .group = "generic",
     .since = "1.0.0",
     .syntax = "",
     .summary = "Replies one key drawn at random."},
    {.name = "dbsize",
     .run = run_dbsize,
     .arity = 1,
     .flags = COMMAND_READ | COMMAND_FAST | COMMAND_OWN_LOCKS,
     .group = "server",
     .since = "1.0.0",
     .syntax = "",
     .summary = "Counts the keys of the chosen database."},
    {.name = NULL},
};
