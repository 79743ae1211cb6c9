/* run.h - the node from start to end: what main() calls, and what signals do. */
#ifndef CORE_SERVER_RUN_H
#define CORE_SERVER_RUN_H

#include "core/server/server.h"

/* server_open - everything, in order.  After a failure server_close() takes down what stands. */
int server_open(struct server *server, struct config *config, struct error *error);
void server_close(struct server *server);

/* server_register_commands - every room's rows into the one table; a second time is nothing to do.
 */
int server_register_commands(struct error *error);

/* server_run - serve until a signal, SHUTDOWN or server_stop(); returns the exit code. */
int server_run(struct server *server);

#endif
