/* A running node's configuration: CONFIG GET, SET, REWRITE, and SIGHUP. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/kit/scratch.h"
#include "tests/unit/server/config_kit.h"

TestSuite(config_live, .init = scratch_open, .fini = scratch_close);

/* --- who is told ------------------------------------------------------------------------------ */

static struct {
    struct config *config;
    enum config_key keys[64];
    size_t n;
    enum config_key refuse; /* CONFIG_KEYS: none */
    char seen[64];          /* max_memory, when it was announced */
} heard;

static int hear(void *arg, enum config_key key, struct error *error)
{
    cr_assert(arg == &heard);
    heard.keys[heard.n++] = key;
    if (key == CONFIG_STORAGE_MAX_MEMORY)
        snprintf(heard.seen, sizeof heard.seen, "%llu",
                 (unsigned long long)heard.config->storage.max_memory_bytes);
    if (key == heard.refuse) return error_set(error, LOOM_E_BUSY, "not now");
    return 0;
}

static struct config *live(const char *file)
{
    struct config *config = load_good(file, NULL, NULL);

    memset(&heard, 0, sizeof heard);
    heard.config = config;
    heard.refuse = CONFIG_KEYS;
    config_on_change(config, hear, &heard);
    return config;
}

/* --- CONFIG GET ------------------------------------------------------------------------------- */

static const char *const names_and_values[][2] = {
    {"server.port", "7654"}, {"SERVER.PORT", "7654"}, {"storage.max_memory", "1GiB"},
    {"storage.compress", "none"}, {"log.level", "info"}, {"server.slowlog_threshold", "10ms"},
    {"eviction.policy", "toy"}, {"eviction.toy.n", "3"}, {"eviction.toy.wait", "250ms"},
    /* Redis' */
    {"maxmemory", "1073741824"}, {"maxmemory-policy", "toy"}, {"maxmemory-samples", "0"},
    {"maxclients", "10000"}, {"timeout", "0"}, {"tcp-keepalive", "300"}, {"databases", "16"},
    {"save", ""}, {"appendonly", "no"}, {"appendfsync", "no"}, {"requirepass", ""},
    {"port", "7654"}, {"bind", "127.0.0.1 ::1"}, {"slowlog-log-slower-than", "10000"},
    {"slowlog-max-len", "128"}, {"proto-max-bulk-len", "536870912"},
    {"client-query-buffer-limit", "1073741824"},
    {"client-output-buffer-limit", "normal 1073741824 0 0 slave 0 0 0 pubsub 1073741824 0 0"},
    {"loglevel", "notice"}, {"latency-monitor-threshold", "0"}, {"hz", "10"},
    {"notify-keyspace-events", ""}, {"lazyfree-lazy-expire", "no"}, {"protected-mode", "yes"},
    {"MaxMemory", "1073741824"}, {"tcp-backlog", "511"}, {"logfile", ""},
};

Test(config_live, get_by_either_name)
{
    struct config *c = live("[server]\nthreads = 3\n");
    char here[4096];

    for (size_t i = 0; i < sizeof names_and_values / sizeof names_and_values[0]; i++) {
        const char *got = get(c, names_and_values[i][0]);
        cr_expect(got != NULL && strcmp(got, names_and_values[i][1]) == 0, "%s is %s, not %s",
                  names_and_values[i][0], got, names_and_values[i][1]);
    }
    cr_expect(eq(str, (char *)get(c, "io-threads"), "3"));
    cr_expect(eq(str, (char *)get(c, "dir"), getcwd(here, sizeof here)));
    cr_expect(get(c, "no-such-name") == NULL);
    config_free(c);
}

static void count(void *arg, const char *name, const char *value)
{
    cr_assert(name != NULL && value != NULL);
    ++*(size_t *)arg;
}

Test(config_live, get_takes_globs)
{
    struct config *c = live(NULL);
    size_t all = 0, slow = 0, none = 0;

    config_get(c, slice_of("*", 1), count, &all);
    config_get(c, slice_of("*slowlog*", 9), count, &slow);
    config_get(c, slice_of("x*", 2), count, &none);
    cr_expect(gt(sz, all, CONFIG_KEYS + 30));
    cr_expect(eq(sz, slow, 4));
    cr_expect(eq(sz, none, 0));
    config_free(c);
}

