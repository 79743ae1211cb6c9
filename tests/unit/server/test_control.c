/* test_control.c - the control thread's guests: who is started, what they get, how they leave; the
 * peers; health; the guard on memory.  The plugins here are made of this file's functions. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <loomcache/discovery.h>
#include <loomcache/exporter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/server/control.h"
#include "core/server/guest.h"
#include "core/server/health.h"
#include "core/server/metrics.h"
#include "http_kit.h"
#include "server_kit.h"

#define GET(path) "GET " path " HTTP/1.1\r\nConnection: close\r\n\r\n"

static struct server_kit kit;
static struct http_client client;
static uint64_t used_before;

/* ---- plugins -------------------------------------------------------------------------------- */

static char story[256]; /* who came and went, in order */

static void tell(const char *what)
{
    strncat(story, what, sizeof story - strlen(story) - 1);
}

struct toy {
    const struct loom_host *host;
    const struct loom_loop *loop;
    const struct loom_metrics_source *source;
    const struct loom_discovery_sink *sink;
    const char *name;
    int n_fired;
};

static struct {
    uint32_t port;  /* where toy exporters serve; 0: nowhere */
    int refuse;     /* the init() of exporter b returns this */
    struct toy *discovery;
    const struct loom_peer *peers; /* what discovery finds at once */
    size_t n_peers;
    int n_fired;
} world;

static void fire(void *arg)
{
    ((struct toy *)arg)->n_fired++;
    world.n_fired++;
}

static int page(void *arg, const struct loom_sink *out)
{
    struct toy *toy = arg;
    char text[64];
    size_t n;

    toy->source->sample(toy->source->from, &n);
    return out->write(out->to, text, (size_t)sprintf(text, "%s %zu", toy->name, n)) ? 500 : 200;
}

static int start_exporter(struct toy *toy, const struct loom_host *host,
                          const struct loom_metrics_source *source, const char *name,
                          const char *path)
{
    const struct loom_http *door = host->extension(host, LOOM_EXT_HTTP);
    char what[8];

    toy->host = host;
    toy->source = source;
    toy->name = name;
    toy->loop = host->extension(host, LOOM_EXT_LOOP);
    cr_assert(door != NULL && toy->loop != NULL);
    cr_assert_null(host->extension(host, "loom.draft.nothing/1"));
    cr_assert_eq(host->partition, LOOM_NODE_WIDE);
    snprintf(what, sizeof what, "+%s", name);
    tell(what);
    if (toy->loop->timer(host, 0, 1, fire, toy) == 0) return LOOM_E_NOMEM; /* never cancelled */
    return door->serve(host, "127.0.0.1", world.port, path, "text/plain", page, toy);
}

static int init_a(void *self, const struct loom_host *host,
                  const struct loom_metrics_source *source)
{
    return start_exporter(self, host, source, "a", "/a");
}
static int init_b(void *self, const struct loom_host *host,
                  const struct loom_metrics_source *source)
{
    int rc = start_exporter(self, host, source, "b", "/b");

    if (rc != 0) return rc;
    return world.refuse ? host->fail(host, world.refuse, "toy b does not like it here") : 0;
}
static void fini_a(void *self)
{
    (void)self;
    tell("-a");
}
static void fini_b(void *self)
{
    (void)self;
    tell("-b");
}

static int init_d(void *self, const struct loom_host *host, const struct loom_discovery_sink *sink)
{
    struct toy *toy = world.discovery = self;

    toy->sink = sink;
    toy->loop = host->extension(host, LOOM_EXT_LOOP);
    tell("+d");
    if (toy->loop->timer(host, 0, 1, fire, toy) == 0) return LOOM_E_NOMEM;
    sink->found(sink->to, world.peers, world.n_peers);
    return 0;
}
static void refresh_d(void *self) { (void)self; }
static void fini_d(void *self)
{
    (void)self;
    world.discovery = NULL;
    tell("-d");
}

static const struct loom_exporter_ops ops_a = {sizeof ops_a, sizeof(struct toy), NULL, init_a,
                                               fini_a};
