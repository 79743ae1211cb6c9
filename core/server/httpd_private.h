/* httpd_private.h - what httpd.c (listeners, routes) and httpd_client.c share; nobody else.
 *
 * Handles are closed at once and freed by the loop, later: whatever the loop may still call back
 * holds a reference on the httpd (n_handles).  A listener outlives its clients' closing, not their
 * memory: a client that is closing does not look at its listener.
 */
#ifndef CORE_SERVER_HTTPD_PRIVATE_H
#define CORE_SERVER_HTTPD_PRIVATE_H

#include "core/base/bytes.h"
#include "core/server/httpd.h"

#define HTTPD_REFUSALS 8 /* beyond clients_max, to be told so; further ones wait outside */
#define HTTPD_BACKLOG 128

struct client;

struct route {
    char path[HTTPD_PATH_MAX];
    const char *content_type;
    int (*body)(void *arg, const struct loom_sink *out);
    void *arg;
    const void *owner;
    bool pending; /* httpd_serve() has not come to its end */
};

struct listener {
    uv_tcp_t tcp;
    uv_tcp_t spare;  /* to accept and close when there is no memory for a client */
    uint8_t n_open;  /* of these two handles, open or closing */
    bool spare_busy;
    bool held;       /* the loop holds an accepted connection back until there is room */
    bool closing;
    struct httpd *httpd;
    struct listener *next;
    char address[46];
    uint32_t port;
    struct route *routes;
    uint32_t n_routes;
    struct client *clients;
    uint32_t n_clients;
};

struct httpd {
    struct httpd_settings settings;
    struct listener *listeners;
    struct httpd_stats stats; /* but for n_clients: summed when asked */
    uint32_t n_handles;       /* of listeners and clients, open or closing; and 1 for the owner */
};

/* httpd_release - one handle has closed; the last one takes the httpd along. */
void httpd_release(struct httpd *httpd);
/* listener_route - NULL: no such path. */
const struct route *listener_route(const struct listener *listener, struct slice path);
/* listener_refuse - take the connection that is ready and end it: there is no memory for it. */
void listener_refuse(struct listener *listener);

/* client_accept - take the connection that the listener has ready, or leave it held. */
void client_accept(struct listener *listener);
void client_close(struct client *client);
/* client_close_all - every client of a listener. */
void client_close_all(struct listener *listener);

#endif
