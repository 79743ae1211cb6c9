/* http_kit.c - see http_kit.h. */
#include "http_kit.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

uint64_t used_bytes(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < MEM_PURPOSES; i++) sum += mem_used((enum mem_purpose)i);
    return sum;
}

static uint64_t deadline(void)
{
    return clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;
}

uint32_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = sizeof at;

    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
    close(fd);
    return ntohs(at.sin_port);
}

/* ---- the host ------------------------------------------------------------------------------- */

void kit_open(struct http_kit *kit)
{
    memset(kit, 0, sizeof *kit);
    cr_assert_eq(uv_loop_init(&kit->uv), 0);
    kit->settings = (struct httpd_settings)HTTPD_SETTINGS;
    kit->settings.uv = &kit->uv;
    kit->port = free_port();
    kit->used_bytes = used_bytes();
}

void kit_start(struct http_kit *kit)
{
    struct error error = {0};

    cr_assert_eq(httpd_open(&kit->settings, &kit->httpd, &error), 0, "%s", error.text);
}

void kit_serve(struct http_kit *kit, const char *path,
               int (*body)(void *arg, const struct loom_sink *out), void *arg)
{
    struct error error = {0};
    struct httpd_route route = {.bind = "127.0.0.1", .port = kit->port, .path = path,
                                .content_type = "text/plain", .body = body, .arg = arg,
                                .owner = kit};

    cr_assert_eq(httpd_serve(kit->httpd, &route, &error), 0, "%s", error.text);
}

void kit_close(struct http_kit *kit)
{
    httpd_close(kit->httpd);
    uv_run(&kit->uv, UV_RUN_DEFAULT); /* ends when the last handle has closed */
    cr_assert_eq(uv_loop_close(&kit->uv), 0, "a handle is left");
    cr_assert_eq(used_bytes(), kit->used_bytes, "%llu bytes are left",
                 (unsigned long long)(used_bytes() - kit->used_bytes));
}

void kit_turn(uv_loop_t *uv, int fd)
{
    struct pollfd fds[2] = {{.fd = uv_backend_fd(uv), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};
    int wait_ms;

    uv_run(uv, UV_RUN_NOWAIT);
    wait_ms = uv_backend_timeout(uv);
    if (wait_ms < 0 || wait_ms > 20) wait_ms = 20;
    poll(fds, fd >= 0 ? 2 : 1, wait_ms);
    uv_run(uv, UV_RUN_NOWAIT);
}

/* ---- a client ------------------------------------------------------------------------------- */

bool client_open(struct http_client *client, const char *address, uint32_t port)
{
    bool six = strchr(address, ':') != NULL;
    struct sockaddr_in at4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int rc;

    inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&at6.sin6_addr : &at4.sin_addr);
    client->n = 0;
    client->eof = client->reset = false;
    client->fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) return false;
    /* The listener's backlog takes it; nobody has to accept. */
    rc = connect(client->fd, six ? (struct sockaddr *)&at6 : (struct sockaddr *)&at4,
                 six ? sizeof at6 : sizeof at4);
    if (rc != 0) {
        client_end(client);
        return false;
    }
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    return true;
}

void client_end(struct http_client *client)
{
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
}

void client_send(struct http_kit *kit, struct http_client *client, const void *bytes, size_t n)
{
    const char *at = bytes;
    uint64_t until = deadline();

    while (n > 0) {
        ssize_t sent = send(client->fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) { /* closed, with something of ours unread */
            client->reset = true;
            return;
        }
        if (sent > 0) {
            at += sent;
            n -= (size_t)sent;
        }
        cr_assert(clock_monotonic_ns() < until, "the server reads no more");
        kit_turn(&kit->uv, -1);
    }
}

void client_say(struct http_kit *kit, struct http_client *client, const char *text)
{
    client_send(kit, client, text, strlen(text));
}

static void receive(struct http_client *client)
{
    ssize_t n = recv(client->fd, client->in + client->n, sizeof client->in - 1 - client->n, 0);

    if (n > 0) client->n += (size_t)n;
    else if (n == 0 || errno != EAGAIN) client->eof = true;
    if (n < 0 && errno != EAGAIN) client->reset = true;
    client->in[client->n] = '\0';
}

/* How many whole answers there are. */
static size_t count_answers(const struct http_client *client, bool head)
{
    const char *at = client->in, *end, *length;
    size_t n = 0;

    while ((end = strstr(at, "\r\n\r\n")) != NULL) {
        length = strstr(at, "Content-Length: ");
        cr_assert(length != NULL && length < end);
        end += 4 + (head ? 0 : strtoul(length + 16, NULL, 10));
        if (end > client->in + client->n) break;
        at = end;
        n++;
    }
    return n;
}

bool client_answers(struct http_kit *kit, struct http_client *client, size_t n, bool head)
{
    uint64_t until = deadline();

    for (;;) {
        receive(client);
        if (count_answers(client, head) >= n) return true;
        if (client->eof || clock_monotonic_ns() > until) return false;
        kit_turn(&kit->uv, client->fd);
    }
}

bool client_ends(struct http_kit *kit, struct http_client *client)
{
    uint64_t until = deadline();

    while (!client->eof && clock_monotonic_ns() < until) {
        receive(client);
        if (!client->eof) kit_turn(&kit->uv, client->fd);
    }
    return client->eof;
}

int status_of(const struct http_client *client)
{
    return strncmp(client->in, "HTTP/1.1 ", 9) == 0 ? atoi(client->in + 9) : 0;
}

int ask(struct http_kit *kit, struct http_client *client, const char *request)
{
    client->in[0] = '\0';
    if (!client_open(client, "127.0.0.1", kit->port)) return 0;
    client_say(kit, client, request);
    client_answers(kit, client, 1, strncmp(request, "HEAD", 4) == 0);
    client_end(client);
    return status_of(client);
}