/* --- CONFIG SET ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value, *read_name, *want;
} settings[] = {
    {"maxmemory", "100mb", "storage.max_memory", "100MiB"},
    {"maxmemory", "0", "maxmemory", "0"},
    {"storage.max_memory", "1GiB", "maxmemory", "1073741824"},
    {"maxclients", "5", "server.max_clients", "5"},
    {"timeout", "90", "server.idle_timeout", "90s"},
    {"tcp-keepalive", "60", "server.tcp_keepalive", "1min"},
    {"slowlog-log-slower-than", "-1", "server.slowlog_threshold", "off"},
    {"slowlog-log-slower-than", "0", "slowlog-log-slower-than", "0"},
    {"slowlog-log-slower-than", "1500", "server.slowlog_threshold", "1500us"},
    {"slowlog-max-len", "0", "slowlog-max-len", "0"},
    {"latency-monitor-threshold", "7", "server.latency_threshold", "7ms"},
    {"proto-max-bulk-len", "1mb", "server.bulk_max", "1MiB"},
    {"client-query-buffer-limit", "4mb", "server.query_buffer_max", "4MiB"},
    {"client-output-buffer-limit", "normal 2097152 0 0", "server.output_buffer_max", "2MiB"},
    {"client-output-buffer-limit", "slave 0 0 0 normal 4mb 0 60", "server.output_buffer_max",
     "4MiB"},
    {"loglevel", "verbose", "log.level", "info"},
    {"loglevel", "warning", "log.level", "warn"},
    {"log.level", "error", "loglevel", "nothing"},
    {"requirepass", "pass word", "requirepass", "pass word"},
    {"requirepass", "", "server.requirepass", ""},
    {"storage.compress", "lz4", "storage.compress", "lz4"},
    {"Storage.Expire_Interval", "250ms", "hz", "4"},
    {"save", "", "save", ""},
    {"appendonly", "NO", "appendonly", "no"},
    {"maxmemory-policy", "toy", "maxmemory-policy", "toy"},
    {"port", "7654", "port", "7654"},
    {"server.databases", "16", "databases", "16"},
    {"bind", "127.0.0.1 ::1", "bind", "127.0.0.1 ::1"},
};

Test(config_live, set_by_either_name)
{
    struct config *c = live(NULL);

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int rc = set(c, settings[i].name, settings[i].value);
        cr_expect(rc == 0, "%s = %s: %s", settings[i].name, settings[i].value, set_error.text);
        const char *got = get(c, settings[i].read_name);
        cr_expect(strcmp(got, settings[i].want) == 0, "%s = %s: %s is %s", settings[i].name,
                  settings[i].value, settings[i].read_name, got);
    }
    config_free(c);
}

static const struct {
    const char *name, *value;
    int code;
    const char *want;
} refusals[] = {
    {"maxmemory", "lots", LOOM_E_CONFIG, "expected a size from 0 to 1024TiB, such as 1GiB"},
    {"server.max_clients", "0", LOOM_E_CONFIG, "expected a whole number from 1 to 1000000"},
    {"timeout", "5s", LOOM_E_CONFIG, "expected a whole number of seconds"},
    {"timeout", "-1", LOOM_E_CONFIG, "expected a whole number of seconds"},
    {"slowlog-log-slower-than", "x", LOOM_E_CONFIG,
     "expected a whole number of microseconds, or -1 for none"},
    {"appendonly", "yes", LOOM_E_CONFIG,
     "it is \"no\" on this server and cannot be changed while it runs"},
    {"save", "900 1", LOOM_E_CONFIG, "it is \"\" on this server"},
    {"io-threads", "77", LOOM_E_CONFIG, "on this server and cannot be changed while it runs"},
    {"port", "1", LOOM_E_CONFIG,
     "[server] port cannot change while the node runs: set it in the file and restart"},
    {"maxmemory-policy", "allkeys-lru", LOOM_E_CONFIG, "[eviction] policy cannot change"},
    {"maxmemory-policy", "volatile-lru", LOOM_E_CONFIG, "policies here see all keys"},
    {"server.persistence_enabled", "yes", LOOM_E_CONFIG, "expected false"},
    {"client-output-buffer-limit", "normal 0 1 1", LOOM_E_CONFIG, "expected a soft limit of 0"},
    {"client-output-buffer-limit", "fast 0 0 0", LOOM_E_CONFIG, "expected the classes"},
    {"client-output-buffer-limit", "normal 0 0", LOOM_E_CONFIG, "expected \"normal <bytes> 0 0\""},
    {"client-output-buffer-limit", "normal 1 0 0", LOOM_E_CONFIG, "expected a size from 1MiB"},
    {"eviction.toy.n", "4", LOOM_E_CONFIG, "a plugin's key cannot change while the node runs"},
    {"maxmemry", "1", LOOM_E_UNSUPPORTED, "there is no key 'maxmemry'; did you mean maxmemory?"},
    {"server.prt", "1", LOOM_E_UNSUPPORTED,
     "there is no key 'server.prt'; did you mean server.port?"},
    {"", "1", LOOM_E_UNSUPPORTED, "there is no key ''"},
    {"requirepass", "a\nb", LOOM_E_CONFIG, "without control characters"},
};

Test(config_live, refused_sets_change_nothing)
{
    struct config *c = live(NULL);

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        int rc = set(c, refusals[i].name, refusals[i].value);
        cr_expect(rc == refusals[i].code, "%s = %s: %d", refusals[i].name, refusals[i].value, rc);
        cr_expect(strstr(set_error.text, refusals[i].want) != NULL, "got %s\nwant %s",
                  set_error.text, refusals[i].want);
    }
    cr_expect(heard.n == 0);
    for (int i = 0; i < CONFIG_KEYS; i++)
        cr_expect(config_origin(c, (enum config_key)i) != CONFIG_FROM_CLIENT);
    config_free(c);
}

static struct config_pair pair(const char *name, const char *value)
{
    return (struct config_pair){slice_of(name, strlen(name)), slice_of(value, strlen(value))};
}

Test(config_live, several_at_once_or_none)
{
    struct config *c = live(NULL);
    struct config_pair pairs[] = {pair("maxmemory", "5mb"), pair("maxclients", "7"),
                                  pair("timeout", "x")};
    struct error error = {0};
    size_t at = 9;

    cr_expect(config_set(c, pairs, 3, &at, &error) == LOOM_E_CONFIG && at == 2);
    cr_expect(c->storage.max_memory_bytes == 1u << 30 && heard.n == 0);
    pairs[2] = pair("storage.max_memory", "6mb"); /* the first one, by its other name */
    cr_expect(config_set(c, pairs, 3, &at, &error) == LOOM_E_CONFIG && at == 2);
    cr_expect(eq(str, error.text, "the same key is given twice"));
    pairs[2] = pair("save", "");
    cr_expect(config_set(c, pairs, 3, &at, &error) == 0);
    cr_expect(c->storage.max_memory_bytes == 5u << 20 && c->server.max_clients == 7);
    cr_expect(heard.n == 2 && heard.keys[0] == CONFIG_STORAGE_MAX_MEMORY &&
              heard.keys[1] == CONFIG_SERVER_MAX_CLIENTS);
    cr_expect(eq(str, heard.seen, "5242880"));
    cr_expect(config_origin(c, CONFIG_STORAGE_MAX_MEMORY) == CONFIG_FROM_CLIENT);
    config_free(c);
}

