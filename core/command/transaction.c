/* transaction.c - MULTI, EXEC, DISCARD: commands that run together or not at all.
 *
 * While queueing, the partitions of every command are gathered (a key's partition does not depend
 * on the database, so SELECT may stand among them).  EXEC locks them all, in ascending order as
 * everybody does, looks whether the watched keys are as they were, and runs the queue: nobody else
 * can come in between, and nobody waits in a circle.
 */
#include "core/command/transaction.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/command/execute.h"

#define KEYS_ROOM_MIN 8u

/* ---- coming and going ---------------------------------------------------------------------------- */

struct transaction *transaction_get(struct session *session)
{
    if (session->transaction == NULL)
        METRIC_SET(session->transaction, mem_zalloc(MEM_CONN, sizeof *session->transaction));
    return session->transaction;
}

static void forget_queue(struct transaction *t)
{
    for (struct queued *q = t->first; q != NULL; q = q->next)
        for (uint32_t i = 0; q->blobs != NULL && i < q->argc; i++)
            loom_blob_drop(q->blobs[i]);
    scratch_reset(&t->scratch, 0);
    mem_free(MEM_CONN, t->keys);
    mem_free(MEM_CONN, t->indexes);
    *t = (struct transaction){.watched = t->watched};
}

void transaction_trim(struct session *session)
{
    struct transaction *t = session->transaction;

    if (t == NULL || t->in_multi || t->watched.n > 0) return;
    watched_clear(&t->watched, 0, true); /* the places of none */
    mem_free(MEM_CONN, t);
    METRIC_SET(session->transaction, NULL);
}

void transaction_free(struct session *session)
{
    struct transaction *t = session->transaction;

    if (t == NULL) return;
    forget_queue(t);
    if (t->watched.n > 0) watched_clear(&t->watched, clock_unix_ms(), false);
    transaction_trim(session);
}

bool session_in_multi(const struct session *session)
{
    return session->transaction != NULL && session->transaction->in_multi;
}

int32_t session_queued(const struct session *session)
{
    return session_in_multi(session) ? (int32_t)session->transaction->n_commands : -1;
}

uint32_t session_watched(const struct session *session)
{
    return session->transaction != NULL ? session->transaction->watched.n : 0;
}

void transaction_spoil(struct session *session)
{
    if (session_in_multi(session)) session->transaction->spoiled = true;
}

/* ---- queueing ------------------------------------------------------------------------------------ */

static int reserve_keys(struct transaction *t, uint32_t n)
{
    uint32_t room = t->keys_room != 0 ? t->keys_room : KEYS_ROOM_MIN;
    void *keys, *indexes;

    if (n <= t->keys_room) return 0;
    while (room < n)
        room *= 2;
    keys = mem_realloc(MEM_CONN, t->keys, room * sizeof *t->keys);
    if (keys == NULL) return LOOM_E_NOMEM;
    t->keys = keys;
    indexes = mem_realloc(MEM_CONN, t->indexes, room * sizeof *t->indexes);
    if (indexes == NULL) return LOOM_E_NOMEM;
    t->indexes = indexes;
    t->keys_room = room;
    return 0;
}

/* Which partitions the command will need.  LOOM_E_INVALID: a key is too long. */
static int gather_partitions(struct transaction *t, const struct call *call)
{
    const struct command *command = call->command;
    int n = command_keys(command, call->argc, call->argv, NULL, 0);

    if (command->flags & (COMMAND_ALL_KEYS | COMMAND_OWN_LOCKS)) t->wide = true;
    if (n <= 0) return 0; /* ill-formed: it will answer so when it is run */
    if (reserve_keys(t, (uint32_t)n) != 0) return LOOM_E_NOMEM;
    command_keys(command, call->argc, call->argv, t->indexes, t->keys_room);
    for (int i = 0; i < n; i++) {
        struct slice name = call->argv[t->indexes[i]];
        uint16_t slot = hash_slot(name.at, name.bytes);

        if (name.bytes > STORE_KEY_MAX) return LOOM_E_INVALID;
        partition_set_add(&t->partitions, store_partition_of_slot(call->store, slot)->index);
    }
    return 0;
}

static struct loom_blob *blob_of(const struct call *call, uint32_t i)
{
    return call->blobs != NULL ? call->blobs[i] : NULL;
}

