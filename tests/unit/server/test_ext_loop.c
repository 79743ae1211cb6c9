/* test_ext_loop.c - what a plugin may count on: called when asked, never after cancel, each post
 * once; and what it may not: more than its share. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/server/ext_loop.h"
#include "http_kit.h"

static uv_loop_t uv;
static struct ext_loop *ext;
static uint64_t now_ms, used_before;

static void open_loop(void)
{
    struct error error = {0};

    used_before = used_bytes();
    now_ms = 0;
    cr_assert_eq(uv_loop_init(&uv), 0);
    cr_assert_eq(ext_loop_open(&uv, &now_ms, &ext, &error), 0, "%s", error.text);
}

static void close_loop(void)
{
    ext_loop_close(ext);
    uv_run(&uv, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&uv), 0, "a handle is left");
    cr_assert_eq(used_bytes(), used_before);
}

TestSuite(ext_loop, .init = open_loop, .fini = close_loop);

/* until - turn the loop until *count is n or more; false: it did not come to that. */
static bool until(const int *count, int n)
{
    uint64_t end = clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;

    while (*count < n && clock_monotonic_ns() < end) kit_turn(&uv, -1);
    return *count >= n;
}

static void turns(int n)
{
    while (n-- > 0) uv_run(&uv, UV_RUN_NOWAIT);
}

/* ---- timers --------------------------------------------------------------------------------- */

static void count(void *arg)
{
    ++*(int *)arg;
}

Test(ext_loop, a_timer_fires_once_or_again_and_again)
{
    int once = 0, often = 0;
    uint64_t a = ext_loop_timer(ext, 1, 0, count, &once);
    uint64_t b = ext_loop_timer(ext, 1, 1, count, &often);

    cr_assert(a != 0 && b != 0 && a != b);
    cr_assert_eq(ext_loop_count(ext), 2u);
    cr_assert(until(&often, 5));
    cr_assert_eq(once, 1);
    cr_assert_eq(ext_loop_count(ext), 1u, "the id of the first one is spent");
    cr_assert_geq(now_ms, 1600000000000u, "the time was brought up to date");
    ext_loop_cancel(ext, b);
    cr_assert_eq(ext_loop_count(ext), 0u);
}

struct canceller {
    uint64_t own, other;
    int n;
};

static void cancel_both(void *arg)
{
    struct canceller *c = arg;

    c->n++;
    ext_loop_cancel(ext, c->own);
    ext_loop_cancel(ext, c->other);
    ext_loop_cancel(ext, c->other); /* and again: ignored */
}

/* Both are due in the same turn; whichever comes first ends the other. */
Test(ext_loop, nothing_fires_after_it_was_cancelled)
{
    struct canceller a = {0}, b = {0};
    int witness = 0;

    a.own = b.other = ext_loop_timer(ext, 1, 1, cancel_both, &a);
    b.own = a.other = ext_loop_timer(ext, 1, 1, cancel_both, &b);
    ext_loop_timer(ext, 5, 1, count, &witness);
    for (uint64_t due = clock_monotonic_ns() + 3000000; clock_monotonic_ns() < due;) continue;
    cr_assert(until(&witness, 3));
    cr_assert_eq(a.n + b.n, 1);
    cr_assert_eq(ext_loop_count(ext), 1u);
}

Test(ext_loop, an_id_is_never_used_again)
{
    int n = 0, witness = 0;
    uint64_t first = ext_loop_timer(ext, 1, 0, count, &n), second;

    ext_loop_cancel(ext, first);
    second = ext_loop_timer(ext, 1, 0, count, &n);
    cr_assert_neq(first, second);
    ext_loop_cancel(ext, first); /* not this one's any more */
    ext_loop_cancel(ext, 0);
    ext_loop_cancel(ext, UINT64_MAX);
    ext_loop_timer(ext, 5, 0, count, &witness);
    cr_assert(until(&witness, 1));
    cr_assert_eq(n, 1);
}

static void start_another(void *arg)
{
    int *n = arg;

    if (++*n < 10) cr_assert_neq(ext_loop_timer(ext, 0, 0, start_another, n), 0u);
}

Test(ext_loop, a_timer_may_start_the_next_one)
{
    int n = 0;

    start_another(&n);
    cr_assert(until(&n, 10));
    turns(5);
    cr_assert_eq(n, 10);
    cr_assert_eq(ext_loop_count(ext), 0u);
}

