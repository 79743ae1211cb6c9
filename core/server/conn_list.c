/* conn_list.c - connections as CLIENT LIST and KILL see them, from any thread.  See conn.h. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/server/conn.h"

static void address(const struct sockaddr_storage *from, char *at, size_t room)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)from;

        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        snprintf(at, room, "[%s]:%u", text, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const void *)from;

        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        snprintf(at, room, "%s:%u", text, ntohs(four->sin_port));
    }
}

/* The socket is asked each time: an address kept per connection would cost every idle client. */
void conn_peer(struct conn *conn, char *at, size_t room)
{
    struct sockaddr_storage from = {0};
    socklen_t bytes = sizeof from;

    if (getpeername(conn->fd, (struct sockaddr *)&from, &bytes) != 0) from.ss_family = AF_INET;
    address(&from, at, room);
}

void conn_local(struct conn *conn, char *at, size_t room)
{
    struct sockaddr_storage from = {0};
    socklen_t bytes = sizeof from;

    if (getsockname(conn->fd, (struct sockaddr *)&from, &bytes) != 0) from.ss_family = AF_INET;
    address(&from, at, room);
}

static const char *text_of(const char *text) { return text ? text : ""; }

size_t conn_describe(struct conn *conn, char *at, size_t room)
{
    const struct session *s = &conn->session;
    char peer[64], local[64];
    uint64_t now_ms = METRIC_READ(conn->loop->now_ms);
    uint64_t created_ms = conn->created_ms, active_ms = METRIC_READ(conn->active_ms);
    uint16_t last = METRIC_READ(s->last_command);
    const struct command *command = last < command_count() ? command_at(last) : NULL;

    conn_peer(conn, peer, sizeof peer);
    conn_local(conn, local, sizeof local);
    int n =
        snprintf(at, room,
                 "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRIu64 " idle=%" PRIu64
                 " flags=%s db=%u sub=0 psub=0 ssub=0 multi=%d qbuf=%zu qbuf-free=0 argv-mem=0"
                 " multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=%zu tot-mem=%zu events=r"
                 " cmd=%s user=default redir=-1 resp=%u lib-name=%s lib-ver=%s io-thread=%u",
                 s->id, peer, local, conn->fd, text_of(s->name),
                 now_ms > created_ms ? (now_ms - created_ms) / 1000 : 0,
                 now_ms > active_ms ? (now_ms - active_ms) / 1000 : 0,
                 METRIC_READ(s->transaction) ? "x" : "N", METRIC_READ(s->db),
                 METRIC_READ(s->transaction) ? 0 : -1, METRIC_READ(conn->pending_bytes),
                 METRIC_READ(conn->output_bytes),
                 sizeof *conn + METRIC_READ(conn->pending_bytes) + METRIC_READ(conn->output_bytes),
                 command ? command->name : "NULL", METRIC_READ(s->proto), text_of(s->lib_name),
                 text_of(s->lib_version), conn->loop->index);

    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

void conn_each(struct server *server, void (*each)(void *arg, struct conn *conn), void *arg)
{
    for (uint32_t i = 0; i < server->n_loops; i++) {
        struct loop *loop = server->loops[i];

        pthread_mutex_lock(&loop->conns_lock);
        for (struct conn *conn = loop->conns; conn != NULL; conn = conn->next) each(arg, conn);
        pthread_mutex_unlock(&loop->conns_lock);
    }
}

static void kill_here(struct loop *loop, void *arg)
{
    uint64_t id = (uint64_t)(uintptr_t)arg;
    struct conn *conn = loop->conns;

    while (conn != NULL && conn->session.id != id) conn = conn->next;
    if (conn != NULL) conn_close(conn, "by CLIENT KILL");
}

bool conn_kill(struct server *server, uint64_t id)
{
    for (uint32_t i = 0; i < server->n_loops; i++) {
        struct loop *loop = server->loops[i];
        bool found = false;

        pthread_mutex_lock(&loop->conns_lock);
        for (struct conn *conn = loop->conns; conn != NULL && !found; conn = conn->next) {
            found = conn->session.id == id;
            /* At once: nothing it sends after our reply is served.  Its loop does the rest. */
            if (found) shutdown(conn->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&loop->conns_lock);
        if (found) return loop_post(loop, kill_here, (void *)(uintptr_t)id) == 0;
    }
    return false;
}
