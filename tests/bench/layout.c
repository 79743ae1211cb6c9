/* layout.c - what an item costs beyond its key and value: the store room alone, no server.
 *
 *   layout PLUGINS_FOLDER ITEMS KEY_BYTES VALUE_BYTES POLICY...
 *
 * One process per policy, on the real storage backend, arena and policy plugin.  Prints a markdown
 * row: RSS growth per item minus the payload, and the same as the limit counts it; then nanoseconds
 * per insert and per hit (key made, hashed, locked, found, recorded), one key at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/plugin/registry.h"
#include "core/store/store.h"

static uint64_t rss_bytes(void)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    uint64_t kib = 0;

    while (f != NULL && fgets(line, sizeof line, f))
        if (sscanf(line, "Rss: %lu", &kib) == 1) break;
    if (f != NULL) fclose(f);
    return kib * 1024;
}

static void die(const char *what)
{
    fprintf(stderr, "layout: %s\n", what);
    exit(1);
}

static struct store *open_store(const char *path, const char *policy)
{
    struct store_settings settings = {.n_partitions = 16, .inline_max = 16384};
    struct store_plugins plugins = {0};
    struct registry *registry;
    struct error error;
    struct store *store;

    if (registry_create(path, &registry, &error) != 0) die(error.text);
    if (registry_find(registry, PLUGIN_STORAGE, "memory", &plugins.storage, &error) != 0)
        die(error.text);
    if (registry_find(registry, PLUGIN_EVICTION, policy, &plugins.policy, &error) != 0)
        die(error.text);
    store = store_open(&settings, &plugins, &error);
    if (store == NULL) die(error.text);
    return store;
}

static size_t make_key(char *at, int bytes, uint64_t i)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%lu", i);

    memset(at, '0', (size_t)bytes);
    memcpy(at, "key:", 4);
    memcpy(at + bytes - n, digits, (size_t)n);
    return (size_t)bytes;
}

static void measure(const char *path, uint64_t items, int key_bytes, int value_bytes,
                    const char *policy)
{
    struct store *store = open_store(path, policy);
    char key[256], *value = malloc((size_t)value_bytes + 65536);
    struct store_key k;
    uint64_t before, start, insert_ns, hit_ns, x = 88172645463325252u;

    for (int i = 0; i < value_bytes + 65536; i++) value[i] = (char)('a' + i % 26);
    before = rss_bytes();
    start = clock_monotonic_ns();
    for (uint64_t i = 0; i < items; i++) {
        store_key_make(store, slice_of(key, make_key(key, key_bytes, i)), 0, &k);
        struct store_put put = {.value = slice_of(value + i % 65536, (size_t)value_bytes)};

        partition_lock(k.partition, 1);
        if (partition_put(&k, &put, NULL) != 0) die("out of memory");
        partition_unlock(k.partition);
    }
    insert_ns = (clock_monotonic_ns() - start) / items;
    start = clock_monotonic_ns();
    for (int i = 0; i < 2000000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        store_key_make(store, slice_of(key, make_key(key, key_bytes, x % items)), 0, &k);
        partition_lock(k.partition, 1);
        if (partition_find(&k, STORE_READ) == NULL) die("an item was lost");
        partition_unlock(k.partition);
    }
    hit_ns = (clock_monotonic_ns() - start) / 2000000;
    double payload = key_bytes + value_bytes;

    printf("| %s | %lu | %d+%d | %.1f | %.1f | %lu | %lu |\n", policy, items, key_bytes,
           value_bytes, (double)(rss_bytes() - before) / (double)items - payload,
           (double)store_used_bytes(store) / (double)items - payload, insert_ns, hit_ns);
}

int main(int argc, char **argv)
{
    if (argc < 6) die("usage: layout PLUGINS_FOLDER ITEMS KEY_BYTES VALUE_BYTES POLICY...");
    for (int i = 5; i < argc; i++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            measure(argv[1], strtoull(argv[2], NULL, 10), atoi(argv[3]), atoi(argv[4]), argv[i]);
            exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) return 1;
    }
    return 0;
}
