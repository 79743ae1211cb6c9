/* Loading: precedence, places, environment, plugins, every refusal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/config.h"
#include "tests/kit/scratch.h"
#include "tests/unit/server/config_kit.h"

TestSuite(config, .init = scratch_open, .fini = scratch_close);

/* --- values and where they come from ---------------------------------------------------------- */

Test(config, defaults)
{
    struct config *c = load_good(NULL, NULL, NULL);

    cr_expect(c->server.enabled && c->server.port == 7654 && c->server.databases == 16);
    cr_expect(eq(str, (char *)c->server.bind, "localhost"));
    cr_expect(c->server.query_buffer_max_bytes == 1u << 30);
    cr_expect(c->server.bulk_max_bytes == 512u << 20);
    cr_expect(c->server.tcp_keepalive_ms == 300000 && c->server.idle_timeout_ms == 0);
    cr_expect(c->server.slowlog_threshold_us == 10000 && c->server.args_max == 1048576);
    cr_expect(c->storage.max_memory_bytes == 1u << 30 && c->storage.partitions == 16);
    cr_expect(c->storage.compress == CONFIG_COMPRESS_NONE && c->storage.inline_max_bytes == 16384);
    cr_expect(c->health.port == 8080 && c->shutdown.drain_ms == 200);
    cr_expect(c->log.level == LOOM_LOG_INFO && c->log.format == LOG_TEXT);
    cr_expect(c->node.id[0] != '\0'); /* the host name */
    cr_expect(config_origin(c, CONFIG_SERVER_PORT) == CONFIG_FROM_DEFAULT);
    cr_expect(config_origin(c, CONFIG_EVICTION_POLICY) == CONFIG_FROM_COMMAND_LINE);
    cr_expect(config_threads(c) >= 1 && config_threads(c) <= 64);
    cr_expect(c->storage_plugin->kind == PLUGIN_STORAGE);
    cr_expect(c->eviction_plugin->kind == PLUGIN_EVICTION);
    cr_expect(c->discovery_plugin->kind == PLUGIN_DISCOVERY);
    cr_expect(c->n_exporters == 1 && c->exporter_plugins[0]->kind == PLUGIN_EXPORTER);
    cr_expect(c->n_warnings == 0);
    config_free(c);
}

Test(config, precedence)
{
    static char *const environment[] = {"LOOMCACHE_SERVER_PORT=2", "LOOMCACHE_SERVER_BACKLOG=20",
                                        NULL};
    const char *file = "[server]\nport = 1\nbacklog = 10\nmax_clients = 100\n";
    struct config *c = load_good(file, environment, "server.port=3");

    cr_expect(c->server.port == 3 && c->server.backlog == 20 && c->server.max_clients == 100);
    cr_expect(c->server.slowlog_len == 128);
    cr_expect(config_origin(c, CONFIG_SERVER_PORT) == CONFIG_FROM_COMMAND_LINE);
    cr_expect(config_origin(c, CONFIG_SERVER_BACKLOG) == CONFIG_FROM_ENVIRONMENT);
    cr_expect(config_origin(c, CONFIG_SERVER_MAX_CLIENTS) == CONFIG_FROM_FILE);
    cr_expect(config_origin(c, CONFIG_SERVER_SLOWLOG_LEN) == CONFIG_FROM_DEFAULT);
    config_free(c);
}

Test(config, units_and_words)
{
    struct config *c = load_good("[storage]\nmax_memory = 64mb\ncompress = LZ4\nrss_max = 2g\n"
                                 "[server]\nidle_timeout = 5min\nslowlog_threshold = 500us\n"
                                 "[log]\nlevel = Debug\nformat = json\n"
                                 "[node]\nid = node-1.example_x\n"
                                 "[shutdown]\ndrain = 2s\n",
                                 NULL, NULL);

    cr_expect(c->storage.max_memory_bytes == 64u << 20 && c->storage.rss_max_bytes == 2ull << 30);
    cr_expect(c->storage.compress == CONFIG_COMPRESS_LZ4 && c->log.format == LOG_JSON);
    cr_expect(c->server.idle_timeout_ms == 300000 && c->server.slowlog_threshold_us == 500);
    cr_expect(c->log.level == LOOM_LOG_DEBUG && c->shutdown.drain_ms == 2000);
    cr_expect(eq(str, (char *)c->node.id, "node-1.example_x"));
    config_free(c);
}

