/* node_loop.c - see node_host.h: the loop extension on poll(2), in fixed tables. */
#include "tests/kit/node_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

static uint64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Unix time to the plugin, though it starts anywhere: a date in 2033, so that it looks like one. */
static void read_clock(struct node_host *h) { h->now_ms = 2000000000000u + real_ms() + h->skew_ms; }

void node_loop_init(struct node_host *h)
{
    h->next_id = 1;
    read_clock(h);
}

void node_loop_check_empty(const struct node_host *h)
{
    for (size_t i = 0; i < NODE_TIMERS_MAX; i++)
        if (h->timers[i].id != 0) node_die("a timer was left behind");
    for (size_t i = 0; i < NODE_WATCHES_MAX; i++)
        if (h->watches[i].id != 0 && !h->watches[i].ours)
            node_die("a watch of fd %d was left behind", h->watches[i].fd);
}

static uint64_t loop_timer(const struct loom_host *host, uint32_t first_ms, uint32_t repeat_ms,
                           void (*fire)(void *arg), void *arg)
{
    struct node_host *h = node_host_of(host);

    if (node_must_fail(h)) return 0;
    for (size_t i = 0; i < NODE_TIMERS_MAX; i++) {
        if (h->timers[i].id != 0) continue;
        h->timers[i] = (struct node_timer){.id = h->next_id++,
                                           .due_ms = h->now_ms + first_ms,
                                           .repeat_ms = repeat_ms,
                                           .fire = fire,
                                           .arg = arg};
        return h->timers[i].id;
    }
    node_die("too many timers");
}

static uint64_t watch(struct node_host *h, int fd, bool readable, bool writable,
                      void (*ready)(void *arg, int fd, bool readable, bool writable), void *arg)
{
    size_t at = NODE_WATCHES_MAX;

    for (size_t i = 0; i < NODE_WATCHES_MAX; i++) {
        if (h->watches[i].id != 0 && h->watches[i].fd == fd) at = i;
        if (h->watches[i].id == 0 && at == NODE_WATCHES_MAX) at = i;
    }
    if (at == NODE_WATCHES_MAX) node_die("too many watches");
    h->watches[at] = (struct node_watch){.id = h->next_id++,
                                         .fd = fd,
                                         .readable = readable,
                                         .writable = writable,
                                         .ready = ready,
                                         .arg = arg};
    return h->watches[at].id;
}

static uint64_t loop_watch(const struct loom_host *host, int fd, bool readable, bool writable,
                           void (*ready)(void *arg, int fd, bool readable, bool writable),
                           void *arg)
{
    struct node_host *h = node_host_of(host);

    return node_must_fail(h) ? 0 : watch(h, fd, readable, writable, ready, arg);
}

uint64_t node_host_watch(struct node_host *h, int fd,
                         void (*ready)(void *arg, int fd, bool readable, bool writable), void *arg)
{
    uint64_t id = watch(h, fd, true, false, ready, arg);

    for (size_t i = 0; i < NODE_WATCHES_MAX; i++)
        if (h->watches[i].id == id) h->watches[i].ours = true;
    return id;
}

static void loop_cancel(const struct loom_host *host, uint64_t id)
{
    struct node_host *h = node_host_of(host);

    if (id == 0) return;
    for (size_t i = 0; i < NODE_TIMERS_MAX; i++)
        if (h->timers[i].id == id) h->timers[i].id = 0;
    for (size_t i = 0; i < NODE_WATCHES_MAX; i++)
        if (h->watches[i].id == id) h->watches[i].id = 0;
}

static int loop_post(const struct loom_host *host, void (*run)(void *arg), void *arg)
{
    struct node_host *h = node_host_of(host);

    if (node_must_fail(h)) return LOOM_E_NOMEM;
    if (h->n_posts == NODE_POSTS_MAX) node_die("too many posts");
    h->posts[h->n_posts].run = run;
    h->posts[h->n_posts++].arg = arg;
    return 0;
}

const struct loom_loop node_loop = {sizeof node_loop, loop_timer, loop_watch, loop_cancel,
                                    loop_post};

