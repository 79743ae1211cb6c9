/* httpd.c - listeners and routes; see httpd.h.  Their clients: httpd_client.c. */
#include "core/server/httpd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/config.h"
#include "core/server/httpd_private.h"

int httpd_open(const struct httpd_settings *settings, struct httpd **ret, struct error *error)
{
    struct httpd *httpd = mem_zalloc(MEM_OTHER, sizeof *httpd);

    LOOM_ASSERT(settings->uv != NULL && settings->clients_max > 0);
    if (httpd == NULL) return error_set(error, LOOM_E_NOMEM, "no memory for the HTTP server");
    httpd->settings = *settings;
    httpd->n_handles = 1;
    *ret = httpd;
    return 0;
}

void httpd_release(struct httpd *httpd)
{
    LOOM_ASSERT(httpd->n_handles > 0);
    if (--httpd->n_handles == 0) mem_free(MEM_OTHER, httpd);
}

const struct route *listener_route(const struct listener *listener, struct slice path)
{
    for (uint32_t i = 0; i < listener->n_routes; i++) {
        const struct route *route = &listener->routes[i];
        if (slice_equal(path, slice_of(route->path, strlen(route->path)))) return route;
    }
    return NULL;
}

/* ---- the life of a listener ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    struct httpd *httpd = listener->httpd;

    if (handle == (uv_handle_t *)&listener->spare) listener->spare_busy = false;
    if (--listener->n_open > 0) {
        if (listener->held && !listener->closing) client_accept(listener);
        return;
    }
    mem_free(MEM_OTHER, listener->routes);
    mem_free(MEM_OTHER, listener);
    httpd_release(httpd);
}

static void listener_close(struct listener *listener)
{
    struct listener **at = &listener->httpd->listeners;

    while (*at != listener) at = &(*at)->next;
    *at = listener->next;
    listener->closing = true;
    client_close_all(listener);
    uv_close((uv_handle_t *)&listener->tcp, on_closed);
}

void listener_refuse(struct listener *listener)
{
    listener->held = listener->spare_busy;
    if (listener->spare_busy) return; /* on_closed() comes back to it */
    uv_tcp_init(listener->httpd->settings.uv, &listener->spare); /* no socket yet: cannot fail */
    listener->spare.data = listener;
    listener->spare_busy = true;
    listener->n_open++;
    uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&listener->spare);
    uv_close((uv_handle_t *)&listener->spare, on_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;

    if (status != 0)
        LOG_WARN("httpd", "a connection to %s port %" PRIu32 " was lost: %s", listener->address,
                 listener->port, uv_strerror(status));
    else client_accept(listener);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int try_listen(struct listener *listener, const struct config_address *address)
{
    unsigned only_six = address->family == AF_INET6 && !address->dual ? UV_TCP_IPV6ONLY : 0;
    struct sockaddr_storage at;
    int rc = address->family == AF_INET6
                 ? uv_ip6_addr(address->text, (int)listener->port, (struct sockaddr_in6 *)&at)
                 : uv_ip4_addr(address->text, (int)listener->port, (struct sockaddr_in *)&at);

    if (rc == 0) rc = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&at, only_six);
    if (rc == 0) rc = uv_listen((uv_stream_t *)&listener->tcp, HTTPD_BACKLOG, on_connection);
    return rc;
}

/* A listener that is in the list, also when it does not listen: the caller closes it then.
 * *ret_rc is libuv's word. */
static struct listener *listener_new(struct httpd *httpd, const struct config_address *address,
                                     uint32_t port, int *ret_rc)
{
    struct listener *listener = mem_zalloc(MEM_OTHER, sizeof *listener);

    *ret_rc = UV_ENOMEM;
    if (listener == NULL) return NULL;
    uv_tcp_init(httpd->settings.uv, &listener->tcp); /* no socket yet: cannot fail */
    listener->tcp.data = listener;
    listener->n_open = 1;
    listener->httpd = httpd;
    snprintf(listener->address, sizeof listener->address, "%s", address->text);
    listener->port = port;
    listener->next = httpd->listeners;
    httpd->listeners = listener;
    httpd->n_handles++;
    *ret_rc = try_listen(listener, address);
    return listener;
}

static bool absent(int rc) /* the machine has no such address, or no such family */
{
    return rc == UV_EADDRNOTAVAIL || rc == UV_EAFNOSUPPORT;
}

static uint32_t count_listeners(const struct httpd *httpd)
{
    uint32_t n = 0;

    for (const struct listener *l = httpd->listeners; l != NULL; l = l->next) n++;
    return n;
}

static struct listener *listener_find(struct httpd *httpd, const char *address, uint32_t port)
{
    for (struct listener *l = httpd->listeners; l != NULL; l = l->next)
        if (l->port == port && strcmp(l->address, address) == 0) return l;
    return NULL;
}

/* The listener of an address, opened if there is none yet.  *ret NULL, and 0: this machine has no
 * such loopback address, which is no failure as long as it has another one of the list. */
static int listener_get(struct httpd *httpd, const struct config_address *address, uint32_t port,
                        struct listener **ret, struct error *error)
{
    static const struct config_address any4 = {.text = "0.0.0.0", .family = AF_INET};
    struct listener *listener = listener_find(httpd, address->text, port);
    int rc;