/* --- the environment -------------------------------------------------------------------------- */

Test(config, every_key_has_an_environment_name)
{
    char env[400], name[160], *environment[2] = {env, NULL};

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        struct config *c = NULL;
        option_env_name(row->section, row->option.key, name, sizeof name);
        /* The choice of plugins and their folder is fixed by the command line in these tests. */
        snprintf(env, sizeof env, "%s=%s", name,
                 i == CONFIG_NODE_ID ? "n1" : row->option.preset);
        c = load_good(NULL, environment, NULL);
        cr_expect(config_origin(c, (enum config_key)i) >= CONFIG_FROM_ENVIRONMENT, "%s", env);
        cr_expect(c->n_warnings == 0, "%s", env);
        config_free(c);
    }
}

Test(config, names_from_the_handbook)
{
    static char *const environment[] = {
        "LOOMCACHE_NODE_ID=n7", "LOOMCACHE_HEALTH_PORT=1", "LOOMCACHE_SERVER_THREADS=3",
        "LOOMCACHE_STORAGE_MAX_MEMORY=5m", "LOOMCACHE_STORAGE_MAX_ITEMS=7",
        "LOOMCACHE_SERVER_PERSISTENCE_ENABLED=false", "LOOMCACHE_SERVER_ENABLED=false",
        "LOOMCACHE_EXPORTER_TOY_NAME=x", "LOOMCACHE_EVICTION_TOY_SMALL_RATIO=0.5", NULL};
    struct config *c;
    struct error error = {0};
    size_t n;

    /* The toy exporter has no options: a warning, with nothing near enough to name. */
    c = load_good(NULL, environment, NULL);
    cr_expect(c->health.port == 1 && c->server.threads == 3 && config_threads(c) == 3);
    cr_expect(c->storage.max_memory_bytes == 5u << 20 && c->storage.max_items == 7);
    cr_expect(c->server.enabled == false && c->server.persistence_enabled == false);
    cr_expect(eq(str, (char *)c->node.id, "n7"));
    const struct option_setting *s = config_settings(c, PLUGIN_EVICTION, "toy", &n);
    cr_assert(n == 1);
    cr_expect(eq(str, (char *)s->key, "small_ratio"));
    cr_expect(eq(str, (char *)s->value, "0.5"));
    cr_expect(eq(str, (char *)s->place, "environment LOOMCACHE_EVICTION_TOY_SMALL_RATIO"));
    cr_assert(c->n_warnings == 1, "%s", error.text);
    cr_expect(strstr(c->warnings[0], "LOOMCACHE_EXPORTER_TOY_NAME is not known") != NULL);
    config_free(c);
}

/* A plugin's name may have underscores, as may its keys. */
Test(config, plugins_with_underscores)
{
    static char *const environment[] = {"LOOMCACHE_EVICTION_LRU_SAMPLED_SAMPLES=7", NULL};
    char path[2000];
    struct config *c;
    size_t n;

    snprintf(path, sizeof path, "plugins.path=%s:%s", fixture_path(""), plugins_path());
    c = load_good(NULL, environment, path);
    cr_assert(c->n_warnings == 0, "%s", c->warnings[0]);
    cr_expect(eq(str, (char *)config_settings(c, PLUGIN_EVICTION, "lru_sampled", &n)->value, "7"));
    config_free(c);
}

