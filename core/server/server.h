/* server.h - the running node: what main() puts together, in order, and takes apart in reverse.
 *
 *   control thread (main): signals, listening and accepting, health, metrics, discovery, timers
 *   I/O threads (loop.h):  connections, commands, housekeeping of their share of the partitions
 *
 * The control thread accepts and hands each connection to the I/O thread with the fewest.  From
 * then on the connection never leaves that thread, and no request is ever handed from thread to
 * thread.
 */
#ifndef CORE_SERVER_SERVER_H
#define CORE_SERVER_SERVER_H

#include <pthread.h>
#include <uv.h>

#include "core/command/execute.h"
#include "core/server/config.h"
#include "core/store/store.h"

#define SERVER_LOOPS_MAX 64
#define SERVER_LISTENERS_MAX 16

struct loop;
struct slowlog;
struct latency;
struct listeners;
struct control; /* control.h: health, exporters, discovery, host extensions */
struct metrics; /* metrics.h: gathers a sample of everything */

/* What hot code needs of the live configuration: relaxed atomics, written by on_change(). */
struct server_limits {
    uint32_t max_clients;
    uint64_t query_buffer_max, bulk_max, inline_max, output_buffer_max;
    uint32_t args_max;
    uint32_t idle_timeout_ms, tcp_keepalive_ms;
};

struct server_stats { /* control thread's, and the loops' summed: see loop_stats in loop.h */
    uint64_t connections_received, connections_rejected;
    uint64_t audit_events; /* denied logins, configuration changes, administrative commands */
};

struct server {
    struct config *config;
    struct store *store;
    uv_loop_t uv; /* the control thread's */
    struct loop *loops[SERVER_LOOPS_MAX];
    uint32_t n_loops;
    struct server_limits limits;
    struct server_stats stats; /* audit_events: atomic add, any thread */
    uint64_t started_ms;       /* unix */
    uint64_t next_client_id;   /* atomic */
    uint32_t n_clients;        /* atomic: connections alive */
    char run_id[41];
    struct slowlog *slowlog;
    struct latency *latency;
    struct listeners *listeners; /* listen.h; NULL once the node stops */
    struct control *control;
    struct metrics *metrics;
    char *password;            /* NULL: none; swapped under password_lock */
    pthread_mutex_t password_lock;
    uint32_t expire_paused;    /* atomic: DEBUG SET-ACTIVE-EXPIRE 0 */
    uint32_t stopping;         /* atomic: a shutdown is under way */
    uint32_t serving;          /* atomic: clients may come; see control_ready() */
};

/* server_of - every command of this room finds the server here; there is one per process. */
extern struct server *server_the;

/* server_stop - ask for an orderly shutdown; [any-thread], returns at once. */
void server_stop(struct server *server, const char *why);
/* server_password_set - NULL or "": none.  server_password_is - in constant time. */
int server_password_set(struct server *server, const char *password);
bool server_password_is(struct server *server, struct slice attempt);
bool server_password_wanted(const struct server *server);
/* server_log_reopen - after a log file was moved away (SIGHUP).  LOOM_E_IO: the old one stays. */
int server_log_reopen(struct server *server, struct error *error);
/* server_audit - count and log one administrative event. */
void server_audit(struct server *server, const char *format, ...) LOOM_PRINTF(2, 3);

/* Rows of this room's commands. */
extern const struct command command_rows_connection[]; /* PING ECHO QUIT RESET HELLO AUTH CLIENT */
extern const struct command command_rows_server[];     /* INFO CONFIG TIME SLOWLOG ... */

#endif
