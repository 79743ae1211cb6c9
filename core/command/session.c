/* session.c - a client's state comes and goes; see session.h.  Its transaction is transaction.c. */
#include "core/command/session.h"

#include "core/base/mem.h"
#include "core/command/transaction.h"

void session_init(struct session *session, uint64_t id)
{
    *session = (struct session){.id = id, .proto = 2};
}

void session_close(struct session *session)
{
    transaction_free(session);
    mem_free(MEM_CONN, session->name);
    mem_free(MEM_CONN, session->lib_name);
    mem_free(MEM_CONN, session->lib_version);
    session->name = session->lib_name = session->lib_version = NULL;
}

void session_reset(struct session *session)
{
    uint64_t id = session->id;

    session_close(session);
    session_init(session, id);
}
