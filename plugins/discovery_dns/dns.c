/* dns.c - peers from DNS: SRV, and where there is no SRV, A and AAAA.
 *
 *   look -> SRV? --records--> found            name and host: the target
 *             \--none--> A -> AAAA --any--> found    name: the name asked for, host: an address
 *                               \--none--> failed
 *
 * One chain of questions at a time, one after the other: A and AAAA at once from one socket are
 * what some packet filters lose.  "No such name" is a failure here, never an empty set: a headless
 * service without ready pods answers so, and its peers must not be forgotten for it.
 *
 * Not a cache: the host keeps the last good set, the resolver keeps nothing (common/resolver.h).
 */
#include <loomcache/discovery.h>

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "../common/peers.h"
#include "../common/resolver.h"
#include "answer.h"

#define SERVERS_MAX 8

enum step { STEP_SRV, STEP_A, STEP_AAAA };
static const struct {
    const char *name;
    int type;
} steps[] = {{"SRV", ANSWER_SRV}, {"A", ANSWER_A}, {"AAAA", ANSWER_AAAA}};

struct dns {
    /* options */
    const char *name, *service, *family, *server;
    uint32_t port, timeout_ms, tries, min_refresh_ms, max_refresh_ms;

    const struct loom_host *host;
    const struct loom_loop *loop;
    struct loom_discovery_sink sink;
    uint64_t *n_lookups, *n_failed;
    char domain[PEER_DNS_MAX + 1];   /* name without a dot at the end */
    char question[2 * PEER_TEXT_MAX + 2];
    char servers[SERVERS_MAX * 64];
    bool ipv4, ipv6;

    struct resolver resolver;
    struct peers peers; /* of the look-up under way */
    enum step step;
    uint32_t ttl_s;     /* least seen in this look-up */
    uint64_t began_ms;

    bool has_srv;       /* SRV has answered once: its absence is a failure from then on */
    uint32_t n_failures; /* in a row */
    uint64_t timer, due_ms, random;
};

static void look(void *arg);
static void ask(struct dns *dns);

/* --- when ----------------------------------------------------------------------------------------
 * The timer repeats, and a new one is made before the old one goes: should there be no memory for
 * it, the old one looks again within max_refresh. */

static bool arm(struct dns *dns, uint32_t ms)
{
    uint64_t timer = dns->loop->timer(dns->host, ms, dns->max_refresh_ms, look, dns);

    if (timer == 0) return false;
    if (dns->timer != 0) dns->loop->cancel(dns->host, dns->timer);
    dns->timer = timer;
    dns->due_ms = *dns->host->now_ms + ms;
    return true;
}

/* xorshift64 (Marsaglia, 2003): nodes that failed together must not come back together. */
static uint32_t random_below(struct dns *dns, uint32_t n)
{
    dns->random ^= dns->random << 13;
    dns->random ^= dns->random >> 7;
    dns->random ^= dns->random << 17;
    return n != 0 ? (uint32_t)(dns->random % n) : 0;
}

/* Between half and all of min * 2^failures, at least min, at most max. */
static uint32_t back_off_ms(struct dns *dns)
{
    uint32_t doublings = dns->n_failures < 20 ? dns->n_failures : 20;
    uint64_t wait = (uint64_t)dns->min_refresh_ms << doublings;
    uint32_t half;

    if (wait > dns->max_refresh_ms) wait = dns->max_refresh_ms;
    half = (uint32_t)wait / 2;
    wait = half + random_below(dns, half + 1);
    return wait > dns->min_refresh_ms ? (uint32_t)wait : dns->min_refresh_ms;
}

static uint32_t refresh_ms(const struct dns *dns)
{
    uint64_t ms = (uint64_t)dns->ttl_s * 1000;

    if (ms < dns->min_refresh_ms) return dns->min_refresh_ms;
    return ms > dns->max_refresh_ms ? dns->max_refresh_ms : (uint32_t)ms;
}

/* --- what ------------------------------------------------------------------------------------ */

