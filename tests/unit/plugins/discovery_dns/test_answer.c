/* test_answer.c - the reader of DNS messages, on good ones and on broken ones. */
#include <criterion/criterion.h>
#include <string.h>

#include "plugins/common/peers.c"
#include "plugins/discovery_dns/answer.c"

#include "responder.h"

static struct responder r;
static unsigned char message[65536];
static struct answer_record got[1100];
static size_t n_got;

static void set_up(void)
{
    memset(&r, 0, sizeof r);
    n_got = 0;
}
static void tear_down(void) { free(r.records); }

TestSuite(answer, .init = set_up, .fini = tear_down, .timeout = 60);

static int each(void *arg, const struct answer_record *record)
{
    (void)arg;
    if (n_got < sizeof got / sizeof got[0]) got[n_got] = *record;
    n_got++;
    return 0;
}

static size_t make(const char *owner, uint16_t type)
{
    unsigned char query[512];

    return responder_answer(&r, query, responder_query(owner, type, query), message,
                            sizeof message);
}

static int read_all(size_t bytes, uint16_t type, uint32_t *ret_ttl_s)
{
    *ret_ttl_s = UINT32_MAX;
    n_got = 0;
    return answer_each(message, bytes, type, ret_ttl_s, each, NULL);
}

Test(answer, srv_targets_ports_and_the_least_ttl)
{
    uint32_t ttl_s;

    responder_srv(&r, "_c._tcp.x.test", 30, 7001, "Cache-0.X.test");
    responder_srv(&r, "_c._tcp.x.test", 20, 0, "cache-1.x.test");
    cr_assert_eq(read_all(make("_c._tcp.x.test", RR_SRV), ANSWER_SRV, &ttl_s), 0);
    cr_assert_eq(n_got, 2);
    cr_assert_str_eq(got[0].text, "cache-0.x.test");
    cr_assert_eq(got[0].port, 7001);
    cr_assert_str_eq(got[1].text, "cache-1.x.test");
    cr_assert_eq(got[1].port, 0);
    cr_assert_eq(ttl_s, 20);
}

Test(answer, addresses_through_aliases_whose_ttl_counts)
{
    uint32_t ttl_s;

    responder_cname(&r, "x.test", 7, "y.test");
    responder_address(&r, "y.test", 30, "10.1.2.3");
    responder_address(&r, "y.test", 30, "fd00::7");
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), 0);
    cr_assert_eq(n_got, 1);
    cr_assert_str_eq(got[0].text, "10.1.2.3");
    cr_assert_eq(ttl_s, 7);
    cr_assert_eq(read_all(make("x.test", RR_AAAA), ANSWER_AAAA, &ttl_s), 0);
    cr_assert_eq(n_got, 1);
    cr_assert_str_eq(got[0].text, "fd00::7");
}

Test(answer, a_ttl_with_the_top_bit_is_none)
{
    uint32_t ttl_s;

    responder_address(&r, "x.test", 0x80000001u, "10.1.2.3");
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), 0);
    cr_assert_eq(ttl_s, 0);
}

Test(answer, no_records_is_no_error_and_leaves_the_ttl)
{
    uint32_t ttl_s;

    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), 0);
    cr_assert_eq(n_got, 0);
    cr_assert_eq(ttl_s, UINT32_MAX);
}

Test(answer, a_target_may_be_compressed_and_leads_backwards_only)
{
    uint32_t ttl_s;
    size_t n, target;

    responder_srv(&r, "_c._tcp.x.test", 30, 1, "ab");
    n = make("_c._tcp.x.test", RR_SRV);
    target = n - 4; /* 2 'a' 'b' 0 */
    message[target] = 1;
    message[target + 1] = 'q';
    message[target + 2] = 0xc0;
    message[target + 3] = 12 + 8; /* x.test in the question */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), 0);
    cr_assert_str_eq(got[0].text, "q.x.test");

    message[target + 3] = (unsigned char)target; /* to itself: a loop */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
    message[target + 3] = (unsigned char)(target + 2); /* to the pointer */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
    message[target + 2] = 0xff; /* beyond the message */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
    message[target] = 0x40; /* a label type that does not exist */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
}

