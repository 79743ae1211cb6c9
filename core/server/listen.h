/* listen.h - the client listeners, on the control thread: accept, refuse politely, hand over. */
#ifndef CORE_SERVER_LISTEN_H
#define CORE_SERVER_LISTEN_H

#include "core/server/server.h"

struct listeners;

/* listeners_open - one per address of server.bind.  Refuses an address beyond loopback while there
 * is no password, unless server.allow_open.  Errors: LOOM_E_CONFIG, LOOM_E_IO, with a sentence.
 * Nothing is accepted before listeners_start(). */
int listeners_open(struct server *server, struct listeners **ret, struct error *error);
int listeners_start(struct listeners *listeners, struct error *error);
/* listeners_close - accept no more; handles close in the loop's next turns.  NULL is fine. */
void listeners_close(struct listeners *listeners);

#endif