Test(config, variables_of_others_are_left_alone)
{
    static char *const environment[] = {
        "LOOMCACHE_SERVICE_HOST=10.0.0.1", "LOOMCACHE_SERVICE_PORT=7654",
        "LOOMCACHE_PORT=tcp://10.0.0.1:7654", "LOOMCACHE_PORT_7654_TCP_ADDR=10.0.0.1",
        "LOOMCACHE_NODES=a:1,b:2", "LOOMCACHE_SEEDS=a:1", "LOOMCACHER=1", "PATH=/bin",
        "LOOMCACHE_WITHOUT_VALUE", NULL};
    struct config *c = load_good(NULL, environment, NULL);

    cr_expect(c->n_warnings == 0, "%s", c->warnings[0]);
    cr_expect(c->server.port == 7654);
    config_free(c);
}

Test(config, unknown_variables_are_warned_of_with_the_nearest_name)
{
    static char *const environment[] = {
        "LOOMCACHE_SERVER_PROT=1", "LOOMCACHE_EVICTION_TOY_SMAL_RATIO=1",
        "LOOMCACHE_NODS=a", "LOOMCACHE_QQQQQQQQQQQQQQQQQQQ=1",
        "LOOMCACHE_SERVER_PORT=tcp://10.0.0.1:7654", NULL};
    static const char *const want[] = {
        "the environment variable LOOMCACHE_SERVER_PROT is not known and is ignored; did you mean "
        "LOOMCACHE_SERVER_PORT?",
        "the environment variable LOOMCACHE_EVICTION_TOY_SMAL_RATIO is not known and is ignored; "
        "did you mean LOOMCACHE_EVICTION_TOY_SMALL_RATIO?",
        "the environment variable LOOMCACHE_NODS is not known and is ignored; did you mean "
        "LOOMCACHE_NODES?",
        "the environment variable LOOMCACHE_QQQQQQQQQQQQQQQQQQQ is not known and is ignored",
        "the environment variable LOOMCACHE_SERVER_PORT is ignored: its value is what Kubernetes "
        "sets for a Service; name the Service otherwise, or set enableServiceLinks: false"};
    struct config *c = load_good(NULL, environment, NULL);

    cr_assert(c->n_warnings == 5);
    for (size_t i = 0; i < 5; i++) cr_expect(eq(str, c->warnings[i], (char *)want[i]));
    cr_expect(c->server.port == 7654);
    config_free(c);
}

/* --- refusals --------------------------------------------------------------------------------- */

