/* One instance: options, memory accounts, counters, reasons, extensions; and --describe. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <loomcache/discovery.h>
#include <loomcache/eviction.h>

#include "core/base/mem.h"
#include "core/base/metric.h"
#include "core/plugin/describe.h"
#include "core/plugin/host.h"
#include "tests/kit/scratch.h"

static struct registry *registry;
static const struct plugin *toy;
static const struct loom_eviction_ops *ops;
static uint64_t now_ms = 1700000000000;

static void open_all(void)
{
    struct error error = {0};

    scratch_open();
    cr_assert(registry_create(fixture_path(""), &registry, NULL) == 0);
    cr_assert(registry_load(registry, "toy.so", &error) == 0, "%s", error.text);
    cr_assert(registry_find(registry, PLUGIN_EVICTION, "toy", &toy, NULL) == 0);
    ops = toy->ops;
}

static void close_all(void)
{
    registry_destroy(registry);
    scratch_close();
}

TestSuite(host, .init = open_all, .fini = close_all);

/* What the creator hears. */
struct heard {
    int64_t bytes;
    const char *id;
};
static void charge(void *arg, int64_t bytes) { ((struct heard *)arg)->bytes += bytes; }
static const void *extension(void *arg, const char *id)
{
    ((struct heard *)arg)->id = id;
    return NULL;
}

static struct plugin_instance *make(const struct option_setting *settings, size_t n,
                                    struct heard *heard)
{
    struct plugin_env env = {.partition = 5, .now_ms = &now_ms, .charge = charge,
                             .extension = extension, .arg = heard, .quiet = true};
    struct plugin_instance *instance = NULL;
    struct error error = {0};

    cr_assert(plugin_instance_create(toy, settings, n, &env, &instance, &error) == 0, "%s",
              error.text);
    return instance;
}

static int start(struct plugin_instance *instance)
{
    struct loom_eviction_env env = {.struct_size = sizeof env};

    return ops->init(instance->self, &instance->host, &env);
}

Test(host, fills_the_instance_and_serves_it)
{
    char name[] = "abc"; /* the setting may go away: the instance keeps a copy */
    struct option_setting settings[] = {{"name", name, "f.ini:1"}, {"bytes", "64KiB", "f.ini:2"}};
    struct heard heard = {0};
    struct plugin_instance *instance = make(settings, 2, &heard);
    uint64_t plugin_bytes = mem_used(MEM_PLUGIN);

    name[0] = 'X';
    cr_expect(eq(str, instance->from, "eviction.toy"));
    cr_expect(eq(u32, instance->host.partition, 5));
    cr_expect(instance->host.now_ms == &now_ms);
    cr_expect(plugin_host_arg(&instance->host) == &heard);
    cr_expect(plugin_host_instance(&instance->host) == instance);
    int64_t empty = heard.bytes;
    cr_expect(empty >= (int64_t)toy->instance_bytes);
    cr_assert(start(instance) == 0);
    cr_expect(heard.bytes - empty >= 65536);
    cr_expect(METRIC_READ(instance->used_bytes) == heard.bytes);
    cr_expect(mem_used(MEM_PLUGIN) - plugin_bytes >= 65536);
    instance->host.charge(&instance->host, 1 << 20); /* mapped elsewhere */
    cr_expect(heard.bytes - empty >= 65536 + (1 << 20));
    instance->host.charge(&instance->host, -(1 << 20));
    cr_expect(instance->host.extension(&instance->host, "loom.x/1") == NULL);
    cr_expect(eq(str, (char *)heard.id, "loom.x/1"));
    ops->fini(instance->self);
    cr_expect(heard.bytes == empty);
    plugin_instance_destroy(instance);
    cr_expect(heard.bytes == 0);
}

Test(host, memory_comes_zeroed_and_null_is_free)
{
    struct heard heard = {0};
    struct plugin_instance *instance = make(NULL, 0, &heard);
    const struct loom_host *host = &instance->host;
    int64_t empty = heard.bytes;
    unsigned char *at = host->alloc(host, 1000);

    for (size_t i = 0; i < 1000; i++) cr_assert(at[i] == 0);
    host->free(host, at, 1000);
    host->free(host, NULL, 1000);
    cr_expect(heard.bytes == empty);
    mem_fail_at(1);
    cr_expect(host->alloc(host, 1000) == NULL);
    mem_fail_at(0);
    cr_expect(heard.bytes == empty);
    plugin_instance_destroy(instance);
}

static void count_each(void *arg, const struct plugin_instance *instance)
{
    uint32_t n = plugin_instance_counters(instance);

    for (uint32_t i = 0; i < n; i++)
        *(uint64_t *)arg += METRIC_READ(instance->counters[i]->value);
}

Test(host, counters_are_bounded_named_and_listed)
{
    struct heard heard = {0};
    struct plugin_instance *a = make(NULL, 0, &heard), *b = make(NULL, 0, &heard);
    const struct loom_host *host = &a->host;
    uint64_t sum = 0;
    char name[32], help[] = "Help.";

    cr_assert(start(a) == 0 && start(b) == 0);
    cr_expect(host->counter(host, "hits", "Again.") == &a->counters[0]->value);
    cr_expect(eq(u32, plugin_instance_counters(a), 1));
    cr_expect(host->counter(host, "Bad name", "") == NULL);
    cr_expect(host->counter(host, "", "") == NULL);
    for (int i = 1; i < PLUGIN_COUNTERS_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        loom_count(host->counter(host, name, help), 10);
    }
    name[0] = help[0] = 'X';
    cr_expect(host->counter(host, "one_more", NULL) == NULL);
    cr_expect(eq(str, (char *)a->counters[31]->name, "c31"));
    cr_expect(eq(str, (char *)a->counters[31]->help, "Help."));
    plugin_instances_each(registry, count_each, &sum);
    cr_expect(eq(u64, sum, 2 + 2 + 310));
    ops->fini(b->self);
    plugin_instance_destroy(b);
    sum = 0;
    plugin_instances_each(registry, count_each, &sum);
    cr_expect(eq(u64, sum, 2 + 310));
    ops->fini(a->self);
    plugin_instance_destroy(a);
}

