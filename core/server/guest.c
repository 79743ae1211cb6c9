/* guest.c - see guest.h.  A host function finds its guest by plugin_host_arg(). */
#include "core/server/guest.h"

#include <string.h>

static struct ext_loop *loop_of(const struct loom_host *host)
{
    return ((const struct guest *)plugin_host_arg(host))->loop;
}

static uint64_t host_timer(const struct loom_host *host, uint32_t first_ms, uint32_t repeat_ms,
                           void (*fire)(void *arg), void *arg)
{
    return ext_loop_timer(loop_of(host), first_ms, repeat_ms, fire, arg);
}

static uint64_t host_watch(const struct loom_host *host, int fd, bool readable, bool writable,
                           void (*ready)(void *arg, int fd, bool readable, bool writable),
                           void *arg)
{
    return ext_loop_watch(loop_of(host), fd, readable, writable, ready, arg);
}

static void host_cancel(const struct loom_host *host, uint64_t id)
{
    ext_loop_cancel(loop_of(host), id);
}

static int host_post(const struct loom_host *host, void (*run)(void *arg), void *arg)
{
    return ext_loop_post(loop_of(host), run, arg);
}

static int host_serve(const struct loom_host *host, const char *bind, uint32_t port,
                      const char *path, const char *content_type,
                      int (*body)(void *arg, const struct loom_sink *out), void *arg)
{
    const struct guest *guest = plugin_host_arg(host);
    const struct httpd_route route = {.bind = bind, .port = port, .path = path,
                                      .content_type = content_type, .body = body, .arg = arg,
                                      .owner = guest};
    struct error error;
    int rc = httpd_serve(guest->httpd, &route, &error);

    return rc == 0 ? 0 : host->fail(host, rc, "%s", error.text);
}

static const void *extension(void *arg, const char *id)
{
    static const struct loom_loop loop = {.struct_size = sizeof loop, .timer = host_timer,
                                          .watch = host_watch, .cancel = host_cancel,
                                          .post = host_post};
    static const struct loom_http http = {.struct_size = sizeof http, .serve = host_serve};

    (void)arg;
    if (strcmp(id, LOOM_EXT_LOOP) == 0) return &loop;
    return strcmp(id, LOOM_EXT_HTTP) == 0 ? &http : NULL;
}

/* What the plugin holds of the host, back to the host. */
static void take_back(struct guest *guest)
{
    httpd_forget(guest->httpd, guest);
    ext_loop_close(guest->loop);
    *guest = (struct guest){0};
}

int guest_open(struct guest *guest, const struct guest_house *house, const struct plugin *plugin,
               const struct option_setting *settings, size_t n_settings, struct error *error)
{
    const struct plugin_env env = {.partition = LOOM_NODE_WIDE, .now_ms = house->now_ms,
                                   .extension = extension, .arg = guest};
    int rc;

    *guest = (struct guest){.httpd = house->httpd};
    rc = ext_loop_open(house->uv, house->now_ms, &guest->loop, error);
    if (rc != 0) return rc;
    rc = plugin_instance_create(plugin, settings, n_settings, &env, &guest->instance, error);
    if (rc != 0) take_back(guest);
    return rc;
}

int guest_failed(struct guest *guest, int code, struct error *error)
{
    /* Before the instance: nothing of the plugin is called once its memory is gone. */
    struct plugin_instance *instance = guest->instance;

    take_back(guest);
    return plugin_instance_failed(instance, code, error);
}

void guest_close(struct guest *guest)
{
    struct plugin_instance *instance = guest->instance;

    if (instance == NULL) return;
    take_back(guest);
    plugin_instance_destroy(instance);
}
