/* loop.h - one I/O thread: its event loop, its connections, its executor.
 *
 * Nothing here is touched by another thread, except through loop_post() and what is marked so.
 */
#ifndef CORE_SERVER_LOOP_H
#define CORE_SERVER_LOOP_H

#include "core/server/server.h"
#include "core/wire/resp.h"

#define LOOP_READ_BYTES 65536           /* room for one read */
#define LOOP_BUFFER_BYTES (4 * LOOP_READ_BYTES) /* for the reads of one turn */
#define LOOP_TURN 64                    /* connections served together */

struct conn;

struct loop_stats { /* written by the loop, read by anybody (METRIC_READ) */
    uint64_t bytes_in, bytes_out;
    uint64_t commands;
    uint64_t protocol_errors, output_overruns, idle_closed;
    uint64_t turn_max_ns; /* longest batch or housekeeping step */
    uint64_t query_buffer_bytes; /* held by unfinished commands */
};

/* What one connection has sent in this turn, and the key that it probably asks for. */
struct loop_read {
    struct conn *conn;
    struct slice input;
    struct store_key key;
    bool hinted;
};

struct loop {
    struct server *server;
    uint32_t index;
    pthread_t thread;
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t tick;
    struct executor executor;
    struct resp_batch batch;
    struct reply reply;  /* scratch of the turn */
    uv_check_t turn_end;
    char *read_buffer; /* LOOP_BUFFER_BYTES, of which read_used belong to the reads below */
    uint32_t read_used, n_reads;
    struct loop_read reads[LOOP_TURN];
    uint64_t now_ms;     /* unix; one reading per turn */
    uint64_t wall_offset_ms; /* unix minus the loop's own clock */
    pthread_mutex_t conns_lock; /* guards the list, and what CLIENT LIST shows of a connection that
                                 * is not a plain number: names.  Held for moments. */
    struct conn *conns;         /* all of this loop, newest first */
    uint32_t n_conns;    /* atomic for others: how the control thread balances */
    struct conn *idle_cursor; /* where the next sweep for idle clients goes on */
    struct loop_stats stats;
    pthread_mutex_t post_lock;
    struct loop_task *posted, **posted_tail;
};

struct loop *loop_start(struct server *server, uint32_t index, struct error *error);
/* loop_set_tick - a task for loop_post(): arg is the new interval of housekeeping in ms. */
void loop_set_tick(struct loop *loop, void *arg);
/* loop_drain - close each connection as soon as its replies are out.  [any-thread] */
void loop_drain(struct loop *loop);
void loop_stop(struct loop *loop); /* close what is left, join the thread, free the loop */

/* loop_time - set now_ms for this turn: free, from the time that the event loop has read. */
static inline void loop_time(struct loop *loop)
{
    METRIC_SET(loop->now_ms, uv_now(&loop->uv) + loop->wall_offset_ms);
}

/* loop_post - run a function on the loop's thread soon.  [any-thread] */
int loop_post(struct loop *loop, void (*run)(struct loop *loop, void *arg), void *arg);
/* loop_adopt - hand an accepted socket to this loop.  [any-thread]; on failure fd is closed. */
void loop_adopt(struct loop *loop, int fd);

#endif
