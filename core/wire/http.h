/* http.h - the smallest HTTP/1.1 server there can be: GET and HEAD, bytes in, bytes out.
 *
 * It serves /health and its like on 8080, /metrics on 9090, and GET /health on the client port.
 * Why not a library: the client port must tell HTTP from RESP by itself, so a parser has to be
 * here anyway; this way there is one to bound and to fuzz, no second event loop, no thread of its
 * own, and it is smaller than the glue would be.
 *
 * Pure functions: no sockets, no state, no allocation.  The caller collects what arrives, up to
 * HTTP_REQUEST_BYTES, and asks again when there is more; the answer does not depend on how the
 * bytes were cut.  Source: RFC 9110 and 9112 (2022).  More lenient: a missing Host is not refused,
 * so that a person with netcat gets an answer.
 */
#ifndef CORE_WIRE_HTTP_H
#define CORE_WIRE_HTTP_H

#include "core/base/bytes.h"

#define HTTP_REQUEST_BYTES 8192 /* request line and headers */
#define HTTP_LINE_BYTES    4096 /* the request line */
#define HTTP_HEAD_BYTES    512  /* room that http_head() needs at most */

struct http_request {
    struct slice path;  /* "/metrics"; as sent, without query and host; percent signs untouched */
    struct slice query; /* what follows '?', or empty */
    bool head;          /* the body is not wanted, only its length */
    bool keep_alive;    /* the client will send another request */
    size_t bytes;       /* the request is this long; the next one begins there */
};

#define HTTP_MORE 0 /* unfinished: read on (and answer 408 when that takes too long) */
#define HTTP_OK   200

/* http_parse - look at a request.
 *   ret  filled when HTTP_OK; it points into the bytes
 * Returns HTTP_MORE, HTTP_OK, or the status to answer with before closing: 400 malformed, 405 not
 * GET or HEAD, 413 with a body, 414 or 431 too large, 505 not HTTP/1. */
int http_parse(struct slice bytes, struct http_request *ret);

/* http_head - the head of an answer, up to the blank line; the caller sends the body behind it.
 *   at            room for HTTP_HEAD_BYTES
 *   content_type  at most 128 bytes
 * Returns its length.  405 says what is allowed. */
size_t http_head(char *at, int status, const char *content_type, uint64_t body_bytes,
                 bool keep_alive);

/* http_reason - "Not Found" of 404; "Unknown" of what is not answered here. */
const char *http_reason(int status);

#endif