Test(config_live, what_does_not_change_is_not_announced)
{
    struct config *c = live(NULL);

    cr_assert(set(c, "maxclients", "10000") == 0);
    cr_expect(heard.n == 0);
    config_free(c);
}

Test(config_live, a_listener_may_refuse)
{
    struct config *c = live("[log]\nfile = /tmp/first\n");
    struct config_pair pairs[] = {pair("maxmemory", "5mb"), pair("logfile", "/tmp/second"),
                                  pair("maxclients", "7")};
    struct error error = {0};
    size_t at = 9;

    heard.refuse = CONFIG_LOG_FILE;
    cr_expect(config_set(c, pairs, 3, &at, &error) == LOOM_E_BUSY && at == 1);
    cr_expect(eq(str, error.text, "not now"));
    cr_expect(c->storage.max_memory_bytes == 1u << 30 && c->server.max_clients == 10000);
    cr_expect(eq(str, (char *)c->log.file, "/tmp/first"));
    cr_expect(eq(str, heard.seen, "1073741824")); /* told again, with the old value */
    cr_expect(heard.n == 4);
    config_free(c);
}

/* The password of an open node cannot be taken away. */
Test(config_live, conditions_across_keys_hold_while_running)
{
    struct config *c = live("[server]\nbind = *\nrequirepass = x\n");

    cr_expect(set(c, "requirepass", "") == LOOM_E_CONFIG);
    cr_expect(strstr(set_error.text, "would let other machines in") != NULL);
    cr_expect(eq(str, (char *)c->server.requirepass, "x"));
    cr_expect(set(c, "requirepass", "y") == 0);
    cr_expect(eq(str, (char *)c->server.requirepass, "y"));
    config_free(c);
}

