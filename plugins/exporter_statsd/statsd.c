/* statsd.c - the metrics to a StatsD server, by UDP, every interval.
 *
 *   timer -> sample -> lines (lines.h) -> datagrams of at most mtu bytes -> send, never waiting
 *
 * What cannot be sent is dropped and counted: a cache does not wait for its metrics.  As long as
 * there is no address to send to, no sample is taken, so nothing is lost but its time.  A target
 * given by name is looked up by c-ares on the host's loop and again every `resolve`; when that
 * fails the last address stays.  Not here: percentiles kept by the server (|ms, |h), sample rates.
 */
#include <loomcache/exporter.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/resolver.h"
#include "lines.h"

#define LOOKUP_MS 2000
#define LOOKUP_TRIES 2
#define ASK_AGAIN_MS 1000 /* after a look-up, however short the interval */

struct statsd {
    /* options */
    const char *target, *prefix, *tags;
    uint32_t port, interval_ms, resolve_ms, mtu;

    const struct loom_host *host;
    const struct loom_loop *loop;
    const struct loom_metric *const *(*sample)(void *from, size_t *ret_n);
    void *from;
    uint64_t *n_sent, *n_dropped, *n_cut, *n_skipped;

    struct resolver resolver;
    bool by_name;
    uint64_t timer, asked_ms, resolved_ms; /* the last look-up; the last that brought an address */
    struct sockaddr_storage address;
    socklen_t address_bytes; /* 0: not known yet */
    int fd;                  /* connected to address; -1: not open */

    struct lines lines;
    char *datagram; /* mtu bytes */
    size_t n;
    int error;                 /* errno of what was dropped in this sample; 0: nothing */
    bool dropping, unresolved; /* has been said in the log */
};

/* --- where to -------------------------------------------------------------------------------- */

static void use_address(struct statsd *statsd, const struct sockaddr *address, socklen_t bytes)
{
    if (bytes == statsd->address_bytes && memcmp(&statsd->address, address, bytes) == 0) return;
    if (statsd->fd >= 0) close(statsd->fd);
    statsd->fd = -1;
    memset(&statsd->address, 0, sizeof statsd->address);
    memcpy(&statsd->address, address, bytes);
    statsd->address_bytes = bytes;
}

/* The first address in the order of RFC 6724, as connect() would be given them. */
static void resolved(void *arg, const struct resolver_reply *reply)
{
    struct statsd *statsd = arg;
    const struct ares_addrinfo_node *node = NULL;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};

    if (reply->status == ARES_SUCCESS && reply->addresses != NULL) node = reply->addresses->nodes;
    while (node != NULL && node->ai_family != AF_INET && node->ai_family != AF_INET6)
        node = node->ai_next;
    if (node != NULL) {
        memcpy(&address, node->ai_addr, node->ai_addrlen);
        if (node->ai_family == AF_INET)
            ((struct sockaddr_in *)&address)->sin_port = htons((uint16_t)statsd->port);
        else ((struct sockaddr_in6 *)&address)->sin6_port = htons((uint16_t)statsd->port);
        use_address(statsd, (struct sockaddr *)&address, node->ai_addrlen);
        statsd->resolved_ms = *statsd->host->now_ms;
        statsd->unresolved = false;
    } else if (!statsd->unresolved) {
        statsd->unresolved = true;
        statsd->host->log(statsd->host, LOOM_LOG_WARN, "no address for %s: %s; %s", statsd->target,
                          ares_strerror(reply->status),
                          statsd->address_bytes ? "the last one stays" : "nothing is sent");
    }
    resolver_end(&statsd->resolver);
}

static void resolve(struct statsd *statsd)
{
    uint64_t now_ms = *statsd->host->now_ms;

    if (!statsd->by_name || resolver_busy(&statsd->resolver)) return;
    if (statsd->address_bytes != 0 && now_ms - statsd->resolved_ms < statsd->resolve_ms) return;
    if (now_ms - statsd->asked_ms < ASK_AGAIN_MS) return;
    statsd->asked_ms = now_ms;
    if (resolver_begin(&statsd->resolver) == 0)
        resolver_addresses(&statsd->resolver, statsd->target, resolved, statsd);
}

