/* conn.c - see conn.h.
 *
 * A turn: the loop reads from every connection that has something, then serves them one after the
 * other, their keys prefetched together.  What one has sent is parsed into a batch of commands, the
 * batch is executed into the thread's reply, and the reply leaves in one write.  What the socket
 * does not take moves into an output of the connection's own: one reply that the kernel is working
 * on, and one that gathers what comes meanwhile.
 */
#include "core/server/conn.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/command/transaction.h"
#include "core/server/health.h"
#include "core/wire/http.h"

#define WRITE_PIECES 64
#define WRITE_ROUNDS 16 /* direct writes of one turn; a slow reader's rest goes the slow way */

struct conn_output {
    struct conn *conn;
    uv_write_t request;
    struct reply sending, waiting;
    size_t n_asked; /* bytes of the write under way; 0: none */
};

/* ---- opening and closing --------------------------------------------------------------------- */

static void link_conn(struct conn *conn)
{
    struct loop *loop = conn->loop;

    pthread_mutex_lock(&loop->conns_lock);
    conn->prev = NULL;
    conn->next = loop->conns;
    if (loop->conns != NULL) loop->conns->prev = conn;
    loop->conns = conn;
    pthread_mutex_unlock(&loop->conns_lock);
}

static void unlink_conn(struct conn *conn)
{
    struct loop *loop = conn->loop;

    /* Before the lock: it gives up WATCHes, which locks partitions, and CLIENT LIST inside EXEC
     * takes the two the other way round. */
    transaction_free(&conn->session);
    pthread_mutex_lock(&loop->conns_lock);
    if (loop->idle_cursor == conn) loop->idle_cursor = conn->next;
    if (conn->prev != NULL) conn->prev->next = conn->next;
    else loop->conns = conn->next;
    if (conn->next != NULL) conn->next->prev = conn->prev;
    session_close(&conn->session);
    pthread_mutex_unlock(&loop->conns_lock);
}

static void output_free(struct conn *conn)
{
    if (conn->output == NULL) return;
    reply_free(&conn->output->sending);
    reply_free(&conn->output->waiting);
    mem_free(MEM_BUFFER, conn->output);
    conn->output = NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    struct loop *loop = conn->loop;

    output_free(conn);
    mem_free(MEM_CONN, conn);
    __atomic_fetch_sub(&loop->n_conns, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&loop->server->n_clients, 1, __ATOMIC_RELAXED);
}