Test(config_live, set_survives_every_failing_allocation)
{
    struct config *c = live(NULL);
    struct config_pair pairs[] = {pair("requirepass", "secret"), pair("maxclients", "7")};
    uint64_t k = 0, used;
    size_t at;
    int rc;

    used = mem_used(MEM_CONFIG);
    do {
        struct error error = {0};
        mem_fail_at(++k);
        rc = config_set(c, pairs, 2, &at, &error);
        mem_fail_at(0);
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM);
        if (rc != 0) {
            cr_expect(eq(u64, mem_used(MEM_CONFIG), used));
            cr_expect(c->server.requirepass[0] == '\0' && c->server.max_clients == 10000);
        }
    } while (rc != 0 && k < 50);
    cr_expect(rc == 0 && k > 2);
    cr_expect(eq(str, (char *)c->server.requirepass, "secret"));
    config_free(c);
}

static void *set_and_get(void *arg)
{
    struct config *c = arg;

    for (int i = 0; i < 300; i++) {
        char value[32];
        size_t n = 0, at;
        snprintf(value, sizeof value, "%d", i);
        struct config_pair one = pair("requirepass", value);
        cr_assert(config_set(c, &one, 1, &at, NULL) == 0);
        config_get(c, slice_of("*pass*", 6), count, &n);
        cr_assert(n == 2);
    }
    return NULL;
}

Test(config_live, any_thread_may_set_and_get)
{
    struct config *c = load_good(NULL, NULL, NULL);
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, set_and_get, c);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    config_free(c);
}

/* --- SIGHUP ----------------------------------------------------------------------------------- */

static char said[4096];

static void say(void *arg, enum loom_log_level level, const char *sentence)
{
    size_t used = strlen(said);

    (void)arg;
    snprintf(said + used, sizeof said - used, "%d %s\n", (int)level, sentence);
}

/* What reloading this text says; the error's sentence if it fails. */
static const char *reload(struct config *c, const char *text)
{
    struct error error = {0};

    scratch_text("t.ini", text);
    said[0] = '\0';
    if (config_reload(c, say, NULL, &error) != 0) snprintf(said, sizeof said, "%s", error.text);
    return said;
}

Test(config_live, reload_applies_what_changed_in_the_file)
{
    struct config *c = live("[server]\nmax_clients = 5\nport = 1\nslowlog_len = 9\n");

    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 5\nport = 1\nslowlog_len = 9\n"),
                 ""));
    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 6\nport = 2\nrequirepass = s\n"),
                 "2 [server] port = 2 needs a restart\n"
                 "1 [server] requirepass = *** is applied\n"
                 "1 [server] max_clients = 6 is applied\n"
                 "1 [server] slowlog_len = 128 is applied\n"));
    cr_expect(c->server.max_clients == 6 && c->server.port == 1 && c->server.slowlog_len == 128);
    cr_expect(config_origin(c, CONFIG_SERVER_MAX_CLIENTS) == CONFIG_FROM_FILE);
    cr_expect(config_origin(c, CONFIG_SERVER_SLOWLOG_LEN) == CONFIG_FROM_DEFAULT);
    cr_expect(heard.n == 3);
    config_free(c);
}

Test(config_live, reload_keeps_what_clients_set)
{
    struct config *c = live("[server]\nmax_clients = 5\n");

    cr_assert(set(c, "maxclients", "50") == 0);
    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 5\nslowlog_len = 1\n"),
                 "1 [server] slowlog_len = 1 is applied\n"));
    cr_expect(c->server.max_clients == 50);
    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 6\nslowlog_len = 1\n"),
                 "1 [server] max_clients = 6 is applied\n"));
    cr_expect(c->server.max_clients == 6);
    config_free(c);
}

Test(config_live, reload_respects_precedence)
{
    static char *const environment[] = {"LOOMCACHE_SERVER_SLOWLOG_LEN=3", NULL};
    struct config *c = load_good("[server]\n", environment, "server.max_clients=4");

    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 9\nslowlog_len = 9\n"), ""));
    cr_expect(c->server.max_clients == 4 && c->server.slowlog_len == 3);
    config_free(c);
}

