/* static.c - peers from the configuration file, read once.
 *
 *   [discovery.static]
 *   nodes = a=10.0.0.1:7654, b=10.0.0.2:7654
 *
 * The list is that of common/peers.h.  It does not change while the node runs: the answer is
 * given in init(), and refresh() has nothing to add.  No list is the empty set: a node alone.
 */
#include <loomcache/discovery.h>

#include "../common/peers.h"

struct fixed {
    const char *nodes;
};

static int init(void *self, const struct loom_host *host, const struct loom_discovery_sink *sink)
{
    const struct fixed *fixed = self;
    char why[PEERS_WHY_MAX];
    struct peers peers;
    int rc = 0;

    peers_init(&peers, host);
    if (fixed->nodes[0] != '\0') rc = peers_parse(&peers, fixed->nodes, why);
    if (rc != 0) host->fail(host, rc, "nodes: %s", why);
    else if ((rc = peers_tell(&peers, sink)) != 0) host->fail(host, rc, "out of memory");
    peers_free(&peers);
    return rc;
}

static void refresh(void *self) { (void)self; }
static void fini(void *self) { (void)self; }

static const struct loom_option options[] = {
    LOOM_OPTION(STR, "nodes", struct fixed, nodes, "", 0, 0,
                "Every node: name=host:port, host:port, host or [v6]:port, by commas; empty: "
                "only this one."),
    LOOM_OPTION_END};

static const struct loom_discovery_ops ops = {.struct_size = sizeof ops,
                                              .instance_size = sizeof(struct fixed),
                                              .options = options,
                                              .init = init,
                                              .refresh = refresh,
                                              .fini = fini};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_DISCOVERY("static", "peers listed in the configuration file", &ops))
