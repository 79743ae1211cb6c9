/* test_static.c - the plugin around the list; the list itself is tested with discovery_env, from
 * the same source. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/kit/node_host.h"

static struct node_host h;

static void set_up(void) { node_host_init(&h); }
static void tear_down(void) { node_host_fini(&h); }

TestSuite(discovery_static, .init = set_up, .fini = tear_down);

static int start(const char *settings)
{
    return node_discovery_start(&h, "discovery_static", settings);
}

Test(discovery_static, the_list_is_the_set)
{
    cr_assert_eq(start("nodes = a=10.0.0.1:7001, cache-b, [fd00::3]:7003"), 0, "%s", h.failure);
    cr_assert_eq(h.answers.n_found, 1);
    cr_assert_eq(h.answers.n_peers, 3);
    cr_assert(node_has_peer(&h, "a", "10.0.0.1", 7001));
    cr_assert(node_has_peer(&h, "cache-b", "cache-b", 0));
    cr_assert(node_has_peer(&h, "[fd00::3]:7003", "fd00::3", 7003));
    node_refresh(&h);
    cr_assert_eq(h.answers.n_found, 1);
}

Test(discovery_static, no_list_is_a_node_alone)
{
    cr_assert_eq(start(""), 0, "%s", h.failure);
    cr_assert_eq(h.answers.n_found, 1);
    cr_assert_eq(h.answers.n_peers, 0);
}

static const struct {
    const char *settings, *sentence;
} refused[] = {
    {"nodes = ,", "nodes: element 1 \"\": there is nothing between the commas; write name="},
    {"nodes = a=b:99999", "nodes: element 1 \"a=b:99999\": a port is 1 to 65535; write name="},
    {"nodes = a,b,", "nodes: element 3 \"\": there is nothing between the commas; write name="},
    {"nodes = a=x,a=y", "nodes: element 2 \"a=y\": its name is that of element 1; write name="},
};

Test(discovery_static, a_bad_list_is_a_sentence)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_assert_eq(start(refused[i].settings), LOOM_E_CONFIG, "%s", refused[i].settings);
        cr_assert(strstr(h.failure, refused[i].sentence) == h.failure, "%s", h.failure);
        cr_assert_eq(h.answers.n_found, 0);
    }
}

Test(discovery_static, out_of_memory_at_any_allocation_is_a_sentence)
{
    uint64_t k;
    int rc = LOOM_E_NOMEM;

    for (k = 1; k < 100; k++) {
        h.n_asked = 0;
        h.fail_at = k;
        rc = start("nodes = a,b,c,d,e,f,g,h,i,j");
        if (rc == 0) break;
        cr_assert_eq(rc, LOOM_E_NOMEM);
        cr_assert(strstr(h.failure, "out of memory"), "%s", h.failure);
        cr_assert_eq(h.answers.n_found, 0);
    }
    cr_assert_eq(rc, 0);
    cr_assert_geq(k, 4); /* 2 to grow, 1 to tell */
}