    *ret = listener;
    if (listener != NULL) return 0;
    if (count_listeners(httpd) >= HTTPD_LISTENERS_MAX)
        return error_set(error, LOOM_E_LIMIT, "more than %d HTTP listeners", HTTPD_LISTENERS_MAX);
    listener = listener_new(httpd, address, port, &rc);
    if (rc == 0) *ret = listener;
    else if (listener != NULL) listener_close(listener);
    if (rc == 0) return 0;
    if (absent(rc) && address->dual) return listener_get(httpd, &any4, port, ret, error);
    if (absent(rc) && address->loopback) return 0;
    return error_set(error, rc == UV_ENOMEM ? LOOM_E_NOMEM : LOOM_E_IO,
                     "cannot listen on %s port %" PRIu32 ": %s%s", address->text, port,
                     uv_strerror(rc),
                     rc == UV_EADDRINUSE ? "; stop the other program, or choose another port "
                                           "(0: none)"
                                         : "");
}

/* ---- routes --------------------------------------------------------------------------------- */

static int listener_add(struct listener *listener, const struct httpd_route *wanted,
                        struct error *error)
{
    struct route *routes, *route;

    if (listener_route(listener, slice_of(wanted->path, strlen(wanted->path))) != NULL)
        return error_set(error, LOOM_E_CONFIG,
                         "%s on %s port %" PRIu32 " is served already: choose another port or path",
                         wanted->path, listener->address, listener->port);
    if (listener->n_routes == HTTPD_ROUTES_MAX)
        return error_set(error, LOOM_E_LIMIT, "more than %d paths on %s port %" PRIu32,
                         HTTPD_ROUTES_MAX, listener->address, listener->port);
    routes = mem_realloc(MEM_OTHER, listener->routes, (listener->n_routes + 1) * sizeof *routes);
    if (routes == NULL)
        return error_set(error, LOOM_E_NOMEM, "no memory to serve %s", wanted->path);
    listener->routes = routes;
    route = &routes[listener->n_routes++];
    snprintf(route->path, sizeof route->path, "%s", wanted->path);
    route->content_type = wanted->content_type;
    route->body = wanted->body;
    route->arg = wanted->arg;
    route->owner = wanted->owner;
    route->pending = true;
    return 0;
}

/* Drop the routes of an owner; NULL: those that are pending. */
static void drop_routes(struct httpd *httpd, const void *owner)
{
    struct listener *next;

    for (struct listener *l = httpd->listeners; l != NULL; l = next) {
        uint32_t n = 0;
        next = l->next;
        for (uint32_t i = 0; i < l->n_routes; i++) {
            struct route *route = &l->routes[i];
            if (owner ? route->owner != owner : !route->pending) l->routes[n++] = *route;
        }
        l->n_routes = n;
        if (n == 0) listener_close(l);
    }
}

static void keep_routes(struct httpd *httpd)
{
    for (struct listener *l = httpd->listeners; l != NULL; l = l->next)
        for (uint32_t i = 0; i < l->n_routes; i++) l->routes[i].pending = false;
}

static int check_route(const struct httpd *httpd, const struct httpd_route *route,
                       const struct config_address *all, int n, struct error *error)
{
    size_t n_path = strlen(route->path);

    if (route->path[0] != '/' || n_path >= HTTPD_PATH_MAX || strpbrk(route->path, " ?#\r\n\t"))
        return error_set(error, LOOM_E_CONFIG,
                         "the path \"%.40s\" cannot be served: expected /, then at most %d "
                         "letters, no blanks, no ? and #",
                         route->path, HTTPD_PATH_MAX - 2);
    if (strlen(route->content_type) > 128 || strpbrk(route->content_type, "\r\n"))
        return error_set(error, LOOM_E_CONFIG, "the content type of %s is not acceptable",
                         route->path);
    if (route->port > 65535)
        return error_set(error, LOOM_E_CONFIG, "there is no port %" PRIu32, route->port);
    for (int i = 0; i < n && !httpd->settings.allow_open; i++)
        if (!all[i].loopback)
            return error_set(error, LOOM_E_CONFIG,
                             "bind = %.100s would show %s port %" PRIu32 " to other machines, and "
                             "no password is set: set server.requirepass, or server.allow_open = "
                             "true if that network is trusted",
                             route->bind, route->path, route->port);
    return 0;
}

int httpd_serve(struct httpd *httpd, const struct httpd_route *route, struct error *error)
{
    struct config_address all[CONFIG_ADDRESSES_MAX];
    int n, n_served = 0, rc;

    LOOM_ASSERT(route->owner != NULL);
    if (route->port == 0) return 0;
    n = config_addresses(route->bind, all, CONFIG_ADDRESSES_MAX, error);
    if (n < 0) return error_wrap(error, "bind = %.100s", route->bind);
    rc = check_route(httpd, route, all, n, error);
    for (int i = 0; i < n && rc == 0; i++) {
        struct listener *listener;
        rc = listener_get(httpd, &all[i], route->port, &listener, error);
        if (rc == 0 && listener != NULL) {
            rc = listener_add(listener, route, error);
            n_served++;
        }
    }
    if (rc == 0 && n_served == 0)
        rc = error_set(error, LOOM_E_IO, "this machine has none of the addresses of bind = %.100s",
                       route->bind);
    if (rc != 0) {
        drop_routes(httpd, NULL);
        return rc;
    }
    keep_routes(httpd);
    LOG_INFO("httpd", "serving %s on %s port %" PRIu32, route->path, route->bind, route->port);
    return 0;
}

void httpd_forget(struct httpd *httpd, const void *owner)
{
    LOOM_ASSERT(owner != NULL);
    drop_routes(httpd, owner);
}

void httpd_close(struct httpd *httpd)
{
    if (httpd == NULL) return;
    while (httpd->listeners != NULL) listener_close(httpd->listeners);
    httpd_release(httpd);
}

void httpd_stats(const struct httpd *httpd, struct httpd_stats *ret)
{
    *ret = httpd->stats;
    ret->n_listeners = count_listeners(httpd);
    for (const struct listener *l = httpd->listeners; l != NULL; l = l->next)
        ret->n_clients += l->n_clients;
}
