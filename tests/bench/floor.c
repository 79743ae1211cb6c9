/* floor.c - the limit set by the kernel: the smallest server that looks like a cache and stores
 * nothing.
 *
 *   floor PORT [THREADS=2] [VALUE_BYTES=64]        (127.0.0.1 only)
 *
 * Epoll threads read, find where RESP commands end, and answer GET with one fixed string of
 * VALUE_BYTES bytes, SET with +OK, anything else with +PONG.  No hashing, no locks, no allocation
 * per request: what stores data over the same read, write and epoll_wait cannot cost less.
 * It is no server: input that is not RESP closes the connection, a slow reader is waited for. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_BYTES = 1 << 18, OUT_BYTES = 1 << 20, MAX_THREADS = 64, MAX_VALUE = 65536, EVENTS = 256 };

struct connection {
    int fd;
    long carried; /* bytes of a command that has not arrived whole */
    char *carry;
};

static char bulk[MAX_VALUE + 32];
static long bulk_bytes;
static int listener, n_threads = 2, epolls[MAX_THREADS];

/* Reads `mark`, digits and CRLF at *at: 1 and the number, 0 when more is needed, -1 when wrong. */
static int read_count(const char *p, long n, long *at, char mark, long *ret_count)
{
    long i = *at, count = 0;

    if (i >= n) return 0;
    if (p[i++] != mark) return -1;
    while (i < n && p[i] >= '0' && p[i] <= '9') count = count * 10 + p[i++] - '0';
    if (i + 2 > n) return 0;
    *at = i + 2;
    *ret_count = count;
    return 1;
}

/* Length of the command at p[0..n), 0 when it is not all there, -1 when it is not RESP;
 * ret_verb: the first letter of its name. */
static long frame(const char *p, long n, char *ret_verb)
{
    long at = 0, words, bytes;
    int is = read_count(p, n, &at, '*', &words);

    for (long i = 0; is > 0 && i < words; i++) {
        is = read_count(p, n, &at, '$', &bytes);
        if (is <= 0) break;
        if (i == 0 && at < n) *ret_verb = p[at];
        at += bytes + 2;
        if (at > n) return 0;
    }
    return is > 0 ? at : is;
}

/* Answers the whole commands in in[0..have): bytes written to out; *ret_used: bytes taken, -1 when
 * the input is not RESP. */
static long answer(const char *in, long have, char *out, long *ret_used)
{
    long at = 0, written = 0, bytes = 0;

    while (at < have) {
        const char *reply = "+PONG\r\n";
        long reply_bytes = 7;
        char verb = 0;

        bytes = frame(in + at, have - at, &verb);
        if (bytes <= 0) break;
        if ((verb | 32) == 'g') {
            reply = bulk;
            reply_bytes = bulk_bytes;
        } else if ((verb | 32) == 's') {
            reply = "+OK\r\n";
            reply_bytes = 5;
        }
        if (written + reply_bytes > OUT_BYTES) break;
        memcpy(out + written, reply, (size_t)reply_bytes);
        written += reply_bytes;
        at += bytes;
    }
    *ret_used = bytes < 0 ? -1 : at;
    return written;
}

static void drop(struct connection *c)
{
    close(c->fd);
    free(c->carry);
    free(c);
}

static void accept_one(int *next)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    struct connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (c == NULL) {
        if (fd >= 0) close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    if (epoll_ctl(epolls[(*next)++ % n_threads], EPOLL_CTL_ADD, fd, &event) != 0) drop(c);
}

static int keep_rest(struct connection *c, const char *rest, long bytes)
{
    if (bytes > 0) {
        char *carry = realloc(c->carry, (size_t)bytes);

        if (carry == NULL) return -1;
        c->carry = carry;
        memcpy(carry, rest, (size_t)bytes);
    }
    c->carried = bytes;
    return 0;
}

static void serve(struct connection *c, char *in, char *out)
{
    long used, have, written, sent = 0;

    if (c->carried > 0) memcpy(in, c->carry, (size_t)c->carried);
    have = read(c->fd, in + c->carried, (size_t)(IN_BYTES - c->carried));
    if (have <= 0) {
        if (have == 0 || errno != EAGAIN) drop(c);
        return;
    }
    have += c->carried;
    written = answer(in, have, out, &used);
    if (used < 0 || have - used == IN_BYTES || keep_rest(c, in + used, have - used) != 0) {
        drop(c);
        return;
    }
    while (sent < written) {
        long n = write(c->fd, out + sent, (size_t)(written - sent));

        if (n > 0)
            sent += n;
        else if (errno != EAGAIN)
            break;
    }
}

static void *loop(void *arg)
{
    int me = (int)(intptr_t)arg, next = me;
    char *in = malloc(IN_BYTES), *out = malloc(OUT_BYTES);
    struct epoll_event events[EVENTS];

    while (in != NULL && out != NULL) {
        int n = epoll_wait(epolls[me], events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_one(&next);
            else
                serve(events[i].data.ptr, in, out);
        }
    }
    return NULL;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int on = 1;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    if (listen(listener, 4096) != 0) return -1;
    for (int i = 0; i < n_threads; i++) {
        epolls[i] = epoll_create1(0);
        if (epolls[i] < 0) return -1;
    }
    return epoll_ctl(epolls[0], EPOLL_CTL_ADD, listener, &event);
}

int main(int argc, char **argv)
{
    int value_bytes = argc > 3 ? atoi(argv[3]) : 64;

    if (argc > 2) n_threads = atoi(argv[2]);
    if (argc < 2 || n_threads < 1 || n_threads > MAX_THREADS || value_bytes < 0 ||
        value_bytes > MAX_VALUE) {
        fprintf(stderr, "usage: floor PORT [THREADS 1-64] [VALUE_BYTES 0-65536]\n");
        return 2;
    }
    bulk_bytes = sprintf(bulk, "$%d\r\n", value_bytes);
    memset(bulk + bulk_bytes, 'x', (size_t)value_bytes);
    memcpy(bulk + bulk_bytes + value_bytes, "\r\n", 2);
    bulk_bytes += value_bytes + 2;
    if (listen_on(atoi(argv[1])) != 0) {
        perror("floor: cannot listen");
        return 1;
    }
    for (int i = 1; i < n_threads; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, loop, (void *)(intptr_t)i) != 0) return 1;
    }
    loop(NULL);
    return 1;
}
