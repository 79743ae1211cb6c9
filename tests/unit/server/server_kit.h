/* server_kit.h - a struct server without listeners and threads: configuration, store, an event
 * loop, I/O loops that only count.  For what runs on the control thread. */
#ifndef TESTS_UNIT_SERVER_SERVER_KIT_H
#define TESTS_UNIT_SERVER_SERVER_KIT_H

#include "core/server/loop.h"

struct server_kit {
    struct server server;
    struct loop loops[2]; /* not running: their stats and executors can be written to */
};

/* server_kit_open - with the program's plugins, small, nothing listening, and these further
 * "section.key=value" (up to NULL; NULL: none).  Must succeed. */
void server_kit_open(struct server_kit *kit, const char *const *sets);
/* server_kit_close - turns the loop until every handle has closed; nothing may be left. */
void server_kit_close(struct server_kit *kit);

#endif
