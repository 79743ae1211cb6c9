/* listen.c - see listen.h.
 *
 * When file descriptors run out a listening socket stays readable and would spin: so one descriptor
 * is kept in reserve, given up to accept the client, tell it why, and close it.
 */
#include "core/server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/loop.h"

#define ACCEPTS_PER_TURN 128

struct listener {
    uv_poll_t poll;
    struct listeners *all;
    int fd;
};

struct listeners {
    struct server *server;
    struct listener at[SERVER_LISTENERS_MAX];
    uint32_t n, n_closing;
    int reserve_fd;
};

/* ---- accepting ------------------------------------------------------------------------------- */

static void refuse(struct listeners *all, int fd, const char *sentence)
{
    ssize_t ignored = send(fd, sentence, strlen(sentence), MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)ignored;
    close(fd);
    METRIC_ADD(all->server->stats.connections_rejected, 1);
}

static struct loop *least_busy(struct server *server)
{
    struct loop *best = server->loops[0];

    for (uint32_t i = 1; i < server->n_loops; i++)
        if (METRIC_READ(server->loops[i]->n_conns) < METRIC_READ(best->n_conns))
            best = server->loops[i];
    return best;
}

static int accept_reserved(struct listeners *all, int listening)
{
    int fd;

    close(all->reserve_fd);
    fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        LOG_WARN("server",
                 "out of file descriptors: a client was refused; raise the limit (ulimit -n) "
                 "or lower server.max_clients");
        refuse(all, fd, "-ERR max number of clients reached: out of file descriptors\r\n");
    }
    all->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    struct listeners *all = listener->all;
    struct server *server = all->server;

    (void)events;
    for (int i = 0; status == 0 && i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            if (accept_reserved(all, listener->fd) < 0) return;
            continue;
        }
        if (fd < 0 && (errno == ECONNABORTED || errno == EINTR)) continue;
        if (fd < 0) return;
        METRIC_ADD(server->stats.connections_received, 1);
        if (METRIC_READ(server->n_clients) >= METRIC_READ(server->limits.max_clients))
            refuse(all, fd, "-ERR max number of clients reached\r\n");
        else loop_adopt(least_busy(server), fd);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static socklen_t sockaddr_of(const struct config_address *address, uint32_t port,
                             struct sockaddr_storage *ret)
{
    struct sockaddr_in *four = (void *)ret;
    struct sockaddr_in6 *six = (void *)ret;

    memset(ret, 0, sizeof *ret);
    if (address->family == AF_INET6) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, address->text, &six->sin6_addr);
        return sizeof *six;
    }
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, address->text, &four->sin_addr);
    return sizeof *four;
}

/* listen_on - a listening socket, or -1 with errno. */
static int listen_on(const struct config_address *address, uint32_t port, uint32_t backlog)
{
    struct sockaddr_storage at;
    socklen_t bytes = sockaddr_of(address, port, &at);
    int fd = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    int only_six = !address->dual, saved;

    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_six, sizeof only_six);
    if (bind(fd, (struct sockaddr *)&at, bytes) == 0 && listen(fd, (int)backlog) == 0) return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static bool absent(int why) /* the machine has no such address family or address */
{
    return why == EAFNOSUPPORT || why == EADDRNOTAVAIL;
}

static int open_one(struct listeners *all, struct config_address *address, struct error *error)
{
    const struct config *config = all->server->config;
    bool optional = strcmp(config->server.bind, "localhost") == 0;
    int fd = listen_on(address, config->server.port, config->server.backlog);

    if (fd < 0 && address->dual && absent(errno)) { /* no IPv6 here: "*" is IPv4 then */
        *address = (struct config_address){.text = "0.0.0.0", .family = AF_INET};
        fd = listen_on(address, config->server.port, config->server.backlog);
    }
    if (fd < 0 && absent(errno) && optional) return 0;
    if (fd < 0)
        return error_set(error, LOOM_E_IO,
                         "cannot listen on %s port %u: %s%s", address->text, config->server.port,
                         strerror(errno),
                         errno == EADDRINUSE
                             ? "; stop the other program, or choose another server.port"
                             : "; check server.bind and server.port");
    all->at[all->n].fd = fd;
    all->at[all->n].all = all;
    all->n++;
    return 0;
}

static int open_all(struct listeners *all, struct error *error)
{
    const struct config *config = all->server->config;
    struct config_address addresses[CONFIG_ADDRESSES_MAX];
    int n = config_addresses(config->server.bind, addresses, CONFIG_ADDRESSES_MAX, error);

    if (n < 0) return n;
    for (int i = 0; i < n && i < SERVER_LISTENERS_MAX; i++) {
        if (!addresses[i].loopback && !config->server.allow_open &&
            !server_password_wanted(all->server))
            return error_set(
                error, LOOM_E_CONFIG,
                "server.bind = %s is open to the network (%s) and no password is set: set "
                "server.requirepass, or server.allow_open = true if the network is trusted",
                config->server.bind, addresses[i].text);
        int rc = open_one(all, &addresses[i], error);

        if (rc != 0) return rc;
    }
    return all->n > 0 ? 0
                      : error_set(error, LOOM_E_IO, "no address of server.bind = %s can be used",
                                  config->server.bind);
}

int listeners_open(struct server *server, struct listeners **ret, struct error *error)
{
    struct listeners *all = mem_zalloc(MEM_OTHER, sizeof *all);

    if (all == NULL) return error_set(error, LOOM_E_NOMEM, "no memory for listeners");
    all->server = server;
    all->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (server->config->server.enabled && server->config->server.port != 0) {
        int rc = open_all(all, error);

        if (rc != 0) {
            listeners_close(all);
            return rc;
        }
    }
    *ret = all;
    return 0;
}

int listeners_start(struct listeners *all, struct error *error)
{
    for (uint32_t i = 0; i < all->n; i++) {
        struct listener *listener = &all->at[i];
        int rc = uv_poll_init(&all->server->uv, &listener->poll, listener->fd);

        listener->poll.data = listener;
        if (rc == 0) {
            all->n_closing++;
            rc = uv_poll_start(&listener->poll, UV_READABLE, on_ready);
        }
        if (rc != 0)
            return error_set(error, LOOM_E_IO, "cannot watch a listener: %s", uv_strerror(rc));
    }
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    struct listeners *all = listener->all;

    close(listener->fd);
    if (--all->n_closing == 0) mem_free(MEM_OTHER, all);
}

void listeners_close(struct listeners *all)
{
    if (all == NULL) return;
    close(all->reserve_fd);
    uint32_t n = all->n_closing; /* watched ones: the last of them frees */

    for (uint32_t i = n; i < all->n; i++) close(all->at[i].fd);
    if (n == 0) mem_free(MEM_OTHER, all);
    for (uint32_t i = 0; i < n; i++) uv_close((uv_handle_t *)&all->at[i].poll, on_closed);
}