static const struct {
    const char *file, *want; /* want: %s stands for the file's path */
} bad_files[] = {
    {"[server]\nport = 70000\n",
     "%s:2: [server] port = 70000: expected a whole number from 0 to 65535"},
    {"[server]\n\nprot = 1\n", "%s:3: [server] prot = 1: unknown key; did you mean port?"},
    {"[server]\nzzzzzzzzzzz = 1\n",
     "%s:2: [server] zzzzzzzzzzz = 1: unknown key; `loomcache --describe` lists all of them"},
    {"[serve]\nport = 1\n", "%s:2: unknown section [serve]; did you mean [server]?"},
    {"[qqqqqqqqq]\nport = 1\n", "%s:2: unknown section [qqqqqqqqq]; a plugin's is "
                                "[eviction.<name>], [storage.<name>], [discovery.<name>] or "
                                "[exporter.<name>]"},
    {"[storage]\nmax_memory = 64x\n", "%s:2: [storage] max_memory = 64x: expected a size from 0 to "
                                      "1024TiB, such as 1GiB"},
    {"[storage]\npartitions = 3\n", "%s:2: [storage] partitions = 3: expected a power of two: 1, "
                                    "2, 4, 8, 16, 32, 64, 128 or 256"},
    {"[storage]\npartitions = 512\n",
     "%s:2: [storage] partitions = 512: expected a whole number from 1 to 256"},
    {"[storage]\ninline_max = 32KiB\n",
     "%s:2: [storage] inline_max = 32KiB: expected a size from 1KiB to 31KiB, such as 16KiB"},
    {"[storage]\ncompress = zip\n", "%s:2: [storage] compress = zip: expected none or lz4"},
    {"[server]\ndatabases = 8\n",
     "%s:2: [server] databases = 8: expected 16: the number of databases is fixed"},
    {"[server]\npersistence_enabled = yes\n",
     "%s:2: [server] persistence_enabled = yes: expected false: this version keeps everything in "
     "memory and cannot persist it; a node that only seems durable would lose data"},
    {"[node]\nid = a b\n",
     "%s:2: [node] id = a b: expected letters, digits, dots, dashes and underscores only"},
    {"[server]\nbind = example.org\n",
     "%s:2: [server] bind = example.org: expected numeric addresses, localhost or *, separated by "
     "commas; \"example.org\" is none of these"},
    {"[server]\nbind = *\n",
     "[server] bind = * would let other machines in without a password: set requirepass, or "
     "allow_open = true if everybody on that network may read and write"},
    {"[server]\nport = 8080\n",
     "[server] port and [health] port are both 8080 on 127.0.0.1: change one, or set the health "
     "port to 0 (the client port answers GET /health too)"},
    {"[eviction.toy]\nn = 65\n",
     "%s:2: [eviction.toy] n = 65: expected a whole number from 1 to 64"},
    {"[eviction.toy]\nsmal_ratio = 1\n",
     "%s:2: [eviction.toy] smal_ratio = 1: unknown key; did you mean small_ratio?"},
    {"[discovery.toy]\nx = 1\n", "%s:2: [discovery.toy] x = 1: unknown key; this section has none"},
    {"[server]\nport = 1\nport = 2\n",
     "%s:3: \"port\": is set in line 2 already; keep one of them"},
    {"[log]\nlevel = loud\n", "%s:2: [log] level = loud: expected debug or info or warn or error"},
    {"[server]\nslowlog_threshold = 5\n",
     "%s:2: [server] slowlog_threshold = 5: expected a time such as 500us or 10ms, or off"},
};

Test(config, bad_files)
{
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        char want[1000];
        const char *got = refusal(bad_files[i].file, NULL, NULL);
        const char *path = scratch_path("t.ini");
        const char *at = strstr(bad_files[i].want, "%s");
        snprintf(want, sizeof want, "%s%s", at ? path : "", at ? at + 2 : bad_files[i].want);
        cr_expect(strcmp(got, want) == 0, "got  %s\nwant %s", got, want);
    }
}

Test(config, errors_in_other_places_name_those)
{
    static char *const environment[] = {"LOOMCACHE_SERVER_PORT=x", NULL};
    static char *const plugin[] = {"LOOMCACHE_EVICTION_TOY_N=65", NULL};

    cr_expect(eq(str, (char *)refusal(NULL, environment, NULL),
                 "environment LOOMCACHE_SERVER_PORT: [server] port = x: expected a whole number "
                 "from 0 to 65535"));
    cr_expect(eq(str, (char *)refusal(NULL, plugin, NULL),
                 "environment LOOMCACHE_EVICTION_TOY_N: [eviction.toy] n = 65: expected a whole "
                 "number from 1 to 64"));
    cr_expect(eq(str, (char *)refusal(NULL, NULL, "server.port=x"),
                 "command line: [server] port = x: expected a whole number from 0 to 65535"));
    cr_expect(eq(str, (char *)refusal(NULL, NULL, "port=1"),
                 "command line: --set port=1: expected section.key=value, such as --set "
                 "server.port=7654"));
    cr_expect(strstr(refusal(NULL, NULL, "server.port"), "expected section.key=value") != NULL);
    cr_expect(strstr(refusal(NULL, NULL, ".port=1"), "expected section.key=value") != NULL);
    cr_expect(strstr(refusal(NULL, NULL, "server.=1"), "expected section.key=value") != NULL);
}

