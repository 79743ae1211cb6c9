/* execute.c - see execute.h. */
#include "core/command/execute.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

/* Who wants to see commands that took less than this wants each timed, short ones too. */
#define TIME_ALL_NS 1000000u

/* One command of the batch, looked up and, when it has one key, hashed. */
struct prepared {
    const struct command *command; /* NULL: unknown, or an unknown subcommand */
    bool hashed;
    bool not_run; /* rejected, or queued by MULTI: no call is counted */
    struct store_key key;
    uint64_t ns; /* when timed by itself */
};

int executor_open(struct executor *x, struct store *store, struct error *error)
{
    size_t n = command_count();

    x->store = store;
    x->slow_ns = UINT64_MAX;
    x->stats = mem_zalloc(MEM_METRIC, n * sizeof *x->stats);
    if (x->stats == NULL)
        return error_set(error, LOOM_E_NOMEM, "no memory for the statistics of %zu commands", n);
    return 0;
}

void executor_close(struct executor *x)
{
    for (size_t i = 0; x->stats != NULL && i < command_count(); i++)
        mem_free(MEM_METRIC, x->stats[i].latency);
    mem_free(MEM_METRIC, x->stats);
    mem_free(MEM_BUFFER, x->keys);
    x->stats = NULL;
    x->keys = NULL;
}

/* ---- statistics ------------------------------------------------------------------------------ */

static void count(struct executor *x, size_t index, uint64_t ns, uint64_t n_times)
{
    struct command_stats *stats = &x->stats[index];
    struct histogram *latency = METRIC_READ(stats->latency);

    METRIC_ADD(stats->calls, n_times);
    METRIC_ADD(stats->ns, ns * n_times);
    if (latency == NULL) {
        latency = mem_zalloc(MEM_METRIC, sizeof *latency);
        if (latency == NULL) return;
        __atomic_store_n(&stats->latency, latency, __ATOMIC_RELEASE);
    }
    histogram_add(latency, ns, n_times);
}

/* Short commands are timed together: what is left of the batch, shared equally. */
static void count_batch(struct executor *x, const struct prepared *all, size_t n, uint64_t batch_ns)
{
    uint64_t shared = 0;

    for (size_t i = 0; i < n; i++) {
        if (all[i].ns != 0) batch_ns -= all[i].ns < batch_ns ? all[i].ns : batch_ns;
        else shared++;
    }
    uint64_t mean = shared ? batch_ns / shared : 0;

    for (size_t i = 0, run; i < n; i += run) {
        run = 1;
        if (all[i].command == NULL || all[i].not_run) continue;
        while (i + run < n && all[i + run].command == all[i].command && all[i].ns == 0 &&
               all[i + run].ns == 0 && !all[i + run].not_run)
            run++;
        count(x, command_index(all[i].command), all[i].ns ? all[i].ns : mean, run);
    }
}

/* ---- keys and locks -------------------------------------------------------------------------- */

static bool one_key(const struct command *command, uint32_t argc)
{
    return command->first_key > 0 && command->first_key == command->last_key &&
           argc > (uint32_t)command->first_key && !(command->flags & COMMAND_SUBCOMMANDS);
}

static bool key_fits(struct call *call, struct slice name)
{
    if (__builtin_expect(name.bytes <= STORE_KEY_MAX, 1)) return true;
    call_error(call, "key is too long: %zu bytes, the limit is %u", name.bytes, STORE_KEY_MAX);
    return false;
}

