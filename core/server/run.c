/* run.c - see run.h. */
#include "core/server/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/server/control.h"
#include "core/server/listen.h"
#include "core/server/loop.h"

#define DRAIN_CHECK_MS 5

struct runner {
    struct server *server;
    uv_signal_t term, interrupt, hangup;
    uv_timer_t drain;
    uint64_t drain_until_ms;
};

/* The one wake-up that may come from another thread (SHUTDOWN). */
static uv_async_t stop_wake;

void server_stop(struct server *server, const char *why)
{
    if (__atomic_exchange_n(&server->stopping, 1, __ATOMIC_ACQ_REL) != 0) return;
    LOG_INFO("server", "stopping: %s", why);
    uv_async_send(&stop_wake);
}

/* ---- stopping -------------------------------------------------------------------------------- */

static void on_drained(uv_timer_t *timer)
{
    struct runner *runner = timer->data;
    struct server *server = runner->server;

    if (METRIC_READ(server->n_clients) > 0 && uv_now(&server->uv) < runner->drain_until_ms) return;
    uv_stop(&server->uv);
}

static void on_stop(uv_async_t *wake)
{
    struct runner *runner = wake->data;
    struct server *server = runner->server;

    control_ready(server, false);
    listeners_close(server->listeners);
    server->listeners = NULL;
    for (uint32_t i = 0; i < server->n_loops; i++) loop_drain(server->loops[i]);
    config_lock(server->config);
    runner->drain_until_ms = uv_now(&server->uv) + server->config->shutdown.drain_ms;
    config_unlock(server->config);
    uv_timer_start(&runner->drain, on_drained, 0, DRAIN_CHECK_MS);
}

static void on_end_signal(uv_signal_t *handle, int number)
{
    struct runner *runner = handle->data;

    if (METRIC_READ(runner->server->stopping)) {
        LOG_WARN("server", "%s again: exiting at once", strsignal(number));
        _exit(130);
    }
    server_stop(runner->server, strsignal(number));
}

static void said(void *arg, enum loom_log_level level, const char *sentence)
{
    (void)arg;
    LOG_AT(level, "config", "%s", sentence);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct runner *runner = handle->data;
    struct error error;

    (void)number;
    if (server_log_reopen(runner->server, &error) != 0) LOG_ERROR("config", "%s", error.text);
    server_audit(runner->server, "SIGHUP: reading the configuration again");
    if (config_reload(runner->server->config, said, NULL, &error) != 0)
        LOG_ERROR("config", "%s; nothing was changed", error.text);
}

/* ---- the run --------------------------------------------------------------------------------- */

static void watch_signals(struct runner *runner)
{
    uv_loop_t *uv = &runner->server->uv;

    signal(SIGPIPE, SIG_IGN);
    uv_signal_init(uv, &runner->term);
    uv_signal_init(uv, &runner->interrupt);
    uv_signal_init(uv, &runner->hangup);
    runner->term.data = runner->interrupt.data = runner->hangup.data = runner;
    uv_signal_start(&runner->term, on_end_signal, SIGTERM);
    uv_signal_start(&runner->interrupt, on_end_signal, SIGINT);
    uv_signal_start(&runner->hangup, on_hangup, SIGHUP);
}

static void on_closed(uv_handle_t *handle) { --*(int *)handle->data; }

/* The handles live on the stack of server_run(): wait until the loop has let go of them. */
static void close_handles(struct runner *runner)
{
    uv_handle_t *const handles[] = {(uv_handle_t *)&runner->term, (uv_handle_t *)&runner->interrupt,
                                    (uv_handle_t *)&runner->hangup, (uv_handle_t *)&runner->drain,
                                    (uv_handle_t *)&stop_wake};
    int open = (int)(sizeof handles / sizeof *handles);

    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++) {
        handles[i]->data = &open;
        uv_close(handles[i], on_closed);
    }
    while (open > 0) uv_run(&runner->server->uv, UV_RUN_NOWAIT);
}

int server_run(struct server *server)
{
    struct runner runner = {.server = server};

    watch_signals(&runner);
    uv_async_init(&server->uv, &stop_wake, on_stop);
    uv_timer_init(&server->uv, &runner.drain);
    stop_wake.data = runner.drain.data = &runner;
    control_ready(server, true);
    LOG_INFO("server", "ready: %s on %s port %u, %u I/O threads, policy %s",
             server->config->node.id, server->config->server.bind, server->config->server.port,
             server->n_loops, server->config->eviction.policy);
    uv_run(&server->uv, UV_RUN_DEFAULT);
    close_handles(&runner);
    LOG_INFO("server", "stopped");
    return 0;
}
