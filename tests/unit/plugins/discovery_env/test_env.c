/* test_env.c - LOOMCACHE_NODES and LOOMCACHE_SEEDS through the plugin's door. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/node_host.h"

static struct node_host h;

static void set_up(void)
{
    unsetenv("LOOMCACHE_NODES");
    unsetenv("LOOMCACHE_SEEDS");
    node_host_init(&h);
}
static void tear_down(void) { node_host_fini(&h); }

TestSuite(discovery_env, .init = set_up, .fini = tear_down);

static int start(const char *nodes, const char *seeds)
{
    if (nodes != NULL) setenv("LOOMCACHE_NODES", nodes, 1);
    if (seeds != NULL) setenv("LOOMCACHE_SEEDS", seeds, 1);
    return node_discovery_start(&h, "discovery_env", "");
}

/* --- what is accepted ------------------------------------------------------------------------ */

static const struct {
    const char *list;
    size_t n;
    struct node_peer peers[4];
} accepted[] = {
    {"a=10.0.0.1:7001", 1, {{"a", "10.0.0.1", 7001}}},
    {"a=cache-a", 1, {{"a", "cache-a", 0}}},
    {"cache-a:7001", 1, {{"cache-a:7001", "cache-a", 7001}}},
    {"cache-a", 1, {{"cache-a", "cache-a", 0}}},
    {"cache-0.svc.cluster.local.", 1,
     {{"cache-0.svc.cluster.local.", "cache-0.svc.cluster.local.", 0}}},
    {"my_cache:65535", 1, {{"my_cache:65535", "my_cache", 65535}}},
    {"[::1]:7001", 1, {{"[::1]:7001", "::1", 7001}}},
    {"[fd00::7]", 1, {{"[fd00::7]", "fd00::7", 0}}},
    {"v6=[FD00:0::0007]:1", 1, {{"v6", "fd00::7", 1}}},
    {"m=[::ff:ffff]:7001", 1, {{"m", "::0.255.255.255", 7001}}},
    {"a=x:1,b=x:2,c=y:1", 3, {{"a", "x", 1}, {"b", "x", 2}, {"c", "y", 1}}},
    {" a = x:1 ,\tb=y:1 ", 2, {{"a", "x", 1}, {"b", "y", 1}}},
    {"127.0.0.1:7001,127.0.0.1:7002", 2,
     {{"127.0.0.1:7001", "127.0.0.1", 7001}, {"127.0.0.1:7002", "127.0.0.1", 7002}}},
    {"A=x:1,a=y:1", 2, {{"A", "x", 1}, {"a", "y", 1}}},
    {"a=x:0001", 1, {{"a", "x", 1}}},
    {"n=3com.example", 1, {{"n", "3com.example", 0}}},
};

Test(discovery_env, every_accepted_form_gives_its_peers)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        int rc = start(accepted[i].list, NULL);
        cr_assert_eq(rc, 0, "%s: %s", accepted[i].list, h.failure);
        cr_assert_eq(h.answers.n_peers, accepted[i].n, "%s", accepted[i].list);
        for (size_t k = 0; k < accepted[i].n; k++) {
            const struct node_peer *want = &accepted[i].peers[k], *got = &h.answers.peers[k];
            cr_assert_str_eq(got->name, want->name, "%s: %s", accepted[i].list, got->name);
            cr_assert_str_eq(got->host, want->host, "%s: %s", accepted[i].list, got->host);
            cr_assert_eq(got->port, want->port, "%s: %u", accepted[i].list, got->port);
        }
        node_stop(&h);
    }
}

/* --- what is refused ------------------------------------------------------------------------- */

