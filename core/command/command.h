/* command.h - a command is a row in a table: a name, its shape, and a function of a call.
 *
 * No sockets here.  A room registers the rows of what it owns (strings and keys in this room,
 * INFO and CLIENT in core/server); COMMAND, the documentation and the executor read the same rows.
 *
 * A run function sees its keys already hashed and their partitions locked (row.first_key and so
 * on), writes exactly one reply, and must not block.  Its result depends on the store, the
 * arguments and call->now_ms alone, so that a log of commands can be applied again elsewhere.
 */
#ifndef CORE_COMMAND_COMMAND_H
#define CORE_COMMAND_COMMAND_H

#include "core/base/bytes.h"
#include "core/store/store.h"
#include "core/wire/reply.h"

enum command_flag {
    COMMAND_READ = 1 << 0,
    COMMAND_WRITE = 1 << 1,
    COMMAND_FAST = 1 << 2,  /* O(1) or nearly: timed by the batch, not one by one */
    COMMAND_GROWS = 1 << 3, /* may need memory: refused with -OOM when there is none */
    COMMAND_ADMIN = 1 << 4,
    COMMAND_NO_AUTH = 1 << 5,   /* allowed before AUTH */
    COMMAND_NO_MULTI = 1 << 6,  /* refused inside MULTI */
    COMMAND_IN_MULTI = 1 << 7,  /* runs at once inside MULTI: EXEC DISCARD MULTI WATCH QUIT RESET */
    COMMAND_ALL_KEYS = 1 << 8,  /* touches every partition: all are locked (FLUSHALL, SWAPDB) */
    COMMAND_OWN_LOCKS = 1 << 9, /* locks by itself, one partition at a time (SCAN, KEYS), by
                                 * call_lock() only: inside EXEC every lock is held already.  What
                                 * locks inside the store (store_set_limits) must be NO_MULTI. */
    COMMAND_LOADING = 1 << 10,  /* allowed while data is being loaded */
    COMMAND_SUBCOMMANDS = 1 << 11,  /* argv[1] chooses: children rows */
    COMMAND_NO_SLOWLOG = 1 << 13,   /* carries secrets (AUTH), or its parts are logged (EXEC) */
    COMMAND_KEYS_BY_COUNT = 1 << 14 /* argv[first_key - 1] says how many keys follow */
};

struct call;
struct command {
    const char *name; /* lower case; a subcommand's is "config|get" */
    void (*run)(struct call *call);
    int16_t arity; /* name included; -n: at least n */
    uint32_t flags;
    int8_t first_key, last_key, key_step; /* as in Redis: 0 0 0 none; last -1: to the end */
    const char *group;   /* "string", "generic", "connection", "server", "bitmap", "transactions" */
    const char *since;   /* the Redis version it follows */
    const char *syntax;  /* after the name: "key value [NX | XX] [EX seconds]" */
    const char *summary; /* one sentence */
    const struct command *children; /* COMMAND_SUBCOMMANDS: ends with name == NULL */
};

#define CALL_KEYS_INLINE 8
struct session;  /* core/command/session.h */
struct executor; /* core/command/execute.h */

struct call {
    const struct command *command;
    struct executor *executor; /* whose thread this is */
    struct store *store;
    struct session *session;
    struct reply *reply;
    uint32_t argc;
    const struct slice *argv;
    struct loom_blob *const *blobs; /* NULL, or per argument the blob it was received in, or NULL */
    uint64_t now_ms;
    uint32_t n_keys;
    const struct store_key *keys; /* in argument order; partitions are locked */
    bool locked; /* by EXEC, for every command of its transaction: call_lock() has nothing to do */
};

/* ---- the table -------------------------------------------------------------------------- */

/* command_register - add copies of rows (ends with name == NULL; what they point to is static).
 * [init]  LOOM_E_LIMIT: too many, or a name over 16 bytes; LOOM_E_INVALID: there is one already. */
int command_register(const struct command *rows);
/* command_find - by name, any case; NULL: unknown.  A few nanoseconds.  [any-thread] */
const struct command *command_find(struct slice name);
const struct command *command_child(const struct command *parent, struct slice name);
size_t command_count(void);
const struct command *command_at(size_t i); /* in order of registration; i is also its stats id */
size_t command_index(const struct command *command); /* a subcommand's is its parent's */
/* command_keys - which arguments are keys: fills ret (room entries) with indexes; how many there
 * are, or -1 when the arguments do not fit the row. */
int command_keys(const struct command *command, uint32_t argc, const struct slice *argv,
                 uint32_t *ret, uint32_t room);

/* The tables of this room. */
extern const struct command command_rows_string[];
extern const struct command command_rows_counter[];
extern const struct command command_rows_bitmap[];
extern const struct command command_rows_keys[];
extern const struct command command_rows_expire[];
extern const struct command command_rows_scan[];
extern const struct command command_rows_dump[];
extern const struct command command_rows_transaction[];
extern const struct command command_rows_object[];
extern const struct command command_rows_introspect[]; /* COMMAND */

/* MEMORY USAGE, for the room that registers MEMORY: keys and locks as for any row with a key. */
void command_memory_usage(struct call *call);
/* command_encoding - the name of what Redis would have made of a value; *ret_rc: LOOM_E_NOMEM when
 * it could not be unpacked. */
const char *command_encoding(struct partition *p, loom_entry *e, int *ret_rc);

/* ---- helpers for run functions ------------------------------------------------------------- */

/* call_lock, call_unlock - one partition, for COMMAND_OWN_LOCKS. */
static inline void call_lock(const struct call *call, struct partition *p)
{
    if (!call->locked) partition_lock(p, call->now_ms);
}
static inline void call_unlock(const struct call *call, struct partition *p)
{
    if (!call->locked) partition_unlock(p);
}

/* call_error - "-ERR " and the text; reply_error() is for errors with another code. */
void call_error(struct call *call, const char *format, ...) LOOM_PRINTF(2, 3);
void call_wrong_args(struct call *call); /* ERR wrong number of arguments for 'x' command */
void call_syntax_error(struct call *call);
/* call_failed - reply for a negative LOOM_E_*: -OOM ... for NOSPACE and NOMEM. */
void call_failed(struct call *call, int code);
/* call_i64 - parse an argument; on failure the reply has been written and false is returned. */
bool call_i64(struct call *call, uint32_t arg, int64_t *ret);
/* call_expiry - seconds or milliseconds, relative or absolute, to unix ms; as Redis refuses:
 * "ERR invalid expire time in 'set' command".  unit_ms: 1 or 1000. */
bool call_expiry(struct call *call, uint32_t arg, int64_t unit_ms, bool absolute, uint64_t *ret);
/* call_reply_value - the value as a bulk: copied when small, by reference when it is a blob.
 * false: it could not be unpacked, and the reply says so. */
bool call_reply_value(struct call *call, struct partition *p, loom_entry *e);
/* call_string - the entry of key i, NULL when absent; writes WRONGTYPE and returns false when it is
 * no string. */
bool call_string(struct call *call, uint32_t i, enum store_look look, loom_entry **ret);

#endif
