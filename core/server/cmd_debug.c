/* cmd_debug.c - DEBUG: what the test suites of Redis and of client libraries use.  Nothing here can
 * bring the node down; SLEEP holds up one I/O thread, for at most a minute. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/server/cmd_rows.h"
#include "core/server/server.h"

#define SLEEP_MAX_S 60
#define SLEEP_SLICE_MS 50 /* how soon a shutdown ends it */
#define STRINGMATCH_MAX (16u << 20)

static void audit(const struct call *call)
{
    server_audit(server_the, "DEBUG %s by client %" PRIu64, call->command->name + strlen("debug|"),
                 call->session->id);
}

static void run_sleep(struct call *call)
{
    long double seconds;
    struct timespec slice = {0, SLEEP_SLICE_MS * 1000000L};

    if (!bytes_to_long_double(call->argv[2], &seconds) || seconds < 0 || seconds > SLEEP_MAX_S) {
        call_error(call, "DEBUG SLEEP takes seconds, 0 to %d", SLEEP_MAX_S);
        return;
    }
    audit(call);
    for (int64_t left_ms = (int64_t)(seconds * 1000); left_ms > 0; left_ms -= SLEEP_SLICE_MS) {
        if (__atomic_load_n(&server_the->stopping, __ATOMIC_RELAXED)) break;
        if (left_ms < SLEEP_SLICE_MS) slice.tv_nsec = (long)left_ms * 1000000L;
        nanosleep(&slice, NULL);
    }
    reply_ok(call->reply);
}

static void run_active_expire(struct call *call)
{
    int64_t on;

    if (!call_i64(call, 2, &on)) return;
    audit(call);
    METRIC_SET(server_the->expire_paused, on == 0);
    reply_ok(call->reply);
}

static void run_object(struct call *call)
{
    struct partition *p = call->keys[0].partition;
    loom_entry *e = partition_find(&call->keys[0], STORE_PEEK);
    const char *encoding;
    char line[160];
    int rc = 0;

    if (e == NULL) {
        call_error(call, "no such key");
        return;
    }
    encoding = command_encoding(p, e, &rc);
    if (rc != 0) {
        call_failed(call, rc);
        return;
    }
    snprintf(line, sizeof line, "Value at:%p refcount:1 encoding:%s serializedlength:%" PRIu64,
             (void *)e, encoding, value_bytes(p, e));
    reply_simple(call->reply, line);
}

static void run_stringmatch(struct call *call)
{
    int64_t bytes;
    char *text;

    if (!call_i64(call, 2, &bytes)) return;
    if (bytes < 0 || bytes > (int64_t)STRINGMATCH_MAX) {
        call_error(call, "DEBUG STRINGMATCH-LEN takes a length of at most %u", STRINGMATCH_MAX);
        return;
    }
    text = mem_alloc(MEM_BUFFER, (size_t)bytes);
    if (text == NULL) {
        call_failed(call, LOOM_E_NOMEM);
        return;
    }
    memset(text, 'a', (size_t)bytes);
    reply_int(call->reply, bytes_match(call->argv[3], slice_of(text, (size_t)bytes), false));
    mem_free(MEM_BUFFER, text);
}

static void run_error(struct call *call)
{
    reply_error(call->reply, "%.*s", (int)(call->argv[2].bytes < 480 ? call->argv[2].bytes : 480),
                call->argv[2].at);
}

static void run_reload(struct call *call)
{
    call_error(call, "DEBUG RELOAD is not supported: persistence is off in this configuration, "
                     "there is nothing to load from");
}

/* ---- DIGEST ---------------------------------------------------------------------------------- */

/* 160 bits that depend on what is stored and not on the order: sums of keyed hashes, by xor. */
struct digest {
    uint64_t words[3];
    int failed; /* LOOM_E_*: a value could not be read */
    int8_t logical[STORE_DBS]; /* of each physical database */
    struct partition *partition;
};

static int digest_value(struct partition *p, loom_entry *e, uint64_t ret[3])
{
    struct value_view view;
    int rc = value_read(p, e, &view);

    if (rc != 0) return rc;
    for (uint64_t i = 0; i < 3; i++) ret[i] = hash_key(view.at, view.bytes, 0, i + 1);
    value_release(&view);
    return 0;
}

static void digest_entry(void *arg, loom_entry *e)
{
    struct digest *digest = arg;
    uint64_t value[3], mixed[3];
    int rc = digest_value(digest->partition, e, value);
    uint8_t db = (uint8_t)digest->logical[loom_entry_db(e)];

    if (rc != 0) digest->failed = rc;
    for (uint64_t i = 0; rc == 0 && i < 3; i++) {
        mixed[0] = hash_key(loom_entry_key(e), e->key_bytes, db, i + 1);
        mixed[1] = value[i];
        mixed[2] = loom_entry_expires_ms(e) != 0;
        digest->words[i] ^= hash_key(mixed, sizeof mixed, 0, i + 1);
    }
}

