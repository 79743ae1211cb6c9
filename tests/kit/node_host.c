/* node_host.c - see node_host.h.  Here: the host's functions, memory, options, plugins; the loop
 * is in node_loop.c. */
#include "tests/kit/node_host.h"

#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/node_loop.h"

void node_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "node_host: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

bool node_must_fail(struct node_host *h) { return ++h->n_asked == h->fail_at; }

/* --- struct loom_host ------------------------------------------------------------------------ */

static void host_log(const struct loom_host *host, enum loom_log_level level, const char *format,
                     ...)
{
    struct node_host *h = node_host_of(host);
    va_list args;

    if (h->n_lines++ >= NODE_LINES_MAX) return;
    va_start(args, format);
    h->lines[h->n_lines - 1].level = level;
    vsnprintf(h->lines[h->n_lines - 1].text, NODE_TEXT_MAX, format, args);
    va_end(args);
}

static int host_fail(const struct loom_host *host, int code, const char *format, ...)
{
    struct node_host *h = node_host_of(host);
    va_list args;

    va_start(args, format);
    vsnprintf(h->failure, sizeof h->failure, format, args);
    va_end(args);
    h->failure_code = code;
    return code;
}

struct block {
    size_t bytes;
    uint64_t mark;
};
#define BLOCK_LIVE 0x6c6f6f6d6c697665u

static void *host_alloc(const struct loom_host *host, size_t bytes)
{
    struct node_host *h = node_host_of(host);
    struct block *block;

    if (bytes == 0) node_die("alloc of 0 bytes");
    if (node_must_fail(h)) return NULL;
    block = calloc(1, sizeof *block + bytes);
    if (block == NULL) node_die("the machine is out of memory");
    block->bytes = bytes;
    block->mark = BLOCK_LIVE;
    h->n_blocks++;
    h->live_bytes += (int64_t)bytes;
    return block + 1;
}

static void host_free(const struct loom_host *host, void *at, size_t bytes)
{
    struct node_host *h = node_host_of(host);
    struct block *block = (struct block *)at - 1;

    if (at == NULL) return;
    if (block->mark != BLOCK_LIVE) node_die("free of what was not allocated here");
    if (block->bytes != bytes) node_die("free of %zu bytes, allocated %zu", bytes, block->bytes);
    block->mark = 0;
    h->n_blocks--;
    h->live_bytes -= (int64_t)bytes;
    free(block);
}

static void host_charge(const struct loom_host *host, int64_t bytes)
{
    node_host_of(host)->live_bytes += bytes;
}

static uint64_t *host_counter(const struct loom_host *host, const char *name, const char *help)
{
    struct node_host *h = node_host_of(host);

    if (help == NULL || help[0] == '\0') node_die("counter %s without help", name);
    if (node_must_fail(h)) return NULL;
    if (h->n_counters == NODE_COUNTERS_MAX) node_die("too many counters");
    snprintf(h->counters[h->n_counters].name, sizeof h->counters[0].name, "%s", name);
    h->counters[h->n_counters].value = 0;
    return &h->counters[h->n_counters++].value;
}

/* --- the http extension ---------------------------------------------------------------------- */

static int http_serve(const struct loom_host *host, const char *bind, uint32_t port,
                      const char *path, const char *content_type,
                      int (*body)(void *arg, const struct loom_sink *out), void *arg)
{
    struct node_host *h = node_host_of(host);
    struct node_served *served;

    if (node_must_fail(h)) return host_fail(host, LOOM_E_NOMEM, "out of memory");
    if (h->serve_rc != 0) return host_fail(host, h->serve_rc, "cannot listen on port %u", port);
    if (port == 0) return 0;
    if (h->n_served == NODE_SERVED_MAX) node_die("too many paths");
    served = &h->served[h->n_served++];
    snprintf(served->bind, sizeof served->bind, "%s", bind);
    snprintf(served->path, sizeof served->path, "%s", path);
    snprintf(served->content_type, sizeof served->content_type, "%s", content_type);
    served->port = port;
    served->body = body;
    served->arg = arg;
    return 0;
}

struct text {
    struct node_host *h;
    char *at;
    size_t bytes;
    bool failed;
};

static int text_write(void *to, const void *at, size_t bytes)
{
    struct text *text = to;
    char *grown;

    if (text->failed) node_die("written to after the sink had failed");
    text->failed = node_must_fail(text->h);
    if (text->failed) return LOOM_E_NOMEM;
    grown = realloc(text->at, text->bytes + bytes + 1);
    if (grown == NULL) node_die("the machine is out of memory");
    text->at = grown;
    memcpy(grown + text->bytes, at, bytes);
    text->bytes += bytes;
    grown[text->bytes] = '\0';
    return 0;
}