static int fail_look(struct dns *dns, int code, const char *format, ...) LOOM_PRINTF(3, 4);
static int fail_look(struct dns *dns, int code, const char *format, ...)
{
    char why[512];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    resolver_end(&dns->resolver);
    peers_free(&dns->peers);
    dns->n_failures++;
    loom_count(dns->n_failed, 1);
    arm(dns, back_off_ms(dns));
    dns->sink.failed(dns->sink.to, code, why);
    return code;
}

static void finish_look(struct dns *dns)
{
    resolver_end(&dns->resolver);
    peers_settle(&dns->peers);
    dns->n_failures = 0;
    arm(dns, refresh_ms(dns));
    if (peers_tell(&dns->peers, &dns->sink) != 0)
        fail_look(dns, LOOM_E_NOMEM, "%s: out of memory for %zu peers", dns->name, dns->peers.n);
    peers_free(&dns->peers);
}

/* CoreDNS names a pod that has no hostname after its address, 10-0-0-7.service.ns... or
 * fd00--7.service.ns...: a name that goes with the address to whichever pod has it next. */
static bool names_an_address(const char *target)
{
    char v4[INET6_ADDRSTRLEN], v6[INET6_ADDRSTRLEN];
    size_t n = strcspn(target, ".");

    if (n >= sizeof v4 || memchr(target, '-', n) == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        v4[i] = target[i] == '-' ? '.' : target[i];
        v6[i] = target[i] == '-' ? ':' : target[i];
    }
    v4[n] = v6[n] = '\0';
    return peer_is_address(v4) || peer_is_address(v6);
}

static int keep(void *arg, const struct answer_record *record)
{
    struct dns *dns = arg;
    bool own_name = dns->step == STEP_SRV && !names_an_address(record->text);
    uint16_t port = dns->step == STEP_SRV ? record->port : (uint16_t)dns->port;

    return peers_add(&dns->peers, own_name ? record->text : dns->domain, record->text, port);
}

/* This step has no records; that is no failure yet. */
static void go_on(struct dns *dns)
{
    if (dns->step == STEP_SRV && dns->has_srv) {
        fail_look(dns, LOOM_E_IO,
                  "SRV %s: no records now, though there were some before: nothing behind the name "
                  "is ready, or the name is gone", dns->question);
        return;
    }
    if (dns->step == STEP_AAAA || (dns->step == STEP_A && !dns->ipv6)) {
        if (dns->peers.n != 0) finish_look(dns);
        else
            fail_look(dns, LOOM_E_IO,
                      "%s: no %s%s records: the name is unknown, or nothing behind it is ready",
                      dns->name, dns->service[0] != '\0' ? "SRV or " : "",
                      !dns->ipv6 ? "A" : dns->ipv4 ? "A or AAAA" : "AAAA");
        return;
    }
    dns->step = dns->step == STEP_SRV && dns->ipv4 ? STEP_A : STEP_AAAA;
    ask(dns);
}

static void take(struct dns *dns, const struct resolver_reply *reply)
{
    size_t n_before = dns->peers.n;
    int rc = answer_each(reply->message, reply->message_bytes, (uint16_t)steps[dns->step].type,
                         &dns->ttl_s, keep, dns);

    if (rc == LOOM_E_NOMEM)
        fail_look(dns, rc, "%s %s: out of memory", steps[dns->step].name, dns->question);
    else if (rc == LOOM_E_LIMIT)
        fail_look(dns, rc, "%s %s: more than %d peers", steps[dns->step].name, dns->question,
                  PEERS_MAX);
    else if (rc != 0)
        fail_look(dns, rc, "%s %s: the answer is malformed, or a target is not a host name",
                  steps[dns->step].name, dns->question);
    else if (dns->step == STEP_SRV && dns->peers.n > n_before) {
        dns->has_srv = true;
        finish_look(dns);
    } else {
        go_on(dns);
    }
}

static void answered(void *arg, const struct resolver_reply *reply)
{
    struct dns *dns = arg;

    switch (reply->status) {
    case ARES_SUCCESS:
        take(dns, reply);
        break;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
        go_on(dns);
        break;
    case ARES_ETIMEOUT:
        fail_look(dns, LOOM_E_IO, "%s %s: no answer within %u ms", steps[dns->step].name,
                  dns->question, (unsigned)dns->timeout_ms);
        break;
    default:
        fail_look(dns, reply->status == ARES_ENOMEM ? LOOM_E_NOMEM : LOOM_E_IO, "%s %s: %s",
                  steps[dns->step].name, dns->question, ares_strerror(reply->status));
    }
}

