/* test_dns.c - the dns discovery against a name server that answers well, badly or not at all. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "responder.h"
#include "tests/kit/node_host.h"

#define DEADLINE_MS 10000 /* of real time; nothing waits for it unless something is broken */
#define SRV_NAME "_cache._tcp.peers.test"

static struct node_host h;
static struct responder r;

static void set_up(void)
{
    node_host_init(&h);
    responder_open(&r, &h);
}
static void tear_down(void)
{
    node_host_fini(&h);
    responder_close(&r);
}

TestSuite(discovery_dns, .init = set_up, .fini = tear_down, .timeout = 120);

static int start(const char *more)
{
    char settings[1024];

    snprintf(settings, sizeof settings, "name = peers.test.\nserver = 127.0.0.1:%u\n%s", r.port,
             more);
    return node_discovery_start(&h, "discovery_dns", settings);
}

static bool answered(void *arg)
{
    const uint32_t *n = arg;

    return h.answers.n_found + h.answers.n_failed >= *n;
}

/* Until so many sets and failures in all. */
static void wait_for(uint32_t n_found, uint32_t n_failed)
{
    uint32_t n = n_found + n_failed;

    cr_assert(node_host_until(&h, DEADLINE_MS, answered, &n), "no answer");
    cr_assert_eq(h.answers.n_found, n_found, "%s", h.answers.sentence);
    cr_assert_eq(h.answers.n_failed, n_failed, "%s", h.answers.sentence);
}

/* Let the time until the next look-up pass at once. */
static void next_look(void) { node_host_advance(&h, node_host_next_ms(&h)); }

/* --- what is found --------------------------------------------------------------------------- */

Test(discovery_dns, srv_targets_are_the_names_and_the_hosts)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "Cache-0.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7002, "cache-1.peers.test");
    responder_srv(&r, SRV_NAME, 30, 0, "cache-2.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7002, "cache-1.peers.test"); /* said twice */
    responder_address(&r, "cache-0.peers.test", 30, "10.0.0.1");
    cr_assert_eq(start(""), 0, "%s", h.failure);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 3);
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
    cr_assert(node_has_peer(&h, "cache-1.peers.test", "cache-1.peers.test", 7002));
    cr_assert(node_has_peer(&h, "cache-2.peers.test", "cache-2.peers.test", 0));
    cr_assert_eq(r.n_srv, 1);
    cr_assert_eq(r.n_a + r.n_aaaa, 0, "addresses are nobody's business here");
    cr_assert_eq(node_counter(&h, "lookups"), 1);
    cr_assert_eq(node_counter(&h, "failed"), 0);
}

Test(discovery_dns, without_srv_a_and_aaaa_are_doors_of_one_name)
{
    responder_address(&r, "peers.test", 30, "10.0.0.2");
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    responder_address(&r, "peers.test", 30, "fd00::7");
    cr_assert_eq(start("port = 7700"), 0, "%s", h.failure);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 3);
    cr_assert(node_has_peer(&h, "peers.test", "10.0.0.1", 7700));
    cr_assert(node_has_peer(&h, "peers.test", "10.0.0.2", 7700));
    cr_assert(node_has_peer(&h, "peers.test", "fd00::7", 7700));
    cr_assert_eq(r.n_srv, 1);
    cr_assert_eq(r.n_a, 1);
    cr_assert_eq(r.n_aaaa, 1);
}

Test(discovery_dns, a_only_and_aaaa_only)
{
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "peers.test", "10.0.0.1", 7654));
    responder_clear(&r);
    responder_address(&r, "peers.test", 30, "fd00::7");
    next_look();
    wait_for(2, 0);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "peers.test", "fd00::7", 7654));
}

Test(discovery_dns, aliases_lead_to_the_addresses_and_the_name_stays)
{
    responder_cname(&r, "peers.test", 5, "real.test");
    responder_address(&r, "real.test", 30, "10.0.0.1");
    cr_assert_eq(start("family = ipv4"), 0);
    wait_for(1, 0);
    cr_assert(node_has_peer(&h, "peers.test", "10.0.0.1", 7654));
    cr_assert_eq(node_host_next_ms(&h), 5000, "the alias has the shortest life");
}

Test(discovery_dns, an_alias_to_nothing_is_no_peer)
{
    responder_cname(&r, "peers.test", 5, "nothing.test");
    cr_assert_eq(start(""), 0);
    wait_for(0, 1);
}

