/* health.c - see health.h. */
#include "core/server/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/metric.h"

/* Text in a buffer of fixed size; what does not fit is left out. */
struct text {
    char at[HEALTH_BODY_BYTES];
    size_t n;
};

static void say(struct text *text, const char *format, ...) LOOM_PRINTF(2, 3);
static void say(struct text *text, const char *format, ...)
{
    size_t room = sizeof text->at - text->n;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text->at + text->n, room, format, args);
    va_end(args);
    if (n > 0) text->n += (size_t)n < room ? (size_t)n : room - 1;
}

/* A JSON string; at most 255 bytes of it. */
static void say_string(struct text *text, const char *value)
{
    say(text, "\"");
    for (size_t i = 0; i < 255 && value[i] != '\0'; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c == '"' || c == '\\') say(text, "\\%c", c);
        else if (c < 0x20 || c == 0x7f) say(text, "\\u%04x", c);
        else say(text, "%c", c);
    }
    say(text, "\"");
}

/* reasons - what is not as it should be, as a JSON list. */
static void say_reasons(struct text *text, const struct server *server)
{
    uint32_t max_clients = METRIC_READ(server->limits.max_clients);
    const char *comma = "";

    say(text, "[");
    if (METRIC_READ(server->stopping)) {
        say(text, "\"the node is shutting down\"");
        comma = ",";
    } else if (!METRIC_READ(server->serving)) {
        say(text, "\"the node is starting\"");
        comma = ",";
    }
    if (server->store != NULL && !store_can_write(server->store)) {
        say(text, "%s\"the resident memory is over storage.rss_max: writes that need memory are "
                  "refused\"", comma);
        comma = ",";
    }
    if (max_clients > 0 && METRIC_READ(server->n_clients) >= max_clients)
        say(text, "%s\"all %" PRIu32 " client connections (server.max_clients) are in use\"", comma,
            max_clients);
    say(text, "]");
}

static void say_state(struct text *text, const struct server *server)
{
    uint64_t now_ms = clock_unix_ms(), up_ms = now_ms - server->started_ms;
    const char *status = METRIC_READ(server->stopping)   ? "stopping"
                         : METRIC_READ(server->serving) ? "ok"
                                                        : "starting";

    if (now_ms < server->started_ms) up_ms = 0; /* the wall clock was set back */
    say(text, "{\"status\":\"%s\",\"node\":", status);
    say_string(text, server->config->node.id);
    say(text, ",\"version\":\"%s\",\"uptime_seconds\":%" PRIu64 ",\"reasons\":", LOOM_VERSION,
        up_ms / 1000);
    say_reasons(text, server);
    say(text, "}\n");
}

static bool is(struct slice path, const char *text)
{
    return slice_equal(path, slice_of(text, strlen(text)));
}

int health_render(const struct server *server, struct slice path, const struct loom_sink *out,
                  int *ret_status)
{
    bool serves = METRIC_READ(server->serving) && !METRIC_READ(server->stopping);
    struct text text = {.n = 0};
    int status = 404, rc;

    if (is(path, "/livez")) status = 200;
    else if (is(path, "/health") || is(path, "/readyz")) status = serves ? 200 : 503;
    if (status == 404)
        say(&text, "{\"status\":\"not found\",\"paths\":[\"/health\",\"/livez\",\"/readyz\"]}\n");
    else say_state(&text, server);
    rc = out->write(out->to, text.at, text.n);
    if (rc == 0) *ret_status = status;
    return rc;
}
