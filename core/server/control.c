/* control.c - see control.h. */
#include "core/server/control.h"

#include <inttypes.h>
#include <loomcache/discovery.h>
#include <loomcache/exporter.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/server/guest.h"
#include "core/server/health.h"
#include "core/server/httpd.h"
#include "core/server/metrics.h"
#include "core/server/peers.h"
#include "core/server/process.h"

/* The guard lets go below 98 %: a node at its limit should not change its mind with every look. */
#define RSS_RELEASE(max) ((max) - (max) / 50)

static const char *const health_paths[] = {"/health", "/livez", "/readyz"};
#define HEALTH_PATHS (sizeof health_paths / sizeof *health_paths)

struct health_page {
    const struct server *server;
    const char *path;
};

struct control {
    struct server *server;
    struct httpd *httpd;
    uint64_t now_ms; /* what plugins see as the time */
    uv_timer_t rss;
    struct health_page pages[HEALTH_PATHS];
    struct guest exporters[CONFIG_EXPORTERS_MAX];
    size_t n_exporters;
    struct guest discovery;
    struct loom_metrics_source source; /* lent to the exporters until fini() */
    struct loom_discovery_sink sink;   /* lent to the discovery until fini() */
    struct peers peers;
};

/* ---- health --------------------------------------------------------------------------------- */

static int health_body(void *arg, const struct loom_sink *out)
{
    const struct health_page *page = arg;
    int status, rc;

    rc = health_render(page->server, slice_of(page->path, strlen(page->path)), out, &status);
    return rc == 0 ? status : rc;
}

static int open_health(struct control *control, struct error *error)
{
    const struct config *config = control->server->config;
    int rc = 0;

    for (size_t i = 0; i < HEALTH_PATHS && rc == 0; i++) {
        control->pages[i] = (struct health_page){control->server, health_paths[i]};
        rc = httpd_serve(control->httpd,
                         &(struct httpd_route){.bind = config->health.bind,
                                               .port = config->health.port,
                                               .path = health_paths[i],
                                               .content_type = HEALTH_CONTENT_TYPE,
                                               .body = health_body,
                                               .arg = &control->pages[i],
                                               .owner = control},
                         error);
    }
    return rc == 0 ? 0 : error_wrap(error, "[health]");
}

/* ---- the resident set ----------------------------------------------------------------------- */

static void on_rss(uv_timer_t *timer)
{
    struct control *control = timer->data;
    struct store *store = control->server->store;
    struct config *config = control->server->config;
    bool guarded = !store_can_write(store), refuse;
    uint64_t max, rss;

    config_lock(config);
    max = config->storage.rss_max_bytes;
    config_unlock(config);
    if (max == 0 && !guarded) return;
    rss = max == 0 ? 0 : process_rss_bytes();
    refuse = rss > (guarded ? RSS_RELEASE(max) : max);
    if (refuse == guarded) return;
    store_set_write_guard(store, refuse);
    if (refuse)
        LOG_WARN("control", "the resident memory is %" PRIu64 " bytes, over storage.rss_max = "
                            "%" PRIu64 ": writes that need memory are refused", rss, max);
    else LOG_INFO("control", "the resident memory is under its guard again: writes are taken");
}

/* ---- exporters ------------------------------------------------------------------------------ */

static const struct loom_metric *const *sample(void *from, size_t *ret_n)
{
    const struct control *control = from;

    return metrics_sample(control->server->metrics, ret_n);
}

static const struct loom_exporter_ops *exporter_ops(const struct guest *guest)
{
    return guest->instance->plugin->ops;
}

static int open_exporter(struct control *control, const struct guest_house *house,
                         const struct plugin *plugin, struct error *error)
{
    struct guest *guest = &control->exporters[control->n_exporters];
    const struct option_setting *settings;
    size_t n;
    int rc;

    settings = config_settings(control->server->config, PLUGIN_EXPORTER, plugin->name, &n);
    rc = guest_open(guest, house, plugin, settings, n, error);
    if (rc != 0) return rc;
    rc = exporter_ops(guest)->init(guest->instance->self, &guest->instance->host, &control->source);
    if (rc != 0) return guest_failed(guest, rc, error);
    control->n_exporters++;
    return 0;
}