static void ask(struct dns *dns)
{
    bool srv = dns->step == STEP_SRV;

    snprintf(dns->question, sizeof dns->question, "%s%s%s", srv ? dns->service : "",
             srv ? "." : "", dns->name);
    resolver_ask(&dns->resolver, dns->question, steps[dns->step].type, answered, dns);
}

static void look(void *arg)
{
    struct dns *dns = arg;
    int rc;

    if (resolver_busy(&dns->resolver)) return; /* the old timer, while timers are short of memory */
    loom_count(dns->n_lookups, 1);
    peers_init(&dns->peers, dns->host);
    dns->ttl_s = UINT32_MAX;
    dns->began_ms = *dns->host->now_ms;
    dns->step = dns->service[0] != '\0' ? STEP_SRV : dns->ipv4 ? STEP_A : STEP_AAAA;
    rc = resolver_begin(&dns->resolver);
    if (rc == 0) ask(dns);
    else
        fail_look(dns, rc, "%s: no look-up: %s", dns->name,
                  rc == LOOM_E_NOMEM ? "out of memory" : "no usable resolver configuration");
}

/* --- the plugin ------------------------------------------------------------------------------ */

/* server = ... becomes what c-ares reads; each element must be an address. */
static int read_servers(struct dns *dns)
{
    char why[PEERS_WHY_MAX];
    struct peers list;
    size_t n = 0;
    int rc = 0;

    if (dns->server[0] == '\0') return 0;
    peers_init(&list, dns->host);
    rc = peers_parse(&list, dns->server, why);
    if (rc != 0) rc = dns->host->fail(dns->host, rc, "server: %s", why);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        const struct peer_slot *slot = &list.slots[i];
        bool v6 = strchr(slot->host, ':') != NULL;
        if (i >= SERVERS_MAX || strchr(dns->server, '=') || !peer_is_address(slot->host))
            rc = dns->host->fail(dns->host, LOOM_E_CONFIG,
                                 "server = %s: give up to %d addresses, ip:port or [v6]:port",
                                 dns->server, SERVERS_MAX);
        else
            n += (size_t)snprintf(dns->servers + n, sizeof dns->servers - n, "%s%s%s%s:%u",
                                  i ? "," : "", v6 ? "[" : "", slot->host, v6 ? "]" : "",
                                  slot->port ? slot->port : 53u);
    }
    peers_free(&list);
    return rc;
}

static int check(struct dns *dns)
{
    const struct loom_host *host = dns->host;
    size_t bytes = strlen(dns->name);

    if (bytes == 0)
        return host->fail(host, LOOM_E_CONFIG, "name is not set: the DNS name to look up, such as "
                          "loomcache-headless.default.svc.cluster.local");
    if (!peer_is_host_name(dns->name))
        return host->fail(host, LOOM_E_CONFIG, "name = %s is not a DNS name", dns->name);
    if (dns->service[0] != '\0' && !peer_is_host_name(dns->service))
        return host->fail(host, LOOM_E_CONFIG, "service = %s: expected _service._protocol, such "
                          "as _cache._tcp, or nothing for no SRV", dns->service);
    if (dns->min_refresh_ms > dns->max_refresh_ms)
        return host->fail(host, LOOM_E_CONFIG, "min_refresh is longer than max_refresh");
    dns->ipv4 = strcmp(dns->family, "ipv6") != 0;
    dns->ipv6 = strcmp(dns->family, "ipv4") != 0;
    if (dns->ipv4 && dns->ipv6 && strcmp(dns->family, "any") != 0)
        return host->fail(host, LOOM_E_CONFIG, "family = %s: expected any, ipv4 or ipv6",
                          dns->family);
    if (dns->name[bytes - 1] == '.') bytes--;
    memcpy(dns->domain, dns->name, bytes);
    dns->domain[bytes] = '\0';
    return read_servers(dns);
}

