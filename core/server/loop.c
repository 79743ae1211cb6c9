/* loop.c - see loop.h. */
#include "core/server/loop.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/conn.h"
#include "core/server/info.h"
#include "core/server/latency.h"
#include "core/server/slowlog.h"

#define TICK_BUDGET_US 2000  /* of housekeeping per tick, all partitions of the loop together */
#define IDLE_SWEEP 512       /* connections looked at per tick */
#define HTTP_LINGER_MS 5000  /* an answered HTTP client that does not close */

struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop *loop, void *arg);
    void *arg;
};

/* ---- tasks from other threads ---------------------------------------------------------------- */

int loop_post(struct loop *loop, void (*run)(struct loop *loop, void *arg), void *arg)
{
    struct loop_task *task = mem_alloc(MEM_CONN, sizeof *task);

    if (task == NULL) return LOOM_E_NOMEM;
    *task = (struct loop_task){NULL, run, arg};
    pthread_mutex_lock(&loop->post_lock);
    *loop->posted_tail = task;
    loop->posted_tail = &task->next;
    pthread_mutex_unlock(&loop->post_lock);
    uv_async_send(&loop->wake);
    return 0;
}

static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    struct loop_task *task;

    pthread_mutex_lock(&loop->post_lock);
    task = loop->posted;
    loop->posted = NULL;
    loop->posted_tail = &loop->posted;
    pthread_mutex_unlock(&loop->post_lock);
    loop_time(loop);
    while (task != NULL) {
        struct loop_task *next = task->next;

        task->run(loop, task->arg);
        mem_free(MEM_CONN, task);
        task = next;
    }
}

static void adopt(struct loop *loop, void *arg)
{
    int fd = (int)(intptr_t)arg;

    conn_open(loop, fd);
}

void loop_adopt(struct loop *loop, int fd)
{
    __atomic_fetch_add(&loop->n_conns, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&loop->server->n_clients, 1, __ATOMIC_RELAXED);
    if (loop_post(loop, adopt, (void *)(intptr_t)fd) == 0) return;
    close(fd);
    __atomic_fetch_sub(&loop->n_conns, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&loop->server->n_clients, 1, __ATOMIC_RELAXED);
}

/* ---- housekeeping ---------------------------------------------------------------------------- */

static void sweep_idle(struct loop *loop)
{
    uint64_t idle_ms = METRIC_READ(loop->server->limits.idle_timeout_ms);
    struct conn *conn = loop->idle_cursor ? loop->idle_cursor : loop->conns;

    for (int n = 0; conn != NULL && n < IDLE_SWEEP; n++) {
        struct conn *next = conn->next;
        uint64_t quiet_ms = loop->now_ms > conn->active_ms ? loop->now_ms - conn->active_ms : 0;

        if (conn->http && quiet_ms > HTTP_LINGER_MS) {
            conn_close(conn, "HTTP client lingers");
        } else if (idle_ms != 0 && quiet_ms > idle_ms) {
            METRIC_ADD(loop->stats.idle_closed, 1);
            conn_close(conn, "idle for longer than server.idle_timeout");
        }
        conn = next;
    }
    loop->idle_cursor = conn;
}

static void on_tick(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    struct server *server = loop->server;
    uint32_t n = store_n_partitions(server->store);
    uint32_t mine = (n + server->n_loops - 1) / server->n_loops;
    uint64_t start_ns = clock_monotonic_ns(), expired = 0;
    uint32_t budget_us = METRIC_READ(server->expire_paused) ? 0 : TICK_BUDGET_US / mine;

    uv_update_time(&loop->uv);
    loop->wall_offset_ms = clock_unix_ms() - uv_now(&loop->uv); /* follows the wall clock's jumps */
    loop_time(loop);
    for (uint32_t i = loop->index; i < n; i += server->n_loops)
        expired += store_tick(server->store, i, loop->now_ms, budget_us);
    sweep_idle(loop);
    if (loop->index == 0) info_tick(server, uv_timer_get_repeat(timer));
    uint64_t ns = clock_monotonic_ns() - start_ns;

    if (ns > METRIC_READ(loop->stats.turn_max_ns)) METRIC_SET(loop->stats.turn_max_ns, ns);
    if (expired > 0) latency_add(server->latency, "expire-cycle", ns);
}

