/* execute.h - from parsed arguments to a reply: look up, check, lock, run, let go.
 *
 * A thread parses the commands of one read, then executes them as a batch: all keys are hashed and
 * prefetched first, then each command runs in order.  Thread: any; an executor belongs to one.
 */
#ifndef CORE_COMMAND_EXECUTE_H
#define CORE_COMMAND_EXECUTE_H

#include "core/command/command.h"
#include "core/command/session.h"

#define EXECUTE_BATCH 64

/* What a command costs and how often it ran; one block per thread, summed by whoever asks. */
struct command_stats {
    uint64_t calls, rejected, failed, ns;
    struct histogram *latency; /* ns; NULL until the first call */
};

struct execute_hooks { /* what the room above wants to know; any may be NULL */
    /* A command took this long (only for those at or over slow_ns). */
    void (*slow)(void *arg, const struct call *call, uint64_t ns);
    void *arg;
};

struct executor {
    struct store *store;
    struct execute_hooks hooks;
    struct command_stats *stats; /* by command_index(); command_count() of them */
    uint64_t slow_ns;            /* METRIC_SET() by anybody; UINT64_MAX: never call slow() */
    uint64_t n_errors;           /* error replies */
    /* scratch for keys of wide commands */
    struct store_key *keys;
    uint32_t keys_room;
};

int executor_open(struct executor *x, struct store *store, struct error *error);
void executor_close(struct executor *x);

struct execute_item {
    uint32_t argc;
    const struct slice *argv;
    struct loom_blob *const *blobs;
};
/* execute_batch - run n commands of one session in order; exactly one reply each (unless the client
 * switched replies off).  Stops early when session->close_after_reply is set; returns how many ran.
 */
size_t execute_batch(struct executor *x, struct session *session, struct reply *reply,
                     const struct execute_item *items, size_t n, uint64_t now_ms);
/* execute_call - lock and run one call that has been checked. */
void execute_call(struct executor *x, struct call *call);
/* execute_locked - run one call whose keys are made and whose locks are held; it is timed and
 * counted like any other.  EXEC runs its queue so. */
void execute_locked(struct executor *x, struct call *call);

#endif