void conn_close(struct conn *conn, const char *why)
{
    if (conn->closing == CONN_CLOSED) return;
    LOG_DEBUG("server", "client %" PRIu64 " closed: %s", conn->session.id, why);
    conn->closing = CONN_CLOSED;
    unlink_conn(conn);
    METRIC_ADD(conn->loop->stats.query_buffer_bytes, 0 - (uint64_t)conn->pending_bytes);
    conn->pending_bytes = 0;
    resp_forget(&conn->pending);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

void conn_finish(struct conn *conn)
{
    if (conn->output == NULL) conn_close(conn, "finished");
    else if (conn->closing == CONN_OPEN) conn->closing = CONN_FINISHING;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void send_output(struct conn *conn);

static void on_written(uv_write_t *request, int status)
{
    struct conn_output *output = request->data;
    struct conn *conn = output->conn;
    size_t n = output->n_asked;

    output->n_asked = 0;
    if (conn->closing == CONN_CLOSED) return; /* on_closed() frees the output */
    if (status < 0) {
        conn_close(conn, uv_strerror(status));
        return;
    }
    METRIC_ADD(conn->loop->stats.bytes_out, n);
    reply_cut(&output->sending, n);
    if (reply_waiting(&output->sending) == 0) {
        struct reply empty = output->sending;

        output->sending = output->waiting;
        output->waiting = empty;
        reply_begin(&output->waiting, conn->session.proto, 0);
    }
    if (reply_waiting(&output->sending) > 0) {
        send_output(conn);
        return;
    }
    output_free(conn);
    METRIC_SET(conn->output_bytes, 0);
    if (conn->closing == CONN_FINISHING) conn_close(conn, "finished");
}

static void send_output(struct conn *conn)
{
    struct conn_output *output = conn->output;
    struct iovec pieces[WRITE_PIECES];
    size_t n = reply_iovecs(&output->sending, 0, pieces, WRITE_PIECES);

    for (size_t i = 0; i < n; i++) output->n_asked += pieces[i].iov_len;
    output->request.data = output;
    int rc = uv_write(&output->request, (uv_stream_t *)&conn->tcp, (uv_buf_t *)(void *)pieces,
                      (unsigned)n, on_written);

    if (rc < 0) {
        output->n_asked = 0;
        conn_close(conn, uv_strerror(rc));
    }
}

/* keep_rest - the socket is full: what is left of the turn's reply becomes the connection's. */
static void keep_rest(struct conn *conn, size_t written)
{
    struct loop *loop = conn->loop;
    struct conn_output *output = conn->output;

    if (output == NULL) {
        output = mem_zalloc(MEM_BUFFER, sizeof *output);
        if (output == NULL) {
            conn_close(conn, "no memory for its output");
            return;
        }
        output->conn = conn;
        conn->output = output;
    }
    reply_move_rest(output->n_asked ? &output->waiting : &output->sending, &loop->reply, written);
    size_t bytes = reply_waiting(&output->sending) + reply_waiting(&output->waiting);

    METRIC_SET(conn->output_bytes, bytes);
    if (output->sending.failed || output->waiting.failed) {
        conn_close(conn, "no memory for its output");
    } else if (bytes > METRIC_READ(loop->server->limits.output_buffer_max)) {
        METRIC_ADD(loop->stats.output_overruns, 1);
        LOG_WARN("server",
                 "client %" PRIu64 " reads too slowly: %zu bytes of replies wait, the limit "
                 "is %" PRIu64 " (server.output_buffer_max): closed",
                 conn->session.id, bytes, METRIC_READ(loop->server->limits.output_buffer_max));
        conn_close(conn, "output buffer over its limit");
    } else if (output->n_asked == 0) {
        send_output(conn);
    }
}

static void flush(struct conn *conn)
{
    struct reply *reply = &conn->loop->reply;
    size_t written = 0, total = reply_waiting(reply);

    if (reply->failed) {
        METRIC_ADD(conn->loop->stats.output_overruns, 1);
        LOG_WARN("server",
                 "client %" PRIu64 ": a reply beyond server.output_buffer_max, or no memory "
                 "for it: closed",
                 conn->session.id);
        conn_close(conn, "reply over the output limit");
        return;
    }
    if (total == 0) return;
    for (int i = 0; conn->output == NULL && written < total && i < WRITE_ROUNDS; i++) {
        struct iovec pieces[WRITE_PIECES];
        size_t n = reply_iovecs(reply, written, pieces, WRITE_PIECES);
        int rc = uv_try_write((uv_stream_t *)&conn->tcp, (uv_buf_t *)(void *)pieces, (unsigned)n);

        if (rc == UV_EAGAIN) break;
        if (rc < 0) {
            conn_close(conn, uv_strerror(rc));
            return;
        }
        written += (size_t)rc;
    }
    METRIC_ADD(conn->loop->stats.bytes_out, written);
    if (written < total) keep_rest(conn, written);
}

/* ---- HTTP on the client port ----------------------------------------------------------------- */

static int sink_write(void *to, const void *at, size_t bytes)
{
    reply_raw(to, at, bytes);
    return ((struct reply *)to)->failed ? LOOM_E_NOMEM : 0;
}

/* answer_http - one answer to the request line alone, then the connection ends.  What follows the
 * line is read and dropped until the peer closes (or the sweep does): closing at once would reset
 * the connection under the answer. */
static void answer_http(struct conn *conn, struct slice line)
{
    struct reply *reply = &conn->loop->reply, body = {0};
    const struct loom_sink sink = {sink_write, &body};
    struct http_request request = {0};
    char whole[HTTP_LINE_BYTES + 8], head[HTTP_HEAD_BYTES] = "";
    const char *type = "text/plain";
    int status = 400;

    if (line.bytes < HTTP_LINE_BYTES) {
        memcpy(whole, line.at, line.bytes);
        memcpy(whole + line.bytes, "\r\n", 2);
        status = http_parse(slice_of(whole, line.bytes + 2), &request);
    }
    reply_begin(&body, 2, 65536);
    bool head_only = status == HTTP_OK && request.head;

    if (status == HTTP_OK && health_render(conn->loop->server, request.path, &sink, &status) != 0)
        status = 503;
    if (status == HTTP_MORE) status = 400;
    if (reply_waiting(&body) > 0) type = HEALTH_CONTENT_TYPE;
    else reply_raw(&body, http_reason(status), strlen(http_reason(status)));
    reply_raw(reply, head, http_head(head, status, type, reply_waiting(&body), false));
    if (!head_only) reply_raw(reply, body.at, reply_waiting(&body));
    reply_free(&body);
    conn->http = true;
    flush(conn);
    if (conn->closing == CONN_OPEN && conn->output == NULL) {
        uv_os_fd_t fd;

        if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0) shutdown(fd, SHUT_WR);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static void limits_of(const struct conn *conn, struct resp_limits *ret)
{
    const struct server_limits *limits = &conn->loop->server->limits;

    if (!conn->session.authenticated) {
        *ret = (struct resp_limits)RESP_LIMITS_UNAUTHENTICATED;
        return;
    }
    *ret = (struct resp_limits)RESP_LIMITS;
    ret->max_args = METRIC_READ(limits->args_max);
    ret->max_inline_bytes = (uint32_t)METRIC_READ(limits->inline_max);
    ret->max_bulk_bytes = METRIC_READ(limits->bulk_max);
    ret->max_command_bytes = METRIC_READ(limits->query_buffer_max);
}

static void run_batch(struct conn *conn, struct execute_item *items, size_t *n)
{
    struct loop *loop = conn->loop;

    METRIC_ADD(loop->stats.commands, *n);
    execute_batch(&loop->executor, &conn->session, &loop->reply, items, *n, loop->now_ms);
    resp_release(&loop->batch);
    *n = 0;
}

/* take - parse and execute everything in the input.  Returns how parsing ended. */
static enum resp_result take(struct conn *conn, struct slice *input, struct slice *ret_http)
{
    struct execute_item items[EXECUTE_BATCH];
    struct loop *loop = conn->loop;
    struct resp_limits limits;
    struct resp_command command;
    size_t n = 0;

    for (;;) {
        limits_of(conn, &limits);
        enum resp_result result =
            resp_parse(&loop->batch, &conn->pending, &limits, input, &command);

        if (result == RESP_COMMAND) {
            items[n++] = (struct execute_item){command.argc, command.argv, command.blobs};
            /* Before AUTH one at a time: the limits of what follows depend on it. */
            if (n < EXECUTE_BATCH && conn->session.authenticated) continue;
        }
        if (n > 0) run_batch(conn, items, &n);
        if (result != RESP_COMMAND || conn->session.close_after_reply || loop->reply.failed) {
            if (result == RESP_HTTP) *ret_http = command.argv[0];
            return result;
        }
    }
}

static void serve(struct conn *conn, struct slice input)
{
    struct loop *loop = conn->loop;
    struct slice http = {0};

    reply_begin(&loop->reply, conn->session.proto,
                METRIC_READ(loop->server->limits.output_buffer_max));
    METRIC_SET(conn->active_ms, loop->now_ms);
    switch (take(conn, &input, &http)) {
    case RESP_HTTP: answer_http(conn, http); return;
    case RESP_ERROR:
        METRIC_ADD(loop->stats.protocol_errors, 1);
        reply_error(&loop->reply, "ERR %s", loop->batch.error);
        conn->session.close_after_reply = true;
        break;
    case RESP_NOMEM:
        reply_error(&loop->reply, "OOM out of memory while reading the command");
        conn->session.close_after_reply = true;
        break;
    default: break;
    }
    flush(conn);
    if (conn->closing == CONN_OPEN && conn->session.close_after_reply) conn_finish(conn);
    /* What nobody will read, up to the output limit of it, must not wait for the next command. */
    if (conn->closing == CONN_CLOSED) reply_begin(&loop->reply, 2, 0);
}

static void serve_counted(struct conn *conn, struct slice input)
{
    serve(conn, input);
    if (conn->closing == CONN_CLOSED || (conn->pending == NULL && conn->pending_bytes == 0)) return;
    size_t held = resp_pending_bytes(conn->pending);

    METRIC_ADD(conn->loop->stats.query_buffer_bytes, (uint64_t)held - conn->pending_bytes);
    METRIC_SET(conn->pending_bytes, held);
}

/* hint - start fetching what the connections of this turn probably ask for, all at once: with one
 * command each, their cache misses would otherwise be waited for one after the other. */
static void hint(struct loop *loop)
{
    struct store *store = loop->server->store;

    for (uint32_t i = 0; i < loop->n_reads; i++) {
        struct loop_read *read = &loop->reads[i];
        struct slice name;

        read->hinted = resp_peek_key(read->input, &name) && name.bytes <= STORE_KEY_MAX;
        if (!read->hinted) continue;
        store_key_make(store, name, read->conn->session.db, &read->key);
        store_prefetch(&read->key, 0);
    }
    for (int stage = 1; stage <= 2; stage++)
        for (uint32_t i = 0; i < loop->n_reads; i++)
            if (loop->reads[i].hinted) store_prefetch(&loop->reads[i].key, stage);
}

void conn_serve_turn(struct loop *loop)
{
    if (loop->n_reads > 1) hint(loop);
    for (uint32_t i = 0; i < loop->n_reads; i++)
        if (loop->reads[i].conn->closing == CONN_OPEN)
            serve_counted(loop->reads[i].conn, loop->reads[i].input);
    loop->n_reads = 0;
    loop->read_used = 0;
}

void conn_on_turn_end(uv_check_t *check) { conn_serve_turn(check->data); }

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct conn *conn = handle->data;
    struct loop *loop = conn->loop;
    size_t room;

    (void)suggested;
    if (conn->pending != NULL && resp_room(conn->pending, &ret->base, &room)) {
        ret->len = room;
        return;
    }
    ret->base = loop->read_buffer + loop->read_used;
    ret->len = LOOP_READ_BYTES;
}

/* on_read - small reads wait for the end of the turn, where they are served together.  What belongs
 * to an unfinished command, or fills the room (there may be more), is served now: a connection is
 * in the turn once at most, so its bytes stay in order. */
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;
    struct loop *loop = conn->loop;

    if (n == 0 || conn->closing == CONN_CLOSED) return;
    if (n < 0) {
        conn_serve_turn(loop); /* it may have sent a last command and closed */
        conn_close(conn, n == UV_EOF ? "by the client" : uv_strerror((int)n));
        return;
    }
    METRIC_ADD(loop->stats.bytes_in, (uint64_t)n);
    if (conn->http || conn->closing != CONN_OPEN) return; /* dropped */
    loop_time(loop);
    if (buffer->base != loop->read_buffer + loop->read_used) {
        resp_filled(conn->pending, (size_t)n);
        serve_counted(conn, slice_of(NULL, 0));
        return;
    }
    if (conn->pending != NULL || n == LOOP_READ_BYTES) {
        serve_counted(conn, slice_of(buffer->base, (size_t)n));
        return;
    }
    loop->reads[loop->n_reads++] =
        (struct loop_read){.conn = conn, .input = slice_of(buffer->base, (size_t)n)};
    loop->read_used += ((uint32_t)n + 63) & ~63u;
    if (loop->n_reads == LOOP_TURN || LOOP_BUFFER_BYTES - loop->read_used < LOOP_READ_BYTES)
        conn_serve_turn(loop);
}

static void set_keepalive(const struct loop *loop, int fd)
{
    int seconds = (int)(METRIC_READ(loop->server->limits.tcp_keepalive_ms) / 1000);
    int third = seconds / 3 > 0 ? seconds / 3 : 1, on = 1, probes = 3;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (seconds == 0) return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &third, sizeof third);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void give_up(struct loop *loop, int fd, struct conn *conn)
{
    close(fd);
    mem_free(MEM_CONN, conn);
    __atomic_fetch_sub(&loop->n_conns, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&loop->server->n_clients, 1, __ATOMIC_RELAXED);
}

void conn_open(struct loop *loop, int fd)
{
    struct server *server = loop->server;
    struct conn *conn = mem_zalloc(MEM_CONN, sizeof *conn);

    if (conn == NULL || uv_tcp_init(&loop->uv, &conn->tcp) != 0) {
        give_up(loop, fd, conn);
        return;
    }
    set_keepalive(loop, fd);
    conn->loop = loop;
    conn->tcp.data = conn;
    conn->fd = fd;
    session_init(&conn->session, __atomic_add_fetch(&server->next_client_id, 1, __ATOMIC_RELAXED));
    conn->session.authenticated = !server_password_wanted(server);
    conn->created_ms = conn->active_ms = loop->now_ms;
    link_conn(conn);
    if (uv_tcp_open(&conn->tcp, fd) != 0) {
        conn_close(conn, "cannot be watched");
        close(fd);
        return;
    }
    if (uv_read_start((uv_stream_t *)&conn->tcp, on_room, on_read) != 0)
        conn_close(conn, "cannot be read");
}
