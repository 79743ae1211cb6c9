/* healthcheck.c - one bounded HTTP request, with plain sockets: no loop is running here. */
#include "core/server/healthcheck.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/server/config.h"

#define REQUEST "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
#define STATUS_BYTES 12 /* "HTTP/1.1 200" */

struct probe {
    int fd;
    uint64_t end_ns;
    char where[80]; /* for sentences */
};

static int failed(const struct probe *probe, struct error *error, const char *what, int code)
{
    return error_set(error, LOOM_E_IO, "health check: %s: %s: %s; is the node running, with this "
                     "configuration?", probe->where, what, strerror(code));
}

/* Any address means all of them, loopback included; "::" may be IPv4 on a machine without IPv6. */
static socklen_t address_of(const struct config_address *at, uint32_t port,
                            struct sockaddr_storage *ret)
{
    const char *text = at->text;
    struct sockaddr_in *four = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

    memset(ret, 0, sizeof *ret);
    if (at->family == AF_INET || at->dual) {
        if (at->dual || strcmp(text, "0.0.0.0") == 0) text = "127.0.0.1";
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, text, &four->sin_addr);
        return sizeof *four;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    inet_pton(AF_INET6, strcmp(text, "::") == 0 ? "::1" : text, &six->sin6_addr);
    return sizeof *six;
}

/* 0, or an errno. */
static int wait_for(const struct probe *probe, short events)
{
    struct pollfd one = {.fd = probe->fd, .events = events};

    for (;;) {
        uint64_t now = clock_monotonic_ns();
        int n;
        if (now >= probe->end_ns) return ETIMEDOUT;
        n = poll(&one, 1, (int)((probe->end_ns - now) / 1000000 + 1));
        if (n > 0) return 0;
        if (n < 0 && errno != EINTR) return errno;
    }
}

static int reach(struct probe *probe, const struct config_address *at, uint32_t port,
                 struct error *error)
{
    struct sockaddr_storage to;
    socklen_t bytes = address_of(at, port, &to), n_code = sizeof(int);
    int code = 0;

    probe->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0) return failed(probe, error, "socket", errno);
    if (connect(probe->fd, (struct sockaddr *)&to, bytes) != 0) {
        code = errno;
        if (code == EINPROGRESS) code = wait_for(probe, POLLOUT);
        if (code == 0) getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &code, &n_code);
    }
    return code == 0 ? 0 : failed(probe, error, "connect", code);
}

static int ask(const struct probe *probe, struct error *error)
{
    char said[STATUS_BYTES + 1] = "";
    size_t n = 0;

    /* A few bytes always fit into a fresh socket's buffer. */
    if (send(probe->fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) != sizeof REQUEST - 1)
        return failed(probe, error, "send", errno);
    while (n < STATUS_BYTES) {
        int code = wait_for(probe, POLLIN);
        ssize_t got = code == 0 ? recv(probe->fd, said + n, STATUS_BYTES - n, 0) : -1;
        if (code != 0) return failed(probe, error, "no answer", code);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got < 0) return failed(probe, error, "receive", errno);
        if (got == 0) return failed(probe, error, "no answer", ECONNRESET);
        n += (size_t)got;
    }
    if (strncmp(said, "HTTP/1.", 7) == 0 && strcmp(said + 8, " 200") == 0) return 0;
    for (char *c = said; *c != '\0'; c++)
        if (*c < ' ' || *c > '~') *c = '?';
    return error_set(error, LOOM_E_IO, "health check: %s: expected HTTP status 200, got \"%s\"",
                     probe->where, said);
}

int healthcheck_ask(const char *bind, uint32_t port, struct error *error)
{
    struct config_address all[CONFIG_ADDRESSES_MAX];
    const uint64_t end_ns = clock_monotonic_ns() + HEALTHCHECK_MS * UINT64_C(1000000);
    int n = config_addresses(bind, all, CONFIG_ADDRESSES_MAX, error), rc = LOOM_E_IO;

    if (n < 0) return n;
    if (port == 0)
        return error_set(error, LOOM_E_CONFIG,
                         "health check: there is no health listener: [health] port is 0");
    /* A machine may lack one of localhost's two; what is said is about the first. */
    for (int i = 0; i < n && rc != 0; i++) {
        struct probe probe = {.fd = -1, .end_ns = end_ns};
        struct error *said = i == 0 ? error : NULL;
        snprintf(probe.where, sizeof probe.where, "%.45s port %u /livez", all[i].text, port);
        rc = reach(&probe, &all[i], port, said);
        if (rc == 0) rc = ask(&probe, said);
        if (probe.fd >= 0) close(probe.fd);
    }
    return rc;
}