/* keys_make - hash every key of the call into the executor's scratch; false: replied why not. */
static bool keys_make(struct executor *x, struct call *call)
{
    uint32_t few[64], *at = few;
    int n = command_keys(call->command, call->argc, call->argv, few, 64);
    bool good = n >= 0;

    if (!good) call_syntax_error(call);
    if (good && n > 64) {
        at = mem_alloc(MEM_BUFFER, (size_t)n * sizeof *at);
        if (at != NULL) command_keys(call->command, call->argc, call->argv, at, (uint32_t)n);
    }
    if (good && (uint32_t)n > x->keys_room) {
        void *to = mem_realloc(MEM_BUFFER, x->keys, (size_t)n * sizeof *x->keys);

        if (to != NULL) x->keys = to, x->keys_room = (uint32_t)n;
    }
    if (good && (at == NULL || (uint32_t)n > x->keys_room)) {
        call_failed(call, LOOM_E_NOMEM);
        good = false;
    }
    for (int i = 0; good && i < n; i++) {
        good = key_fits(call, call->argv[at[i]]);
        if (good) store_key_make(x->store, call->argv[at[i]], call->session->db, &x->keys[i]);
    }
    call->keys = x->keys;
    call->n_keys = good ? (uint32_t)n : 0;
    if (at != few) mem_free(MEM_BUFFER, at);
    return good;
}

/* keys_refresh - with the locks held: SWAPDB may have come between hashing and locking.  A key's
 * slot and partition do not depend on the database, so the locks are the right ones. */
static void keys_refresh(struct call *call, struct store_key *keys)
{
    for (uint32_t i = 0; i < call->n_keys; i++) {
        if (__builtin_expect(keys[i].key.db == store_db(call->store, call->session->db), 1))
            continue;
        store_key_make(call->store, slice_of(keys[i].key.at, keys[i].key.bytes), call->session->db,
                       &keys[i]);
    }
}

/* After CLIENT NO-TOUCH what a client does is no access; TOUCH is, as that is all it is for. */
static void run_quietly(struct call *call)
{
    bool quiet = strcmp(call->command->name, "touch") != 0;

    for (uint32_t i = 0; i < call->n_keys; i++) partition_quiet(call->keys[i].partition, quiet);
    call->command->run(call);
    for (uint32_t i = 0; i < call->n_keys; i++) partition_quiet(call->keys[i].partition, false);
}

/* run_locked - the keys' partitions are locked: run it. */
static inline void run_locked(struct call *call)
{
    if (__builtin_expect(call->session->no_touch, 0)) run_quietly(call);
    else call->command->run(call);
}

static void run_one_key(struct call *call, struct store_key *key)
{
    call->keys = key;
    call->n_keys = 1;
    partition_lock(key->partition, call->now_ms);
    keys_refresh(call, key);
    run_locked(call);
    partition_unlock(key->partition);
}

static void run_many_keys(struct executor *x, struct call *call)
{
    struct partition_set set = {{0}};

    if (!keys_make(x, call)) return;
    for (uint32_t i = 0; i < call->n_keys; i++)
        partition_set_add(&set, call->keys[i].partition->index);
    partition_set_lock(&set, x->store, call->now_ms);
    keys_refresh(call, x->keys);
    run_locked(call);
    partition_set_unlock(&set, x->store);
}

void execute_call(struct executor *x, struct call *call)
{
    const struct command *command = call->command;

    if (command->flags & COMMAND_ALL_KEYS) {
        struct partition_set all = {{0}};

        partition_set_all(&all, x->store);
        partition_set_lock(&all, x->store, call->now_ms);
        command->run(call);
        partition_set_unlock(&all, x->store);
    } else if (command->first_key == 0 || (command->flags & COMMAND_OWN_LOCKS)) {
        command->run(call);
    } else if (one_key(command, call->argc)) {
        struct slice name = call->argv[command->first_key];
        struct store_key key;

        if (!key_fits(call, name)) return;
        store_key_make(x->store, name, call->session->db, &key);
        run_one_key(call, &key);
    } else {
        run_many_keys(x, call);
    }
    if (command->flags & COMMAND_WRITE) store_settle(x->store, call->now_ms);
}

/* ---- checks ---------------------------------------------------------------------------------- */

