/* test_httpd.c - listeners, routes, answers; limits and time: test_httpd_limits.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "http_kit.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static struct http_kit kit;
static struct http_client client;

static int say_text(void *arg, const struct loom_sink *out)
{
    const char *text = arg;

    return out->write(out->to, text, strlen(text)) == 0 ? 200 : 500;
}

static void open_kit(void)
{
    kit_open(&kit);
    kit_start(&kit);
}
static void close_kit(void) { kit_close(&kit); }

TestSuite(httpd, .init = open_kit, .fini = close_kit);

Test(httpd, answers_get)
{
    kit_serve(&kit, "/metrics", say_text, "up 1\n");
    cr_assert_eq(ask(&kit, &client, GET("/metrics")), 200);
    cr_assert_not_null(strstr(client.in, "Content-Length: 5\r\n"));
    cr_assert_not_null(strstr(client.in, "Content-Type: text/plain\r\n"));
    cr_assert_str_eq(strstr(client.in, "\r\n\r\n"), "\r\n\r\nup 1\n");
    cr_assert_eq(ask(&kit, &client, GET("/metrics?name=up")), 200, "a query does not matter");
    cr_assert_eq(ask(&kit, &client, GET("/metric")), 404);
    cr_assert_eq(ask(&kit, &client, GET("/metrics/")), 404);
}

Test(httpd, answers_head_without_a_body)
{
    kit_serve(&kit, "/metrics", say_text, "up 1\n");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "HEAD /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
    cr_assert(client_ends(&kit, &client));
    cr_assert_eq(status_of(&client), 200);
    cr_assert_not_null(strstr(client.in, "Content-Length: 5\r\n"));
    cr_assert_str_eq(strstr(client.in, "\r\n\r\n"), "\r\n\r\n");
    client_end(&client);
    cr_assert_eq(ask(&kit, &client, "HEAD /nothing HTTP/1.1\r\n\r\n"), 404);
    cr_assert_str_eq(strstr(client.in, "\r\n\r\n"), "\r\n\r\n");
}

Test(httpd, keeps_a_connection_alive_while_it_is_wanted)
{
    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    for (size_t i = 1; i <= 5; i++) {
        client_say(&kit, &client, GET("/a"));
        cr_assert(client_answers(&kit, &client, i, false), "answer %zu", i);
    }
    client_say(&kit, &client, GET("/nothing"));
    cr_assert(client_answers(&kit, &client, 6, false), "a 404 is no reason to part");
    client_say(&kit, &client, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
    cr_assert(client_ends(&kit, &client));
    cr_assert(client_answers(&kit, &client, 7, false));
    client_end(&client);
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, "GET /a HTTP/1.0\r\n\r\n");
    cr_assert(client_ends(&kit, &client), "HTTP/1.0 does not keep alive by itself");
    cr_assert_eq(status_of(&client), 200);
    client_end(&client);
}

/* Answers come in order, and where the bytes were cut does not matter. */
Test(httpd, pipelined_requests_wait_their_turn)
{
    static const char all[] = GET("/a") GET("/b") GET("/nothing") GET("/b") GET("/a");
    const size_t n = sizeof all - 1;

    kit_serve(&kit, "/a", say_text, "<a>");
    kit_serve(&kit, "/b", say_text, "<b>");
    for (size_t cut = 0; cut <= n; cut += 7) {
        const char *at = client.in;
        cr_assert(client_open(&client, "127.0.0.1", kit.port));
        client_send(&kit, &client, all, cut);
        client_send(&kit, &client, all + cut, n - cut);
        cr_assert(client_answers(&kit, &client, 5, false), "cut at %zu", cut);
        for (const char *const *want = (const char *const[]){"<a>", "<b>", "404 Not Found\n", "<b>",
                                                             "<a>", NULL};
             *want != NULL; want++) {
            at = strstr(at, "\r\n\r\n");
            cr_assert_not_null(at);
            at += 4;
            cr_assert_eq(strncmp(at, *want, strlen(*want)), 0, "cut at %zu: %s", cut, at);
        }
        client_end(&client);
    }
}

