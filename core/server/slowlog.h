/* slowlog.h - the last commands that were slow: what SLOWLOG answers from.
 *
 * A list of at most so many entries, newest first.  An entry is one allocation that holds copies:
 * at most SLOWLOG_ARGS arguments of at most SLOWLOG_ARG_BYTES bytes each, so a full log of 128
 * entries takes at most about 700 KiB whatever was sent.
 *
 * Thread: [any-thread]; a lock of its own, held for a few pointers when adding.
 */
#ifndef CORE_SERVER_SLOWLOG_H
#define CORE_SERVER_SLOWLOG_H

#include "core/base/bytes.h"
#include "core/command/command.h"

#define SLOWLOG_ARGS 32      /* kept of one command; the last then says how many more there were */
#define SLOWLOG_ARG_BYTES 128 /* kept of one argument; then how many more */

struct slowlog;

struct slowlog_entry {
    struct slowlog_entry *newer, *older;
    uint64_t id;      /* counts up from 0, also over a reset */
    uint64_t unix_s;  /* when it had run */
    uint64_t took_us;
    struct slice peer, name; /* of the client */
    uint32_t n_args;
    struct slice args[];
};

/* slowlog_create - threshold_us: -1 off, 0 everything.  NULL: no memory. */
struct slowlog *slowlog_create(int64_t threshold_us, uint32_t length);
void slowlog_free(struct slowlog *log);
/* slowlog_configure - at run time; what is beyond the new length is forgotten. */
void slowlog_configure(struct slowlog *log, int64_t threshold_us, uint32_t length);
/* slowlog_threshold_ns - UINT64_MAX: off. */
uint64_t slowlog_threshold_ns(const struct slowlog *log);

/* slowlog_add - remember a call, unless it was fast enough or may carry secrets
 * (COMMAND_NO_SLOWLOG).  name may be NULL.  Without memory nothing is remembered. */
void slowlog_add(struct slowlog *log, const struct call *call, uint64_t ns, const char *peer,
                 const char *name);

size_t slowlog_count(struct slowlog *log);
void slowlog_reset(struct slowlog *log);
/* slowlog_each - the newest max entries, newest first, under the lock; how many. */
size_t slowlog_each(struct slowlog *log, size_t max,
                    void (*each)(void *arg, const struct slowlog_entry *entry), void *arg);

#endif
