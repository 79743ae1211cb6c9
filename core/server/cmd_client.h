/* cmd_client.h - what CLIENT's files and HELLO share. */
#ifndef CORE_SERVER_CMD_CLIENT_H
#define CORE_SERVER_CMD_CLIENT_H

#include "core/server/conn.h"

#define CLIENT_TEXT_MAX 1024u /* bytes of a client's name, or of its library's */
#define CLIENT_LINE_BYTES (3 * CLIENT_TEXT_MAX + 1024) /* of CLIENT LIST */

/* client_text_check - may this be shown in a line of CLIENT LIST?  Writes the error when not, about
 * "Client names" or such. */
bool client_text_check(struct call *call, const char *what, struct slice text);
/* client_text_set - a checked text into session->name or one of the others; empty: unset.  Takes
 * the lock under which CLIENT LIST reads.  false: no memory, said so. */
bool client_text_set(struct call *call, char **field, struct slice text);

enum client_type { CLIENT_NORMAL, CLIENT_MASTER, CLIENT_REPLICA, CLIENT_PUBSUB };
/* client_type_parse - "normal" and so on; writes the error. */
bool client_type_parse(struct call *call, struct slice text, enum client_type *ret);

void client_list(struct call *call);
void client_kill(struct call *call);

#endif