static const struct loom_exporter_ops ops_b = {sizeof ops_b, sizeof(struct toy), NULL, init_b,
                                               fini_b};
static const struct loom_discovery_ops ops_d = {sizeof ops_d, sizeof(struct toy), NULL, init_d,
                                                refresh_d, fini_d};

static struct plugin toy_plugin(enum plugin_kind kind, const char *name, const void *ops)
{
    return (struct plugin){.registry = kit.server.config->registry, .kind = kind, .name = name,
                           .about = "a toy", .ops = ops, .instance_bytes = sizeof(struct toy),
                           .vendor = "", .version = "", .license = "", .file = "toy.so"};
}

static struct plugin plugin_a, plugin_b, plugin_d;

/* ---- the scene ------------------------------------------------------------------------------ */

static void open_with(const char *const *sets)
{
    struct config *config;
    struct error error = {0};

    memset(&world, 0, sizeof world);
    story[0] = '\0';
    used_before = used_bytes();
    server_kit_open(&kit, sets);
    cr_assert_eq(metrics_open(&kit.server, &kit.server.metrics, &error), 0, "%s", error.text);
    config = kit.server.config;
    plugin_a = toy_plugin(PLUGIN_EXPORTER, "a", &ops_a);
    plugin_b = toy_plugin(PLUGIN_EXPORTER, "b", &ops_b);
    plugin_d = toy_plugin(PLUGIN_DISCOVERY, "d", &ops_d);
    config->exporter_plugins[0] = &plugin_a;
    config->exporter_plugins[1] = &plugin_b;
    config->n_exporters = 2;
    config->discovery_plugin = &plugin_d;
}

static int start(struct error *error)
{
    *error = (struct error){0};
    return control_open(&kit.server, &kit.server.control, error);
}

static void must_start(void)
{
    struct error error;

    cr_assert_eq(start(&error), 0, "%s", error.text);
}

static void close_all(void)
{
    control_close(kit.server.control);
    kit.server.control = NULL;
    metrics_close(kit.server.metrics);
    server_kit_close(&kit);
    cr_assert_eq(used_bytes(), used_before);
}

static void open_plain(void) { open_with(NULL); }

TestSuite(control, .init = open_plain, .fini = close_all);

