/* loomcache/http.h - host extension "loom.draft.http/1": answer GET on a port of one's own.
 *
 * The host brings the listener, the parser and every limit (request size, half-open requests,
 * clients); a plugin brings the body.  GET and HEAD only.
 */
#ifndef LOOMCACHE_HTTP_H
#define LOOMCACHE_HTTP_H

#include <loomcache/plugin.h>

#define LOOM_EXT_HTTP "loom.draft.http/1"

/* Where a body is written.  write() returns 0, or LOOM_E_NOMEM once and for all. */
struct loom_sink {
    int (*write)(void *to, const void *at, size_t bytes);
    void *to;
};

struct loom_http {
    uint32_t struct_size;
    /* [init] Serve path on bind:port (several paths may share one bind:port).  port 0: nothing is
     * served and 0 is returned.  body() writes the whole answer and returns the HTTP status;
     * content_type is borrowed until fini() has returned.  LOOM_E_IO when the port cannot be
     * bound: the reason has been recorded as by host->fail(). */
    int (*serve)(const struct loom_host *host, const char *bind, uint32_t port, const char *path,
                 const char *content_type, int (*body)(void *arg, const struct loom_sink *out),
                 void *arg);
};

#endif