#define NAME_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const struct {
    const char *list, *element, *why;
} refused[] = {
    {",", "element 1 \"\"", "nothing between the commas"},
    {"a,", "element 2 \"\"", "nothing between the commas"},
    {"a,,b", "element 2 \"\"", "nothing between the commas"},
    {"a, ,b", "element 2 \"\"", "nothing between the commas"},
    {" ", "element 1 \"\"", "nothing between the commas"},
    {"=x:1", "element 1 \"=x:1\"", "name before '=' is missing"},
    {" = x", "element 1 \"= x\"", "name before '=' is missing"},
    {"a=", "element 1 \"a=\"", "host is missing"},
    {"a=:1", "element 1 \"a=:1\"", "host is missing"},
    {":7001", "element 1 \":7001\"", "host is missing"},
    {"a=x:", "element 1 \"a=x:\"", "port is not a number"},
    {"ok,a=x:http", "element 2 \"a=x:http\"", "port is not a number"},
    {"x:70o1", "element 1 \"x:70o1\"", "port is not a number"},
    {"x:-1", "element 1 \"x:-1\"", "port is not a number"},
    {"x:+1", "element 1 \"x:+1\"", "port is not a number"},
    {"x: 1", "element 1 \"x: 1\"", "port is not a number"},
    {"x:1:2", "element 1 \"x:1:2\"", "port is not a number"},
    {"x:0", "element 1 \"x:0\"", "1 to 65535"},
    {"x:65536", "element 1 \"x:65536\"", "1 to 65535"},
    {"x:999999999999999999999", "element 1", "1 to 65535"},
    {"::1", "element 1 \"::1\"", "stands in brackets"},
    {"fd00::7:7001", "element 1 \"fd00::7:7001\"", "stands in brackets"},
    {"[::1", "element 1 \"[::1\"", "']' is missing"},
    {"[]:1", "element 1 \"[]:1\"", "no IPv6 address"},
    {"[10.0.0.1]:1", "element 1 \"[10.0.0.1]:1\"", "no IPv6 address"},
    {"[fe80::1%eth0]:1", "element 1", "no IPv6 address"},
    {"[::1]7001", "element 1 \"[::1]7001\"", "after ']'"},
    {"[::1]:", "element 1 \"[::1]:\"", "port is not a number"},
    {"10.0.0.256:1", "element 1 \"10.0.0.256:1\"", "neither a DNS name nor an address"},
    {"10.0.1", "element 1 \"10.0.1\"", "neither a DNS name nor an address"},
    {"a..b", "element 1 \"a..b\"", "neither a DNS name nor an address"},
    {".a", "element 1 \".a\"", "neither a DNS name nor an address"},
    {".", "element 1 \".\"", "neither a DNS name nor an address"},
    {"a b", "element 1 \"a b\"", "neither a DNS name nor an address"},
    {"redis://x:1", "element 1 \"redis://x:1\"", "port is not a number"},
    {"user@x", "element 1 \"user@x\"", "neither a DNS name nor an address"},
    {"x\x01y", "element 1 \"x?y\"", "neither a DNS name nor an address"},
    {"gr\xc3\xbcn", "element 1 \"gr??n\"", "neither a DNS name nor an address"},
    {NAME_63 "l", "element 1", "neither a DNS name nor an address"},
    {"a b=x", "element 1 \"a b=x\"", "a name is made of"},
    {"a=b=c", "element 1 \"a=b=c\"", "neither a DNS name nor an address"},
    {"a;b", "element 1 \"a;b\"", "neither a DNS name nor an address"},
    {"a=x,a=y", "element 2 \"a=y\"", "its name is that of element 1"},
    {"x,b=y,x:1,x", "element 4 \"x\"", "its name is that of element 1"},
    {"a=x:1,b=x:1", "element 2 \"b=x:1\"", "host and port are those of element 1"},
    {"a=x,b=X:7654", "element 2 \"b=X:7654\"", "host and port are those of element 1"},
    {"a=[::1]:1,b=[0:0::1]:1", "element 2 \"b=[0:0::1]:1\"",
     "host and port are those of element 1"},
};

Test(discovery_env, every_malformed_form_names_the_element_and_the_form)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int rc = start(refused[i].list, NULL);
        cr_assert_eq(rc, LOOM_E_CONFIG, "%s gave %d", refused[i].list, rc);
        cr_assert(strstr(h.failure, "LOOMCACHE_NODES: ") == h.failure, "%s", h.failure);
        cr_assert(strstr(h.failure, refused[i].element), "%s: %s", refused[i].list, h.failure);
        cr_assert(strstr(h.failure, refused[i].why), "%s: %s", refused[i].list, h.failure);
        cr_assert(strstr(h.failure, "write name=host:port, host:port, host or [v6 address]:port"),
                  "%s", h.failure);
        cr_assert_eq(h.answers.n_found, 0, "%s", refused[i].list);
    }
}

