/* http.c - see http.h. */
#include "core/wire/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"

/* What is still to be read; lines are taken off its front. */
struct cursor {
    const char *at, *end;
};

/* The next line without its end (CRLF, or LF alone as RFC 9112 2.2 allows); false: unfinished. */
static bool take_line(struct cursor *cursor, struct slice *ret)
{
    size_t left = (size_t)(cursor->end - cursor->at), n;
    const char *newline = left ? memchr(cursor->at, '\n', left) : NULL;

    if (newline == NULL) return false;
    n = (size_t)(newline - cursor->at);
    *ret = slice_of(cursor->at, n > 0 && newline[-1] == '\r' ? n - 1 : n);
    cursor->at = newline + 1;
    return true;
}

/* A letter of a method or of a header's name (RFC 9110 5.6.2). */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_bytes(struct slice s)
{
    size_t n = 0;

    while (n < s.bytes && is_token(s.at[n])) n++;
    return n;
}

static struct slice skip(struct slice s, size_t n) { return slice_of(s.at + n, s.bytes - n); }

static struct slice trim(struct slice s)
{
    while (s.bytes > 0 && (*s.at == ' ' || *s.at == '\t')) s = skip(s, 1);
    while (s.bytes > 0 && (s.at[s.bytes - 1] == ' ' || s.at[s.bytes - 1] == '\t')) s.bytes--;
    return s;
}

/* "/path?query", "http://host/path?query" or "*". */
static int parse_target(struct slice target, struct http_request *ret)
{
    const char *mark;

    for (size_t i = 0; i < target.bytes; i++)
        if ((unsigned char)target.at[i] <= 0x20 || target.at[i] == 0x7f) return 400;
    for (size_t n = 7; n <= 8; n++) {
        if (target.bytes < n || !slice_is(slice_of(target.at, n), n == 7 ? "http://" : "https://"))
            continue;
        target = skip(target, n);
        while (target.bytes > 0 && *target.at != '/' && *target.at != '?') target = skip(target, 1);
        /* "http://host" means "http://host/". */
        if (target.bytes == 0 || *target.at == '?') {
            ret->path = slice_of("/", 1);
            ret->query = target.bytes ? skip(target, 1) : target;
            return HTTP_OK;
        }
        break;
    }
    if (target.bytes == 0 || (*target.at != '/' && !slice_is(target, "*"))) return 400;
    mark = memchr(target.at, '?', target.bytes);
    ret->path = slice_of(target.at, mark ? (size_t)(mark - target.at) : target.bytes);
    ret->query = skip(target, ret->path.bytes + (mark != NULL));
    return HTTP_OK;
}

static int parse_request_line(struct slice line, struct http_request *ret)
{
    static const char http[] = "HTTP/";
    size_t n_method = token_bytes(line), n_target;
    struct slice method = slice_of(line.at, n_method), version;
    const char *blank;

    if (n_method == 0 || n_method == line.bytes || line.at[n_method] != ' ') return 400;
    line = skip(line, n_method + 1);
    blank = line.bytes ? memchr(line.at, ' ', line.bytes) : NULL;
    if (blank == NULL) return 400;
    n_target = (size_t)(blank - line.at);
    version = skip(line, n_target + 1);
    /* HTTP/ digit . digit, and nothing else */
    if (version.bytes != 8 || memcmp(version.at, http, 5) != 0 || version.at[6] != '.') return 400;
    if ((unsigned)(version.at[5] - '0') > 9 || (unsigned)(version.at[7] - '0') > 9) return 400;
    if (version.at[5] != '1') return 505;
    ret->keep_alive = version.at[7] != '0';
    /* Methods are told apart by case (RFC 9110 9.1). */
    ret->head = slice_equal(method, slice_of("HEAD", 4));
    if (!ret->head && !slice_equal(method, slice_of("GET", 3))) return 405;
    return parse_target(slice_of(line.at, n_target), ret);
}

/* "close", "keep-alive, Upgrade": a list of tokens. */
static void parse_connection(struct slice value, struct http_request *ret)
{
    while (value.bytes > 0) {
        const char *comma = memchr(value.at, ',', value.bytes);
        size_t n = comma ? (size_t)(comma - value.at) : value.bytes;
        struct slice option = trim(slice_of(value.at, n));
        if (slice_is(option, "close")) {
            ret->keep_alive = false;
            return; /* whatever else it says */
        }
        if (slice_is(option, "keep-alive")) ret->keep_alive = true;
        value = skip(value, n + (comma != NULL));
    }
}

static int parse_header(struct slice line, struct http_request *ret)
{
    size_t n_name = token_bytes(line);
    struct slice name = slice_of(line.at, n_name), value;
    uint64_t n_body;

    /* No blank before the colon, no folded lines: both have been used to smuggle requests. */
    if (n_name == 0 || n_name == line.bytes || line.at[n_name] != ':') return 400;
    value = trim(skip(line, n_name + 1));
    for (size_t i = 0; i < value.bytes; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return 400;
    }
    if (slice_is(name, "transfer-encoding")) return 413;
    if (slice_is(name, "content-length")) {
        if (!bytes_to_u64(value, &n_body)) return 400;
        if (n_body > 0) return 413;
    }
    if (slice_is(name, "connection")) parse_connection(value, ret);
    return HTTP_OK;
}

/* The next line, or what to answer: HTTP_MORE, or 414 or 431 by the limit that its bytes cross
 * first.  So it does not matter how many of them are there already. */
static int next_line(struct cursor *cursor, const char *start, bool request_line, struct slice *ret)
{
    const char *from = cursor->at;
    size_t before = (size_t)(from - start), n;
    bool complete = take_line(cursor, ret);

    n = (size_t)((complete ? cursor->at : cursor->end) - from);
    if (request_line && n > HTTP_LINE_BYTES && before + HTTP_LINE_BYTES <= HTTP_REQUEST_BYTES)
        return 414;
    if (before + n > HTTP_REQUEST_BYTES) return 431;
    return complete ? HTTP_OK : HTTP_MORE;
}

int http_parse(struct slice bytes, struct http_request *ret)
{
    struct cursor cursor = {bytes.at, bytes.at + bytes.bytes};
    struct http_request request = {0};
    struct slice line;
    int status;

    do { /* older clients send blank lines before a request (RFC 9112 2.2) */
        status = next_line(&cursor, bytes.at, true, &line);
        if (status != HTTP_OK) return status;
    } while (line.bytes == 0);
    status = parse_request_line(line, &request);
    while (status == HTTP_OK) {
        status = next_line(&cursor, bytes.at, false, &line);
        if (status == HTTP_OK && line.bytes == 0) break;
        if (status == HTTP_OK) status = parse_header(line, &request);
    }
    if (status != HTTP_OK) return status;
    request.bytes = (size_t)(cursor.at - bytes.at);
    *ret = request;
    return HTTP_OK;
}

const char *http_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

size_t http_head(char *at, int status, const char *content_type, uint64_t body_bytes,
                 bool keep_alive)
{
    int n;

    LOOM_ASSERT(strlen(content_type) <= 128);
    n = snprintf(at, HTTP_HEAD_BYTES,
                 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %" PRIu64 "\r\n%s"
                 "Cache-Control: no-store\r\nConnection: %s\r\n\r\n",
                 status, http_reason(status), content_type, body_bytes,
                 status == 405 ? "Allow: GET, HEAD\r\n" : "", keep_alive ? "keep-alive" : "close");
    LOOM_ASSERT(n > 0 && n < HTTP_HEAD_BYTES);
    return (size_t)n;
}