int node_get(struct node_host *h, const char *path, char **ret_body)
{
    for (size_t i = 0; i < h->n_served; i++) {
        struct text text = {.h = h, .at = calloc(1, 1)};
        struct loom_sink sink = {text_write, &text};
        if (strcmp(h->served[i].path, path) != 0) {
            free(text.at);
            continue;
        }
        int status = h->served[i].body(h->served[i].arg, &sink);
        *ret_body = text.at;
        return text.failed ? 0 : status;
    }
    *ret_body = calloc(1, 1);
    return 404;
}

static const struct loom_http http = {sizeof http, http_serve};

static const void *host_extension(const struct loom_host *host, const char *id)
{
    struct node_host *h = node_host_of(host);

    if (strcmp(id, LOOM_EXT_LOOP) == 0 && !h->no_loop) return &node_loop;
    if (strcmp(id, LOOM_EXT_HTTP) == 0 && !h->no_http) return &http;
    return NULL;
}

void node_host_init(struct node_host *h)
{
    memset(h, 0, sizeof *h);
    h->host = (struct loom_host){.struct_size = sizeof h->host,
                                 .partition = LOOM_NODE_WIDE,
                                 .log = host_log,
                                 .fail = host_fail,
                                 .alloc = host_alloc,
                                 .free = host_free,
                                 .charge = host_charge,
                                 .counter = host_counter,
                                 .now_ms = &h->now_ms,
                                 .extension = host_extension};
    node_loop_init(h);
}

/* --- options --------------------------------------------------------------------------------- */

static const struct {
    const char *unit;
    uint32_t type;
    double times;
} units[] = {{"", 0, 1},
             {"ms", LOOM_OPT_MS, 1},          {"s", LOOM_OPT_MS, 1000},
             {"min", LOOM_OPT_MS, 60000},     {"k", LOOM_OPT_SIZE, 1024},
             {"KiB", LOOM_OPT_SIZE, 1024},    {"MiB", LOOM_OPT_SIZE, 1048576}};

static double number(const struct loom_option *o, const char *value)
{
    char *end;
    double n = strtod(value, &end);

    for (size_t i = 0; end != value && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) != 0) continue;
        if (units[i].type != 0 && units[i].type != o->type) continue;
        n *= units[i].times;
        if (o->min != o->max && (n < o->min || n > o->max))
            node_die("%s = %s is out of range", o->key, value);
        return n;
    }
    node_die("%s = %s is not a value", o->key, value);
}

static void set(struct node_host *h, void *self, const struct loom_option *o, const char *value)
{
    void *field = (char *)self + o->offset;

    switch (o->type) {
    case LOOM_OPT_STR:
        if (h->n_strings == NODE_STRINGS_MAX) node_die("too many strings");
        *(const char **)field = h->strings[h->n_strings++] = strdup(value);
        break;
    case LOOM_OPT_BOOL:
        *(bool *)field = strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
        break;
    case LOOM_OPT_SIZE:
        *(uint64_t *)field = (uint64_t)number(o, value);
        break;
    case LOOM_OPT_FLOAT:
        *(double *)field = number(o, value);
        break;
    default:
        *(uint32_t *)field = (uint32_t)number(o, value);
    }
}

static void fill(struct node_host *h, void *self, const struct loom_option *options,
                 const char *settings)
{
    static const struct loom_option none[] = {LOOM_OPTION_END};
    char line[8192], key[64];

    if (options == NULL) options = none;
    for (const struct loom_option *o = options; o->key != NULL; o++) {
        if (o->help == NULL || o->help[0] == '\0') node_die("option %s without help", o->key);
        set(h, self, o, o->preset);
    }
    while (settings != NULL && *settings != '\0') {
        const struct loom_option *o = options;
        int bytes = (int)strcspn(settings, "\n"), value = 0;
        if ((size_t)bytes >= sizeof line) node_die("a setting is too long");
        snprintf(line, sizeof line, "%.*s", bytes, settings);
        if (sscanf(line, " %63[a-z_0-9] = %n", key, &value) != 1 || value == 0)
            node_die("not a setting: %s", line);
        while (o->key != NULL && strcmp(o->key, key) != 0) o++;
        if (o->key == NULL) node_die("no option %s", key);
        set(h, self, o, line + value);
        settings += bytes + (settings[bytes] == '\n');
    }
}

/* --- plugins --------------------------------------------------------------------------------- */

