/* httpd.h - answer GET on ports of our own: /health, /metrics, and what plugins serve.
 *
 * The host side of "loom.draft.http/1", on the control thread's loop.  A listener is an address and
 * a port; any number of paths share it, whoever brought them.  The parser is core/wire/http.h; here
 * are the sockets and every limit: clients, request bytes, half-open requests, slow readers, idle
 * connections, body bytes.  One request at a time per connection; pipelined ones wait their turn.
 *
 * Not here: what a body says, TLS, anything but GET and HEAD.
 *
 * Thread: [control], all of it.
 */
#ifndef CORE_SERVER_HTTPD_H
#define CORE_SERVER_HTTPD_H

#include <loomcache/http.h>
#include <uv.h>

#include "core/base/error.h"

#define HTTPD_PATH_MAX 128
#define HTTPD_ROUTES_MAX 64 /* of one listener */
#define HTTPD_LISTENERS_MAX 32

struct httpd;

struct httpd_settings {
    uv_loop_t *uv;
    bool allow_open;         /* an address that is not loopback may be bound */
    uint32_t clients_max;    /* of one listener; one more is answered 503 */
    uint32_t request_ms;     /* a request must be complete after this; else 408 and close */
    uint32_t idle_ms;        /* between requests of one connection */
    uint32_t write_ms;       /* an answer must have left after this */
    uint32_t linger_ms;      /* after a last answer: until the client has closed its side too */
    uint64_t body_max_bytes; /* a longer body is answered 500 */
};
#define HTTPD_SETTINGS                                                                             \
    {                                                                                              \
        .clients_max = 64, .request_ms = 5000, .idle_ms = 30000, .write_ms = 10000,                \
        .linger_ms = 1000, .body_max_bytes = 16u << 20                                             \
    }

/* httpd_open - settings are copied.  No port is opened yet. */
int httpd_open(const struct httpd_settings *settings, struct httpd **ret, struct error *error);

/* httpd_close - close every listener and client now; no body() is called any more.  Memory goes
 * with the last handle: the owner of the loop runs it until uv_loop_close() is content.  NULL is
 * fine. */
void httpd_close(struct httpd *httpd);

/* One path on one bind:port. */
struct httpd_route {
    const char *bind; /* as config_addresses() takes it */
    uint32_t port;    /* 0: nothing is served, and that is no error */
    const char *path; /* "/metrics"; copied */
    const char *content_type; /* borrowed as long as the route */
    /* Write the whole body, return the status.  A negative number, or what a sink refused, is
     * answered 500. */
    int (*body)(void *arg, const struct loom_sink *out);
    void *arg;
    const void *owner; /* for httpd_forget() */
};
/* httpd_serve - LOOM_E_CONFIG: not acceptable (an open address without a password, a path taken);
 * LOOM_E_IO: the port cannot be bound; LOOM_E_LIMIT, LOOM_E_NOMEM.  After a failure nothing of it
 * is served. */
int httpd_serve(struct httpd *httpd, const struct httpd_route *route, struct error *error);

/* httpd_forget - drop the routes of one owner; a listener without routes is closed.  No body() of
 * that owner is called after it returns. */
void httpd_forget(struct httpd *httpd, const void *owner);

struct httpd_stats {
    uint64_t requests, refused, timeouts; /* answered; 503 for too many clients; any deadline */
    uint32_t n_listeners, n_clients;
};
void httpd_stats(const struct httpd *httpd, struct httpd_stats *ret);

#endif
