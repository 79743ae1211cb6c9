/* test_http.c - what is answered, what is refused and how, however the bytes were cut. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/wire/http.h"

/* As a server collects: one byte more each time until there is an answer. */
static int byte_by_byte(struct slice bytes, struct http_request *ret)
{
    int status = HTTP_MORE;

    for (size_t n = 0; n <= bytes.bytes && status == HTTP_MORE; n++) {
        char *exact = malloc(n + 1);
        memcpy(exact, bytes.at, n);
        status = http_parse(slice_of(exact, n), ret);
        if (status == HTTP_OK) { /* point into what the caller has */
            if (ret->path.at >= exact && ret->path.at < exact + n)
                ret->path.at = bytes.at + (ret->path.at - exact);
            ret->query.at = bytes.at + (ret->query.at - exact);
        }
        free(exact);
    }
    return status;
}

static int parse(struct slice bytes, struct http_request *ret)
{
    struct http_request slow = {0};
    int status = http_parse(bytes, ret), slow_status = byte_by_byte(bytes, &slow);

    cr_assert_eq(status, slow_status, "%d, byte by byte %d: %.*s", status, slow_status,
                 (int)bytes.bytes, bytes.at);
    if (status != HTTP_OK) return status;
    cr_assert(slice_equal(ret->path, slow.path));
    cr_assert(slice_equal(ret->query, slow.query));
    cr_assert_eq(ret->head, slow.head);
    cr_assert_eq(ret->keep_alive, slow.keep_alive);
    cr_assert_eq(ret->bytes, slow.bytes);
    return status;
}

static int parse_text(const char *text, struct http_request *ret)
{
    return parse(slice_of(text, strlen(text)), ret);
}

Test(http, good_requests)
{
    static const struct {
        const char *text, *path, *query;
        bool head, keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "/", "", false, true},
        {"GET /health HTTP/1.1\r\n\r\n", "/health", "", false, true},
        {"\r\n\nGET /health HTTP/1.1\n\n", "/health", "", false, true},
        {"HEAD /m?a=b?c HTTP/1.1\r\n\r\n", "/m", "a=b?c", true, true},
        {"GET /m? HTTP/1.0\r\n\r\n", "/m", "", false, false},
        {"GET /m HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/m", "", false, true},
        {"GET /m HTTP/1.1\r\nconnection: foo ,\tCLOSE\r\n\r\n", "/m", "", false, false},
        {"GET /m HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n", "/m", "", false, false},
        {"GET /m HTTP/1.9\r\nContent-Length: 0\r\n\r\n", "/m", "", false, true},
        {"GET http://host:80/m?q HTTP/1.1\r\n\r\n", "/m", "q", false, true},
        {"GET HTTPS://host HTTP/1.1\r\n\r\n", "/", "", false, true},
        {"GET http://host?q HTTP/1.1\r\n\r\n", "/", "q", false, true},
        {"GET * HTTP/1.1\r\n\r\n", "*", "", false, true},
        {"GET /%2e HTTP/1.1\r\nX:\r\nY: \xc3\xa9\t\r\n\r\n", "/%2e", "", false, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        char two[512];
        cr_assert_eq(parse_text(cases[i].text, &request), HTTP_OK, "%s", cases[i].text);
        cr_assert(slice_equal(request.path, slice_of(cases[i].path, strlen(cases[i].path))));
        cr_assert(slice_equal(request.query, slice_of(cases[i].query, strlen(cases[i].query))));
        cr_assert_eq(request.head, cases[i].head);
        cr_assert_eq(request.keep_alive, cases[i].keep_alive, "%s", cases[i].text);
        cr_assert_eq(request.bytes, strlen(cases[i].text));
        snprintf(two, sizeof two, "%s%s", cases[i].text, "GET /next HTTP/1.1\r\n\r\n");
        cr_assert_eq(parse_text(two, &request), HTTP_OK);
        cr_assert_eq(request.bytes, strlen(cases[i].text), "the next request is not touched");
    }
}