static void run_posts(struct node_host *h)
{
    for (size_t n = h->n_posts; n > 0; n--) {
        void (*run)(void *arg) = h->posts[0].run;
        void *arg = h->posts[0].arg;
        memmove(&h->posts[0], &h->posts[1], --h->n_posts * sizeof h->posts[0]);
        run(arg);
    }
}

/* The timer that was due first before this turn began; a callback may cancel the others. */
static struct node_timer *due_timer(struct node_host *h, uint64_t newest_id)
{
    struct node_timer *first = NULL;

    for (size_t i = 0; i < NODE_TIMERS_MAX; i++) {
        struct node_timer *timer = &h->timers[i];
        if (timer->id == 0 || timer->id > newest_id || timer->due_ms > h->now_ms) continue;
        if (first == NULL || timer->due_ms < first->due_ms) first = timer;
    }
    return first;
}

static void run_timers(struct node_host *h)
{
    uint64_t newest_id = h->next_id - 1;
    struct node_timer *timer;

    for (int n = 0; n < NODE_TIMERS_MAX && (timer = due_timer(h, newest_id)) != NULL; n++) {
        void (*fire)(void *arg) = timer->fire;
        void *arg = timer->arg;
        if (timer->repeat_ms != 0) timer->due_ms = h->now_ms + timer->repeat_ms;
        else timer->id = 0;
        fire(arg);
    }
}

static void run_ready(struct node_host *h, const struct pollfd *fds, const uint64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        short got = fds[i].revents;
        if (got == 0) continue;
        if (got & POLLNVAL) node_die("fd %d was closed while it was watched", fds[i].fd);
        for (size_t at = 0; at < NODE_WATCHES_MAX; at++) {
            struct node_watch w = h->watches[at];
            if (w.id != ids[i]) continue;
            w.ready(w.arg, w.fd, w.readable && (got & (POLLIN | POLLERR | POLLHUP)) != 0,
                    w.writable && (got & (POLLOUT | POLLERR | POLLHUP)) != 0);
            break;
        }
    }
}

uint64_t node_host_next_ms(const struct node_host *h)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < NODE_TIMERS_MAX; i++) {
        const struct node_timer *timer = &h->timers[i];
        uint64_t ms = timer->due_ms > h->now_ms ? timer->due_ms - h->now_ms : 0;
        if (timer->id != 0 && ms < next) next = ms;
    }
    return next;
}

void node_host_turn(struct node_host *h, uint32_t wait_ms)
{
    struct pollfd fds[NODE_WATCHES_MAX];
    uint64_t ids[NODE_WATCHES_MAX], next;
    size_t n = 0;

    for (size_t i = 0; i < NODE_WATCHES_MAX; i++) {
        const struct node_watch *w = &h->watches[i];
        if (w->id == 0) continue;
        ids[n] = w->id;
        fds[n++] = (struct pollfd){
            .fd = w->fd,
            .events = (short)((w->readable ? POLLIN : 0) | (w->writable ? POLLOUT : 0))};
    }
    read_clock(h);
    next = node_host_next_ms(h);
    if (next > wait_ms) next = wait_ms;
    if (h->n_posts > 0) next = 0;
    if (poll(fds, (nfds_t)n, (int)next) < 0) {
        if (errno != EINTR) node_die("poll: %s", strerror(errno));
        n = 0;
    }
    read_clock(h);
    run_posts(h);
    run_ready(h, fds, ids, n);
    run_timers(h);
}

bool node_host_until(struct node_host *h, uint32_t deadline_ms, bool (*done)(void *arg), void *arg)
{
    uint64_t end = real_ms() + deadline_ms;

    while (!done(arg)) {
        uint64_t now = real_ms();
        if (now >= end) return false;
        node_host_turn(h, (uint32_t)(end - now));
    }
    return true;
}

void node_host_advance(struct node_host *h, uint64_t ms)
{
    h->skew_ms += ms;
    h->now_ms += ms; /* exactly; what really passed is seen in the next turn */
}
