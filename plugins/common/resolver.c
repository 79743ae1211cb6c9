/* resolver.c - see resolver.h.
 *
 * c-ares tells which sockets to watch (sock_state) and when it wants to be called again
 * (ares_timeout); each call into it may run answer(), which may call into it again.  enter() and
 * leave() count the depth, so that a channel is destroyed only when c-ares is not on the stack.
 */
#include "resolver.h"

#include <string.h>
#include <sys/time.h>

static void retry_due(void *arg);

int resolver_init(struct resolver *resolver, const struct loom_host *host,
                  const struct loom_loop *loop, const struct resolver_settings *settings)
{
    memset(resolver, 0, sizeof *resolver);
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) return LOOM_E_NOMEM;
    resolver->host = host;
    resolver->loop = loop;
    resolver->settings = *settings;
    return 0;
}

void resolver_fini(struct resolver *resolver)
{
    if (resolver->host == NULL) return;
    resolver_end(resolver);
    resolver->host = NULL;
    ares_library_cleanup();
}

static void stop(struct resolver *resolver, uint64_t *timer)
{
    if (*timer != 0) resolver->loop->cancel(resolver->host, *timer);
    *timer = 0;
}

static void enter(struct resolver *resolver) { resolver->depth++; }

static void destroy(struct resolver *resolver)
{
    resolver->depth++; /* what ares_destroy() calls back must not come here again */
    ares_destroy(resolver->channel);
    resolver->depth--;
    resolver->channel = NULL;
    for (size_t i = 0; i < RESOLVER_WATCHES; i++) stop(resolver, &resolver->watches[i].id);
    stop(resolver, &resolver->deadline);
    stop(resolver, &resolver->retry);
}

