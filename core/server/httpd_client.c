/* httpd_client.c - one connection to an HTTP listener: read, answer, read on or say goodbye.
 *
 *   READING --request--> WRITING --keep-alive--> READING
 *      |  half-open: 408     |
 *      |                     +--last answer--> LINGERING --the client has closed--> closed
 *
 * One timer per connection says how long its state may last.  The last answer is followed by a
 * half-close, and what the client still sends is dropped: closing with bytes unread would reset the
 * connection and could take the answer away from the client.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/httpd_private.h"
#include "core/wire/http.h"

#define IN_BYTES (HTTP_REQUEST_BYTES + 1) /* one more, so that a request too large is seen */
#define BODY_FIRST_BYTES 4096
#define LINGER_BYTES_MAX (256u << 10)

enum client_state { CLIENT_READING, CLIENT_WRITING, CLIENT_LINGERING };

struct body {
    char *at;
    size_t n, room, max;
    bool failed;
};

struct client {
    uv_tcp_t tcp;
    uv_timer_t deadline;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct httpd *httpd;
    struct listener *listener; /* not once closing */
    struct client *next, *prev;
    char *in; /* IN_BYTES, while something is being read; NULL between requests */
    size_t n_in;
    struct body body;
    char head[HTTP_HEAD_BYTES];
    char sentence[64]; /* the body of an answer that has none of its own */
    size_t n_lingering;
    uint8_t state;     /* enum client_state */
    uint8_t n_open;    /* handles, open or closing */
    bool keep_alive;   /* after the answer that is being written */
    bool surplus;      /* one of HTTPD_REFUSALS: to be told 503 */
    bool closing;
};

/* ---- the end -------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    struct httpd *httpd = client->httpd;

    if (--client->n_open > 0) return;
    mem_free(MEM_BUFFER, client->in);
    mem_free(MEM_BUFFER, client->body.at);
    mem_free(MEM_CONN, client);
    httpd_release(httpd);
}

void client_close(struct client *client)
{
    struct listener *listener = client->listener;

    if (client->closing) return;
    client->closing = true;
    client->listener = NULL;
    if (client->prev != NULL) client->prev->next = client->next;
    else listener->clients = client->next;
    if (client->next != NULL) client->next->prev = client->prev;
    listener->n_clients--;
    uv_close((uv_handle_t *)&client->tcp, on_closed);
    uv_close((uv_handle_t *)&client->deadline, on_closed);
    if (listener->held && !listener->closing) client_accept(listener);
}

void client_close_all(struct listener *listener)
{
    while (listener->clients != NULL) client_close(listener->clients);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void answer(struct client *client, int status);

static void on_deadline(uv_timer_t *timer)
{
    struct client *client = timer->data;
    bool half_open = client->state == CLIENT_READING && client->n_in > 0;

    if (half_open || client->state == CLIENT_WRITING) client->httpd->stats.timeouts++;
    if (half_open) answer(client, 408);
    else client_close(client);
}

static void within(struct client *client, uint32_t ms)
{
    /* Body functions take time; the loop's idea of now is from before. */
    uv_update_time(client->httpd->settings.uv);
    uv_timer_start(&client->deadline, on_deadline, ms, 0);
}

/* ---- writing -------------------------------------------------------------------------------- */

static int body_write(void *to, const void *at, size_t bytes)
{
    struct body *body = to;
    size_t room = body->room ? body->room : BODY_FIRST_BYTES;
    char *grown;

    if (body->failed) return LOOM_E_NOMEM;
    if (bytes > body->max - body->n) goto failed;
    while (room < body->n + bytes) room *= 2;
    if (room > body->max) room = body->max;
    if (room != body->room) {
        grown = mem_realloc(MEM_BUFFER, body->at, room);
        if (grown == NULL) goto failed;
        body->at = grown;
        body->room = room;
    }
    if (bytes > 0) memcpy(body->at + body->n, at, bytes);
    body->n += bytes;
    return 0;
failed:
    body->failed = true;
    return LOOM_E_NOMEM;
}

static void body_drop(struct client *client)
{
    mem_free(MEM_BUFFER, client->body.at);
    client->body = (struct body){0};
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    if (status != 0) client_close(shutdown->data);
}

static void start_reading(struct client *client);

static void linger(struct client *client)
{
    client->state = CLIENT_LINGERING;
    client->shutdown.data = client;
    within(client, client->httpd->settings.linger_ms);
    if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, on_shutdown) != 0)
        client_close(client);
    else start_reading(client);
}

static void next_request(struct client *client);

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;

    if (client->closing) return;
    body_drop(client);
    if (status != 0) client_close(client);
    else if (client->keep_alive) next_request(client);
    else linger(client);
}

/* send_answer - head, then body; nothing more is read until it has left. */
static void send_answer(struct client *client, int status, const char *content_type,
                        struct slice body, bool head_only)
{
    size_t n = http_head(client->head, status, content_type, body.bytes, client->keep_alive);
    uv_buf_t pieces[2] = {uv_buf_init(client->head, (unsigned)n),
                          uv_buf_init((char *)(uintptr_t)body.at, (unsigned)body.bytes)};