Test(discovery_dns, only_what_is_wanted_is_asked_for)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    responder_address(&r, "peers.test", 30, "fd00::7");
    cr_assert_eq(start("service = \nfamily = ipv4"), 0);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "peers.test", "10.0.0.1", 7654));
    cr_assert_eq(r.n_srv + r.n_aaaa, 0);
    node_stop(&h);
    cr_assert_eq(start("service = \nfamily = ipv6"), 0);
    wait_for(2, 0);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "peers.test", "fd00::7", 7654));
    cr_assert_eq(r.n_a, 1, "that of the first");
    node_stop(&h);
    r.n = 0;
    responder_srv(&r, "_other._udp.peers.test", 30, 9, "x.test");
    cr_assert_eq(start("service = _other._udp"), 0);
    wait_for(3, 0);
    cr_assert(node_has_peer(&h, "x.test", "x.test", 9));
}

Test(discovery_dns, a_target_named_after_its_address_is_no_identity)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "10-0-0-7.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7001, "fd00--7.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7001, "10-0-0-700.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 4);
    cr_assert(node_has_peer(&h, "peers.test", "10-0-0-7.peers.test", 7001));
    cr_assert(node_has_peer(&h, "peers.test", "fd00--7.peers.test", 7001));
    cr_assert(node_has_peer(&h, "10-0-0-700.peers.test", "10-0-0-700.peers.test", 7001));
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
}

Test(discovery_dns, a_set_comes_sorted_however_the_server_shuffles)
{
    responder_srv(&r, SRV_NAME, 30, 2, "b.test");
    responder_srv(&r, SRV_NAME, 30, 1, "c.test");
    responder_srv(&r, SRV_NAME, 30, 3, "a.test");
    responder_srv(&r, SRV_NAME, 30, 1, "b.test");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert_str_eq(h.answers.peers[0].name, "a.test");
    cr_assert_str_eq(h.answers.peers[1].name, "b.test");
    cr_assert_eq(h.answers.peers[1].port, 1);
    cr_assert_eq(h.answers.peers[2].port, 2);
    cr_assert_str_eq(h.answers.peers[3].name, "c.test");
}

static void many_srv(int n)
{
    char target[64];

    for (int i = 0; i < n; i++) {
        snprintf(target, sizeof target, "n%04d.test", i);
        responder_srv(&r, SRV_NAME, 30, 7654, target);
    }
}

Test(discovery_dns, many_answers_come_over_tcp_up_to_the_limit)
{
    many_srv(1024);
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert_eq(h.answers.n_peers, 1024);
    cr_assert(node_has_peer(&h, "n1023.test", "n1023.test", 7654));
    cr_assert_eq(r.n_tcp, 1);
    responder_clear(&r);
    many_srv(1025);
    next_look();
    wait_for(1, 1);
    cr_assert_eq(h.answers.code, LOOM_E_LIMIT);
    cr_assert(strstr(h.answers.sentence, "more than 1024 peers"), "%s", h.answers.sentence);
    cr_assert_eq(h.answers.n_peers, 1024, "a part of a set is not told");
}

Test(discovery_dns, a_truncated_answer_is_asked_again_over_tcp)
{
    r.fault = ANSWER_TRUNCATED;
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
    cr_assert_eq(r.n_tcp, 1);
}

/* --- what fails keeps the last good set ------------------------------------------------------ */

Test(discovery_dns, no_such_name_is_a_failure_and_never_an_empty_set)
{
    cr_assert_eq(start(""), 0);
    wait_for(0, 1);
    cr_assert_eq(h.answers.code, LOOM_E_IO);
    cr_assert(strstr(h.answers.sentence, "peers.test.: no SRV or A or AAAA records"), "%s",
              h.answers.sentence);
    cr_assert_eq(node_counter(&h, "failed"), 1);

    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    next_look();
    wait_for(1, 1);
    responder_clear(&r); /* no pod is ready: NXDOMAIN */
    next_look();
    wait_for(1, 2);
    r.fault = ANSWER_NODATA; /* the name is there, SRV is not */
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    next_look();
    wait_for(1, 3);
    cr_assert(strstr(h.answers.sentence, "no records now, though there were some before"), "%s",
              h.answers.sentence);
    cr_assert_eq(h.answers.n_peers, 1);
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
}

Test(discovery_dns, once_there_was_srv_addresses_do_not_take_over)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    responder_clear(&r);
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    next_look();
    wait_for(1, 1);
    cr_assert_eq(r.n_a, 0);
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
}

static const enum responder_fault bad_answers[] = {ANSWER_SERVFAIL, ANSWER_REFUSED, ANSWER_CUT,
                                                   ANSWER_WRONG_ID, ANSWER_NEVER};