Test(ext_loop, waiters_are_bounded)
{
    uint64_t ids[EXT_LOOP_WAITERS_MAX];
    int n = 0;

    for (int i = 0; i < EXT_LOOP_WAITERS_MAX; i++) {
        ids[i] = ext_loop_timer(ext, 60000, 0, count, &n);
        cr_assert_neq(ids[i], 0u);
    }
    cr_assert_eq(ext_loop_timer(ext, 60000, 0, count, &n), 0u);
    ext_loop_cancel(ext, ids[100]);
    cr_assert_neq(ext_loop_timer(ext, 60000, 0, count, &n), 0u);
}

/* ---- watches -------------------------------------------------------------------------------- */

struct watcher {
    int n, readable, writable;
    uint64_t own, other;
    bool drain, cancel;
};

static void see(void *arg, int fd, bool readable, bool writable)
{
    struct watcher *w = arg;
    char bytes[64];

    w->n++;
    w->readable += readable;
    w->writable += writable;
    if (w->drain) cr_assert_geq(read(fd, bytes, sizeof bytes), 0);
    if (!w->cancel) return;
    ext_loop_cancel(ext, w->own);
    ext_loop_cancel(ext, w->other);
}

static void pair(int fds[2])
{
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void part(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

Test(ext_loop, a_watch_says_what_is_ready)
{
    struct watcher w = {.drain = true};
    int fds[2];

    pair(fds);
    w.own = ext_loop_watch(ext, fds[0], true, false, see, &w);
    cr_assert_neq(w.own, 0u);
    turns(5);
    cr_assert_eq(w.n, 0);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    cr_assert(until(&w.readable, 1));
    cr_assert_eq(w.writable, 0);
    turns(5);
    cr_assert_eq(w.n, 1);
    ext_loop_cancel(ext, w.own);
    part(fds);
}

Test(ext_loop, a_second_watch_replaces_the_first)
{
    struct watcher first = {0}, second = {0};
    uint64_t old, new;
    int fds[2];

    pair(fds);
    old = ext_loop_watch(ext, fds[0], true, false, see, &first);
    new = ext_loop_watch(ext, fds[0], false, true, see, &second);
    cr_assert(old != 0 && new != 0 && old != new);
    cr_assert_eq(ext_loop_count(ext), 1u);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    ext_loop_cancel(ext, old); /* spent: the new one goes on */
    turns(5);
    cr_assert_gt(second.writable, 0);
    cr_assert_eq(second.readable + first.n, 0);
    new = ext_loop_watch(ext, fds[0], false, false, see, &second);
    second.n = 0;
    turns(5);
    cr_assert_eq(second.n, 0, "a watch for nothing");
    new = ext_loop_watch(ext, fds[0], true, false, see, &second);
    turns(5);
    cr_assert_gt(second.n, 0);
    ext_loop_cancel(ext, new);
    part(fds);
}

/* Both are ready in the same turn; whichever comes first ends the other. */
Test(ext_loop, nothing_is_ready_after_it_was_cancelled)
{
    struct watcher a = {.cancel = true}, b = {.cancel = true};
    int fds[2], more[2];

    pair(fds);
    pair(more);
    a.own = b.other = ext_loop_watch(ext, fds[0], false, true, see, &a);
    b.own = a.other = ext_loop_watch(ext, more[0], false, true, see, &b);
    turns(10);
    cr_assert_eq(a.n + b.n, 1);
    cr_assert_eq(ext_loop_count(ext), 0u);
    part(fds);
    part(more);
}

/* The same number means another socket after close(): the loop must have let go of the old one. */
Test(ext_loop, a_file_descriptor_may_be_closed_after_cancel)
{
    struct watcher w = {.drain = true};

    for (int i = 0; i < 10; i++) {
        int fds[2];
        pair(fds);
        w.n = 0;
        w.own = ext_loop_watch(ext, fds[0], true, false, see, &w);
        cr_assert_neq(w.own, 0u);
        cr_assert_eq(write(fds[1], "x", 1), 1);
        cr_assert(until(&w.n, 1));
        ext_loop_cancel(ext, w.own);
        part(fds);
    }
}

/* An error is for the plugin to find by reading; one that does not read does not make the loop spin
 * for ever.  A datagram to a port where nobody listens comes back as an error. */
Test(ext_loop, a_socket_error_is_ready_but_not_for_ever)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)free_port())};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct watcher w = {0};

    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    w.own = ext_loop_watch(ext, fd, true, false, see, &w);
    cr_assert_eq(send(fd, "x", 1, 0), 1);
    cr_assert(until(&w.n, 1));
    turns(200);
    cr_assert_gt(w.n, 1, "the plugin did not read: it is told again");
    cr_assert_leq(w.n, 20);
    cr_assert_eq(recv(fd, &at, sizeof at, 0), -1);
    ext_loop_cancel(ext, w.own);
    close(fd);
}

