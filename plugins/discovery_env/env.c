/* env.c - peers from two environment variables, read once.
 *
 *   LOOMCACHE_NODES   the members, all of them
 *   LOOMCACHE_SEEDS   some places where members may be asked; not used when NODES is set
 *
 * An environment does not change while a process runs: the answer is given in init(), and
 * refresh() has nothing to add.  Neither set, or both empty: the empty set, a node alone.
 */
#include <loomcache/discovery.h>

#include <stdlib.h>

#include "../common/peers.h"

struct env {
    char unused; /* an instance has a size */
};

static int init(void *self, const struct loom_host *host, const struct loom_discovery_sink *sink)
{
    const char *variable = "LOOMCACHE_NODES", *nodes = getenv(variable);
    const char *seeds = getenv("LOOMCACHE_SEEDS"), *list = nodes;
    char why[PEERS_WHY_MAX];
    struct peers peers;
    int rc = 0;

    (void)self;
    peers_init(&peers, host);
    if (nodes == NULL || nodes[0] == '\0') {
        variable = "LOOMCACHE_SEEDS";
        list = seeds;
    } else if (seeds != NULL && seeds[0] != '\0') {
        host->log(host, LOOM_LOG_INFO, "LOOMCACHE_NODES is set, so LOOMCACHE_SEEDS is not used");
    }
    if (list != NULL && list[0] != '\0') rc = peers_parse(&peers, list, why);
    if (rc != 0) host->fail(host, rc, "%s: %s", variable, why);
    else if ((rc = peers_tell(&peers, sink)) != 0) host->fail(host, rc, "out of memory");
    peers_free(&peers);
    return rc;
}

static void refresh(void *self) { (void)self; }
static void fini(void *self) { (void)self; }

static const struct loom_discovery_ops ops = {.struct_size = sizeof ops,
                                              .instance_size = sizeof(struct env),
                                              .init = init,
                                              .refresh = refresh,
                                              .fini = fini};

LOOM_PLUGIN("LoomCache", "1.0.0", "Apache-2.0",
            LOOM_OFFER_DISCOVERY("env", "peers from LOOMCACHE_NODES or LOOMCACHE_SEEDS", &ops))
