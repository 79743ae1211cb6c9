/* node_host.h - a small real host for node-wide plugins (discovery, exporter) under test.
 *
 * It loads <LOOM_BUILD_DIR>/plugins/<name>.so through the same door as the server, fills the
 * options in, and serves every function of struct loom_host, the loop extension on poll(2) and the
 * http extension (which captures what is served).  What a plugin may not do ends the test: free
 * with another size, watch a closed fd, leave memory, a timer or a watch behind.
 *
 * Time: real, plus what node_host_advance() adds; nobody sleeps.  Failures: the k-th allocation,
 * timer, watch, post, counter or served path fails, for any k.  Fixed room for everything; running
 * out of it ends the test as well.  One thread.  Plain C: no test framework.
 */
#ifndef TESTS_KIT_NODE_HOST_H
#define TESTS_KIT_NODE_HOST_H

#include <loomcache/discovery.h>
#include <loomcache/exporter.h>

#define NODE_LINES_MAX 32
#define NODE_COUNTERS_MAX 16
#define NODE_TIMERS_MAX 32
#define NODE_WATCHES_MAX 64
#define NODE_POSTS_MAX 16
#define NODE_SERVED_MAX 4
#define NODE_STRINGS_MAX 16
#define NODE_TEXT_MAX 768

struct node_timer {
    uint64_t id, due_ms; /* id 0: free */
    uint32_t repeat_ms;
    void (*fire)(void *arg);
    void *arg;
};
struct node_watch {
    uint64_t id; /* 0: free */
    int fd;
    bool readable, writable;
    bool ours; /* the test's own: node_host_watch() */
    void (*ready)(void *arg, int fd, bool readable, bool writable);
    void *arg;
};
struct node_served {
    char bind[64], path[64], content_type[96];
    uint32_t port;
    int (*body)(void *arg, const struct loom_sink *out);
    void *arg;
};
struct node_peer {
    char name[300], host[300];
    uint16_t port;
};
/* What the discovery sink was told. */
struct node_answers {
    struct node_peer *peers; /* the last set found */
    size_t n_peers;
    uint32_t n_found, n_failed;
    int code; /* of the last failure */
    char sentence[NODE_TEXT_MAX];
};

struct node_host {
    struct loom_host host; /* first: the plugin's pointer is ours */
    bool no_loop, no_http; /* set before starting: this host has no such extension */

    char failure[NODE_TEXT_MAX]; /* what fail() said last; "" if nothing */
    int failure_code;
    struct {
        enum loom_log_level level;
        char text[NODE_TEXT_MAX];
    } lines[NODE_LINES_MAX];
    size_t n_lines; /* logged; the first NODE_LINES_MAX are kept */
    struct {
        char name[64];
        uint64_t value;
    } counters[NODE_COUNTERS_MAX];
    size_t n_counters;

    uint64_t n_asked, fail_at; /* what may fail: asked for so far; which fails, 0: none */
    size_t n_blocks;
    int64_t live_bytes;

    uint64_t now_ms, skew_ms, next_id;
    struct node_timer timers[NODE_TIMERS_MAX];
    struct node_watch watches[NODE_WATCHES_MAX];
    struct {
        void (*run)(void *arg);
        void *arg;
    } posts[NODE_POSTS_MAX];
    size_t n_posts;
    struct node_served served[NODE_SERVED_MAX];
    size_t n_served;
    int serve_rc; /* what serve() returns; LOOM_E_IO plays a taken port */

    const struct loom_plugin *plugin;
    void *self;
    void (*fini)(void *self);
    char *strings[NODE_STRINGS_MAX];
    size_t n_strings;
    struct node_answers answers;
    const struct loom_discovery_ops *discovery;

    /* What an exporter sees: the test points these at its own; NULL plays a host out of memory. */
    const struct loom_metric *const *metrics;
    size_t n_metrics;
    uint32_t n_samples;
};

void node_host_init(struct node_host *h);
/* node_host_fini - fini() of the plugin if it runs, then nothing may be left. */
void node_host_fini(struct node_host *h);

/* node_discovery_start, node_exporter_start - load plugins/<file>.so, fill in the options from
 * lines of "key = value", call init().  Returns what init() returned; a plugin that failed is
 * gone.  A setting that the table does not know, or out of range, ends the test. */
int node_discovery_start(struct node_host *h, const char *file, const char *settings);
int node_exporter_start(struct node_host *h, const char *file, const char *settings);
void node_stop(struct node_host *h); /* fini(); what it left behind ends the test */
void node_refresh(struct node_host *h);
/* node_has_peer - does the last set found have exactly this peer? */
bool node_has_peer(const struct node_host *h, const char *name, const char *host, uint16_t port);

/* node_host_turn - wait for what comes next, at most wait_ms of real time, and run it. */
void node_host_turn(struct node_host *h, uint32_t wait_ms);
/* node_host_watch - the test's own socket (a server the plugin talks to) takes part in turns. */
uint64_t node_host_watch(struct node_host *h, int fd,
                         void (*ready)(void *arg, int fd, bool readable, bool writable),
                         void *arg);
/* node_host_until - turn until done(arg); false when deadline_ms of real time have passed. */
bool node_host_until(struct node_host *h, uint32_t deadline_ms, bool (*done)(void *arg), void *arg);
/* node_host_advance - let this much time pass at once; timers fire in the next turn. */
void node_host_advance(struct node_host *h, uint64_t ms);
/* node_host_next_ms - until the next timer; UINT64_MAX: there is none. */
uint64_t node_host_next_ms(const struct node_host *h);

uint64_t node_counter(const struct node_host *h, const char *name); /* 0 when there is none */
bool node_logged(const struct node_host *h, const char *part);
/* node_get - GET path: the status, and the body (malloc, NUL behind it) in ret_body.  A body that
 * could not be written is a status of 0. */
int node_get(struct node_host *h, const char *path, char **ret_body);

#endif