Test(ext_loop, what_cannot_be_watched_is_refused)
{
    struct watcher w = {0};
    FILE *file = tmpfile();

    cr_assert_eq(ext_loop_watch(ext, -1, true, false, see, &w), 0u);
    cr_assert_eq(ext_loop_watch(ext, fileno(file), true, false, see, &w), 0u);
    cr_assert_eq(ext_loop_count(ext), 0u);
    fclose(file);
}

/* ---- posts ---------------------------------------------------------------------------------- */

#define THREADS 4
#define POSTS 2000

static void *post_many(void *arg)
{
    for (int i = 0; i < POSTS; i++)
        while (ext_loop_post(ext, count, arg) != 0) sched_yield(); /* full: the loop is behind */
    return NULL;
}

Test(ext_loop, every_post_of_any_thread_runs_once)
{
    pthread_t threads[THREADS];
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, post_many, &n), 0);
    cr_assert(until(&n, THREADS * POSTS));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    turns(5);
    cr_assert_eq(n, THREADS * POSTS);
}

Test(ext_loop, posts_are_bounded)
{
    int n = 0;

    for (int i = 0; i < EXT_LOOP_POSTS_MAX; i++)
        cr_assert_eq(ext_loop_post(ext, count, &n), 0);
    cr_assert_eq(ext_loop_post(ext, count, &n), LOOM_E_NOMEM);
    cr_assert(until(&n, EXT_LOOP_POSTS_MAX));
    cr_assert_eq(ext_loop_post(ext, count, &n), 0);
    cr_assert(until(&n, EXT_LOOP_POSTS_MAX + 1));
    cr_assert_eq(n, EXT_LOOP_POSTS_MAX + 1, "the one that was refused did not run");
}

static void post_again(void *arg)
{
    ++*(int *)arg;
    cr_assert_eq(ext_loop_post(ext, post_again, arg), 0);
}

Test(ext_loop, a_post_that_posts_lets_others_have_their_turn)
{
    int posts = 0, timers = 0;

    cr_assert_eq(ext_loop_post(ext, post_again, &posts), 0);
    ext_loop_timer(ext, 0, 1, count, &timers);
    cr_assert(until(&timers, 3));
    cr_assert_gt(posts, 0);
}

/* ---- the end -------------------------------------------------------------------------------- */

Test(ext_loop, nothing_is_called_after_the_end)
{
    struct watcher w = {0};
    int n = 0, fds[2];
    struct error error = {0};

    pair(fds);
    ext_loop_timer(ext, 0, 1, count, &n);
    ext_loop_watch(ext, fds[0], false, true, see, &w);
    ext_loop_post(ext, count, &n);
    ext_loop_close(ext);
    uv_run(&uv, UV_RUN_DEFAULT);
    cr_assert_eq(n + w.n, 0);
    part(fds);
    cr_assert_eq(ext_loop_open(&uv, &now_ms, &ext, &error), 0);
}

Test(ext_loop, without_memory_there_is_no_id)
{
    int n = 0, fds[2];

    pair(fds);
    mem_fail_at(1);
    cr_assert_eq(ext_loop_timer(ext, 0, 0, count, &n), 0u);
    mem_fail_at(1);
    cr_assert_eq(ext_loop_watch(ext, fds[0], true, false, NULL, NULL), 0u);
    mem_fail_at(1);
    cr_assert_eq(ext_loop_post(ext, count, &n), LOOM_E_NOMEM);
    mem_fail_at(1);
    cr_assert_eq(ext_loop_open(&uv, &now_ms, &(struct ext_loop *){NULL}, NULL), LOOM_E_NOMEM);
    turns(5);
    cr_assert_eq(n, 0);
    cr_assert_eq(ext_loop_count(ext), 0u);
    part(fds);
}