/* What a copy of the command takes: its head with the bytes, and apart the blobs it holds. */
struct size {
    uint64_t bytes, blob_bytes;
    bool has_blobs;
};

static struct size size_of(const struct call *call)
{
    struct size size = {.bytes = sizeof(struct queued) + call->argc * sizeof(struct slice)};

    for (uint32_t i = 0; i < call->argc; i++) {
        if (blob_of(call, i) != NULL) {
            size.has_blobs = true;
            size.blob_bytes += call->argv[i].bytes;
        } else {
            size.bytes += call->argv[i].bytes;
        }
    }
    if (size.has_blobs) size.bytes += call->argc * sizeof(struct loom_blob *);
    return size;
}

static void copy_arguments(struct queued *q, const struct call *call, bool has_blobs)
{
    char *at = (char *)(q->argv + call->argc);

    q->argc = call->argc;
    q->blobs = NULL;
    if (has_blobs) {
        q->blobs = (struct loom_blob **)(void *)at;
        at += call->argc * sizeof *q->blobs;
    }
    for (uint32_t i = 0; i < call->argc; i++) {
        struct loom_blob *blob = blob_of(call, i);

        q->argv[i] = call->argv[i];
        if (has_blobs) q->blobs[i] = blob != NULL ? loom_blob_hold(blob) : NULL;
        if (blob != NULL) continue;
        if (q->argv[i].bytes > 0) memcpy(at, q->argv[i].at, q->argv[i].bytes);
        q->argv[i].at = at;
        at += q->argv[i].bytes;
    }
}

static int queue(struct transaction *t, const struct call *call)
{
    struct size size = size_of(call);
    struct queued *q;
    int rc;

    if (t->n_commands >= TRANSACTION_COMMANDS_MAX ||
        t->scratch.held_bytes + size.bytes > TRANSACTION_BYTES_MAX ||
        t->blob_bytes + size.blob_bytes > TRANSACTION_BLOB_BYTES_MAX)
        return LOOM_E_LIMIT;
    rc = gather_partitions(t, call);
    if (rc != 0) return rc;
    q = scratch_take(&t->scratch, size.bytes);
    if (q == NULL) return LOOM_E_NOMEM;
    q->next = NULL;
    q->command = call->command;
    copy_arguments(q, call, size.has_blobs);
    if (t->last != NULL) t->last->next = q;
    else t->first = q;
    t->last = q;
    t->n_commands++;
    t->blob_bytes += size.blob_bytes;
    if (call->command->flags & COMMAND_GROWS) t->grows = true;
    return 0;
}

void transaction_queue(struct call *call)
{
    struct transaction *t = call->session->transaction;
    int rc = LOOM_E_UNSUPPORTED;

    if (call->command->flags & COMMAND_NO_MULTI) {
        call_error(call, "Command not allowed inside a transaction");
        goto out;
    }
    if ((call->command->flags & COMMAND_GROWS) && !store_can_write(call->store)) {
        call_failed(call, LOOM_E_NOSPACE);
        goto out;
    }
    /* Spoiled: nothing of it will run, so nothing more is kept. */
    rc = t->spoiled ? 0 : queue(t, call);
    if (rc == LOOM_E_LIMIT)
        call_error(call, "transaction is too large (the limits are %u commands and %u bytes)",
                   TRANSACTION_COMMANDS_MAX, TRANSACTION_BYTES_MAX);
    else if (rc == LOOM_E_INVALID)
        call_error(call, "key is too long (the limit is %u bytes)", STORE_KEY_MAX);
    else if (rc != 0) call_failed(call, rc);
    else reply_simple(call->reply, "QUEUED");
out:
    if (rc != 0) transaction_spoil(call->session);
}

/* ---- running ------------------------------------------------------------------------------------- */

static void run_queued(struct call *exec, struct transaction *t, const struct queued *q)
{
    struct call call = {.command = q->command,
                        .executor = exec->executor,
                        .store = exec->store,
                        .session = exec->session,
                        .reply = exec->reply,
                        .argc = q->argc,
                        .argv = q->argv,
                        .blobs = q->blobs,
                        .now_ms = exec->now_ms,
                        .keys = t->keys,
                        .locked = true};
    int n = command_keys(q->command, q->argc, q->argv, t->indexes, t->keys_room);

    if (n < 0) {
        call_syntax_error(&call);
        return;
    }
    call.n_keys = (uint32_t)n;
    for (int i = 0; i < n; i++)
        store_key_make(call.store, call.argv[t->indexes[i]], call.session->db, &t->keys[i]);
    execute_locked(call.executor, &call);
}

