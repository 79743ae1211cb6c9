/* slowlog.c - see slowlog.h. */
#include "core/server/slowlog.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/metric.h"

#define MORE_BYTES 48 /* "... (4294967295 more arguments)" */

struct slowlog {
    pthread_mutex_t lock;
    struct slowlog_entry *newest, *oldest;
    size_t n;
    uint64_t next_id;
    uint32_t length;
    int64_t threshold_us; /* atomic */
};

struct slowlog *slowlog_create(int64_t threshold_us, uint32_t length)
{
    struct slowlog *log = mem_zalloc(MEM_OTHER, sizeof *log);

    if (log == NULL) return NULL;
    pthread_mutex_init(&log->lock, NULL);
    log->threshold_us = threshold_us;
    log->length = length;
    return log;
}

static void free_chain(struct slowlog_entry *newest)
{
    while (newest != NULL) {
        struct slowlog_entry *older = newest->older;

        mem_free(MEM_OTHER, newest);
        newest = older;
    }
}

void slowlog_free(struct slowlog *log)
{
    if (log == NULL) return;
    free_chain(log->newest);
    pthread_mutex_destroy(&log->lock);
    mem_free(MEM_OTHER, log);
}

/* cut - what is beyond the length, taken out as a chain for the caller to free.  Lock held. */
static struct slowlog_entry *cut(struct slowlog *log)
{
    struct slowlog_entry *last = log->oldest, *gone = NULL;

    while (log->n > log->length) {
        gone = last;
        last = last->newer;
        log->n--;
    }
    log->oldest = last;
    if (last != NULL) last->older = NULL;
    else log->newest = NULL;
    return gone;
}

void slowlog_configure(struct slowlog *log, int64_t threshold_us, uint32_t length)
{
    struct slowlog_entry *gone;

    METRIC_SET(log->threshold_us, threshold_us);
    pthread_mutex_lock(&log->lock);
    log->length = length;
    gone = cut(log);
    pthread_mutex_unlock(&log->lock);
    free_chain(gone);
}

uint64_t slowlog_threshold_ns(const struct slowlog *log)
{
    int64_t us = METRIC_READ(log->threshold_us);

    return us < 0 || us > INT64_MAX / 1000 ? UINT64_MAX : (uint64_t)us * 1000;
}

/* ---- one entry ------------------------------------------------------------------------------- */

static struct slice put(char **at, const char *from, size_t bytes)
{
    struct slice copy = {*at, bytes};

    if (bytes > 0) memcpy(*at, from, bytes);
    *at += bytes;
    return copy;
}

static struct slice put_arg(char **at, struct slice arg)
{
    struct slice copy;

    if (arg.bytes <= SLOWLOG_ARG_BYTES) return put(at, arg.at, arg.bytes);
    copy = put(at, arg.at, SLOWLOG_ARG_BYTES);
    int n = snprintf(*at, MORE_BYTES, "... (%zu more bytes)", arg.bytes - SLOWLOG_ARG_BYTES);

    *at += n;
    copy.bytes += (size_t)n;
    return copy;
}

static size_t bytes_needed(const struct call *call, uint32_t n_args, size_t texts)
{
    size_t bytes = sizeof(struct slowlog_entry) + n_args * sizeof(struct slice) + texts;

    for (uint32_t i = 0; i < n_args; i++) {
        size_t n = call->argv[i].bytes;

        bytes += n <= SLOWLOG_ARG_BYTES ? n : SLOWLOG_ARG_BYTES;
        bytes += MORE_BYTES;
    }
    return bytes;
}

static struct slowlog_entry *entry_make(const struct call *call, uint64_t ns, const char *peer,
                                        const char *name)
{
    uint32_t n_args = call->argc < SLOWLOG_ARGS ? call->argc : SLOWLOG_ARGS;
    size_t n_peer = strlen(peer), n_name = name ? strlen(name) : 0;
    struct slowlog_entry *entry =
        mem_alloc(MEM_OTHER, bytes_needed(call, n_args, n_peer + n_name));
    char *at;

    if (entry == NULL) return NULL;
    *entry = (struct slowlog_entry){
        .unix_s = call->now_ms / 1000, .took_us = ns / 1000, .n_args = n_args};
    at = (char *)&entry->args[n_args];
    entry->peer = put(&at, peer, n_peer);
    entry->name = put(&at, name, n_name);
    for (uint32_t i = 0; i < n_args; i++) entry->args[i] = put_arg(&at, call->argv[i]);
    if (call->argc > SLOWLOG_ARGS) {
        struct slice *last = &entry->args[SLOWLOG_ARGS - 1];

        last->at = at;
        last->bytes = (size_t)snprintf(at, MORE_BYTES, "... (%u more arguments)",
                                       call->argc - SLOWLOG_ARGS + 1);
    }
    return entry;
}

void slowlog_add(struct slowlog *log, const struct call *call, uint64_t ns, const char *peer,
                 const char *name)
{
    struct slowlog_entry *entry, *gone;

    if (ns < slowlog_threshold_ns(log)) return;
    if (call->command != NULL && (call->command->flags & COMMAND_NO_SLOWLOG)) return;
    entry = entry_make(call, ns, peer, name);
    if (entry == NULL) return;
    pthread_mutex_lock(&log->lock);
    entry->id = log->next_id++;
    entry->older = log->newest;
    if (log->newest != NULL) log->newest->newer = entry;
    else log->oldest = entry;
    log->newest = entry;
    log->n++;
    gone = cut(log);
    pthread_mutex_unlock(&log->lock);
    free_chain(gone);
}

/* ---- looking --------------------------------------------------------------------------------- */

size_t slowlog_count(struct slowlog *log)
{
    pthread_mutex_lock(&log->lock);
    size_t n = log->n;

    pthread_mutex_unlock(&log->lock);
    return n;
}

void slowlog_reset(struct slowlog *log)
{
    struct slowlog_entry *all;

    pthread_mutex_lock(&log->lock);
    all = log->newest;
    log->newest = log->oldest = NULL;
    log->n = 0;
    pthread_mutex_unlock(&log->lock);
    free_chain(all);
}

size_t slowlog_each(struct slowlog *log, size_t max,
                    void (*each)(void *arg, const struct slowlog_entry *entry), void *arg)
{
    size_t n = 0;

    pthread_mutex_lock(&log->lock);
    for (struct slowlog_entry *e = log->newest; e != NULL && n < max; e = e->older, n++)
        each(arg, e);
    pthread_mutex_unlock(&log->lock);
    return n;
}