static bool read_address(struct statsd *statsd)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)statsd->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)statsd->port)};

    if (inet_pton(AF_INET, statsd->target, &v4.sin_addr) == 1)
        use_address(statsd, (struct sockaddr *)&v4, sizeof v4);
    else if (inet_pton(AF_INET6, statsd->target, &v6.sin6_addr) == 1)
        use_address(statsd, (struct sockaddr *)&v6, sizeof v6);
    return statsd->address_bytes != 0;
}

/* --- datagrams ------------------------------------------------------------------------------- */

static void drop(struct statsd *statsd)
{
    statsd->error = errno;
    loom_count(statsd->n_dropped, 1);
}

static bool open_socket(struct statsd *statsd)
{
    if (statsd->fd >= 0) return true;
    statsd->fd = socket(statsd->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (statsd->fd < 0) return false;
    if (connect(statsd->fd, (struct sockaddr *)&statsd->address, statsd->address_bytes) == 0)
        return true;
    close(statsd->fd);
    statsd->fd = -1;
    return false;
}

/* A refusal belongs to a datagram sent before: that one is lost, this one has not been sent yet. */
static void send_datagram(struct statsd *statsd)
{
    bool sent = open_socket(statsd) && send(statsd->fd, statsd->datagram, statsd->n, 0) >= 0;

    if (!sent && statsd->fd >= 0 && errno == ECONNREFUSED) {
        drop(statsd);
        sent = send(statsd->fd, statsd->datagram, statsd->n, 0) >= 0;
    }
    if (sent) loom_count(statsd->n_sent, 1);
    else drop(statsd);
    statsd->n = 0;
}

static void append(void *arg, const char *at, size_t bytes)
{
    struct statsd *statsd = arg;
    size_t newline = statsd->n != 0;

    if (bytes > statsd->mtu) {
        loom_count(statsd->n_cut, 1);
        return;
    }
    if (statsd->n + newline + bytes > statsd->mtu) {
        send_datagram(statsd);
        newline = 0;
    }
    if (newline) statsd->datagram[statsd->n++] = '\n';
    memcpy(statsd->datagram + statsd->n, at, bytes);
    statsd->n += bytes;
}

/* A server that is away is news once, and once more when it is back. */
static void tell(struct statsd *statsd)
{
    bool dropping = statsd->error != 0;

    if (dropping && !statsd->dropping)
        statsd->host->log(statsd->host, LOOM_LOG_WARN, "datagrams to %s port %u are dropped: %s",
                          statsd->target, (unsigned)statsd->port, strerror(statsd->error));
    else if (!dropping && statsd->dropping)
        statsd->host->log(statsd->host, LOOM_LOG_INFO, "datagrams to %s port %u go out again",
                          statsd->target, (unsigned)statsd->port);
    statsd->dropping = dropping;
}

static void tick(void *arg)
{
    struct statsd *statsd = arg;
    const struct loom_metric *const *all;
    size_t n = 0;

    resolve(statsd);
    if (statsd->address_bytes == 0) return;
    all = statsd->sample(statsd->from, &n);
    if (all == NULL || lines_begin(&statsd->lines, statsd->host, all, n) != 0) {
        loom_count(statsd->n_skipped, 1);
        return;
    }
    statsd->error = 0;
    statsd->lines.n_cut = 0;
    for (size_t i = 0; i < n; i++) lines_write(&statsd->lines, all[i]);
    if (statsd->n != 0) send_datagram(statsd);
    lines_end(&statsd->lines);
    loom_count(statsd->n_cut, statsd->lines.n_cut);
    tell(statsd);
}

/* --- the plugin ------------------------------------------------------------------------------ */

static void count_with(struct statsd *statsd, const struct loom_host *host)
{
    statsd->n_sent = host->counter(host, "datagrams_sent", "Datagrams handed to the kernel.");
    statsd->n_dropped = host->counter(host, "datagrams_dropped",
                                      "Datagrams that the kernel or the target refused.");
    statsd->n_cut = host->counter(host, "lines_dropped", "Lines longer than a datagram.");
    statsd->n_skipped =
        host->counter(host, "samples_skipped", "Samples left out for want of memory.");
}

static int check(struct statsd *statsd, const struct loom_host *host)
{
    statsd->by_name = !read_address(statsd);
    if (statsd->target[0] == '\0' || (statsd->by_name && strpbrk(statsd->target, ":[]/@ \t")))
        return host->fail(host, LOOM_E_CONFIG,
                          "host = %s: expected an address (IPv6 without brackets) or a DNS name",
                          statsd->target);
    if (strcmp(statsd->tags, "none") != 0 && strcmp(statsd->tags, "dogstatsd") != 0)
        return host->fail(host, LOOM_E_CONFIG, "tags = %s: expected none or dogstatsd",
                          statsd->tags);
    if (strpbrk(statsd->prefix, ":|@# \t") != NULL)
        return host->fail(host, LOOM_E_CONFIG,
                          "prefix = %s: a prefix has no blanks and none of : | @ #",
                          statsd->prefix);
    if (statsd->loop == NULL)
        return host->fail(host, LOOM_E_UNSUPPORTED, "this host does not offer " LOOM_EXT_LOOP);
    return 0;
}

static void fini(void *self)
{
    struct statsd *statsd = self;

    if (statsd->timer != 0) statsd->loop->cancel(statsd->host, statsd->timer);
    resolver_fini(&statsd->resolver);
    if (statsd->fd >= 0) close(statsd->fd);
    lines_free(&statsd->lines, statsd->host);
    if (statsd->datagram != NULL) statsd->host->free(statsd->host, statsd->datagram, statsd->mtu);
}

static int init(void *self, const struct loom_host *host, const struct loom_metrics_source *source)
{
    static const struct resolver_settings settings = {.timeout_ms = LOOKUP_MS,
                                                      .tries = LOOKUP_TRIES};
    struct statsd *statsd = self;
    int rc;

    statsd->host = host;
    statsd->loop = host->extension(host, LOOM_EXT_LOOP);
    statsd->sample = source->sample;
    statsd->from = source->from;
    statsd->fd = -1;
    count_with(statsd, host);
    rc = check(statsd, host);
    if (rc != 0 || statsd->port == 0) return rc;
    statsd->lines.prefix = statsd->prefix;
    statsd->lines.dogstatsd = strcmp(statsd->tags, "dogstatsd") == 0;
    statsd->lines.emit = append;
    statsd->lines.arg = statsd;
    statsd->datagram = host->alloc(host, statsd->mtu);
    statsd->timer =
        statsd->loop->timer(host, statsd->interval_ms, statsd->interval_ms, tick, statsd);
    if (statsd->by_name) rc = resolver_init(&statsd->resolver, host, statsd->loop, &settings);
    if (rc != 0 || statsd->datagram == NULL || statsd->timer == 0) {
        fini(statsd);
        return host->fail(host, LOOM_E_NOMEM, "out of memory");
    }
    resolve(statsd);
    return 0;
}

static const struct loom_option options[] = {
    LOOM_OPTION(STR, "host", struct statsd, target, "127.0.0.1", 0, 0,
                "Address or name of the StatsD server."),
    LOOM_OPTION(U32, "port", struct statsd, port, "8125", 0, 65535,
                "Its UDP port; 0: send nothing."),
    LOOM_OPTION(MS, "interval", struct statsd, interval_ms, "10s", 100, 3600000,
                "How often the metrics are sent."),
    LOOM_OPTION(MS, "resolve", struct statsd, resolve_ms, "60s", 1000, 86400000,
                "How often a host given by name is looked up again."),
    LOOM_OPTION(STR, "prefix", struct statsd, prefix, "loomcache.", 0, 0,
                "What every name begins with, in place of loomcache_."),
    LOOM_OPTION(STR, "tags", struct statsd, tags, "none", 0, 0,
                "Labels as tags (dogstatsd), or their values as parts of the name (none)."),
    LOOM_OPTION(U32, "mtu", struct statsd, mtu, "1432", 128, 65507,
                "Bytes of one datagram at most; 1432 fits an Ethernet frame."),
    LOOM_OPTION_END};

static const struct loom_exporter_ops ops = {.struct_size = sizeof ops,
                                             .instance_size = sizeof(struct statsd),
                                             .options = options,
                                             .init = init,
                                             .fini = fini};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_EXPORTER("statsd", "the metrics to a StatsD server by UDP", &ops))
