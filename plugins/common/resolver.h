/* resolver.h - one DNS look-up at a time, by c-ares, waited for on the host's loop.
 *
 *   resolver_begin() -> resolver_ask() | resolver_addresses() -> answer() -> ... -> resolver_end()
 *
 * A look-up is a chain of questions: answer() may ask the next one or end the look-up.  However
 * the resolvers behave, a look-up takes timeout_ms at most: then whatever is under way is answered
 * with ARES_ETIMEOUT.  A channel lives as long as its look-up, so a changed resolv.conf is seen by
 * the next one and nothing is kept between them.
 *
 * Not a cache and not a policy: when to look up again is the caller's affair.
 * Thread: [control], all of it.  Cost of begin: c-ares reads the system's resolver files.
 */
#ifndef PLUGINS_COMMON_RESOLVER_H
#define PLUGINS_COMMON_RESOLVER_H

#define CARES_NO_DEPRECATED /* what exists in 1.18 (Debian 12) is what we call */
#include <ares.h>

#include <loomcache/loop.h>

#define RESOLVER_WATCHES 32 /* sockets at a time; c-ares holds two a name server at most */

struct resolver_settings {
    uint32_t timeout_ms; /* of a whole look-up */
    uint32_t tries;      /* how often a question is sent in that time; at least 1 */
    const char *servers; /* "ip:port,[v6]:port"; NULL or "": the system's */
};

/* status is ARES_*; on ARES_SUCCESS one of message (resolver_ask) and addresses is there,
 * borrowed until answer() returns. */
struct resolver_reply {
    int status;
    const unsigned char *message;
    size_t message_bytes;
    const struct ares_addrinfo *addresses;
};
struct resolver {
    const struct loom_host *host;
    const struct loom_loop *loop;
    struct resolver_settings settings;
    ares_channel channel; /* NULL: idle */
    struct {
        int fd;
        uint64_t id;
    } watches[RESOLVER_WATCHES]; /* id 0: free */
    uint64_t deadline, retry;    /* timers; 0: none */
    uint32_t depth;              /* calls into c-ares on the stack */
    bool ended, late, waiting;
    void (*answer)(void *arg, const struct resolver_reply *reply);
    void *arg;
};

/* resolver_init - before anything else, once.  LOOM_E_NOMEM. */
int resolver_init(struct resolver *resolver, const struct loom_host *host,
                  const struct loom_loop *loop, const struct resolver_settings *settings);
/* resolver_fini - end what is under way without an answer.  A zeroed resolver is fine. */
void resolver_fini(struct resolver *resolver);

/* resolver_begin - start a look-up.  LOOM_E_BUSY: one is under way; LOOM_E_NOMEM; LOOM_E_IO: no
 * usable resolver configuration. */
int resolver_begin(struct resolver *resolver);
/* resolver_end - the look-up is over: no more answers.  From anywhere, also from answer(). */
void resolver_end(struct resolver *resolver);
static inline bool resolver_busy(const struct resolver *resolver)
{
    return resolver->channel != NULL && !resolver->ended;
}

/* resolver_ask - one question in class IN, through the system's search list unless the name ends
 * with a dot.  answer() runs exactly once, perhaps before this returns, unless the look-up is
 * ended first.  One question at a time. */
void resolver_ask(struct resolver *resolver, const char *name, int type,
                  void (*answer)(void *arg, const struct resolver_reply *reply), void *arg);
/* resolver_addresses - A and AAAA of a name, the hosts file included; an address stands for
 * itself. */
void resolver_addresses(struct resolver *resolver, const char *name,
                        void (*answer)(void *arg, const struct resolver_reply *reply), void *arg);

#endif
