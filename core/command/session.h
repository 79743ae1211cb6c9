/* session.h - one client as commands see it: database, protocol, transaction.  Owned by its
 * connection (core/server), which embeds it; small, since idle clients are many. */
#ifndef CORE_COMMAND_SESSION_H
#define CORE_COMMAND_SESSION_H

#include "core/command/command.h"

struct transaction; /* MULTI's queue and WATCH's list; allocated when first needed */

/* CLIENT LIST looks from other threads: id, transaction, db, proto and last_command are written with
 * METRIC_SET() once the session is in use, the names under the loop's lock. */
struct session {
    uint64_t id;
    struct transaction *transaction; /* NULL outside MULTI and WATCH */
    char *name, *lib_name, *lib_version; /* CLIENT SETNAME, SETINFO, from MEM_CONN; NULL: unset */
    uint8_t db;
    uint8_t proto; /* 2 or 3 */
    bool authenticated;
    bool close_after_reply; /* QUIT, protocol errors */
    bool reply_off, reply_skip_next; /* CLIENT REPLY OFF and SKIP */
    bool no_evict, no_touch;
    uint16_t last_command; /* command_index() */
};

void session_init(struct session *session, uint64_t id);
void session_close(struct session *session); /* unwatches, frees */
/* session_reset - RESET: as new, but for the id. */
void session_reset(struct session *session);

/* ---- transaction.c, called by the executor ----------------------------------------------- */
bool session_in_multi(const struct session *session);
/* session_queued - commands that wait for EXEC, -1 outside MULTI; session_watched - keys.  For
 * CLIENT LIST. */
int32_t session_queued(const struct session *session);
uint32_t session_watched(const struct session *session);
/* transaction_queue - copy a command into MULTI's queue; writes +QUEUED or an error. */
void transaction_queue(struct call *call);
/* transaction_spoil - an error while queueing: EXEC will answer EXECABORT. */
void transaction_spoil(struct session *session);

#endif