/* row - of the table; the call may have gone on to a subcommand.  NULL: unknown. */
static void reject(struct executor *x, struct call *call, const struct command *row,
                   struct prepared *prepared)
{
    prepared->not_run = true;
    transaction_spoil(call->session);
    if (row != NULL) METRIC_ADD(x->stats[command_index(row)].rejected, 1);
}

static void unknown(struct call *call)
{
    char with[160];
    size_t n = 0;

    with[0] = '\0';
    for (uint32_t i = 1; i < call->argc && n < 128; i++) {
        int room = (int)(128 - n), bytes = (int)call->argv[i].bytes;

        n += (size_t)snprintf(with + n, sizeof with - n, "'%.*s' ", bytes < room ? bytes : room,
                              call->argv[i].at);
    }
    call_error(call, "unknown command '%.*s', with args beginning with: %s",
               (int)(call->argv[0].bytes < 128 ? call->argv[0].bytes : 128), call->argv[0].at,
               with);
}

static void unknown_child(struct call *call)
{
    const char *name = call->command->name;
    char upper[32];
    size_t n = 0;

    for (; n < sizeof upper - 1 && name[n] != '\0'; n++)
        upper[n] = (char)(name[n] >= 'a' && name[n] <= 'z' ? name[n] - 32 : name[n]);
    upper[n] = '\0';
    call_error(call, "unknown subcommand '%.*s'. Try %s HELP.",
               (int)(call->argv[1].bytes < 128 ? call->argv[1].bytes : 128), call->argv[1].at,
               upper);
}

/* checked - may this call run (or be queued)?  If not the reply has been written. */
static bool checked(struct call *call)
{
    const struct command *command = call->command;

    if (command == NULL) {
        unknown(call);
        return false;
    }
    if (command->flags & COMMAND_SUBCOMMANDS && call->argc > 1) {
        const struct command *child = command_child(command, call->argv[1]);

        if (child == NULL) {
            unknown_child(call);
            return false;
        }
        call->command = command = child;
    }
    if (command->arity > 0 ? call->argc != (uint32_t)command->arity
                           : call->argc < (uint32_t)-command->arity) {
        call_wrong_args(call);
        return false;
    }
    if (!call->session->authenticated && !(command->flags & COMMAND_NO_AUTH)) {
        reply_error(call->reply, "NOAUTH Authentication required.");
        return false;
    }
    return true;
}

static void run_checked(struct executor *x, struct call *call, struct prepared *prepared)
{
    const struct command *command = call->command;

    if (__builtin_expect(session_in_multi(call->session), 0) &&
        !(command->flags & COMMAND_IN_MULTI)) {
        if (command->flags & COMMAND_NO_MULTI) {
            call_error(call, "Command not allowed inside a transaction");
            reject(x, call, command_find(call->argv[0]), prepared);
        } else {
            prepared->not_run = true;
            transaction_queue(call);
        }
        return;
    }
    if ((command->flags & COMMAND_GROWS) && !store_can_write(x->store)) {
        call_failed(call, LOOM_E_NOSPACE);
        return;
    }
    if (prepared->hashed) {
        run_one_key(call, &prepared->key);
        if (command->flags & COMMAND_WRITE) store_settle(x->store, call->now_ms);
    } else {
        execute_call(x, call);
    }
}

static void count_error(struct executor *x, const struct command *row, const struct reply *reply,
                        size_t before)
{
    if (reply->bytes == before || __builtin_expect(reply->at[before] != '-', 1)) return;
    METRIC_ADD(x->n_errors, 1);
    if (row != NULL) METRIC_ADD(x->stats[command_index(row)].failed, 1);
}

void execute_locked(struct executor *x, struct call *call)
{
    const struct command *row = command_find(call->argv[0]);
    size_t before = call->reply->bytes;
    uint64_t start_ns = clock_monotonic_ns(), ns;

    run_locked(call);
    ns = clock_monotonic_ns() - start_ns;
    count(x, command_index(row), ns, 1);
    count_error(x, row, call->reply, before);
    if (ns >= METRIC_READ(x->slow_ns) && x->hooks.slow != NULL)
        x->hooks.slow(x->hooks.arg, call, ns);
}

