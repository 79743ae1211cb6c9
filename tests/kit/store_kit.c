/* store_kit.c - see store_kit.h. */
#include "tests/kit/store_kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/plugin/registry.h"

const char *const store_kit_policies[] = {"s3fifo", "sieve", "lru",    "lru_sampled", "lfu",
                                          "fifo",   "random", "none", NULL};

struct store *store_kit_open(const char *policy, const struct store_settings *settings,
                             struct error *error)
{
    static struct registry *registry;
    struct store_plugins plugins = {0};
    struct error own, *why = error ? error : &own;
    char path[4096];

    snprintf(path, sizeof path, "%s/plugins", getenv("LOOM_BUILD_DIR"));
    if (registry == NULL && registry_create(path, &registry, why) != 0) goto failed;
    if (registry_find(registry, PLUGIN_STORAGE, "memory", &plugins.storage, why) != 0) goto failed;
    if (registry_find(registry, PLUGIN_EVICTION, policy, &plugins.policy, why) != 0) goto failed;
    struct store *store = store_open(settings, &plugins, why);

    if (store != NULL) return store;
failed:
    fprintf(stderr, "store_kit: %s\n", why->text);
    return NULL;
}

bool store_kit_verify(struct store *store)
{
    bool good = true;

    for (uint32_t i = 0; i < store_n_partitions(store); i++) {
        struct partition *p = store_partition(store, i);
        size_t n = p->stats.n_items;

        partition_lock(p, p->now_ms);
        if (LOOM_HAS(p->storage_ops, verify) && !p->storage_ops->verify(p->storage, n)) {
            fprintf(stderr, "partition %u: the index does not hold its %zu items\n", i, n);
            good = false;
        }
        if (LOOM_HAS(p->policy_ops, verify) && !p->policy_ops->verify(p->policy, n)) {
            fprintf(stderr, "partition %u: the policy does not order its %zu items\n", i, n);
            good = false;
        }
        if (!arena_verify(&p->arena)) {
            fprintf(stderr, "partition %u: the arena's sums are wrong\n", i);
            good = false;
        }
        if (p->items.used != (int64_t)n) {
            fprintf(stderr, "partition %u: quota of %ld items, %zu are there\n", i, p->items.used,
                    n);
            good = false;
        }
        partition_unlock(p);
    }
    return good;
}