Test(http, refusals)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"", HTTP_MORE},
        {"GET /health HTTP/1.1\r\n", HTTP_MORE},
        {"GET /health HTTP/1.1\r\nHost: x\r\n", HTTP_MORE},
        {"\r\n", HTTP_MORE},
        {"hello\r\n", 400},
        {"GET\r\n", 400},
        {"GET /\r\n", 400},
        {"GET  / HTTP/1.1\r\n", 400},
        {"GET / HTTP/1.1 \r\n", 400},
        {" GET / HTTP/1.1\r\n", 400},
        {"G@T / HTTP/1.1\r\n", 400},
        {"GET health HTTP/1.1\r\n", 400},
        {"GET /a\tb HTTP/1.1\r\n", 400},
        {"GET / HTTP/11\r\n", 400},
        {"GET / HTTP/1.x\r\n", 400},
        {"GET / http/1.1\r\n", 400},
        {"GET / HTTP/2.0\r\n", 505},
        {"POST / HTTP/1.1\r\n", 405},
        {"get / HTTP/1.1\r\n", 405},
        {"DELETE / HTTP/1.1\r\n", 405},
        {"GET / HTTP/1.1\r\nHost\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : x\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\r\n folded\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\x01\r\n", 400},
        {"GET / HTTP/1.1\r\nA: b\rc\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: 1\r\n", 413},
        {"GET / HTTP/1.1\r\nContent-Length: -1\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: 0, 0\r\n", 400},
        {"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n", 400},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 413},
        {"*1\r\n$4\r\nPING\r\n", 400},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request = {.bytes = 42};
        cr_assert_eq(parse_text(cases[i].text, &request), cases[i].status, "%s", cases[i].text);
        cr_assert_eq(request.bytes, 42, "untouched on failure");
    }
    cr_assert_eq(parse(slice_of("GET /\0 HTTP/1.1\r\n", 17), &(struct http_request){0}), 400);
    cr_assert_eq(parse(slice_of("GET / HTTP/1.1\r\nA: \0\r\n", 22), &(struct http_request){0}),
                 400);
}

/* before blank lines, then a path of so many bytes, then a header of so many. */
static int parse_sized(size_t n_blank, size_t n_path, size_t n_header)
{
    char *text = malloc(n_blank + n_path + n_header + 100);
    size_t n = 0;
    struct http_request request;
    int status;

    memset(text, '\n', n_blank);
    n = n_blank + (size_t)sprintf(text + n_blank, "GET /");
    memset(text + n, 'p', n_path);
    n += n_path;
    n += (size_t)sprintf(text + n, " HTTP/1.1\r\nA: ");
    memset(text + n, 'h', n_header);
    n += n_header;
    n += (size_t)sprintf(text + n, "\r\n\r\n");
    status = parse(slice_of(text, n), &request);
    free(text);
    return status;
}

Test(http, sizes)
{
    cr_assert_eq(parse_sized(0, 4000, 4000), HTTP_OK);
    cr_assert_eq(parse_sized(0, HTTP_LINE_BYTES - 16, 0), HTTP_OK);
    cr_assert_eq(parse_sized(0, HTTP_LINE_BYTES - 15, 0), 414);
    cr_assert_eq(parse_sized(0, 10000, 0), 414);
    cr_assert_eq(parse_sized(0, 0, HTTP_REQUEST_BYTES - 23), HTTP_OK);
    cr_assert_eq(parse_sized(0, 0, HTTP_REQUEST_BYTES - 22), 431);
    cr_assert_eq(parse_sized(0, 0, 20000), 431);
    cr_assert_eq(parse_sized(4096, 5000, 0), 414);
    cr_assert_eq(parse_sized(4097, 5000, 0), 431);
    cr_assert_eq(parse_sized(9000, 1, 0), 431);
}

Test(http, answers)
{
    char head[HTTP_HEAD_BYTES];
    static const int statuses[] = {200, 400, 404, 405, 408, 413, 414, 431, 500, 503, 505};
    char longest[129];
    size_t n = http_head(head, 200, "text/plain", 12, true);

    cr_assert_eq(n, strlen("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
                           "Cache-Control: no-store\r\nConnection: keep-alive\r\n\r\n"));
    cr_assert_eq(memcmp(head,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
                        "Cache-Control: no-store\r\nConnection: keep-alive\r\n\r\n",
                        n),
                 0);
    http_head(head, 405, "text/plain", 0, false);
    cr_assert_not_null(strstr(head, "\r\nAllow: GET, HEAD\r\n"));
    cr_assert_not_null(strstr(head, "\r\nConnection: close\r\n"));
    memset(longest, 'x', 128);
    longest[128] = '\0';
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        cr_assert_str_neq(http_reason(statuses[i]), "Unknown");
        cr_assert_lt(http_head(head, statuses[i], longest, UINT64_MAX, true), sizeof head);
    }
    cr_assert_str_eq(http_reason(299), "Unknown");
}
