/* test_httpd_limits.c - what a client can not do: take long, take much, take all; and no memory. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "http_kit.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define SHORT_MS 40

static struct http_kit kit;
static struct http_client client;

static int say_text(void *arg, const struct loom_sink *out)
{
    const char *text = arg;

    return out->write(out->to, text, strlen(text)) == 0 ? 200 : 500;
}

static void open_kit(void) { kit_open(&kit); }
static void close_kit(void) { kit_close(&kit); }

TestSuite(httpd_limits, .init = open_kit, .fini = close_kit);

static struct httpd_stats stats(void)
{
    struct httpd_stats now;

    httpd_stats(kit.httpd, &now);
    return now;
}

static bool clients_become(uint32_t n)
{
    uint64_t until = clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;

    while (stats().n_clients != n && clock_monotonic_ns() < until) kit_turn(&kit.uv, -1);
    return stats().n_clients == n;
}

/* ---- time ----------------------------------------------------------------------------------- */

Test(httpd_limits, a_half_open_request_is_answered_408)
{
    kit.settings.request_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "GET /a HTTP/1.1\r\nHo");
    cr_assert(client_ends(&kit, &client));
    cr_assert_eq(status_of(&client), 408, "%s", client.in);
    client_end(&client);
    cr_assert_eq(stats().timeouts, 1u);
}

Test(httpd_limits, the_second_request_of_a_connection_too)
{
    kit.settings.request_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, GET("/a") "GET");
    cr_assert(client_ends(&kit, &client));
    cr_assert(client_answers(&kit, &client, 2, false));
    cr_assert_not_null(strstr(client.in, "HTTP/1.1 408 "), "%s", client.in);
    client_end(&client);
}

/* A byte now and then does not buy time. */
Test(httpd_limits, a_dripping_request_is_cut_in_time)
{
    uint64_t until = clock_monotonic_ns() + HTTP_KIT_PATIENCE_MS * 1000000ull;

    kit.settings.request_ms = 10 * SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "GET /a HTTP/1.1\r\nX: ");
    for (int i = 0; stats().timeouts == 0 && i < 8000; i++) {
        cr_assert_eq(send(client.fd, "x", 1, MSG_NOSIGNAL), 1);
        poll(NULL, 0, 1);
        uv_run(&kit.uv, UV_RUN_NOWAIT);
        cr_assert(clock_monotonic_ns() < until, "it goes on for ever");
    }
    cr_assert_eq(stats().timeouts, 1u);
    client_end(&client);
}

Test(httpd_limits, a_connection_without_a_request_is_closed_without_a_word)
{
    kit.settings.request_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    cr_assert(client_ends(&kit, &client));
    cr_assert_eq(client.n, 0u);
    client_end(&client);
    cr_assert_eq(stats().timeouts, 0u);
}

Test(httpd_limits, an_idle_connection_is_closed)
{
    kit.settings.idle_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, GET("/a"));
    cr_assert(client_answers(&kit, &client, 1, false));
    cr_assert(client_ends(&kit, &client));
    client_end(&client);
    cr_assert(clients_become(0));
}

static int say_much(void *arg, const struct loom_sink *out)
{
    static const char block[1 << 16] = {'x'};
    int rc = 0;

    (void)arg;
    for (int i = 0; i < 255 && rc == 0; i++) rc = out->write(out->to, block, sizeof block);
    return rc == 0 ? 200 : rc;
}

Test(httpd_limits, a_reader_that_does_not_read_is_cut)
{
    int small = 4096;

    kit.settings.write_ms = SHORT_MS;
    kit.settings.request_ms = kit.settings.idle_ms = 10 * HTTP_KIT_PATIENCE_MS;
    kit_start(&kit);
    kit_serve(&kit, "/much", say_much, NULL);
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    client_say(&kit, &client, GET("/much"));
    cr_assert(clients_become(1));
    cr_assert(clients_become(0));
    cr_assert_eq(stats().timeouts, 1u);
    client_end(&client);
}

Test(httpd_limits, a_client_that_does_not_hang_up_is_hung_up_on)
{
    kit.settings.linger_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
    cr_assert(client_answers(&kit, &client, 1, false));
    cr_assert(clients_become(0), "although the client keeps its side open");
    client_end(&client);
}

/* ---- size ----------------------------------------------------------------------------------- */

/* The answer arrives whole, also when much more is sent than is read: no reset takes it away. */
Test(httpd_limits, requests_too_large_are_told_so)
{
    static char junk[64 << 10];
    static const struct {
        const char *start;
        int status;
    } all[] = {{"GET /", 414}, {"GET /a HTTP/1.1\r\nCookie: ", 431}};

    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    memset(junk, 'x', sizeof junk);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cr_assert(client_open(&client, "127.0.0.1", kit.port));
        client_say(&kit, &client, all[i].start);
        client_send(&kit, &client, junk, sizeof junk);
        cr_assert(client_answers(&kit, &client, 1, false), "%d: %s", all[i].status, client.in);
        cr_assert_eq(status_of(&client), all[i].status, "%s", client.in);
        cr_assert(client_ends(&kit, &client) && !client.reset);
        client_end(&client);
    }
    cr_assert(clients_become(0));
}