Test(httpd, one_byte_at_a_time_is_a_request_too)
{
    const char *request = GET("/a");

    kit_serve(&kit, "/a", say_text, "a");
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    for (; *request != '\0'; request++) client_send(&kit, &client, request, 1);
    cr_assert(client_answers(&kit, &client, 1, false));
    cr_assert_eq(status_of(&client), 200);
    client_end(&client);
}

Test(httpd, refuses_what_is_no_get)
{
    static const struct {
        const char *request;
        int status;
    } all[] = {{"POST /a HTTP/1.1\r\n\r\n", 405},
               {"nonsense\r\n\r\n", 400},
               {"GET /a HTTP/2.0\r\n\r\n", 505},
               {"GET /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413},
               {"\x16\x03\x01\x02\n", 400}};

    kit_serve(&kit, "/a", say_text, "a");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cr_assert(client_open(&client, "127.0.0.1", kit.port));
        client_say(&kit, &client, all[i].request);
        cr_assert(client_ends(&kit, &client), "%s", all[i].request);
        cr_assert_eq(status_of(&client), all[i].status, "%s: %s", all[i].request, client.in);
        client_end(&client);
    }
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200, "others are served on");
}

/* ---- bodies --------------------------------------------------------------------------------- */

static int say_much(void *arg, const struct loom_sink *out)
{
    static const char block[1000] = {'x'};
    size_t n = *(size_t *)arg;
    int rc = 0;

    while (n > 0 && rc == 0) {
        size_t piece = n < sizeof block ? n : sizeof block;
        rc = out->write(out->to, block, piece);
        n -= piece;
    }
    if (rc != 0) cr_assert_eq(out->write(out->to, "x", 1), rc, "once and for all");
    return 200; /* whatever write() said: the host must know by itself */
}

static int fail_to_say(void *arg, const struct loom_sink *out)
{
    (void)arg;
    out->write(out->to, "half a truth", 12);
    return LOOM_E_NOMEM;
}

static int stopping(void *arg, const struct loom_sink *out)
{
    (void)arg, (void)out;
    return 503;
}

Test(httpd, bodies_are_whole_or_not_at_all)
{
    size_t n = 20000, too_much = 16 << 20;

    kit_serve(&kit, "/much", say_much, &n);
    kit_serve(&kit, "/bad", fail_to_say, NULL);
    kit_serve(&kit, "/empty", stopping, NULL);
    cr_assert_eq(ask(&kit, &client, GET("/much")), 200);
    cr_assert_not_null(strstr(client.in, "Content-Length: 20000\r\n"));
    cr_assert_eq(client.in + client.n - strstr(client.in, "\r\n\r\n"), 20004);
    n = too_much + 1;
    cr_assert_eq(ask(&kit, &client, GET("/much")), 500);
    cr_assert_eq(ask(&kit, &client, GET("/bad")), 500);
    cr_assert_null(strstr(client.in, "truth"));
    cr_assert_eq(ask(&kit, &client, GET("/empty")), 503);
    cr_assert_not_null(strstr(client.in, "Content-Length: 0\r\n"));
}

/* ---- routes and listeners ------------------------------------------------------------------- */

static int serve(const char *bind, uint32_t port, const char *path, const void *owner,
                 struct error *error)
{
    const struct httpd_route route = {.bind = bind, .port = port, .path = path,
                                      .content_type = "text/plain", .body = say_text, .arg = "a",
                                      .owner = owner};

    error->text[0] = '\0';
    return httpd_serve(kit.httpd, &route, error);
}

static uint32_t n_listeners(void)
{
    struct httpd_stats stats;

    httpd_stats(kit.httpd, &stats);
    return stats.n_listeners;
}

Test(httpd, localhost_is_both_families)
{
    struct error error;
    bool six;

    cr_assert_eq(serve("localhost", kit.port, "/a", &kit, &error), 0, "%s", error.text);
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200);
    six = client_open(&client, "::1", kit.port);
    cr_assert_eq(n_listeners(), six ? 2u : 1u, "a machine without ::1 has one of them");
    if (six) {
        client_say(&kit, &client, GET("/a"));
        cr_assert(client_answers(&kit, &client, 1, false));
        cr_assert_eq(status_of(&client), 200);
        client_end(&client);
    }
}