Test(answer, two_pointers_at_each_other_end)
{
    uint32_t ttl_s;
    size_t n, target;

    responder_srv(&r, "_c._tcp.x.test", 30, 1, "abc");
    n = make("_c._tcp.x.test", RR_SRV);
    target = n - 5;
    memcpy(message + target, "\xc0\0\xc0\0", 4);
    message[target + 1] = (unsigned char)(target + 2);
    message[target + 3] = (unsigned char)target;
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
}

static const char *const no_hosts[] = {".", "10.0.0.1", "a b.test", "a\x01.test", "x*y.test"};

Test(answer, a_target_that_is_no_host_name_is_refused)
{
    uint32_t ttl_s;

    for (size_t i = 0; i < sizeof no_hosts / sizeof no_hosts[0]; i++) {
        r.n = 0;
        responder_srv(&r, "s.test", 30, 1, no_hosts[i]);
        cr_assert_eq(read_all(make("s.test", RR_SRV), ANSWER_SRV, &ttl_s), LOOM_E_INVALID, "%s",
                     no_hosts[i]);
    }
    r.n = 0;
    responder_srv(&r, "s.test", 30, 1, "a-b.test");
    size_t n = make("s.test", RR_SRV);
    message[n - 8] = '.'; /* a label "a.b" */
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
    message[n - 8] = '\0';
    cr_assert_eq(read_all(n, ANSWER_SRV, &ttl_s), LOOM_E_INVALID);
}

Test(answer, an_address_has_its_length)
{
    uint32_t ttl_s;

    responder_address(&r, "x.test", 30, "10.1.2.3");
    r.records[0].bytes = 5;
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), LOOM_E_INVALID);
    r.records[0].bytes = 3;
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), LOOM_E_INVALID);
}

Test(answer, more_than_the_limit_is_refused)
{
    uint32_t ttl_s;
    char address[32];

    for (int i = 0; i < 1025; i++) {
        snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
        responder_address(&r, "x.test", 30, address);
    }
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), LOOM_E_LIMIT);
    r.n = 1024;
    cr_assert_eq(read_all(make("x.test", RR_A), ANSWER_A, &ttl_s), 0);
    cr_assert_eq(n_got, 1024);
}

static int stop_at_second(void *arg, const struct answer_record *record)
{
    (void)record;
    return ++*(int *)arg == 2 ? LOOM_E_NOMEM : 0;
}

Test(answer, each_may_stop_it)
{
    int n = 0;
    uint32_t ttl_s = 0;

    for (int i = 0; i < 3; i++) responder_address(&r, "x.test", 30, "10.1.2.3");
    size_t bytes = make("x.test", RR_A);
    cr_assert_eq(answer_each(message, bytes, ANSWER_A, &ttl_s, stop_at_second, &n), LOOM_E_NOMEM);
    cr_assert_eq(n, 2);
}

/* The message lies at the end of a block of its own, so that reading past it is seen. */
static int read_exactly(const unsigned char *at, size_t bytes, uint16_t type)
{
    unsigned char *copy = malloc(bytes ? bytes : 1);
    uint32_t ttl_s = UINT32_MAX;
    int rc;

    memcpy(copy, at, bytes);
    rc = answer_each(copy, bytes, type, &ttl_s, each, NULL);
    free(copy);
    return rc;
}

Test(answer, every_cut_and_every_flipped_bit_is_survived)
{
    static unsigned char good[4096];
    size_t n;

    responder_cname(&r, "_c._tcp.x.test", 7, "s.test");
    responder_srv(&r, "s.test", 30, 7001, "cache-0.x.test");
    responder_srv(&r, "s.test", 30, 7001, "cache-1.x.test");
    n = make("_c._tcp.x.test", RR_SRV);
    memcpy(good, message, n);
    cr_assert_eq(read_exactly(good, n, ANSWER_SRV), 0);
    for (size_t cut = 0; cut < n; cut++)
        cr_assert_eq(read_exactly(good, cut, ANSWER_SRV), LOOM_E_INVALID, "cut at %zu", cut);
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(message, good, n);
        message[bit / 8] ^= (unsigned char)(1u << bit % 8);
        n_got = 0;
        int rc = read_exactly(message, n, ANSWER_SRV);
        cr_assert(rc == 0 || rc == LOOM_E_INVALID || rc == LOOM_E_LIMIT, "bit %zu: %d", bit, rc);
        for (size_t i = 0; i < n_got; i++)
            cr_assert(peer_is_host_name(got[i].text), "bit %zu: %s", bit, got[i].text);
    }
}