/* ---- discovery ------------------------------------------------------------------------------ */

static void found(void *to, const struct loom_peer *all, size_t n)
{
    struct control *control = to;

    if (peers_set(&control->peers, all, n) != 0)
        LOG_WARN("discovery", "no memory for %zu peers: the last set stays in force", n);
}

static void failed(void *to, int code, const char *sentence)
{
    (void)to;
    LOG_WARN("discovery", "%s; the last set stays in force",
             sentence && *sentence ? sentence : error_name(code));
}

static const struct loom_discovery_ops *discovery_ops(const struct control *control)
{
    return control->discovery.instance->plugin->ops;
}

static int open_discovery(struct control *control, const struct guest_house *house,
                          struct error *error)
{
    const struct plugin *plugin = control->server->config->discovery_plugin;
    struct guest *guest = &control->discovery;
    const struct option_setting *settings;
    size_t n;
    int rc;

    if (plugin == NULL) return 0;
    settings = config_settings(control->server->config, PLUGIN_DISCOVERY, plugin->name, &n);
    rc = guest_open(guest, house, plugin, settings, n, error);
    if (rc != 0) return rc;
    rc = discovery_ops(control)->init(guest->instance->self, &guest->instance->host,
                                      &control->sink);
    return rc == 0 ? 0 : guest_failed(guest, rc, error);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int open_all(struct control *control, struct error *error)
{
    const struct config *config = control->server->config;
    struct httpd_settings settings = HTTPD_SETTINGS;
    struct guest_house house;
    int rc;

    settings.uv = &control->server->uv;
    settings.allow_open = config->server.allow_open || server_password_wanted(control->server);
    rc = httpd_open(&settings, &control->httpd, error);
    if (rc != 0) return rc;
    house = (struct guest_house){settings.uv, control->httpd, &control->now_ms};
    rc = open_health(control, error);
    for (size_t i = 0; i < config->n_exporters && rc == 0; i++)
        rc = open_exporter(control, &house, config->exporter_plugins[i], error);
    if (rc == 0) rc = open_discovery(control, &house, error);
    return rc;
}

int control_open(struct server *server, struct control **ret, struct error *error)
{
    struct control *control = mem_zalloc(MEM_OTHER, sizeof *control);
    int rc;

    if (control == NULL) return error_set(error, LOOM_E_NOMEM, "no memory for the control thread");
    control->server = server;
    control->now_ms = clock_unix_ms();
    control->source = (struct loom_metrics_source){sizeof control->source, sample, control};
    control->sink = (struct loom_discovery_sink){sizeof control->sink, found, failed, control};
    peers_open(&control->peers);
    uv_timer_init(&server->uv, &control->rss);
    control->rss.data = control;
    rc = open_all(control, error);
    if (rc != 0) {
        control_close(control);
        return rc;
    }
    uv_timer_start(&control->rss, on_rss, 0, CONTROL_RSS_INTERVAL_MS);
    *ret = control;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(MEM_OTHER, handle->data);
}

void control_close(struct control *control)
{
    if (control == NULL) return;
    control_ready(control->server, false);
    if (control->discovery.instance != NULL)
        discovery_ops(control)->fini(control->discovery.instance->self);
    guest_close(&control->discovery);
    while (control->n_exporters > 0) {
        struct guest *guest = &control->exporters[--control->n_exporters];
        exporter_ops(guest)->fini(guest->instance->self);
        guest_close(guest);
    }
    httpd_close(control->httpd);
    peers_close(&control->peers);
    uv_close((uv_handle_t *)&control->rss, on_closed);
}

void control_ready(struct server *server, bool ready)
{
    __atomic_store_n(&server->serving, ready, __ATOMIC_RELEASE);
}

size_t control_peers(struct control *control,
                     void (*each)(void *arg, const struct control_peer *peer), void *arg)
{
    return peers_each(&control->peers, each, arg);
}
