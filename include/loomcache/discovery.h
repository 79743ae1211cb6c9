/* loomcache/discovery.h - say who the peers are.  The plugin proposes; the cluster decides.
 *
 * One instance per node, on the control thread.  Answers arrive whenever they arrive, as whole
 * sets, never as deltas.  A peer is known by its name (a node id, a stable DNS name); addresses
 * are looked up again at each connection and are never an identity.
 */
#ifndef LOOMCACHE_DISCOVERY_H
#define LOOMCACHE_DISCOVERY_H

#include "loop.h"

#define LOOM_KIND_DISCOVERY "loom.draft.discovery/1"

/* Peers of one set may share a name: several addresses behind one DNS name.  Then the name says
 * where to ask and not who is there; who it is, a node says itself when it is connected to. */
struct loom_peer {
    const char *name; /* identity: node id or stable DNS name; never an address found by DNS */
    const char *host; /* where to connect: a name, or an address */
    uint16_t port;    /* client port; 0: the default, 7654 */
};

/* How a plugin answers.  The host copies what it is given. */
struct loom_discovery_sink {
    uint32_t struct_size;
    /* [control] The whole set.  An empty set is an answer too. */
    void (*found)(void *to, const struct loom_peer *all, size_t n);
    /* [control] No answer this time; the last good set stays in force. */
    void (*failed)(void *to, int code, const char *sentence);
    void *to;
};

struct loom_discovery_ops {
    uint32_t struct_size;
    uint32_t instance_size;
    const struct loom_option *options;
    /* May call the sink before it returns, or later. */
    int (*init)(void *self, const struct loom_host *host, const struct loom_discovery_sink *sink);
    void (*refresh)(void *self); /* a peer was lost: look again soon; a hint */
    void (*fini)(void *self);
};
#define LOOM_OFFER_DISCOVERY(name, about, ops)                                                     \
    {                                                                                              \
        LOOM_KIND_DISCOVERY, name, about, ops                                                      \
    }

#endif
