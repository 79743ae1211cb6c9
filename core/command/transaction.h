/* transaction.h - what MULTI has gathered and WATCH remembers; private to this room.
 *
 *   session -> transaction -> queue   commands in order, arguments copied (large ones held)
 *                          -> watched key versions, as they were at WATCH
 *
 * It exists from the first MULTI or WATCH until neither is left.  Thread: its session's.
 */
#ifndef CORE_COMMAND_TRANSACTION_H
#define CORE_COMMAND_TRANSACTION_H

#include "core/command/session.h"
#include "core/wire/scratch.h"

/* What one client may make the node remember. */
#define TRANSACTION_COMMANDS_MAX 1000000u
#define TRANSACTION_BYTES_MAX (64u << 20)            /* copied arguments and what goes with them */
#define TRANSACTION_BLOB_BYTES_MAX STORE_VALUE_MAX   /* large arguments, held as received */
#define TRANSACTION_WATCHED_MAX 65536u
#define TRANSACTION_WATCHED_BYTES_MAX (16u << 20)    /* of their names */

/* One queued command: this head, argc slices, argc blobs if it has any, the copied bytes. */
struct queued {
    struct queued *next;
    const struct command *command;
    struct loom_blob **blobs; /* NULL: none */
    uint32_t argc;
    struct slice argv[];
};

struct watched {
    struct watch *watch; /* NULL: a free place */
    struct partition *partition;
    uint64_t version;
    uint64_t expires_ms; /* as it was; a change of it would be a new version */
};

/* Open addressing by the watch's address: a key that is watched twice is found again. */
struct watched_set {
    struct watched *places;
    uint32_t n, room; /* room is 0 or a power of two, at most half used */
    uint64_t name_bytes;
};

struct transaction {
    bool in_multi;
    bool spoiled; /* an error while queueing: EXEC refuses */
    bool grows;   /* some command may need memory */
    bool wide;    /* some command wants every partition */
    uint32_t n_commands;
    struct queued *first, *last;
    struct scratch scratch; /* where they lie */
    uint64_t blob_bytes;
    struct partition_set partitions; /* of all keys of all commands */
    /* Room for the keys of the widest command, so that EXEC allocates nothing. */
    struct store_key *keys;
    uint32_t *indexes;
    uint32_t keys_room;
    struct watched_set watched;
};

/* ---- transaction.c -------------------------------------------------------------------------- */

/* transaction_get - the session's, made when there is none; NULL: no memory. */
struct transaction *transaction_get(struct session *session);
/* transaction_trim - let it go when it holds nothing. */
void transaction_trim(struct session *session);
/* transaction_free - forget queue and watches.  No partition may be locked by this thread. */
void transaction_free(struct session *session);

/* ---- transaction_watch.c -------------------------------------------------------------------- */

/* watched_add - remember a key (locked, just looked up: e or absent) as it is now.
 * LOOM_E_NOMEM, LOOM_E_LIMIT. */
int watched_add(struct watched_set *set, const struct store_key *key, const loom_entry *e);
/* watched_changed - has any changed, gone, come or expired?  Their partitions are locked. */
bool watched_changed(const struct watched_set *set, uint64_t now_ms);
void watched_partitions(const struct watched_set *set, struct partition_set *ret);
/* watched_clear - forget all; locked: the partitions are, else they are locked one by one. */
void watched_clear(struct watched_set *set, uint64_t now_ms, bool locked);

/* transaction_run_watch, transaction_run_unwatch - WATCH, UNWATCH. */
void transaction_run_watch(struct call *call);
void transaction_run_unwatch(struct call *call);

#endif