static void run_all(struct call *exec, struct transaction *t)
{
    struct partition_set set = t->partitions;
    bool changed;

    if (t->wide) partition_set_all(&set, exec->store);
    watched_partitions(&t->watched, &set);
    partition_set_lock(&set, exec->store, exec->now_ms);
    changed = watched_changed(&t->watched, exec->now_ms);
    watched_clear(&t->watched, exec->now_ms, true);
    if (changed) {
        reply_null_array(exec->reply);
    } else {
        reply_array(exec->reply, t->n_commands);
        for (const struct queued *q = t->first; q != NULL; q = q->next)
            run_queued(exec, t, q);
    }
    partition_set_unlock(&set, exec->store);
    store_settle(exec->store, exec->now_ms);
}

static void run_exec(struct call *call)
{
    struct session *session = call->session;
    struct transaction *t = session->transaction;

    if (!session_in_multi(session)) {
        call_error(call, "EXEC without MULTI");
        return;
    }
    if (t->spoiled) {
        reply_error(call->reply, "EXECABORT Transaction discarded because of previous errors.");
    } else if (t->grows && !store_can_write(call->store)) {
        reply_error(call->reply, "EXECABORT Transaction discarded because of: OOM command not "
                                 "allowed when used memory > 'maxmemory'.");
    } else {
        METRIC_SET(session->transaction, NULL); /* its commands see a session outside MULTI */
        run_all(call, t);
        METRIC_SET(session->transaction, t);
    }
    transaction_free(session);
}

static void run_multi(struct call *call)
{
    struct transaction *t = transaction_get(call->session);

    if (t == NULL) {
        call_failed(call, LOOM_E_NOMEM);
    } else if (t->in_multi) {
        call_error(call, "MULTI calls can not be nested");
    } else {
        t->in_multi = true;
        reply_ok(call->reply);
    }
}

static void run_discard(struct call *call)
{
    if (!session_in_multi(call->session)) {
        call_error(call, "DISCARD without MULTI");
        return;
    }
    transaction_free(call->session);
    reply_ok(call->reply);
}

/* ---- the table ----------------------------------------------------------------------------------- */

const struct command command_rows_transaction[] = {
    {.name = "multi",
     .run = run_multi,
     .arity = 1,
     .flags = COMMAND_FAST | COMMAND_LOADING | COMMAND_IN_MULTI,
     .group = "transactions",
     .since = "1.2.0",
     .syntax = "",
     .summary = "Queues the commands that follow, until EXEC or DISCARD."},
    {.name = "exec",
     .run = run_exec,
     .arity = 1,
     .flags = COMMAND_LOADING | COMMAND_IN_MULTI | COMMAND_OWN_LOCKS | COMMAND_NO_SLOWLOG,
     .group = "transactions",
     .since = "1.2.0",
     .syntax = "",
     .summary = "Runs what MULTI queued, with nobody in between, unless a watched key changed."},
    {.name = "discard",
     .run = run_discard,
     .arity = 1,
     .flags = COMMAND_FAST | COMMAND_LOADING | COMMAND_IN_MULTI | COMMAND_OWN_LOCKS,
     .group = "transactions",
     .since = "2.0.0",
     .syntax = "",
     .summary = "Forgets what MULTI queued, and the watched keys."},
    {.name = "watch",
     .run = transaction_run_watch,
     .arity = -2,
     .flags = COMMAND_FAST | COMMAND_LOADING | COMMAND_IN_MULTI,
     .first_key = 1,
     .last_key = -1,
     .key_step = 1,
     .group = "transactions",
     .since = "2.2.0",
     .syntax = "key [key ...]",
     .summary = "Lets the next EXEC refuse when one of the keys has changed by then."},
    {.name = "unwatch",
     .run = transaction_run_unwatch,
     .arity = 1,
     .flags = COMMAND_FAST | COMMAND_LOADING | COMMAND_OWN_LOCKS,
     .group = "transactions",
     .since = "2.2.0",
     .syntax = "",
     .summary = "Forgets the watched keys."},
    {.name = NULL},
};