/* But only so much. */
Test(httpd_limits, who_never_stops_sending_is_cut)
{
    static char junk[1 << 20];

    kit.settings.linger_ms = 10 * HTTP_KIT_PATIENCE_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "nonsense\n");
    client_send(&kit, &client, junk, sizeof junk);
    cr_assert(clients_become(0));
    client_end(&client);
}

/* A request of exactly the limit is fine, with or without another one behind it. */
Test(httpd_limits, the_largest_request_is_served)
{
    static char request[8192 + 200];
    int n = snprintf(request, sizeof request, "GET /a HTTP/1.1\r\nX: ");

    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    memset(request + n, 'x', 8192 - 4 - (size_t)n);
    memcpy(request + 8192 - 4, "\r\n\r\n" GET("/a"), sizeof("\r\n\r\n" GET("/a")));
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, request);
    cr_assert(client_answers(&kit, &client, 2, false), "%s", client.in);
    cr_assert_null(strstr(client.in, "HTTP/1.1 4"), "%s", client.in);
    client_end(&client);
}

/* ---- number --------------------------------------------------------------------------------- */

#define MANY 20 /* 2 served, 8 told 503, 10 not accepted yet */

Test(httpd_limits, clients_too_many_are_told_503_and_later_ones_wait)
{
    static struct http_client many[MANY];

    kit.settings.clients_max = 2;
    kit.settings.linger_ms = SHORT_MS;
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    for (int i = 0; i < 2; i++) {
        cr_assert(client_open(&many[i], "127.0.0.1", kit.port));
        client_say(&kit, &many[i], GET("/a"));
        cr_assert(client_answers(&kit, &many[i], 1, false));
    }
    for (int i = 2; i < MANY; i++) cr_assert(client_open(&many[i], "127.0.0.1", kit.port));
    cr_assert(clients_become(10));
    for (int i = 2; i < MANY; i++) {
        client_say(&kit, &many[i], GET("/a"));
        cr_assert(client_answers(&kit, &many[i], 1, false), "client %d", i);
        cr_assert_eq(status_of(&many[i]), 503, "client %d", i);
        cr_assert(client_ends(&kit, &many[i]));
        client_end(&many[i]);
    }
    cr_assert_eq(stats().refused, (uint64_t)MANY - 2);
    client_say(&kit, &many[0], GET("/a"));
    cr_assert(client_answers(&kit, &many[0], 2, false), "those inside are served on");
    client_end(&many[0]);
    cr_assert(clients_become(1));
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200, "and there is room again");
    client_end(&many[1]);
}

/* ---- no memory ------------------------------------------------------------------------------ */

/* From nothing to an answer with the k-th allocation failing, for all k.  Whatever fails, the
 * client gets a whole answer or the end of the connection, and nothing is lost. */
static int all_of_it(void)
{
    struct httpd_route route = {.bind = "127.0.0.1", .port = kit.port, .path = "/a",
                                .content_type = "text/plain", .body = say_text, .arg = "a",
                                .owner = &kit};
    struct error error = {0};
    int rc = httpd_open(&kit.settings, &kit.httpd, &error), status = 0;

    if (rc == 0) rc = httpd_serve(kit.httpd, &route, &error);
    if (rc != 0) {
        cr_assert_eq(rc, LOOM_E_NOMEM);
        cr_assert_neq(error.text[0], '\0');
    } else {
        cr_assert(client_open(&client, "127.0.0.1", kit.port));
        client_say(&kit, &client, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
        cr_assert(client_ends(&kit, &client));
        status = status_of(&client);
        cr_assert(client.n == 0 || client_answers(&kit, &client, 1, false));
        client_end(&client);
    }
    httpd_close(kit.httpd);
    kit.httpd = NULL;
    uv_run(&kit.uv, UV_RUN_DEFAULT);
    cr_assert_eq(used_bytes(), kit.used_bytes);
    return status;
}

Test(httpd_limits, any_allocation_may_fail)
{
    int n_served = 0, n_excused = 0, status;
    uint64_t k = 0, n;

    do {
        mem_fail_at(++k);
        status = all_of_it();
        n = mem_count();
        cr_assert(status == 0 || status == 200 || status == 500, "k %d: %d", (int)k, status);
        n_served += status == 200;
        n_excused += status == 500;
    } while (k <= n);
    cr_assert_eq(status, 200, "nothing has failed in the end");
    cr_assert_geq(k, 6u, "httpd, listener, route, client, buffer, body");
    cr_assert_eq(n_served, 1);
    cr_assert_eq(n_excused, 1, "the body");
}

/* A client for whom there is no memory is let go at once; the next one is served. */
Test(httpd_limits, no_memory_for_one_client_does_not_stop_the_listener)
{
    kit_start(&kit);
    kit_serve(&kit, "/a", say_text, "a");
    mem_fail_at(1);
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    cr_assert(client_ends(&kit, &client));
    cr_assert_eq(client.n, 0u);
    client_end(&client);
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200);
}
