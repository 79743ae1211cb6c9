/* conn.h - one client's connection: bytes in, commands, bytes out.
 *
 * Small while idle: no buffer is held unless a command is unfinished or a reply could not be
 * written at once.  The session is first, so that commands can find the connection of their
 * session.
 */
#ifndef CORE_SERVER_CONN_H
#define CORE_SERVER_CONN_H

#include "core/server/loop.h"

struct conn_output; /* what could not be written at once */

enum conn_state { CONN_OPEN = 0, CONN_FINISHING, CONN_CLOSED };

struct conn {
    struct session session; /* first: conn_of() */
    struct loop *loop;
    struct conn *next, *prev;
    uv_tcp_t tcp;
    struct resp_pending *pending;
    struct conn_output *output; /* NULL: everything has been written */
    uint64_t created_ms, active_ms; /* unix */
    size_t pending_bytes, output_bytes;
    int fd;          /* the socket, for CLIENT LIST: tcp is the loop's alone */
    uint8_t closing; /* enum conn_state */
    bool http;       /* answered as HTTP: reads and drops until the peer closes */
};

static inline struct conn *conn_of(struct session *session)
{
    return (struct conn *)(void *)session;
}

/* conn_open - take over an accepted socket. */
void conn_open(struct loop *loop, int fd);
/* conn_serve_turn - serve what was read in this turn of the loop; at its end, conn_on_turn_end().
 */
void conn_serve_turn(struct loop *loop);
void conn_on_turn_end(uv_check_t *check);
/* conn_close - now; what is waiting to be written is lost. */
void conn_close(struct conn *conn, const char *why);
/* conn_finish - after what is waiting has been written. */
void conn_finish(struct conn *conn);
/* conn_describe - the line that CLIENT LIST shows, without a newline; returns its length.  From any
 * thread, with the loop's conns_lock held. */
size_t conn_describe(struct conn *conn, char *at, size_t room);
/* conn_kill - close the connection with this id, wherever it is; false: there is none such.  From
 * any thread; it is gone a moment later.  (The calling connection itself: close_after_reply.) */
bool conn_kill(struct server *server, uint64_t id);
/* conn_each - visit every connection of every loop, each loop under its conns_lock. */
void conn_each(struct server *server, void (*each)(void *arg, struct conn *conn), void *arg);
/* conn_peer, conn_local - "127.0.0.1:4711", "[::1]:4711". */
void conn_peer(struct conn *conn, char *at, size_t room);
void conn_local(struct conn *conn, char *at, size_t room);

#endif