Test(config_live, reload_of_a_bad_file_applies_nothing)
{
    struct config *c = live("[server]\nbind = *\nrequirepass = x\nmax_clients = 5\n");

    cr_expect(strstr(reload(c, "[server]\nbind = *\nrequirepass = x\nmax_clients = 6\nprt = 1\n"),
                     "t.ini:5: [server] prt = 1: unknown key") != NULL);
    cr_expect(strstr(reload(c, "[server]\nbind = *\nmax_clients = 6\n"),
                     "would let other machines in") != NULL);
    cr_expect(strstr(reload(c, "[eviction.toy]\nn = 99\n"), "t.ini:2: [eviction.toy] n = 99") !=
              NULL);
    cr_expect(strstr(reload(c, "[eviction.absent]\nn = 99\n"), "no eviction policy") != NULL);
    unlink(scratch_path("t.ini"));
    struct error error = {0};
    cr_expect(config_reload(c, say, NULL, &error) == LOOM_E_IO);
    cr_expect(heard.n == 0 && c->server.max_clients == 5);
    config_free(c);
}

Test(config_live, reload_tells_of_plugins_keys)
{
    struct config *c = live("[eviction.toy]\nn = 5\nwait = 1s\n");

    cr_expect(eq(str, (char *)reload(c, "[eviction.toy]\nwait = 1s\nn = 5\n"), ""));
    cr_expect(eq(str, (char *)reload(c, "[eviction.toy]\nn = 6\nname = z\n"),
                 "2 [eviction.toy] n has changed in the file and needs a restart\n"
                 "2 [eviction.toy] name has changed in the file and needs a restart\n"
                 "2 [eviction.toy] wait has changed in the file and needs a restart\n"));
    config_free(c);
}

Test(config_live, reload_says_what_a_listener_refused_and_asks_again)
{
    struct config *c = live("[server]\nmax_clients = 5\n");

    heard.refuse = CONFIG_SERVER_MAX_CLIENTS;
    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 6\n"),
                 "3 [server] max_clients = 6 is not applied: not now\n"));
    cr_expect(c->server.max_clients == 5);
    heard.refuse = CONFIG_KEYS;
    cr_expect(eq(str, (char *)reload(c, "[server]\nmax_clients = 6\n"),
                 "1 [server] max_clients = 6 is applied\n"));
    config_free(c);
}

Test(config_live, reload_survives_every_failing_allocation, .timeout = 120)
{
    struct config *c = live("[server]\nmax_clients = 5\n");
    uint64_t k = 0, used = mem_used(MEM_CONFIG);
    int rc;

    scratch_text("t.ini", "[server]\nmax_clients = 6\nslowlog_len = 1\n[eviction.toy]\nn = 4\n");
    do {
        struct error error = {0};
        mem_fail_at(++k);
        rc = config_reload(c, say, NULL, &error);
        mem_fail_at(0);
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM, "%d %s", rc, error.text);
    } while (rc != 0 && k < 200);
    cr_assert(rc == 0);
    cr_expect(gt(u64, k, 10));
    cr_expect(c->server.max_clients == 6 && c->server.slowlog_len == 1);
    cr_expect(le(u64, mem_used(MEM_CONFIG), used + 256));
    config_free(c);
}

/* --- CONFIG REWRITE --------------------------------------------------------------------------- */

/* The file after setting and rewriting. */
static const char *rewritten(struct config *c)
{
    struct error error = {0};
    int rc = config_rewrite(c, &error);

    cr_assert(rc == 0, "%s", error.text);
    return scratch_read(scratch_path("t.ini"), NULL);
}

Test(config_live, rewrite_keeps_comments_and_order)
{
    const char *before = "# top\n\n[log]\nlevel = info ; loud\n\n[server]\n# the port\nport = 1\n"
                         "  max_clients : 5\t; few\n; end\n\n[eviction.toy]\nn = 4\n";
    struct config *c = live(before);

    cr_expect(eq(str, (char *)rewritten(c), (char *)before)); /* nothing was set */
    cr_assert(set(c, "maxclients", "50") == 0 && set(c, "loglevel", "warning") == 0);
    cr_expect(eq(str, (char *)rewritten(c),
                 "# top\n\n[log]\nlevel = warn ; loud\n\n[server]\n# the port\nport = 1\n"
                 "  max_clients = 50\t; few\n; end\n\n[eviction.toy]\nn = 4\n"));
    cr_expect(config_origin(c, CONFIG_SERVER_MAX_CLIENTS) == CONFIG_FROM_FILE);
    said[0] = '\0'; /* and a reload finds nothing to do */
    cr_expect(config_reload(c, say, NULL, NULL) == 0);
    cr_expect(eq(str, said, ""));
    config_free(c);
}