static void run_item(struct executor *x, struct call *call, struct prepared *prepared)
{
    struct session *session = call->session;
    struct reply *reply = call->reply;
    size_t before = reply->bytes;
    bool skip = session->reply_skip_next;
    const struct command *row = call->command;
    uint64_t slow_ns = METRIC_READ(x->slow_ns);
    bool timed = row != NULL && (!(row->flags & COMMAND_FAST) || slow_ns < TIME_ALL_NS);
    uint64_t start_ns = timed ? clock_monotonic_ns() : 0;

    session->reply_skip_next = false;
    reply->proto = session->proto;
    if (!checked(call)) reject(x, call, row, prepared);
    else run_checked(x, call, prepared);
    if (timed) {
        prepared->ns = clock_monotonic_ns() - start_ns + 1;
        if (prepared->ns >= slow_ns && x->hooks.slow != NULL)
            x->hooks.slow(x->hooks.arg, call, prepared->ns);
    }
    count_error(x, prepared->not_run ? NULL : row, reply, before);
    /* As it is now: CLIENT REPLY ON is answered. */
    if (__builtin_expect(skip || session->reply_off, 0)) reply_rewind(reply, before);
}

/* ---- the batch ------------------------------------------------------------------------------- */

static void prepare(struct executor *x, const struct session *session,
                    const struct execute_item *items, size_t n, struct prepared *all)
{
    for (size_t i = 0; i < n; i++) {
        const struct execute_item *item = &items[i];
        struct prepared *p = &all[i];

        p->command = command_find(item->argv[0]);
        p->ns = 0;
        p->not_run = false;
        p->hashed = p->command != NULL && one_key(p->command, item->argc) &&
                    item->argv[p->command->first_key].bytes <= STORE_KEY_MAX;
        if (!p->hashed) continue;
        store_key_make(x->store, item->argv[p->command->first_key], session->db, &p->key);
        if (n > 1) store_prefetch(&p->key, 0);
    }
    for (int stage = 1; n > 1 && stage <= 2; stage++)
        for (size_t i = 0; i < n; i++)
            if (all[i].hashed) store_prefetch(&all[i].key, stage);
}

static size_t run_chunk(struct executor *x, struct session *session, struct reply *reply,
                        const struct execute_item *items, size_t n, uint64_t now_ms)
{
    struct prepared all[EXECUTE_BATCH];
    uint64_t start_ns = clock_monotonic_ns();
    uint8_t db = session->db;
    size_t i = 0;

    prepare(x, session, items, n, all);
    for (; i < n && !session->close_after_reply; i++) {
        struct call call = {.command = all[i].command,
                            .executor = x,
                            .store = x->store,
                            .session = session,
                            .reply = reply,
                            .argc = items[i].argc,
                            .argv = items[i].argv,
                            .blobs = items[i].blobs,
                            .now_ms = now_ms};

        if (session->db != db) all[i].hashed = false; /* SELECT came before */
        run_item(x, &call, &all[i]);
    }
    if (i > 0 && all[i - 1].command != NULL)
        METRIC_SET(session->last_command, (uint16_t)command_index(all[i - 1].command));
    uint64_t ns = clock_monotonic_ns() - start_ns;

    count_batch(x, all, i, ns);
    return i;
}

size_t execute_batch(struct executor *x, struct session *session, struct reply *reply,
                     const struct execute_item *items, size_t n, uint64_t now_ms)
{
    size_t done = 0;

    while (done < n && !session->close_after_reply) {
        size_t chunk = n - done < EXECUTE_BATCH ? n - done : EXECUTE_BATCH;

        done += run_chunk(x, session, reply, items + done, chunk, now_ms);
    }
    return done;
}