Test(discovery_dns, bad_answers_and_none_are_failures_that_keep_the_set)
{
    uint32_t n_failed = 0;

    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    cr_assert_eq(start("timeout = 60ms"), 0);
    wait_for(1, 0);
    for (size_t i = 0; i < sizeof bad_answers / sizeof bad_answers[0]; i++) {
        r.fault = bad_answers[i];
        next_look();
        wait_for(1, ++n_failed);
        cr_assert(strstr(h.answers.sentence, "SRV " SRV_NAME), "%s", h.answers.sentence);
        cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
        cr_assert_eq(r.n_a + r.n_aaaa, 0, "fault %d: a failure is not `no SRV`", r.fault);
    }
    cr_assert(strstr(h.answers.sentence, "no answer within 60 ms"), "%s", h.answers.sentence);
    r.fault = ANSWER_WELL;
    next_look();
    wait_for(2, n_failed);
}

Test(discovery_dns, half_an_answer_is_none)
{
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    responder_address(&r, "peers.test", 30, "fd00::7");
    r.silent_for = RR_AAAA;
    cr_assert_eq(start("timeout = 60ms"), 0);
    wait_for(0, 1);
    cr_assert(strstr(h.answers.sentence, "AAAA peers.test.: no answer"), "%s", h.answers.sentence);
    r.silent_for = 0;
    next_look();
    wait_for(1, 1);
    cr_assert_eq(h.answers.n_peers, 2, "nothing of the first try is left in the second");
}

Test(discovery_dns, a_forged_answer_does_not_count)
{
    r.fault = ANSWER_WRONG_ID_FIRST;
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    cr_assert(node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
}

Test(discovery_dns, a_silent_resolver_is_asked_again_and_given_up_in_time)
{
    uint64_t began_ms;

    r.fault = ANSWER_NEVER;
    cr_assert_eq(start("timeout = 900ms\ntries = 3"), 0); /* c-ares 1.34 waits 250 ms at least */
    began_ms = h.now_ms;
    wait_for(0, 1);
    cr_assert_geq(h.now_ms - began_ms, 800);
    cr_assert_geq(r.n_srv, 2);
    cr_assert_leq(r.n_srv, 3);
}

static bool asked(void *arg)
{
    (void)arg;
    return r.n_srv > 0;
}

Test(discovery_dns, the_deadline_stands_though_the_resolver_library_would_wait)
{
    r.fault = ANSWER_NEVER;
    cr_assert_eq(start("timeout = 2s\ntries = 1"), 0);
    cr_assert(node_host_until(&h, DEADLINE_MS, asked, NULL));
    node_host_advance(&h, 1900);
    node_host_turn(&h, 0);
    cr_assert_eq(h.answers.n_failed, 0);
    node_host_advance(&h, 100);
    node_host_turn(&h, 0);
    cr_assert_eq(h.answers.n_failed, 1);
    cr_assert(strstr(h.answers.sentence, "no answer within 2000 ms"), "%s", h.answers.sentence);
}

Test(discovery_dns, nobody_at_the_address_is_a_failure_at_once)
{
    node_host_fini(&h); /* nothing else is watched: the responder's sockets close */
    responder_close(&r);
    node_host_init(&h);
    cr_assert_eq(start("timeout = 60s"), 0);
    wait_for(0, 1);
}

Test(discovery_dns, a_target_of_dot_says_that_there_is_no_service)
{
    responder_srv(&r, SRV_NAME, 30, 0, ".");
    responder_address(&r, "peers.test", 30, "10.0.0.1");
    cr_assert_eq(start(""), 0);
    wait_for(0, 1);
    cr_assert_eq(h.answers.code, LOOM_E_INVALID, "%s", h.answers.sentence);
}

Test(discovery_dns, a_changed_answer_is_the_new_set)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-1.peers.test");
    cr_assert_eq(start(""), 0);
    wait_for(1, 0);
    responder_clear(&r);
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-1.peers.test");
    responder_srv(&r, SRV_NAME, 30, 7009, "cache-2.peers.test");
    next_look();
    wait_for(2, 0);
    cr_assert_eq(h.answers.n_peers, 2);
    cr_assert(!node_has_peer(&h, "cache-0.peers.test", "cache-0.peers.test", 7001));
    cr_assert(node_has_peer(&h, "cache-1.peers.test", "cache-1.peers.test", 7001));
    cr_assert(node_has_peer(&h, "cache-2.peers.test", "cache-2.peers.test", 7009));
}

/* --- when ------------------------------------------------------------------------------------ */

static const struct {
    uint32_t ttl_s;
    uint64_t next_ms;
} refreshes[] = {{0, 1000}, {1, 1000}, {2, 2000}, {30, 30000}, {60, 60000}, {61, 60000},
                 {86400, 60000}, {0x7fffffff, 60000}, {0x80000000, 1000}};