    client->httpd->stats.requests++;
    client->state = CLIENT_WRITING;
    client->write.data = client;
    uv_read_stop((uv_stream_t *)&client->tcp);
    within(client, client->httpd->settings.write_ms);
    if (uv_write(&client->write, (uv_stream_t *)&client->tcp, pieces,
                 head_only || body.bytes == 0 ? 1 : 2, on_written) != 0)
        client_close(client);
}

/* answer_plain - a status and its name, without any memory. */
static void answer_plain(struct client *client, int status, bool head_only)
{
    int n = snprintf(client->sentence, sizeof client->sentence, "%d %s\n", status,
                     http_reason(status));

    send_answer(client, status, "text/plain; charset=utf-8",
                slice_of(client->sentence, (size_t)n), head_only);
}

/* answer - the last one of this connection. */
static void answer(struct client *client, int status)
{
    client->keep_alive = false;
    answer_plain(client, status, false);
}

static void serve(struct client *client, const struct http_request *request)
{
    const struct route *route = listener_route(client->listener, request->path);
    const struct loom_sink out = {body_write, &client->body};
    const char *content_type;
    int status;

    client->keep_alive = request->keep_alive && !client->surplus;
    if (client->surplus) client->httpd->stats.refused++;
    if (client->surplus || route == NULL) {
        answer_plain(client, client->surplus ? 503 : 404, request->head);
        return;
    }
    content_type = route->content_type;
    client->body.max = (size_t)client->httpd->settings.body_max_bytes;
    status = route->body(route->arg, &out);
    if (status < 200 || status > 599 || client->body.failed) {
        LOG_WARN("httpd", "%s could not be rendered: %s", route->path,
                 client->body.failed ? "no memory, or the body is too large"
                                     : "the exporter says so");
        body_drop(client);
        answer_plain(client, 500, request->head);
        return;
    }
    send_answer(client, status, content_type, slice_of(client->body.at, client->body.n),
                request->head);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* take - what has been read: answer the first request in it, if it is complete. */
static void take(struct client *client)
{
    struct http_request request;
    int status = http_parse(slice_of(client->in, client->n_in), &request);

    if (status == HTTP_MORE) return;
    if (status != HTTP_OK) {
        answer(client, status);
        return;
    }
    serve(client, &request);
    if (client->closing) return;
    client->n_in -= request.bytes;
    memmove(client->in, client->in + request.bytes, client->n_in);
}

/* next_request - of the bytes that are there already, or of those to come. */
static void next_request(struct client *client)
{
    const struct httpd_settings *settings = &client->httpd->settings;

    client->state = CLIENT_READING;
    within(client, client->n_in > 0 ? settings->request_ms : settings->idle_ms);
    if (client->n_in > 0) {
        take(client);
    } else {
        mem_free(MEM_BUFFER, client->in);
        client->in = NULL;
    }
    if (client->state == CLIENT_READING && !client->closing) start_reading(client);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct client *client = handle->data;

    (void)wanted;
    *ret = uv_buf_init(NULL, 0);
    if (client->in == NULL) client->in = mem_alloc(MEM_BUFFER, IN_BYTES);
    if (client->in == NULL) return; /* on_read() is told UV_ENOBUFS */
    if (client->state == CLIENT_LINGERING) client->n_in = 0;
    LOOM_ASSERT(client->n_in < IN_BYTES);
    *ret = uv_buf_init(client->in + client->n_in, (unsigned)(IN_BYTES - client->n_in));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    (void)buf;
    if (n == 0) return; /* nothing there after all */
    if (client->state == CLIENT_LINGERING && n > 0) {
        client->n_lingering += (size_t)n;
        if (client->n_lingering <= LINGER_BYTES_MAX) return;
    }
    if (n < 0 || client->state == CLIENT_LINGERING) {
        client_close(client);
        return;
    }
    /* The whole request in one time, from its first byte; the first of a connection from the
     * connection's start. */
    if (client->n_in == 0 && client->keep_alive) within(client, client->httpd->settings.request_ms);
    client->n_in += (size_t)n;
    take(client);
}

static void start_reading(struct client *client)
{
    if (uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) != 0) client_close(client);
}

/* ---- the beginning -------------------------------------------------------------------------- */

void client_accept(struct listener *listener)
{
    struct httpd *httpd = listener->httpd;
    struct client *client;

    listener->held = listener->n_clients >= httpd->settings.clients_max + HTTPD_REFUSALS;
    if (listener->held) return; /* the loop does not accept more meanwhile; see client_close() */
    client = mem_zalloc(MEM_CONN, sizeof *client);
    if (client == NULL) {
        listener_refuse(listener);
        return;
    }
    uv_tcp_init(httpd->settings.uv, &client->tcp); /* no socket yet: cannot fail */
    uv_timer_init(httpd->settings.uv, &client->deadline);
    client->tcp.data = client->deadline.data = client;
    client->n_open = 2;
    client->httpd = httpd;
    client->listener = listener;
    client->surplus = listener->n_clients >= httpd->settings.clients_max;
    client->next = listener->clients;
    if (client->next != NULL) client->next->prev = client;
    listener->clients = client;
    listener->n_clients++;
    httpd->n_handles++;
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&client->tcp) != 0) {
        client_close(client);
        return;
    }
    uv_tcp_nodelay(&client->tcp, 1);
    within(client, httpd->settings.request_ms);
    start_reading(client);
}