/* Without memory for the retry timer a question is not repeated; the deadline still ends it. */
static void leave(struct resolver *resolver)
{
    struct timeval tv, *wait;
    uint64_t ms;

    if (--resolver->depth != 0) return;
    if (resolver->ended) {
        destroy(resolver);
        return;
    }
    stop(resolver, &resolver->retry);
    if ((wait = ares_timeout(resolver->channel, NULL, &tv)) == NULL) return;
    ms = (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000 + 1;
    if (ms >= resolver->settings.timeout_ms) return;
    resolver->retry = resolver->loop->timer(resolver->host, (uint32_t)ms, 0, retry_due, resolver);
}

static void retry_due(void *arg)
{
    struct resolver *resolver = arg;

    resolver->retry = 0; /* spent */
    enter(resolver);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    leave(resolver);
}

static void deadline_due(void *arg)
{
    struct resolver *resolver = arg;

    resolver->deadline = 0; /* spent */
    resolver->late = true;
    enter(resolver);
    ares_cancel(resolver->channel);
    leave(resolver);
}

static void socket_ready(void *arg, int fd, bool readable, bool writable)
{
    struct resolver *resolver = arg;

    enter(resolver);
    ares_process_fd(resolver->channel, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
    leave(resolver);
}

/* c-ares opens a socket, wants something else of it, or is about to close it (neither).  A socket
 * for which there is no watch goes unheard: the retry or the deadline moves on. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = arg;
    size_t i, open = RESOLVER_WATCHES;

    for (i = 0; i < RESOLVER_WATCHES; i++) {
        if (resolver->watches[i].id == 0) open = i < open ? i : open;
        else if (resolver->watches[i].fd == fd) break;
    }
    if (i < RESOLVER_WATCHES) stop(resolver, &resolver->watches[i].id);
    else i = open;
    if (i == RESOLVER_WATCHES || (!readable && !writable)) return;
    resolver->watches[i].fd = fd;
    resolver->watches[i].id =
        resolver->loop->watch(resolver->host, fd, readable, writable, socket_ready, resolver);
}

static int open_channel(struct resolver *resolver)
{
    const struct resolver_settings *s = &resolver->settings;
    struct ares_options options = {
        .flags = ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
        .timeout = (int)(s->timeout_ms / (s->tries ? s->tries : 1)),
        .tries = (int)(s->tries ? s->tries : 1),
        .ednspsz = 1232, /* what crosses any path unfragmented (DNS flag day 2020) */
        .sock_state_cb = socket_state,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB;
    int status;

    if (options.timeout < 1) options.timeout = 1;
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; /* with qcache_max_ttl 0: ask when asked */
#endif
    status = ares_init_options(&resolver->channel, &options, mask);
    if (status == ARES_SUCCESS && s->servers != NULL && s->servers[0] != '\0') {
        status = ares_set_servers_ports_csv(resolver->channel, s->servers);
        if (status != ARES_SUCCESS) ares_destroy(resolver->channel);
    }
    if (status == ARES_SUCCESS) return 0;
    resolver->channel = NULL;
    return status == ARES_ENOMEM ? LOOM_E_NOMEM : LOOM_E_IO;
}

int resolver_begin(struct resolver *resolver)
{
    int rc;

    if (resolver->channel != NULL) return LOOM_E_BUSY;
    resolver->ended = resolver->late = resolver->waiting = false;
    resolver->deadline = resolver->loop->timer(resolver->host, resolver->settings.timeout_ms, 0,
                                               deadline_due, resolver);
    if (resolver->deadline == 0) return LOOM_E_NOMEM;
    rc = open_channel(resolver);
    if (rc != 0) stop(resolver, &resolver->deadline);
    return rc;
}

void resolver_end(struct resolver *resolver)
{
    if (resolver->channel == NULL) return;
    resolver->ended = true;
    if (resolver->depth == 0) destroy(resolver);
}

/* Once a question, and never after the end. */
static void deliver(struct resolver *resolver, struct resolver_reply *reply)
{
    if (resolver->ended || !resolver->waiting) return;
    resolver->waiting = false;
    if (reply->status == ARES_ECANCELLED && resolver->late) reply->status = ARES_ETIMEOUT;
    resolver->answer(resolver->arg, reply);
}

static void answered(void *arg, int status, int timeouts, unsigned char *message, int bytes)
{
    struct resolver_reply reply = {.status = status};

    (void)timeouts;
    if (status == ARES_SUCCESS) {
        reply.message = message;
        reply.message_bytes = bytes > 0 ? (size_t)bytes : 0;
    }
    deliver(arg, &reply);
}

static void addressed(void *arg, int status, int timeouts, struct ares_addrinfo *addresses)
{
    struct resolver_reply reply = {.status = status, .addresses = addresses};

    (void)timeouts;
    deliver(arg, &reply);
    if (addresses != NULL) ares_freeaddrinfo(addresses);
}

static void ask(struct resolver *resolver,
                void (*answer)(void *arg, const struct resolver_reply *reply), void *arg)
{
    resolver->answer = answer;
    resolver->arg = arg;
    resolver->waiting = true;
    enter(resolver);
}

/* Once the deadline has passed a further question would wait for nobody. */
static bool refuse_late(struct resolver *resolver)
{
    struct resolver_reply reply = {.status = ARES_ETIMEOUT};

    if (resolver->late) deliver(resolver, &reply);
    return resolver->late;
}

void resolver_ask(struct resolver *resolver, const char *name, int type,
                  void (*answer)(void *arg, const struct resolver_reply *reply), void *arg)
{
    ask(resolver, answer, arg);
    if (!refuse_late(resolver)) ares_search(resolver->channel, name, 1, type, answered, resolver);
    leave(resolver);
}

void resolver_addresses(struct resolver *resolver, const char *name,
                        void (*answer)(void *arg, const struct resolver_reply *reply), void *arg)
{
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};

    ask(resolver, answer, arg);
    if (!refuse_late(resolver))
        ares_getaddrinfo(resolver->channel, name, NULL, &hints, addressed, resolver);
    leave(resolver);
}
