/* http_kit.h - a loop with an httpd, and clients on real sockets, all in one thread: whoever waits
 * turns the loop, and gives up after a while. */
#ifndef TESTS_UNIT_SERVER_HTTP_KIT_H
#define TESTS_UNIT_SERVER_HTTP_KIT_H

#include "core/server/httpd.h"

#define HTTP_KIT_PATIENCE_MS 10000

struct http_kit {
    uv_loop_t uv;
    struct httpd_settings settings;
    struct httpd *httpd; /* NULL: closed */
    uint32_t port;       /* free a moment ago */
    uint64_t used_bytes; /* of all purposes, before */
};

/* kit_open - times are long and limits those of the program; change .settings, then kit_start(). */
void kit_open(struct http_kit *kit);
void kit_start(struct http_kit *kit);
/* kit_serve - path on 127.0.0.1; must succeed. */
void kit_serve(struct http_kit *kit, const char *path,
               int (*body)(void *arg, const struct loom_sink *out), void *arg);
/* kit_close - everything must be gone: handles, memory. */
void kit_close(struct http_kit *kit);
/* kit_turn - the loop, and wait for it or fd (-1: none) a moment. */
void kit_turn(uv_loop_t *uv, int fd);
uint32_t free_port(void);
uint64_t used_bytes(void); /* of all purposes */

struct http_client {
    int fd;
    bool eof;   /* the end, one way or the other */
    bool reset; /* and it was not a friendly one */
    size_t n;
    char in[64 << 10];
};

/* client_open - connected to address and port; false: refused. */
bool client_open(struct http_client *client, const char *address, uint32_t port);
void client_end(struct http_client *client);
void client_send(struct http_kit *kit, struct http_client *client, const void *bytes, size_t n);
void client_say(struct http_kit *kit, struct http_client *client, const char *text);
/* client_answers - wait until n whole answers have come (head: without bodies); false: they did
 * not, in time or before the end. */
bool client_answers(struct http_kit *kit, struct http_client *client, size_t n, bool head);
bool client_ends(struct http_kit *kit, struct http_client *client); /* wait for the end */
/* ask - one request on a connection of its own: the status; the answer in client->in. */
int ask(struct http_kit *kit, struct http_client *client, const char *request);
int status_of(const struct http_client *client); /* of the first answer; 0: none */

#endif