static void digest_print(const uint64_t words[3], char ret[41])
{
    snprintf(ret, 41, "%016" PRIx64 "%016" PRIx64 "%08" PRIx32, words[0], words[1],
             (uint32_t)words[2]);
}

/* Each partition under one hold of its lock: a key comes once. */
static void run_digest(struct call *call)
{
    struct digest digest = {0};
    char text[41];

    for (uint8_t db = 0; db < STORE_DBS; db++)
        digest.logical[store_db(call->store, db)] = (int8_t)db;
    for (uint32_t i = 0; i < store_n_partitions(call->store); i++) {
        struct partition *p = store_partition(call->store, i);
        uint64_t cursor = 0;

        digest.partition = p;
        call_lock(call, p);
        do cursor = partition_scan(p, cursor, digest_entry, &digest);
        while (cursor != 0);
        call_unlock(call, p);
    }
    digest_print(digest.words, text);
    if (digest.failed != 0) call_failed(call, digest.failed);
    else reply_simple(call->reply, text);
}

static void run_digest_value(struct call *call)
{
    size_t before = call->reply->bytes;
    char text[41];

    reply_array(call->reply, call->n_keys);
    for (uint32_t i = 0; i < call->n_keys; i++) {
        loom_entry *e = partition_find(&call->keys[i], STORE_PEEK);
        uint64_t words[3] = {0};
        int rc = e != NULL ? digest_value(call->keys[i].partition, e, words) : 0;

        if (rc != 0) {
            reply_rewind(call->reply, before);
            call_failed(call, rc);
            return;
        }
        digest_print(words, text);
        reply_simple(call->reply, text);
    }
}

/* ---- PROTOCOL -------------------------------------------------------------------------------- */

/* As in Redis: clients' tests of their parsers know these values. */
static void run_protocol(struct call *call)
{
    struct slice type = call->argv[2];
    struct reply *reply = call->reply;

    if (slice_is(type, "string")) reply_text(reply, "Hello World");
    else if (slice_is(type, "integer")) reply_int(reply, 12345);
    else if (slice_is(type, "double")) reply_double(reply, 3.141);
    else if (slice_is(type, "null")) reply_null(reply);
    else if (slice_is(type, "true")) reply_bool(reply, true);
    else if (slice_is(type, "false")) reply_bool(reply, false);
    else if (slice_is(type, "bignum"))
        reply_big_number(reply, slice_of("1234567999999999999999999999999999999", 37));
    else if (slice_is(type, "verbatim"))
        reply_verbatim(reply, "txt", slice_of("This is a verbatim\nstring", 25));
    else if (slice_is(type, "array") || slice_is(type, "set")) {
        if (slice_is(type, "set")) reply_set(reply, 3);
        else reply_array(reply, 3);
        for (int i = 0; i < 3; i++) reply_int(reply, i);
    } else if (slice_is(type, "map")) {
        reply_map(reply, 3);
        for (int i = 0; i < 3; i++) {
            reply_int(reply, i);
            reply_bool(reply, i == 1);
        }
    } else {
        call_error(call, "Wrong protocol type name. Please use one of the following: "
                         "string|integer|double|null|true|false|bignum|verbatim|array|set|map");
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

#define ROW(name, run, arity, flags, syntax, summary)                                              \
    CMD_ROW("debug|" name, run, arity, COMMAND_ADMIN | COMMAND_LOADING | (flags), "server",        \
            "1.0.0", syntax, summary)
#define KEY_ROW(name_, run_, arity_, last_, syntax_, summary_)                                     \
    {                                                                                              \
        .name = "debug|" name_, .run = run_, .arity = arity_, .flags = COMMAND_ADMIN,              \
        .first_key = 2, .last_key = last_, .key_step = 1, .group = "server", .since = "1.0.0",     \
        .syntax = syntax_, .summary = summary_                                                     \
    }

const struct command cmd_rows_debug[] = {
    ROW("digest", run_digest, 2, COMMAND_OWN_LOCKS, "",
        "Replies 40 hex digits that depend on every key, value and whether it expires."),
    KEY_ROW("digest-value", run_digest_value, -3, -1, "key [key ...]",
            "Replies the same of single values."),
    ROW("error", run_error, 3, 0, "message", "Replies the message as an error."),
    ROW("help", cmd_help, 2, 0, "", "Lists the subcommands."),
    KEY_ROW("object", run_object, 3, 2, "key", "Describes the inside of a value."),
    ROW("protocol", run_protocol, 3, 0, "type", "Replies an example of a protocol type."),
    ROW("reload", run_reload, -2, 0, "[option ...]", "Not supported: nothing is kept on disk."),
    ROW("set-active-expire", run_active_expire, 3, 0, "<0 | 1>",
        "Whether expired keys that nobody asks for are looked for."),
    ROW("sleep", run_sleep, 3, COMMAND_NO_MULTI, "seconds", "Holds up this I/O thread."),
    ROW("stringmatch-len", run_stringmatch, 4, 0, "length pattern",
        "Matches a glob pattern against so many letters a."),
    CMD_END,
};