static int init(void *self, const struct loom_host *host, const struct loom_discovery_sink *sink)
{
    struct dns *dns = self;
    struct resolver_settings settings;
    int rc;

    dns->host = host;
    dns->sink = (struct loom_discovery_sink){.struct_size = sizeof dns->sink,
                                             .found = sink->found,
                                             .failed = sink->failed,
                                             .to = sink->to};
    dns->n_lookups = host->counter(host, "lookups", "Look-ups begun.");
    dns->n_failed = host->counter(host, "failed", "Look-ups that brought no set of peers.");
    dns->loop = host->extension(host, LOOM_EXT_LOOP);
    if (dns->loop == NULL)
        return host->fail(host, LOOM_E_UNSUPPORTED, "this host does not offer " LOOM_EXT_LOOP);
    if ((rc = check(dns)) != 0) return rc;
    if (getrandom(&dns->random, sizeof dns->random, GRND_NONBLOCK) < 0)
        dns->random = (uint64_t)(uintptr_t)dns ^ *host->now_ms;
    dns->random |= 1;
    settings = (struct resolver_settings){
        .timeout_ms = dns->timeout_ms, .tries = dns->tries, .servers = dns->servers};
    rc = resolver_init(&dns->resolver, host, dns->loop, &settings);
    if (rc == 0 && !arm(dns, dns->max_refresh_ms)) rc = LOOM_E_NOMEM;
    if (rc != 0) {
        resolver_fini(&dns->resolver);
        return host->fail(host, rc, "out of memory");
    }
    look(dns);
    return 0;
}

/* Look as soon as min_refresh allows.  While answers fail the back-off stands: it is there for a
 * resolver in trouble, and lost peers come in crowds. */
static void refresh(void *self)
{
    struct dns *dns = self;
    uint64_t now_ms = *dns->host->now_ms, since_ms = now_ms - dns->began_ms;
    uint32_t wait_ms;

    if (resolver_busy(&dns->resolver) || dns->n_failures != 0) return;
    if (now_ms < dns->began_ms) since_ms = 0;
    wait_ms = since_ms < dns->min_refresh_ms ? dns->min_refresh_ms - (uint32_t)since_ms : 0;
    if (now_ms + wait_ms < dns->due_ms) arm(dns, wait_ms);
}

static void fini(void *self)
{
    struct dns *dns = self;

    if (dns->timer != 0) dns->loop->cancel(dns->host, dns->timer);
    resolver_fini(&dns->resolver);
    peers_free(&dns->peers);
}

static const struct loom_option options[] = {
    LOOM_OPTION(STR, "name", struct dns, name, "", 0, 0,
                "The DNS name to look up; end it with a dot to skip the system's search list."),
    LOOM_OPTION(STR, "service", struct dns, service, "_cache._tcp", 0, 0,
                "What is put before the name to ask for SRV; empty: do not ask for SRV."),
    LOOM_OPTION(U32, "port", struct dns, port, "7654", 1, 65535,
                "Client port of peers found by A and AAAA, which do not say one."),
    LOOM_OPTION(STR, "family", struct dns, family, "any", 0, 0,
                "Without SRV, ask for: any (A and AAAA), ipv4 (A), ipv6 (AAAA)."),
    LOOM_OPTION(MS, "timeout", struct dns, timeout_ms, "2s", 10, 60000,
                "How long one look-up may take, whatever the resolvers do."),
    LOOM_OPTION(U32, "tries", struct dns, tries, "2", 1, 10,
                "How often a question is sent to a resolver within the timeout."),
    LOOM_OPTION(MS, "min_refresh", struct dns, min_refresh_ms, "1s", 10, 3600000,
                "Never look up more often than this, whatever the TTL says."),
    LOOM_OPTION(MS, "max_refresh", struct dns, max_refresh_ms, "60s", 10, 86400000,
                "Never look up less often than this, whatever the TTL says."),
    LOOM_OPTION(STR, "server", struct dns, server, "", 0, 0,
                "Name servers to ask, ip:port separated by commas; empty: the system's."),
    LOOM_OPTION_END};

static const struct loom_discovery_ops ops = {.struct_size = sizeof ops,
                                              .instance_size = sizeof(struct dns),
                                              .options = options,
                                              .init = init,
                                              .refresh = refresh,
                                              .fini = fini};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_DISCOVERY("dns", "peers by DNS: SRV, else A and AAAA", &ops))