Test(discovery_dns, the_ttl_says_when_within_the_bounds)
{
    for (size_t i = 0; i < sizeof refreshes / sizeof refreshes[0]; i++) {
        responder_clear(&r);
        responder_srv(&r, SRV_NAME, 86400, 7001, "cache-0.peers.test");
        responder_srv(&r, SRV_NAME, refreshes[i].ttl_s, 7001, "cache-1.peers.test");
        cr_assert_eq(start(""), 0);
        wait_for((uint32_t)i + 1, 0);
        cr_assert_eq(node_host_next_ms(&h), refreshes[i].next_ms, "ttl %u: %zu",
                     refreshes[i].ttl_s, (size_t)node_host_next_ms(&h));
        node_stop(&h);
    }
}

Test(discovery_dns, failures_back_off_with_jitter_and_recover)
{
    uint64_t least = UINT64_MAX, most = 0, cap = 2000;

    r.fault = ANSWER_SERVFAIL;
    cr_assert_eq(start(""), 0);
    for (uint32_t n = 1; n <= 24; n++) {
        wait_for(0, n);
        uint64_t next = node_host_next_ms(&h), bound = cap < 60000 ? cap : 60000;
        cr_assert_leq(next, bound, "after %u failures", n);
        cr_assert_geq(next, bound / 2, "after %u failures", n);
        if (n > 6 && next < least) least = next;
        if (n > 6 && next > most) most = next;
        cap *= 2;
        next_look();
    }
    cr_assert_gt(most - least, 1000, "no jitter between %zu and %zu", (size_t)least, (size_t)most);
    r.fault = ANSWER_WELL;
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    wait_for(1, 24);
    cr_assert_eq(node_host_next_ms(&h), 30000);
    r.fault = ANSWER_SERVFAIL;
    next_look();
    wait_for(1, 25);
    cr_assert_leq(node_host_next_ms(&h), 2000, "one failure after a success is the first again");
}

Test(discovery_dns, a_hint_brings_the_next_look_forward_but_not_below_the_floor)
{
    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    cr_assert_eq(start(""), 0);
    node_refresh(&h); /* under way: nothing more is started */
    wait_for(1, 0);
    cr_assert_eq(r.n_srv, 1);
    node_refresh(&h);
    cr_assert_leq(node_host_next_ms(&h), 1000);
    cr_assert_gt(node_host_next_ms(&h), 0);
    uint64_t next = node_host_next_ms(&h);
    node_refresh(&h);
    cr_assert_eq(node_host_next_ms(&h), next, "a second hint changes nothing");
    next_look();
    wait_for(2, 0);
    node_host_advance(&h, 5000);
    node_refresh(&h);
    cr_assert_eq(node_host_next_ms(&h), 0);
    wait_for(3, 0);
}

Test(discovery_dns, a_hint_does_not_break_the_back_off)
{
    r.fault = ANSWER_SERVFAIL;
    cr_assert_eq(start("min_refresh = 10s"), 0);
    wait_for(0, 1);
    uint64_t next = node_host_next_ms(&h);
    node_host_advance(&h, 100);
    node_refresh(&h);
    cr_assert_eq(node_host_next_ms(&h), next - 100);
}

Test(discovery_dns, it_stops_in_the_middle_of_a_look_up)
{
    r.fault = ANSWER_NEVER;
    cr_assert_eq(start(""), 0);
    cr_assert(node_host_until(&h, DEADLINE_MS, asked, NULL));
    node_stop(&h); /* the kit sees what is left behind */
    cr_assert_eq(h.answers.n_found + h.answers.n_failed, 0);
}

/* --- settings -------------------------------------------------------------------------------- */

static const struct {
    const char *settings, *sentence;
} refused[] = {
    {"", "name is not set"},
    {"name = 10.0.0.1", "name = 10.0.0.1 is not a DNS name"},
    {"name = a..b", "name = a..b is not a DNS name"},
    {"name = x.test\nservice = _a b", "service = _a b: expected _service._protocol"},
    {"name = x.test\nfamily = v4", "family = v4: expected any, ipv4 or ipv6"},
    {"name = x.test\nmin_refresh = 2s\nmax_refresh = 1s", "min_refresh is longer than max_refresh"},
    {"name = x.test\nserver = ns.test", "server = ns.test: give up to 8 addresses"},
    {"name = x.test\nserver = a=10.0.0.1", "server = a=10.0.0.1: give up to 8 addresses"},
    {"name = x.test\nserver = 10.0.0.1:0", "server: element 1 \"10.0.0.1:0\": a port is"},
    {"name = x.test\nserver = 1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,"
     "1.0.0.9", "give up to 8 addresses"},
};