/* One request to a port of the server's, and the whole answer. */
static int get(uint32_t port, const char *request)
{
    uint64_t until = clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;
    ssize_t n;

    client.n = 0;
    client.in[0] = '\0';
    if (!client_open(&client, "127.0.0.1", port)) return 0;
    cr_assert_eq(send(client.fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    while ((n = recv(client.fd, client.in + client.n, sizeof client.in - 1 - client.n, 0)) != 0) {
        cr_assert(clock_monotonic_ns() < until, "no answer");
        if (n > 0) client.n += (size_t)n;
        else kit_turn(&kit.server.uv, client.fd);
    }
    client.in[client.n] = '\0';
    client_end(&client);
    return status_of(&client);
}

/* Turn the loop until the condition holds. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_ = clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;                \
        while (!(condition) && clock_monotonic_ns() < until_) kit_turn(&kit.server.uv, -1);        \
        cr_assert(condition);                                                                      \
    } while (0)

/* ---- guests --------------------------------------------------------------------------------- */

Test(control, guests_come_in_order_and_leave_in_reverse)
{
    world.port = free_port();
    must_start();
    cr_assert_str_eq(story, "+a+b+d");
    cr_assert_eq(get(world.port, GET("/a")), 200);
    cr_assert_not_null(strstr(client.in, "\r\n\r\na "), "%s", client.in);
    cr_assert_eq(get(world.port, GET("/b")), 200, "two plugins, one port");
    UNTIL(world.n_fired >= 6);
    control_close(kit.server.control);
    kit.server.control = NULL;
    cr_assert_str_eq(story, "+a+b+d-d-b-a");
    world.n_fired = 0;
    uv_run(&kit.server.uv, UV_RUN_DEFAULT); /* ends: nothing is left that could keep it */
    cr_assert_eq(world.n_fired, 0, "timers that were never cancelled went with their guests");
    cr_assert_not(client_open(&client, "127.0.0.1", world.port));
}

/* One that leaves alone, while the house stands. */
Test(control, what_a_guest_used_goes_with_it)
{
    struct httpd_settings settings = HTTPD_SETTINGS;
    struct httpd_stats stats;
    uint64_t now_ms = 0;
    struct guest_house house = {.uv = &kit.server.uv, .now_ms = &now_ms};
    struct guest guest;
    struct error error = {0};

    settings.uv = house.uv;
    world.port = free_port();
    cr_assert_eq(httpd_open(&settings, &house.httpd, &error), 0);
    cr_assert_eq(guest_open(&guest, &house, &plugin_a, NULL, 0, &error), 0, "%s", error.text);
    cr_assert_eq(ops_a.init(guest.instance->self, &guest.instance->host, NULL), 0);
    UNTIL(world.n_fired >= 3);
    ops_a.fini(guest.instance->self);
    guest_close(&guest);
    world.n_fired = 0;
    uv_run(&kit.server.uv, UV_RUN_DEFAULT);
    cr_assert_eq(world.n_fired, 0);
    httpd_stats(house.httpd, &stats);
    cr_assert_eq(stats.n_listeners, 0u);
    guest_close(&guest); /* empty: nothing happens */
    httpd_close(house.httpd);
}

Test(control, a_guest_that_refuses_stops_the_start)
{
    struct error error;

    world.port = free_port();
    world.refuse = LOOM_E_CONFIG;
    cr_assert_eq(start(&error), LOOM_E_CONFIG);
    cr_assert_not_null(strstr(error.text, "toy b does not like it here"), "%s", error.text);
    cr_assert_null(kit.server.control);
    cr_assert_str_eq(story, "+a+b-a");
    uv_run(&kit.server.uv, UV_RUN_DEFAULT);
    cr_assert_eq(world.n_fired, 0);
    cr_assert_not(client_open(&client, "127.0.0.1", world.port));
}

Test(control, a_port_that_is_taken_is_told_with_the_plugin)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = sizeof at;
    struct error error;

    cr_assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
    world.port = ntohs(at.sin_port);
    cr_assert_eq(start(&error), LOOM_E_IO);
    cr_assert_not_null(strstr(error.text, "exporter"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "in use"), "%s", error.text);
    close(fd);
}

Test(control, any_allocation_may_fail)
{
    static const struct loom_peer peers[] = {{"n1", "h1", 1}, {"n2", "h2", 2}};
    uint64_t used = used_bytes(), k = 0, n;
    struct error error;
    int rc;

    world.peers = peers;
    world.n_peers = 2;
    do {
        story[0] = '\0';
        world.port = free_port();
        mem_fail_at(++k);
        rc = start(&error);
        n = mem_count();
        if (rc != 0) cr_assert_eq(rc, LOOM_E_NOMEM, "k %d: %s", (int)k, error.text);
        control_close(kit.server.control);
        kit.server.control = NULL;
        uv_run(&kit.server.uv, UV_RUN_DEFAULT);
        cr_assert_eq(used_bytes(), used, "k %d", (int)k);
    } while (k <= n);
    cr_assert_eq(rc, 0);
    cr_assert_geq(k, 10u);
    mem_fail_at(0);
}

/* ---- peers ---------------------------------------------------------------------------------- */

static char listed[512];

static void list(void *arg, const struct control_peer *peer)
{
    size_t n = strlen(listed);

    (void)arg;
    snprintf(listed + n, sizeof listed - n, "%s=%s:%u ", peer->name, peer->host, peer->port);
}

static const char *peers_now(void)
{
    listed[0] = '\0';
    control_peers(kit.server.control, list, NULL);
    return listed;
}

static void found(const struct loom_peer *all, size_t n)
{
    world.discovery->sink->found(world.discovery->sink->to, all, n);
}

Test(control, peers_are_the_last_good_answer)
{
    static char long_name[300];
    const struct loom_peer first[] = {{"b", "hb", 0}, {"a", "ha", 7000}, {"b", "other", 1}};
    const struct loom_peer bad[] = {{"", "h", 1}, {NULL, "h", 1}, {"x", NULL, 1},
                                    {long_name, "h", 1}, {"c", "hc", 1}};

    world.peers = first;
    world.n_peers = 2;
    must_start();
    cr_assert_str_eq(peers_now(), "a=ha:7000 b=hb:7654 ", "found while it was being started");
    world.discovery->sink->failed(world.discovery->sink->to, LOOM_E_IO, "no answer");
    world.discovery->sink->failed(world.discovery->sink->to, LOOM_E_IO, NULL);
    cr_assert_str_eq(peers_now(), "a=ha:7000 b=hb:7654 ");
    mem_fail_at(1);
    found(bad, 5);
    cr_assert_str_eq(peers_now(), "a=ha:7000 b=hb:7654 ", "no memory is no answer");
    memset(long_name, 'x', sizeof long_name - 1);
    found(bad, 5);
    cr_assert_str_eq(peers_now(), "c=hc:1 ");
    found(first, 3);
    cr_assert_eq(control_peers(kit.server.control, NULL, NULL), 2u, "a name is there once");
    found(NULL, 0);
    cr_assert_str_eq(peers_now(), "", "an empty set is an answer too");
}

Test(control, peers_are_bounded)
{
    static struct loom_peer many[CONTROL_PEERS_MAX + 100];
    static char names[CONTROL_PEERS_MAX + 100][16];

    for (size_t i = 0; i < CONTROL_PEERS_MAX + 100; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        many[i] = (struct loom_peer){names[i], "host", 1};
    }
    must_start();
    found(many, CONTROL_PEERS_MAX + 100);
    cr_assert_eq(control_peers(kit.server.control, NULL, NULL), CONTROL_PEERS_MAX);
}

Test(control, without_discovery_a_node_is_alone)
{
    kit.server.config->discovery_plugin = NULL;
    must_start();
    cr_assert_eq(control_peers(kit.server.control, NULL, NULL), 0u);
}

/* ---- health --------------------------------------------------------------------------------- */

static uint32_t health_port;

static void open_health_as(const char *bind, const char *more)
{
    static char port[64], address[64];

    health_port = free_port();
    snprintf(port, sizeof port, "health.port=%u", health_port);
    snprintf(address, sizeof address, "health.bind=%s", bind);
    open_with((const char *const[]){port, address, more, NULL});
}
static void open_health(void) { open_health_as("localhost", NULL); }

TestSuite(health, .init = open_health, .fini = close_all);

static const char *body(void)
{
    const char *at = strstr(client.in, "\r\n\r\n");

    return at ? at + 4 : "";
}

Test(health, follows_the_life_of_the_node)
{
    must_start();
    cr_assert_eq(get(health_port, GET("/livez")), 200);
    cr_assert_eq(get(health_port, GET("/readyz")), 503);
    cr_assert_eq(get(health_port, GET("/health")), 503);
    cr_assert_not_null(strstr(body(), "\"status\":\"starting\""), "%s", body());
    control_ready(&kit.server, true);
    cr_assert_eq(get(health_port, GET("/livez")), 200);
    cr_assert_eq(get(health_port, GET("/readyz")), 200);
    cr_assert_eq(get(health_port, GET("/health")), 200);
    cr_assert_not_null(strstr(client.in, "Content-Type: application/json\r\n"));
    cr_assert_eq(strncmp(body(), "{\"status\":\"ok\",\"node\":\"kit\",\"version\":\"", 35), 0, "%s",
                 body());
    cr_assert_not_null(strstr(body(), ",\"uptime_seconds\":"), "%s", body());
    cr_assert_not_null(strstr(body(), ",\"reasons\":[]}"), "%s", body());
    METRIC_SET(kit.server.stopping, 1);
    cr_assert_eq(get(health_port, GET("/livez")), 200);
    cr_assert_eq(get(health_port, GET("/readyz")), 503);
    cr_assert_eq(get(health_port, GET("/health")), 503);
    cr_assert_not_null(strstr(body(), "\"status\":\"stopping\""), "%s", body());
    cr_assert_not_null(strstr(body(), "shutting down"), "%s", body());
    cr_assert_eq(get(health_port, GET("/other")), 404);
}

Test(health, gives_reasons_while_it_serves)
{
    must_start();
    control_ready(&kit.server, true);
    store_set_write_guard(kit.server.store, true);
    kit.server.limits.max_clients = kit.server.n_clients = 7;
    cr_assert_eq(get(health_port, GET("/health")), 200, "a restart would not help");
    /* The guard was not the control thread's idea: it may have lifted it by now. */
    cr_assert_not_null(strstr(body(), "all 7 client connections"), "%s", body());
}

static int write_nothing(void *to, const void *at, size_t bytes)
{
    (void)to, (void)at, (void)bytes;
    return LOOM_E_NOMEM;
}

static int write_text(void *to, const void *at, size_t bytes)
{
    cr_assert_lt(bytes, (size_t)HEALTH_BODY_BYTES);
    memcpy(to, at, bytes);
    ((char *)to)[bytes] = '\0';
    return 0;
}

Test(health, renders_any_node_name_into_its_bound)
{
    static char name[4000], text[HEALTH_BODY_BYTES];
    const char *saved = kit.server.config->node.id;
    const struct loom_sink out = {write_text, text}, closed = {write_nothing, NULL};
    int status = 0;

    memset(name, '\x01', sizeof name - 1);
    name[0] = '"';
    name[1] = '\\';
    kit.server.config->node.id = name;
    cr_assert_eq(health_render(&kit.server, slice_of("/livez", 6), &out, &status), 0);
    cr_assert_eq(status, 200);
    cr_assert_not_null(strstr(text, "\"node\":\"\\\"\\\\\\u0001"), "%s", text);
    cr_assert_eq(text[strlen(text) - 2], '}', "%s", text);
    status = 0;
    cr_assert_eq(health_render(&kit.server, slice_of("/livez", 6), &closed, &status), LOOM_E_NOMEM);
    cr_assert_eq(status, 0);
    kit.server.config->node.id = saved;
}

static void open_health_wide(void) { open_health_as("*", NULL); }
TestSuite(health_open, .init = open_health_wide, .fini = close_all);

Test(health_open, is_refused_without_a_password)
{
    struct error error;

    cr_assert_eq(start(&error), LOOM_E_CONFIG);
    cr_assert_eq(strncmp(error.text, "[health]: ", 10), 0, "%s", error.text);
    cr_assert_not_null(strstr(error.text, "server.allow_open"), "%s", error.text);
}

Test(health_open, is_fine_with_one)
{
    cr_assert_eq(server_password_set(&kit.server, "secret"), 0);
    must_start();
    cr_assert_eq(get(health_port, GET("/livez")), 200);
}

/* ---- the guard on memory -------------------------------------------------------------------- */

static void open_guarded(void)
{
    open_with((const char *const[]){"storage.rss_max=1MiB", NULL});
}
TestSuite(rss, .init = open_guarded, .fini = close_all);

Test(rss, writes_are_refused_while_the_process_is_too_large)
{
    const struct config_pair off = {slice_of("storage.rss_max", 15), slice_of("0", 1)};
    const struct config_pair much = {slice_of("storage.rss_max", 15), slice_of("1000GiB", 7)};
    const struct config_pair little = {slice_of("storage.rss_max", 15), slice_of("1MiB", 4)};
    struct error error = {0};
    size_t at;

    must_start();
    UNTIL(!store_can_write(kit.server.store));
    cr_assert_eq(config_set(kit.server.config, &much, 1, &at, &error), 0, "%s", error.text);
    UNTIL(store_can_write(kit.server.store));
    cr_assert_eq(config_set(kit.server.config, &little, 1, &at, &error), 0, "%s", error.text);
    UNTIL(!store_can_write(kit.server.store));
    cr_assert_eq(config_set(kit.server.config, &off, 1, &at, &error), 0, "%s", error.text);
    UNTIL(store_can_write(kit.server.store));
}
