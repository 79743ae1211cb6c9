/* link.h - the connection to one node: reach it, authenticate, ask, with deadlines and sentences.
 *
 * hiredis speaks the protocol (RESP2: maps arrive as flat lists).  Not here: what a command means.
 */
#ifndef CORE_CTL_LINK_H
#define CORE_CTL_LINK_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define LINK_CONNECT_MS 3000
#define LINK_REPLY_MS 10000

struct link {
    redisContext *redis;
    char where[160]; /* "HOST port PORT", for sentences */
};

/* link_open - connect and, with a password, authenticate.  LOOM_E_IO: the node cannot be reached;
 * LOOM_E_CONFIG: it refused the password.  No sentence ever holds the password. */
int link_open(struct link *link, const char *host, uint16_t port, const char *password,
              struct error *error);
void link_close(struct link *link);

/* link_ask - one command.  *ret is the caller's, for freeReplyObject(); it is never an error reply:
 * those are returned as LOOM_E_INVALID with the node's words. */
int link_ask(struct link *link, int n_words, const char *const *words, redisReply **ret,
             struct error *error);
/* link_tell - one command whose success says no more than OK. */
int link_tell(struct link *link, int n_words, const char *const *words, struct error *error);
/* link_shutdown - SHUTDOWN: success is that the node hangs up. */
int link_shutdown(struct link *link, struct error *error);

#endif