/* Even a value that is overridden must be right: one day the override is gone. */
Test(config, overridden_values_are_checked_too)
{
    cr_expect(strstr(refusal("[server]\nport = x\n", NULL, "server.port=1"), "t.ini:2: ") != NULL);
}

Test(config, plugins_that_are_not_there)
{
    const char *got = refusal("[eviction]\npolicy = toi\n", NULL, "eviction.policy=toi");

    cr_expect(strstr(got, "command line: [eviction] policy = toi: no eviction policy \"toi\" "
                          "(eviction_toi.so) in /") == got, "%s", got);
    cr_expect(strstr(got, "did you mean toy?") != NULL);
    got = refusal("[eviction.absent]\nx = 1\n", NULL, NULL);
    cr_expect(strstr(got, "t.ini:2: [eviction.absent]: no eviction policy \"absent\"") != NULL,
              "%s", got);
    got = refusal(NULL, NULL, "plugins.load=absent.so");
    cr_expect(strstr(got, "[plugins] load = absent.so: no plugin file \"absent.so\" in /") != NULL,
              "%s", got);
    got = refusal(NULL, NULL, "exporter.plugins=toy, toy");
    cr_expect(strstr(got, "expected each exporter once") != NULL, "%s", got);
    got = refusal(NULL, NULL, "exporter.plugins=toy,absent");
    cr_expect(strstr(got, "[exporter] plugins = toy,absent: no exporter \"absent\"") != NULL, "%s",
              got);
}

Test(config, secrets_stay_out_of_sentences)
{
    char set[700], long_secret[600];

    memset(long_secret, 's', sizeof long_secret);
    long_secret[sizeof long_secret - 1] = '\0';
    snprintf(set, sizeof set, "server.requirepass=%s", long_secret);
    cr_expect(eq(str, (char *)refusal(NULL, NULL, set),
                 "command line: [server] requirepass = ***: expected text of 0 to 512 bytes "
                 "without control characters"));
}

Test(config, files_that_cannot_be_read)
{
    struct config_args args = {.file = "/nonexistent/x.ini"};
    struct config *c = NULL;
    struct error error = {0};

    cr_assert(config_load(&args, NULL, &c, &error) == LOOM_E_IO);
    cr_expect(eq(str, error.text, "cannot read /nonexistent/x.ini: No such file or directory"));
    cr_expect(c == NULL);
}

Test(config, an_open_node_is_allowed_when_asked_for)
{
    config_free(load_good("[server]\nbind = *\nallow_open = true\n", NULL, NULL));
    config_free(load_good("[server]\nbind = 0.0.0.0, ::\nrequirepass = x\n", NULL, NULL));
    config_free(load_good("[server]\nbind = *\nenabled = false\n", NULL, NULL));
    config_free(load_good("[server]\nbind = *\nport = 0\n", NULL, NULL));
    config_free(load_good("[server]\nbind = 127.0.0.2,::1\n", NULL, NULL));
    config_free(load_good("[server]\nport = 8080\n[health]\nbind = 127.0.0.9\n", NULL, NULL));
    config_free(load_good("[server]\nport = 0\n[health]\nport = 0\n", NULL, NULL));
}

/* --- plugins' sections ------------------------------------------------------------------------ */

Test(config, settings_of_a_plugin)
{
    size_t n = 9;
    struct config *c = load_good("[eviction.toy]\nn = 5\nwait = 2s\n", NULL, "eviction.toy.n=6");
    const struct option_setting *s = config_settings(c, PLUGIN_EVICTION, "toy", &n);

    cr_assert(n == 2);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(s[i].key, "n") == 0) {
            cr_expect(eq(str, (char *)s[i].value, "6"));
            cr_expect(eq(str, (char *)s[i].place, "command line"));
        } else {
            cr_expect(eq(str, (char *)s[i].key, "wait"));
            cr_expect(strstr(s[i].place, "t.ini:3") != NULL);
        }
    }
    cr_expect(config_settings(c, PLUGIN_EXPORTER, "toy", &n) == NULL && n == 0);
    config_free(c);
}

