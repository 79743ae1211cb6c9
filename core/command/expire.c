/* expire.c - how long keys live.  Times are unix milliseconds inside, whatever the client speaks.
 *
 * SET, GETEX and friends set expiries too; theirs are in the string commands.
 */
#include "core/command/command.h"

/* ---- setting -------------------------------------------------------------------------------- */

enum { ONLY_IF_NONE = 1 << 0, ONLY_IF_SOME = 1 << 1, ONLY_LATER = 1 << 2, ONLY_SOONER = 1 << 3 };

static bool parse_conditions(struct call *call, unsigned *ret)
{
    unsigned when = 0;

    for (uint32_t i = 3; i < call->argc; i++) {
        struct slice word = call->argv[i];
        if (slice_is(word, "nx")) when |= ONLY_IF_NONE;
        else if (slice_is(word, "xx")) when |= ONLY_IF_SOME;
        else if (slice_is(word, "gt")) when |= ONLY_LATER;
        else if (slice_is(word, "lt")) when |= ONLY_SOONER;
        else {
            call_error(call, "Unsupported option %.*s",
                       (int)(word.bytes < 128 ? word.bytes : 128), word.at);
            return false;
        }
    }
    if ((when & ONLY_IF_NONE) && when != ONLY_IF_NONE) {
        call_error(call, "NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((when & ONLY_LATER) && (when & ONLY_SOONER)) {
        call_error(call, "GT and LT options at the same time are not compatible");
        return false;
    }
    *ret = when;
    return true;
}

/* Unlike SET's, this time may be negative: the past, which deletes. */
static bool parse_when(struct call *call, int64_t unit_ms, uint64_t from_ms, int64_t *ret)
{
    int64_t when;

    if (!call_i64(call, 2, &when)) return false;
    if (__builtin_mul_overflow(when, unit_ms, &when) ||
        __builtin_add_overflow(when, (int64_t)from_ms, &when)) {
        call_error(call, "invalid expire time in '%s' command", call->command->name);
        return false;
    }
    *ret = when;
    return true;
}

/* A key without an expiry lives for ever: nothing is later than that. */
static bool wanted(unsigned conditions, uint64_t now_set_ms, int64_t when)
{
    bool some = now_set_ms != 0;

    if ((conditions & ONLY_IF_NONE) && some) return false;
    if ((conditions & ONLY_IF_SOME) && !some) return false;
    if ((conditions & ONLY_LATER) && (!some || when <= (int64_t)now_set_ms)) return false;
    if ((conditions & ONLY_SOONER) && some && when >= (int64_t)now_set_ms) return false;
    return true;
}

static void expire(struct call *call, int64_t unit_ms, uint64_t from_ms)
{
    const struct store_key *key = &call->keys[0];
    unsigned conditions;
    loom_entry *e;
    int64_t when;
    int rc = 0;

    if (!parse_conditions(call, &conditions)) return;
    if (!parse_when(call, unit_ms, from_ms, &when)) return;
    e = partition_find(key, STORE_WRITE);
    if (e == NULL || !wanted(conditions, loom_entry_expires_ms(e), when)) {
        reply_int(call->reply, 0);
        return;
    }
    if (when <= (int64_t)call->now_ms) partition_remove(key, e);
    else rc = partition_expire(key, e, (uint64_t)when, NULL);
    if (rc != 0) call_failed(call, rc);
    else reply_int(call->reply, 1);
}

static void run_expire(struct call *call) { expire(call, 1000, call->now_ms); }
static void run_pexpire(struct call *call) { expire(call, 1, call->now_ms); }
static void run_expireat(struct call *call) { expire(call, 1000, 0); }
static void run_pexpireat(struct call *call) { expire(call, 1, 0); }

static void run_persist(struct call *call)
{
    const struct store_key *key = &call->keys[0];
    loom_entry *e = partition_find(key, STORE_WRITE);
    int rc;

    if (e == NULL || loom_entry_expires_ms(e) == 0) {
        reply_int(call->reply, 0);
        return;
    }
    rc = partition_expire(key, e, 0, NULL);
    if (rc != 0) call_failed(call, rc);
    else reply_int(call->reply, 1);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* -2: no such key, -1: it lives for ever; else its time less from_ms, in units rounded to the
 * nearest. */
static void tell(struct call *call, uint64_t unit_ms, uint64_t from_ms)
{
    loom_entry *e = partition_find(&call->keys[0], STORE_PEEK);
    uint64_t at = e != NULL ? loom_entry_expires_ms(e) : 0;

    if (e == NULL) reply_int(call->reply, -2);
    else if (at == 0) reply_int(call->reply, -1);
    else reply_int(call->reply, (int64_t)((at - from_ms + unit_ms / 2) / unit_ms));
}

static void run_ttl(struct call *call) { tell(call, 1000, call->now_ms); }
static void run_pttl(struct call *call) { tell(call, 1, call->now_ms); }
static void run_expiretime(struct call *call) { tell(call, 1000, 0); }
static void run_pexpiretime(struct call *call) { tell(call, 1, 0); }

/* ---- the table ------------------------------------------------------------------------------ */

#define EXPIRE_ROW(name_, run_, since_, unit_, summary_)                                           \
    {                                                                                              \
        .name = name_, .run = run_, .arity = -3, .flags = COMMAND_WRITE | COMMAND_FAST,            \
        .first_key = 1, .last_key = 1, .key_step = 1, .group = "generic", .since = since_,         \
        .syntax = "key " unit_ " [NX | XX | GT | LT]", .summary = summary_                         \
    }
#define ASK_ROW(name_, run_, since_, summary_)                                                     \
    {                                                                                              \
        .name = name_, .run = run_, .arity = 2, .flags = COMMAND_READ | COMMAND_FAST,              \
        .first_key = 1, .last_key = 1, .key_step = 1, .group = "generic", .since = since_,         \
        .syntax = "key", .summary = summary_                                                       \
    }

const struct command command_rows_expire[] = {
    EXPIRE_ROW("expire", run_expire, "1.0.0", "seconds", "Lets a key expire in so many seconds."),
    EXPIRE_ROW("pexpire", run_pexpire, "2.6.0", "milliseconds",
               "Lets a key expire in so many milliseconds."),
    EXPIRE_ROW("expireat", run_expireat, "1.2.0", "unix-time-seconds",
               "Lets a key expire at a second of unix time."),
    EXPIRE_ROW("pexpireat", run_pexpireat, "2.6.0", "unix-time-milliseconds",
               "Lets a key expire at a millisecond of unix time."),
    {.name = "persist",
     .run = run_persist,
     .arity = 2,
     .flags = COMMAND_WRITE | COMMAND_FAST,
     .first_key = 1,
     .last_key = 1,
     .key_step = 1,
     .group = "generic",
     .since = "2.2.0",
     .syntax = "key",
     .summary = "Takes a key's expiry away."},
    ASK_ROW("ttl", run_ttl, "1.0.0", "Replies in how many seconds a key expires."),
    ASK_ROW("pttl", run_pttl, "2.6.0", "Replies in how many milliseconds a key expires."),
    ASK_ROW("expiretime", run_expiretime, "7.0.0",
            "Replies at which second of unix time a key expires."),
    ASK_ROW("pexpiretime", run_pexpiretime, "7.0.0",
            "Replies at which millisecond of unix time a key expires."),
    {.name = NULL},
};