Test(discovery_dns, bad_settings_are_refused_with_a_sentence)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int rc = node_discovery_start(&h, "discovery_dns", refused[i].settings);
        cr_assert_eq(rc, LOOM_E_CONFIG, "%s", refused[i].settings);
        cr_assert(strstr(h.failure, refused[i].sentence), "%s", h.failure);
    }
    cr_assert_geq(h.n_counters, 2, "--describe sees the counters although init() failed");
}

Test(discovery_dns, a_host_without_a_loop_is_refused)
{
    h.no_loop = true;
    cr_assert_eq(start(""), LOOM_E_UNSUPPORTED);
    cr_assert(strstr(h.failure, "loom.draft.loop/1"), "%s", h.failure);
}

Test(discovery_dns, every_server_in_the_list_is_tried)
{
    char settings[256];

    responder_srv(&r, SRV_NAME, 30, 7001, "cache-0.peers.test");
    snprintf(settings, sizeof settings,
             "name = peers.test.\nserver = 127.0.0.1:1, [::1]:1, 127.0.0.1:%u\ntimeout = 60s",
             r.port);
    cr_assert_eq(node_discovery_start(&h, "discovery_dns", settings), 0, "%s", h.failure);
    wait_for(1, 0);
}

/* --- out of memory --------------------------------------------------------------------------- */

/* However one look-up goes, a later one finds the peers: nothing is stuck, nothing leaks. */
static void recovers(const char *what, uint64_t k)
{
    for (uint32_t n = 1; n < 50 && h.answers.n_found == 0; n = h.answers.n_failed + 1) {
        cr_assert(node_host_until(&h, DEADLINE_MS, answered, &n), "%s %zu: stuck", what,
                  (size_t)k);
        if (h.answers.n_found == 0) next_look();
    }
    cr_assert_eq(h.answers.n_found, 1, "%s %zu: never found: %s", what, (size_t)k,
                 h.answers.sentence);
    cr_assert_eq(h.answers.n_peers, 20);
}

Test(discovery_dns, the_kth_failure_of_the_host_is_survived)
{
    uint64_t k;

    for (k = 1;; k++) {
        responder_clear(&r);
        many_srv(20);
        h.answers.n_found = h.answers.n_failed = 0;
        h.n_asked = 0;
        h.fail_at = k;
        int rc = start("timeout = 30ms");
        if (rc == 0) recovers("host", k);
        else cr_assert_eq(rc, LOOM_E_NOMEM);
        node_stop(&h);
        if (k > h.n_asked) break;
    }
    cr_assert_geq(k, 10, "only %zu things were asked for", (size_t)k - 1);
}

static uint64_t n_mallocs, fail_malloc;
static int64_t n_live;

static void *count_malloc(size_t bytes)
{
    if (++n_mallocs == fail_malloc) return NULL;
    n_live++;
    return malloc(bytes);
}
static void count_free(void *at)
{
    n_live -= at != NULL;
    free(at);
}
static void *count_realloc(void *at, size_t bytes)
{
    if (++n_mallocs == fail_malloc) return NULL;
    n_live += at == NULL;
    return realloc(at, bytes);
}

Test(discovery_dns, the_kth_failure_inside_the_resolver_library_is_survived)
{
    int (*library_init_mem)(int, void *(*)(size_t), void (*)(void *), void *(*)(void *, size_t));
    void *library;
    uint64_t k;

    many_srv(20);
    cr_assert_eq(start(""), 0); /* the plugin brings c-ares along */
    wait_for(1, 0);
    node_stop(&h);
    library = dlopen("libcares.so.2", RTLD_NOW | RTLD_NOLOAD);
    cr_assert_not_null(library);
    *(void **)&library_init_mem = dlsym(library, "ares_library_init_mem");
    cr_assert_eq(library_init_mem(1, count_malloc, count_free, count_realloc), 0);
    n_live = 0;
    for (k = 1;; k++) {
        h.answers.n_found = h.answers.n_failed = 0;
        n_mallocs = 0;
        fail_malloc = k;
        int rc = start("timeout = 30ms");
        if (rc == 0) recovers("c-ares", k);
        else cr_assert_eq(rc, LOOM_E_NOMEM);
        uint64_t asked_for = n_mallocs;
        node_stop(&h);
        cr_assert_eq(n_live, 0, "malloc %zu: %d blocks left", (size_t)k, (int)n_live);
        if (k > asked_for) break;
    }
    cr_assert_geq(k, 10, "only %zu allocations", (size_t)k - 1);
}