static const void *load(struct node_host *h, const char *file, const char *kind)
{
    const struct loom_plugin *(*entry)(void);
    const char *folder = getenv("LOOM_BUILD_DIR");
    char path[4096];
    void *object;

    if (h->self != NULL) node_die("a plugin is running already");
    if (folder == NULL) node_die("LOOM_BUILD_DIR is not set: the folder that has plugins/");
    snprintf(path, sizeof path, "%s/plugins/%s.so", folder, file);
    if ((object = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL) node_die("%s", dlerror());
    *(void **)&entry = dlsym(object, LOOM_PLUGIN_ENTRY);
    if (entry == NULL) node_die("%s", dlerror());
    h->plugin = entry();
    for (size_t i = 0; i < h->plugin->n_offers; i++)
        if (strcmp(h->plugin->offers[i].kind, kind) == 0) return h->plugin->offers[i].ops;
    node_die("%s offers no %s", file, kind);
}

static void forget(struct node_host *h)
{
    free(h->self);
    h->self = NULL;
    while (h->n_strings > 0) free(h->strings[--h->n_strings]);
    h->n_served = 0;
    if (h->n_blocks != 0) node_die("%zu blocks left behind", h->n_blocks);
    if (h->live_bytes != 0) node_die("%lld bytes left charged", (long long)h->live_bytes);
    node_loop_check_empty(h);
}

static void begin(struct node_host *h, uint32_t bytes, const struct loom_option *options,
                  const char *settings)
{
    h->self = calloc(1, bytes);
    if (h->self == NULL) node_die("the machine is out of memory");
    h->failure[0] = '\0';
    h->failure_code = 0;
    h->n_counters = 0;
    fill(h, h->self, options, settings);
}

static int started(struct node_host *h, int rc)
{
    if (rc > 0) node_die("init() returned %d", rc);
    if (rc != 0 && h->failure[0] == '\0') node_die("init() failed with %d and no sentence", rc);
    if (rc != 0) forget(h);
    return rc;
}

static void sink_found(void *to, const struct loom_peer *all, size_t n)
{
    struct node_answers *answers = &((struct node_host *)to)->answers;

    free(answers->peers);
    answers->peers = calloc(n ? n : 1, sizeof *answers->peers);
    answers->n_peers = n;
    answers->n_found++;
    for (size_t i = 0; i < n; i++) {
        snprintf(answers->peers[i].name, sizeof answers->peers[i].name, "%s", all[i].name);
        snprintf(answers->peers[i].host, sizeof answers->peers[i].host, "%s", all[i].host);
        answers->peers[i].port = all[i].port;
    }
}

static void sink_failed(void *to, int code, const char *sentence)
{
    struct node_answers *answers = &((struct node_host *)to)->answers;

    if (code >= 0) node_die("a failure with code %d", code);
    if (sentence == NULL || sentence[0] == '\0') node_die("a failure without a sentence");
    answers->n_failed++;
    answers->code = code;
    snprintf(answers->sentence, sizeof answers->sentence, "%s", sentence);
}

int node_discovery_start(struct node_host *h, const char *file, const char *settings)
{
    const struct loom_discovery_ops *ops = load(h, file, LOOM_KIND_DISCOVERY);
    struct loom_discovery_sink sink = {.struct_size = sizeof sink,
                                       .found = sink_found,
                                       .failed = sink_failed,
                                       .to = h};

    begin(h, ops->instance_size, ops->options, settings);
    h->fini = ops->fini;
    h->discovery = ops;
    return started(h, ops->init(h->self, &h->host, &sink));
}

static const struct loom_metric *const *sample(void *from, size_t *ret_n)
{
    struct node_host *h = from;

    h->n_samples++;
    *ret_n = h->metrics != NULL ? h->n_metrics : 0;
    return h->metrics;
}

int node_exporter_start(struct node_host *h, const char *file, const char *settings)
{
    const struct loom_exporter_ops *ops = load(h, file, LOOM_KIND_EXPORTER);
    static struct loom_metrics_source source;

    source.struct_size = sizeof source;
    source.sample = sample;
    source.from = h;
    begin(h, ops->instance_size, ops->options, settings);
    h->fini = ops->fini;
    return started(h, ops->init(h->self, &h->host, &source));
}

void node_stop(struct node_host *h)
{
    if (h->self == NULL) return;
    h->fini(h->self);
    forget(h);
}

void node_refresh(struct node_host *h) { h->discovery->refresh(h->self); }

void node_host_fini(struct node_host *h)
{
    node_stop(h);
    free(h->answers.peers);
    h->answers.peers = NULL;
}

/* --- questions ------------------------------------------------------------------------------- */

bool node_has_peer(const struct node_host *h, const char *name, const char *host, uint16_t port)
{
    for (size_t i = 0; i < h->answers.n_peers; i++) {
        const struct node_peer *peer = &h->answers.peers[i];
        if (strcmp(peer->name, name) == 0 && strcmp(peer->host, host) == 0 && peer->port == port)
            return true;
    }
    return false;
}

uint64_t node_counter(const struct node_host *h, const char *name)
{
    for (size_t i = 0; i < h->n_counters; i++)
        if (strcmp(h->counters[i].name, name) == 0) return h->counters[i].value;
    return 0;
}

bool node_logged(const struct node_host *h, const char *part)
{
    for (size_t i = 0; i < h->n_lines && i < NODE_LINES_MAX; i++)
        if (strstr(h->lines[i].text, part) != NULL) return true;
    return false;
}