Test(config_live, rewrite_adds_keys_and_sections)
{
    struct config *c = live("[server]\nport = 1\n\n\n[log]\nlevel = info");

    cr_assert(set(c, "maxclients", "50") == 0 && set(c, "logfile", "x.log") == 0 &&
              set(c, "storage.max_items", "9") == 0 && set(c, "maxmemory", "5mb") == 0);
    cr_expect(eq(str, (char *)rewritten(c),
                 "[server]\nport = 1\nmax_clients = 50\n\n\n[log]\nlevel = info\nfile = x.log\n"
                 "\n[storage]\nmax_memory = 5MiB\nmax_items = 9\n"));
    config_free(c);
    c = live("");
    cr_assert(set(c, "maxclients", "50") == 0);
    cr_expect(eq(str, (char *)rewritten(c), "[server]\nmax_clients = 50\n"));
    cr_assert(set(c, "requirepass", "x") == 0);
    rewritten(c);
    cr_assert(set(c, "requirepass", "") == 0);
    cr_expect(eq(str, (char *)rewritten(c), "[server]\nmax_clients = 50\nrequirepass =\n"));
    config_free(c);
}

Test(config_live, rewrite_keeps_line_ends_of_windows)
{
    struct config *c = live("[server]\r\nmax_clients = 5 ; few\r\nslowlog_len = 1\r\n");

    cr_assert(set(c, "maxclients", "50") == 0 && set(c, "slowlog-max-len", "2") == 0);
    cr_expect(eq(str, (char *)rewritten(c),
                 "[server]\r\nmax_clients = 50 ; few\r\nslowlog_len = 2\r\n"));
    config_free(c);
}

Test(config_live, rewrite_refuses_what_would_not_come_back)
{
    static const char *const values[] = {" x", "x ", "x ;y", ";x", "a\xc2\xa0 ;"};
    const char *before = "[server]\nmax_clients = 5\n";
    struct config *c = live(before);
    struct error error = {0};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cr_assert(set(c, "requirepass", values[i]) == 0);
        cr_expect(config_rewrite(c, &error) == LOOM_E_CONFIG, "%s", values[i]);
        cr_expect(strstr(error.text, "[server] requirepass cannot be written") != NULL, "%s",
                  error.text);
        cr_expect(eq(str, scratch_read(scratch_path("t.ini"), NULL), (char *)before));
    }
    cr_assert(set(c, "requirepass", "x;y=#z") == 0);
    cr_expect(eq(str, (char *)rewritten(c), "[server]\nmax_clients = 5\nrequirepass = x;y=#z\n"));
    config_free(c);
}

Test(config_live, rewrite_goes_through_links_and_keeps_the_mode)
{
    const char *real = scratch_text("real.ini", "[server]\n"), *link = scratch_path("link.ini");
    struct config *c = NULL;
    struct stat st;

    cr_assert(symlink(real, link) == 0 && chmod(real, 0640) == 0);
    cr_assert(load(link, NULL, NULL, &c, NULL) == 0);
    cr_assert(set(c, "maxclients", "50") == 0);
    cr_assert(config_rewrite(c, NULL) == 0);
    cr_expect(eq(str, scratch_read(real, NULL), "[server]\nmax_clients = 50\n"));
    cr_assert(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    cr_assert(stat(real, &st) == 0);
    cr_expect(eq(u32, st.st_mode & 0777, 0640));
    config_free(c);
}

Test(config_live, rewrite_needs_a_file)
{
    struct config *c = live(NULL);
    struct error error = {0};

    cr_expect(config_rewrite(c, &error) == LOOM_E_UNSUPPORTED);
    cr_expect(eq(str, error.text, "the node was started without a configuration file"));
    config_free(c);
    c = live("[server]\n");
    unlink(scratch_path("t.ini"));
    cr_assert(set(c, "maxclients", "50") == 0);
    cr_expect(config_rewrite(c, &error) == LOOM_E_IO);
    config_free(c);
}