Test(httpd, paths_share_a_port_and_go_with_their_owner)
{
    struct error error;
    static char first, second; /* owners: their addresses */

    cr_assert_eq(serve("127.0.0.1", kit.port, "/a", &first, &error), 0, "%s", error.text);
    cr_assert_eq(serve("127.0.0.1", kit.port, "/b", &second, &error), 0, "%s", error.text);
    cr_assert_eq(n_listeners(), 1u);
    cr_assert_eq(serve("127.0.0.1", kit.port, "/a", &second, &error), LOOM_E_CONFIG);
    cr_assert_not_null(strstr(error.text, "served already"), "%s", error.text);
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200, "the first one stays");
    httpd_forget(kit.httpd, &first);
    cr_assert_eq(ask(&kit, &client, GET("/a")), 404);
    cr_assert_eq(ask(&kit, &client, GET("/b")), 200);
    cr_assert(client_open(&client, "127.0.0.1", kit.port));
    client_say(&kit, &client, GET("/b"));
    cr_assert(client_answers(&kit, &client, 1, false));
    httpd_forget(kit.httpd, &second);
    cr_assert(client_ends(&kit, &client), "the last path takes the clients along");
    client_end(&client);
    cr_assert_eq(n_listeners(), 0u);
    cr_assert_not(client_open(&client, "127.0.0.1", kit.port), "and closes the port");
    cr_assert_eq(serve("127.0.0.1", kit.port, "/c", &first, &error), 0, "%s", error.text);
}

Test(httpd, port_0_is_off)
{
    struct error error;

    cr_assert_eq(serve("127.0.0.1", 0, "/a", &kit, &error), 0);
    cr_assert_eq(n_listeners(), 0u);
}

Test(httpd, refuses_with_a_sentence_and_leaves_nothing)
{
    static const struct {
        const char *bind, *path, *word;
        int code;
    } all[] = {{"0.0.0.0", "/a", "server.allow_open", LOOM_E_CONFIG},
               {"127.0.0.1, 0.0.0.0", "/a", "server.requirepass", LOOM_E_CONFIG},
               {"*", "/a", "server.allow_open", LOOM_E_CONFIG},
               {"nowhere", "/a", "numeric addresses", LOOM_E_CONFIG},
               {"127.0.0.1", "a", "expected /", LOOM_E_CONFIG},
               {"127.0.0.1", "/a b", "no blanks", LOOM_E_CONFIG}};
    struct error error;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        cr_assert_eq(serve(all[i].bind, kit.port, all[i].path, &kit, &error), all[i].code);
        cr_assert_not_null(strstr(error.text, all[i].word), "%s", error.text);
        cr_assert_eq(n_listeners(), 0u);
    }
}

Test(httpd, a_port_that_is_taken_is_an_error)
{
    struct http_kit other;
    struct error error;

    kit_open(&other);
    kit_start(&other);
    kit_serve(&other, "/x", say_text, "x");
    cr_assert_eq(serve("127.0.0.2, 127.0.0.1", other.port, "/a", &kit, &error), LOOM_E_IO);
    cr_assert_not_null(strstr(error.text, "127.0.0.1 port"), "%s", error.text);
    cr_assert_eq(n_listeners(), 0u, "127.0.0.2 has been let go again");
    httpd_close(other.httpd);
    uv_run(&other.uv, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&other.uv), 0);
}

Test(httpd, an_open_address_may_be_allowed)
{
    struct error error;

    kit_close(&kit);
    kit_open(&kit);
    kit.settings.allow_open = true;
    kit_start(&kit);
    cr_assert_eq(serve("*", kit.port, "/a", &kit, &error), 0, "%s", error.text);
    cr_assert_eq(ask(&kit, &client, GET("/a")), 200);
    cr_assert_eq(serve("*", kit.port, "/b", &kit, &error), 0, "%s", error.text);
    cr_assert_eq(n_listeners(), 1u);
    if (!client_open(&client, "::1", kit.port)) return; /* IPv4 is all there is */
    client_end(&client);
    kit.port = free_port();
    cr_assert_eq(serve("::, 0.0.0.0", kit.port, "/a", &kit, &error), 0, "one family each: %s",
                 error.text);
}