Test(host, a_reason_to_fail_reaches_the_operator)
{
    struct option_setting fail = {"fail", "yes", "f.ini:1"};
    struct heard heard = {0};
    struct plugin_instance *instance = make(&fail, 1, &heard);
    struct error error = {0};
    int rc = start(instance);

    cr_assert(eq(int, rc, LOOM_E_CONFIG));
    cr_assert(eq(int, plugin_instance_failed(instance, rc, &error), LOOM_E_CONFIG));
    cr_expect(eq(str, error.text, "eviction policy toy does not start: fail = yes was asked for"));
    cr_expect(heard.bytes == 0);
    instance = make(NULL, 0, &heard); /* a plugin that gives no reason, or a strange code */
    cr_assert(eq(int, plugin_instance_failed(instance, 7, &error), LOOM_E_CONFIG));
    cr_expect(eq(str, error.text,
                 "eviction policy toy does not start: configuration not acceptable"));
}

Test(host, a_bad_setting_has_its_place)
{
    struct option_setting bad = {"n", "65", "loomcache.ini:9"};
    struct plugin_env env = {.now_ms = &now_ms};
    struct plugin_instance *instance = NULL;
    struct error error = {0};

    cr_assert(plugin_instance_create(toy, &bad, 1, &env, &instance, &error) == LOOM_E_CONFIG);
    cr_expect(eq(str, error.text, "loomcache.ini:9: [eviction.toy] n = 65: expected a whole number "
                                  "from 1 to 64"));
    cr_expect(instance == NULL);
}

Test(host, memory_that_a_plugin_keeps_is_noticed)
{
    struct option_setting leak = {"leak", "yes", "f.ini:1"};
    struct heard heard = {0};
    struct plugin_instance *instance = make(&leak, 1, &heard);

    cr_assert(start(instance) == 0);
    const struct loom_host *host = &instance->host;
    struct { uint32_t n, wait; uint64_t bytes; bool fail, leak; double ratio; const char *name;
             const struct loom_host *host; void *memory; } *self = instance->self;
    void *memory = self->memory;
    cr_assert(self->host == host);
    ops->fini(instance->self);
    plugin_instance_destroy(instance);
    cr_expect(heard.bytes >= 4096);
    mem_free(MEM_PLUGIN, memory); /* for the leak checker: the plugin would have lost it */
}

Test(host, every_allocation_may_fail)
{
    struct plugin_env env = {.now_ms = &now_ms, .quiet = true};
    uint64_t k = 0, used = mem_used(MEM_PLUGIN);
    struct error error = {0};
    int rc;

    do {
        struct plugin_instance *instance = NULL;
        mem_fail_at(++k);
        rc = plugin_instance_create(toy, NULL, 0, &env, &instance, &error);
        if (rc == 0) {
            rc = start(instance);
            if (rc == 0) {
                ops->fini(instance->self);
                plugin_instance_destroy(instance);
            } else {
                plugin_instance_failed(instance, rc, &error);
            }
        }
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM, "%d", rc);
        cr_assert(eq(u64, mem_used(MEM_PLUGIN), used), "k = %zu", (size_t)k);
    } while (mem_count() >= k && k < 100);
    mem_fail_at(0);
    cr_assert(gt(u64, k, 5));
}

/* --- describe --------------------------------------------------------------------------------- */

static char *describe(enum describe_format format)
{
    static char at[16384];
    FILE *out = fmemopen(at, sizeof at, "w");
    uint64_t used = mem_used(MEM_PLUGIN);
    struct error error = {0};

    for (size_t i = 0; i < registry_count(registry); i++)
        cr_assert(describe_plugin(out, format, registry_at(registry, i), &error) == 0, "%s",
                  error.text);
    fclose(out);
    cr_expect(eq(u64, mem_used(MEM_PLUGIN), used));
    return at;
}

Test(host, describe_lists_options_and_counters_as_text)
{
    char *at = describe(DESCRIBE_TEXT);

    cr_expect(strstr(at, "plugin eviction toy 1.2 (Tests, Apache-2.0)") != NULL);
    cr_expect(strstr(at, "[eviction.toy] wait = 250ms\n    A time.\n    Accepts a time from 1ms to "
                         "1min, such as 250ms.\n    LOOMCACHE_EVICTION_TOY_WAIT, at start\n") !=
              NULL, "%s", at);
    cr_expect(strstr(at, "loomcache_plugin_toy_hits_total{kind}  counter\n") != NULL, "%s", at);
    cr_expect(strstr(at, "loomcache_plugin_toy_samples_total{kind}  counter\n") != NULL);
}

Test(host, describe_lists_them_as_json_lines)
{
    char *at = describe(DESCRIBE_JSON), *rest;
    size_t n = 0;

    cr_expect(strstr(at, "\"help\":\"A \\\"quoted\\\" text.\"") != NULL);
    for (char *line = strtok_r(at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        cr_expect(strncmp(line, "{\"type\":\"", 9) == 0 && line[strlen(line) - 1] == '}', "%s",
                  line);
        n++;
    }
    cr_expect(eq(sz, n, 3 + 7 + 2)); /* plugins, options, counters */
}
