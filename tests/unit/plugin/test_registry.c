/* Finding plugins by kind and name, and saying what there is instead. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/plugin/registry.h"
#include "tests/kit/scratch.h"

static struct registry *registry;

static void open_all(void)
{
    scratch_open();
    scratch_copy(fixture_path("toy.so"), "eviction_toy.so");
    cr_assert(registry_create(scratch_folder(), &registry, NULL) == 0);
}

static void close_all(void)
{
    registry_destroy(registry);
    scratch_close();
}

TestSuite(registry, .init = open_all, .fini = close_all);

/* The sentence of a search that fails. */
static const char *absent(enum plugin_kind kind, const char *name)
{
    static struct error error;
    const struct plugin *plugin = NULL;

    memset(&error, 0, sizeof error);
    cr_expect(registry_find(registry, kind, name, &plugin, &error) == LOOM_E_CONFIG);
    cr_expect(plugin == NULL);
    return error.text;
}

Test(registry, loads_on_demand_and_once)
{
    const struct plugin *plugin, *again;
    struct error error = {0};

    cr_assert(eq(sz, registry_count(registry), 0));
    cr_assert(registry_has(registry, PLUGIN_EVICTION, "toy"));
    cr_assert(registry_find(registry, PLUGIN_EVICTION, "toy", &plugin, &error) == 0, "%s",
              error.text);
    cr_expect(eq(str, (char *)plugin->name, "toy"));
    cr_expect(eq(str, (char *)plugin->vendor, "Tests"));
    cr_expect(eq(str, (char *)plugin->version, "1.2"));
    cr_expect(plugin->kind == PLUGIN_EVICTION && plugin->options != NULL);
    cr_expect(strstr(plugin->file, "/eviction_toy.so") != NULL);
    cr_assert(registry_find(registry, PLUGIN_EVICTION, "toy", &again, &error) == 0);
    cr_expect(plugin == again);
    cr_assert(eq(sz, registry_count(registry), 3));
    /* Its other offers are there too, though no file is named after them. */
    cr_assert(registry_find(registry, PLUGIN_EXPORTER, "toy", &again, &error) == 0);
    cr_expect(again->kind == PLUGIN_EXPORTER && registry_at(registry, 2) == again);
}

Test(registry, says_what_is_near)
{
    char want[600];

    snprintf(want, sizeof want,
             "no eviction policy \"toi\" (eviction_toi.so) in %s; did you mean toy?",
             scratch_folder());
    cr_expect(eq(str, (char *)absent(PLUGIN_EVICTION, "toi"), want));
    snprintf(want, sizeof want, "no storage backend \"memory\" (storage_memory.so) in %s",
             scratch_folder());
    cr_expect(eq(str, (char *)absent(PLUGIN_STORAGE, "memory"), want));
    cr_expect(registry_has(registry, PLUGIN_STORAGE, "memory") == false);
}

Test(registry, names_stay_in_their_folder)
{
    char parent[300];

    cr_expect(strstr(absent(PLUGIN_EVICTION, "../toy"), "no eviction policy \"../toy\"") != NULL);
    cr_expect(strstr(absent(PLUGIN_EVICTION, ""), "no eviction policy \"\"") != NULL);
    memset(parent, 'a', sizeof parent);
    parent[sizeof parent - 1] = '\0';
    cr_expect(strstr(absent(PLUGIN_EVICTION, parent), "no eviction policy \"aaaa") != NULL);
}

Test(registry, a_file_by_the_wrong_name)
{
    scratch_copy(fixture_path("toy.so"), "eviction_other.so");
    const char *got = absent(PLUGIN_EVICTION, "other");

    cr_expect(strstr(got, "eviction_other.so does not offer eviction policy other") != NULL, "%s",
              got);
}

Test(registry, the_first_folder_wins)
{
    struct registry *two;
    struct error error = {0};
    const struct plugin *plugin;
    char path[1000];

    snprintf(path, sizeof path, "/nonexistent:%s::%s", scratch_folder(), fixture_path(""));
    cr_assert(registry_create(path, &two, &error) == 0);
    cr_expect(eq(str, (char *)registry_path(two), path));
    cr_assert(registry_find(two, PLUGIN_EVICTION, "toy", &plugin, &error) == 0, "%s", error.text);
    cr_assert(registry_load_all(two, &error) == 0, "%s", error.text);
    cr_expect(eq(sz, registry_count(two), 3));
    registry_destroy(two);
    snprintf(path, sizeof path, "a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q");
    cr_expect(registry_create(path, &two, &error) == LOOM_E_CONFIG);
}

Test(registry, load_all_takes_what_is_named_like_a_plugin)
{
    struct error error = {0};

    scratch_text("README.so", "no plugin, and not named like one");
    scratch_text("evictiontoy.so", "nor this");
    scratch_text("eviction_toy.txt", "nor this");
    cr_assert(registry_load_all(registry, &error) == 0, "%s", error.text);
    cr_assert(eq(sz, registry_count(registry), 3));
    scratch_text("storage_broken.so", "but this is");
    cr_assert(registry_load_all(registry, &error) == LOOM_E_CONFIG);
    cr_expect(strstr(error.text, "storage_broken.so is not a shared object") != NULL);
}

Test(registry, without_a_search_path)
{
    struct registry *none;
    struct error error = {0};
    const struct plugin *plugin;

    cr_assert(registry_create("", &none, &error) == 0);
    cr_expect(registry_find(none, PLUGIN_EVICTION, "toy", &plugin, &error) == LOOM_E_CONFIG);
    cr_expect(strstr(error.text, "names no folder") != NULL, "%s", error.text);
    cr_expect(registry_load(none, "toy.so", &error) == LOOM_E_CONFIG);
    cr_expect(registry_load(none, scratch_path("eviction_toy.so"), &error) == 0, "%s", error.text);
    registry_destroy(none);
}

Test(registry, kinds_have_names)
{
    enum plugin_kind kind;

    for (int i = 0; i < PLUGIN_KINDS; i++) {
        cr_assert(plugin_kind_of(plugin_kind_name((enum plugin_kind)i), &kind));
        cr_expect(kind == (enum plugin_kind)i);
        cr_expect(strstr(plugin_kind_id(kind), plugin_kind_name(kind)) != NULL);
    }
    cr_expect(plugin_kind_of("flavour", &kind) == false);
}

Test(registry, every_allocation_may_fail)
{
    const struct plugin *plugin;
    struct error error = {0};
    uint64_t k = 0, used = mem_used(MEM_CONFIG);
    int rc;

    do {
        struct registry *r = NULL;
        mem_fail_at(++k);
        rc = registry_create(scratch_folder(), &r, &error);
        if (rc == 0) rc = registry_find(r, PLUGIN_EVICTION, "toy", &plugin, &error);
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM, "%d: %s", rc, error.text);
        registry_destroy(r);
        cr_assert(eq(u64, mem_used(MEM_CONFIG), used));
    } while (rc != 0 && k < 100);
    mem_fail_at(0);
    cr_assert(gt(u64, k, 6));
}