/* --- addresses -------------------------------------------------------------------------------- */

Test(config, addresses)
{
    struct config_address a[4];
    struct error error = {0};

    cr_assert(config_addresses("localhost", a, 4, &error) == 2);
    cr_expect(eq(str, a[0].text, "127.0.0.1"));
    cr_expect(eq(str, a[1].text, "::1"));
    cr_expect(a[0].loopback && a[1].loopback && a[0].dual == false);
    cr_assert(config_addresses("*", a, 4, &error) == 1);
    cr_expect(a[0].dual && a[0].loopback == false);
    cr_assert(config_addresses(" 10.0.0.1 , [fe80::1],::ffff:127.0.0.1,", a, 4, &error) == 3);
    cr_expect(eq(str, a[1].text, "fe80::1"));
    cr_expect(a[0].loopback == false && a[1].loopback == false && a[2].loopback);
    cr_expect(config_addresses("", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(config_addresses(" , ", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(config_addresses("127.1", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(config_addresses("[::1", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(config_addresses("127.0.0.1,localhost", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(eq(str, error.text, "expected each address once, 127.0.0.1 is there twice"));
    cr_expect(config_addresses("::1,0::1", a, 4, &error) == LOOM_E_CONFIG);
    cr_expect(config_addresses("1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5", a, 4, &error) ==
              LOOM_E_CONFIG);
}

/* --- the command line ------------------------------------------------------------------------- */

static const char *usage_error(char *const *argv)
{
    static struct error error;
    struct config_args args;
    int argc = 0;

    while (argv[argc] != NULL) argc++;
    memset(&error, 0, sizeof error);
    config_args_parse(argc, argv, &args, &error);
    return error.text;
}
#define ARGS(...) ((char *const[]){"loomcache", __VA_ARGS__, NULL})

Test(config, command_line)
{
    struct config_args args;
    char *const argv[] = {"loomcache", "a.ini", "--port", "1", "--set=x.y=z", "--set", "a.b=c",
                          "--describe", "--json", NULL};

    cr_assert(config_args_parse(9, argv, &args, NULL) == 0);
    cr_expect(eq(str, (char *)args.file, "a.ini"));
    cr_expect(args.mode == CONFIG_DESCRIBE && args.json && args.n_sets == 3);
    cr_expect(eq(str, (char *)args.sets[0], "server.port=1"));
    cr_expect(eq(str, (char *)args.sets[1], "x.y=z"));
    cr_expect(eq(str, (char *)args.sets[2], "a.b=c"));
    cr_assert(config_args_parse(1, argv, &args, NULL) == 0);
    cr_expect(args.mode == CONFIG_RUN && args.file == NULL);
    cr_assert(config_args_parse(3, ARGS("--check-config", "x.ini"), &args, NULL) == 0);
    cr_expect(args.mode == CONFIG_CHECK);
    cr_expect(eq(str, (char *)args.file, "x.ini"));
    cr_assert(config_args_parse(2, ARGS("--version"), &args, NULL) == 0);
    cr_expect(args.mode == CONFIG_VERSION);

    cr_expect(eq(str, (char *)usage_error(ARGS("--confg", "x")),
                 "command line: unknown option --confg; did you mean --config?"));
    cr_expect(eq(str, (char *)usage_error(ARGS("--zzzzzzzzzz")),
                 "command line: unknown option --zzzzzzzzzz; see --help"));
    cr_expect(eq(str, (char *)usage_error(ARGS("--port")),
                 "command line: --port needs a value: N"));
    cr_expect(eq(str, (char *)usage_error(ARGS("--help=1")),
                 "command line: --help takes no value"));
    cr_expect(eq(str, (char *)usage_error(ARGS("a.ini", "b.ini")),
                 "command line: two configuration files, a.ini and b.ini"));
    cr_expect(eq(str, (char *)usage_error(ARGS("--port", "1", "--port", "2")),
                 "command line: --port is there twice"));
}

/* --- memory ----------------------------------------------------------------------------------- */

Test(config, every_allocation_may_fail, .timeout = 120)
{
    static char *const environment[] = {"LOOMCACHE_EVICTION_TOY_N=7", "LOOMCACHE_NODS=1",
                                        "LOOMCACHE_SERVER_BACKLOG=9", NULL};
    const char *path =
        scratch_text("t.ini", "[server]\nmax_clients = 5\n[eviction.toy]\nwait = 1s\n");
    uint64_t k = 0, asked, used = mem_used(MEM_CONFIG);
    int rc;

    do {
        struct config *c = NULL;
        struct error error = {0};
        mem_fail_at(++k);
        rc = load(path, environment, NULL, &c, &error);
        asked = mem_count();
        mem_fail_at(0);
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM, "k = %zu: %d %s", (size_t)k, rc, error.text);
        cr_assert(rc == 0 || strstr(error.text, "out of memory") != NULL, "%s", error.text);
        config_free(c);
        cr_assert(eq(u64, mem_used(MEM_CONFIG), used), "k = %zu", (size_t)k);
    } while (asked >= k && k < 1000);
    cr_assert(rc == 0);
    cr_assert(gt(u64, k, 60));
}

/* --- --check-config and --describe ------------------------------------------------------------ */

static struct config_args fixture_args(const char *file)
{
    struct config_args args;

    base_args(&args, file, NULL);
    return args;
}

Test(config, check_config)
{
    char said[4096] = "", complained[4096] = "";
    FILE *out = fmemopen(said, sizeof said, "w");
    FILE *err = fmemopen(complained, sizeof complained, "w");
    struct config_args good = fixture_args(scratch_text("good.ini", "[server]\nport = 1\n"));
    struct config_args bad = fixture_args(scratch_text("bad.ini", "[server]\nport = x\n"));

    cr_expect(config_check(&good, NULL, out, err) == 0);
    cr_expect(config_check(&bad, NULL, out, err) == 2);
    fclose(out);
    fclose(err);
    cr_expect(strstr(said, "good.ini: good (eviction toy, storage toy") != NULL, "%s", said);
    cr_expect(strstr(complained, "loomcache: ") == complained);
    cr_expect(strstr(complained, "bad.ini:2: [server] port = x") != NULL, "%s", complained);
}

Test(config, describe_names_everything)
{
    static char said[65536];
    struct config_args args = fixture_args(NULL);
    struct describe_metric metric = {"loomcache_items", "gauge", "Items.", "partition"};
    FILE *out = fmemopen(said, sizeof said, "w");
    char want[300];

    args.json = true;
    cr_assert(config_describe(&args, NULL, &metric, 1, out, stderr) == 0);
    fclose(out);
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        snprintf(want, sizeof want, "{\"type\":\"option\",\"section\":\"%s\",\"key\":\"%s\","
                                    "\"default\":\"%s\"",
                 row->section, row->option.key, row->option.preset);
        cr_expect(strstr(said, want) != NULL, "%s", want);
    }
    cr_expect(strstr(said, "\"accepts\":\"none or lz4\"") != NULL);
    cr_expect(strstr(said, "\"accepts\":\"a power of two from 1 to 256\"") != NULL);
    cr_expect(strstr(said, "{\"type\":\"metric\",\"name\":\"loomcache_items\",\"kind\":\"gauge\","
                           "\"labels\":\"partition\",\"help\":\"Items.\"}\n") != NULL);
    cr_expect(strstr(said, "\"section\":\"eviction.toy\",\"key\":\"small_ratio\"") != NULL);
    cr_expect(strstr(said, "loomcache_plugin_toy_hits_total") != NULL);
}