void loop_set_tick(struct loop *loop, void *arg)
{
    uv_timer_set_repeat(&loop->tick, (uint64_t)(uintptr_t)arg);
    uv_timer_again(&loop->tick);
}

/* ---- slow commands --------------------------------------------------------------------------- */

static void on_slow(void *arg, const struct call *call, uint64_t ns)
{
    struct loop *loop = arg;
    struct conn *conn = conn_of(call->session);
    char peer[64];

    latency_add(loop->server->latency, "command", ns);
    if (call->command == NULL || (call->command->flags & COMMAND_NO_SLOWLOG)) return;
    conn_peer(conn, peer, sizeof peer);
    slowlog_add(loop->server->slowlog, call, ns, peer, call->session->name);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    struct loop *loop = arg;

    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

static void loop_free(struct loop *loop)
{
    executor_close(&loop->executor);
    resp_batch_free(&loop->batch);
    reply_free(&loop->reply);
    mem_free(MEM_BUFFER, loop->read_buffer);
    pthread_mutex_destroy(&loop->post_lock);
    pthread_mutex_destroy(&loop->conns_lock);
    mem_free(MEM_OTHER, loop);
}

static int loop_init(struct loop *loop, struct server *server, struct error *error)
{
    uint64_t every_ms = server->config->storage.expire_interval_ms;

    loop->server = server;
    loop->posted_tail = &loop->posted;
    pthread_mutex_init(&loop->post_lock, NULL);
    pthread_mutex_init(&loop->conns_lock, NULL);
    loop->read_buffer = mem_alloc(MEM_BUFFER, LOOP_BUFFER_BYTES);
    if (loop->read_buffer == NULL)
        return error_set(error, LOOM_E_NOMEM, "no memory for a read buffer");
    int rc = executor_open(&loop->executor, server->store, error);

    if (rc != 0) return rc;
    loop->executor.hooks = (struct execute_hooks){.slow = on_slow, .arg = loop};
    rc = uv_loop_init(&loop->uv);
    if (rc == 0) rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc == 0) rc = uv_timer_init(&loop->uv, &loop->tick);
    if (rc == 0) rc = uv_check_init(&loop->uv, &loop->turn_end);
    if (rc != 0)
        return error_set(error, LOOM_E_IO, "I/O thread %u: no event loop: %s", loop->index,
                         uv_strerror(rc));
    loop->wake.data = loop->tick.data = loop->turn_end.data = loop;
    uv_check_start(&loop->turn_end, conn_on_turn_end);
    loop->wall_offset_ms = clock_unix_ms() - uv_now(&loop->uv);
    loop_time(loop);
    uv_timer_start(&loop->tick, on_tick, every_ms, every_ms);
    return 0;
}

struct loop *loop_start(struct server *server, uint32_t index, struct error *error)
{
    struct loop *loop = mem_zalloc(MEM_OTHER, sizeof *loop);

    if (loop == NULL) {
        error_set(error, LOOM_E_NOMEM, "no memory for an I/O thread");
        return NULL;
    }
    loop->index = index;
    if (loop_init(loop, server, error) != 0) {
        loop_free(loop);
        return NULL;
    }
    if (pthread_create(&loop->thread, NULL, run, loop) != 0) {
        error_set(error, LOOM_E_IO, "cannot start I/O thread %u: the limit on threads?", index);
        loop_free(loop);
        return NULL;
    }
    return loop;
}

static void drain_here(struct loop *loop, void *arg)
{
    (void)arg;
    conn_serve_turn(loop); /* what has arrived is answered */
    for (struct conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        conn_finish(conn);
    }
}

void loop_drain(struct loop *loop) { loop_post(loop, drain_here, NULL); }

static void stop_here(struct loop *loop, void *arg)
{
    (void)arg;
    for (struct conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        conn_close(conn, "the server stops");
    }
    uv_close((uv_handle_t *)&loop->tick, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
}

void loop_stop(struct loop *loop)
{
    if (loop == NULL) return;
    while (loop_post(loop, stop_here, NULL) != 0) sched_yield();
    pthread_join(loop->thread, NULL);
    uv_loop_close(&loop->uv);
    loop_free(loop);
}