Test(discovery_env, long_texts_are_bounded)
{
    char list[3000], dotted[300];

    memset(list, 'a', sizeof list);
    list[sizeof list - 1] = '\0';
    cr_assert_eq(start(list, NULL), LOOM_E_CONFIG);
    cr_assert(strstr(h.failure, "aaa...\": it is too long"), "%s", h.failure);

    for (size_t i = 0; i < sizeof dotted; i++) dotted[i] = i % 50 == 49 ? '.' : 'a';
    dotted[253] = '\0'; /* the longest DNS name there is */
    cr_assert_eq(start(dotted, NULL), 0, "%s", h.failure);
    cr_assert_str_eq(h.answers.peers[0].host, dotted);
    node_stop(&h);
    dotted[253] = 'a';
    dotted[254] = '\0';
    cr_assert_eq(start(dotted, NULL), LOOM_E_CONFIG);

    snprintf(list, sizeof list, "%.253s=x", dotted);
    cr_assert_eq(start(list, NULL), 0, "%s", h.failure);
    node_stop(&h);
    snprintf(list, sizeof list, "%.254s=x", dotted);
    cr_assert_eq(start(list, NULL), LOOM_E_CONFIG);
    cr_assert(strstr(h.failure, "at most 253 characters"), "%s", h.failure);
}

static char *many(size_t n)
{
    char *list = calloc(n, 16), *at = list;

    for (size_t i = 0; i < n; i++) at += sprintf(at, "%sn%zu", i ? "," : "", i);
    return list;
}

Test(discovery_env, a_list_holds_1024_peers_and_not_one_more)
{
    char *list = many(1024);

    cr_assert_eq(start(list, NULL), 0, "%s", h.failure);
    cr_assert_eq(h.answers.n_peers, 1024);
    cr_assert(node_has_peer(&h, "n1023", "n1023", 0));
    node_stop(&h);
    free(list);
    list = many(1025);
    cr_assert_eq(start(list, NULL), LOOM_E_LIMIT);
    cr_assert(strstr(h.failure, "element 1025 \"n1024\": a list has at most 1024 peers"), "%s",
              h.failure);
    free(list);
}

/* --- which variable -------------------------------------------------------------------------- */

Test(discovery_env, nothing_set_is_the_empty_set)
{
    cr_assert_eq(start(NULL, NULL), 0);
    cr_assert_eq(h.answers.n_found, 1);
    cr_assert_eq(h.answers.n_peers, 0);
    node_stop(&h);
    cr_assert_eq(start("", ""), 0);
    cr_assert_eq(h.answers.n_found, 2);
    cr_assert_eq(h.answers.n_peers, 0);
    cr_assert_eq(h.n_lines, 0);
}

Test(discovery_env, seeds_speak_when_there_are_no_nodes)
{
    cr_assert_eq(start("", "s=x:1"), 0);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "s", "x", 1));
    cr_assert_eq(h.n_lines, 0);
    node_stop(&h);
    cr_assert_eq(start("", "s=x:y"), LOOM_E_CONFIG);
    cr_assert(strstr(h.failure, "LOOMCACHE_SEEDS: element 1 \"s=x:y\"") == h.failure, "%s",
              h.failure);
}

Test(discovery_env, nodes_outrank_seeds_and_say_so)
{
    cr_assert_eq(start("n=x:1", "this is not even: a list"), 0, "%s", h.failure);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "n", "x", 1));
    cr_assert(node_logged(&h, "LOOMCACHE_NODES is set, so LOOMCACHE_SEEDS is not used"));
}

Test(discovery_env, a_refresh_changes_nothing)
{
    cr_assert_eq(start("n=x:1", NULL), 0);
    setenv("LOOMCACHE_NODES", "other", 1);
    node_refresh(&h);
    cr_assert_eq(h.answers.n_found, 1);
    cr_assert(node_has_peer(&h, "n", "x", 1));
}

Test(discovery_env, out_of_memory_at_any_allocation_is_a_sentence)
{
    uint64_t k;
    int rc = LOOM_E_NOMEM;
    char *list = many(40);

    for (k = 1; k < 100; k++) {
        h.n_asked = 0;
        h.fail_at = k;
        rc = start(list, NULL);
        if (rc == 0) break;
        cr_assert_eq(rc, LOOM_E_NOMEM);
        cr_assert(strstr(h.failure, "out of memory"), "%s", h.failure);
        cr_assert_eq(h.answers.n_found, 0);
    }
    cr_assert_eq(rc, 0);
    cr_assert_geq(k, 5, "only %zu allocations failed", (size_t)k - 1); /* 4 to grow, 1 to tell */
    free(list);
}
