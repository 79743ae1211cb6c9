/* control.h - the node-wide plugins and the chores of the control thread.
 *
 * Opens the health listener, one instance of each exporter, the discovery; serves them the host
 * extensions "loom.draft.loop/1" and "loom.draft.http/1"; keeps the peers that discovery proposed;
 * watches the resident set against storage.rss_max.
 *
 * Thread: [control], but for what is marked.
 */
#ifndef CORE_SERVER_CONTROL_H
#define CORE_SERVER_CONTROL_H

#include "core/server/server.h"

#define CONTROL_PEERS_MAX 1024
#define CONTROL_RSS_INTERVAL_MS 100

/* A peer, as discovery proposed it.  Copies of the host's own. */
struct control_peer {
    const char *name; /* identity */
    const char *host; /* where to connect: a name or an address */
    uint16_t port;    /* never 0 */
};

/* control_open - everything, in order: health, exporters, discovery, timers.  On failure nothing is
 * left, except handles that close in the loop's next turns.
 * Wants server->uv, config, store, metrics, started_ms.  Errors: LOOM_E_CONFIG, LOOM_E_IO,
 * LOOM_E_NOMEM, with a sentence. */
int control_open(struct server *server, struct control **ret, struct error *error);

/* control_close - in reverse; plugins have had their fini() when it returns.  While the store, the
 * metrics and the loops still live.  Handles close in the loop's next turns: run it until
 * uv_loop_close() is content.  NULL is fine. */
void control_close(struct control *control);

/* control_ready - the listeners are open, clients may come (true); or not any more.  What /readyz
 * and /health say, together with server->stopping.  [any-thread] */
void control_ready(struct server *server, bool ready);

/* control_peers - visit the peers, in the order of their names, while they cannot change; returns
 * how many.  each may be NULL.  none: a single node.  [any-thread] */
size_t control_peers(struct control *control,
                     void (*each)(void *arg, const struct control_peer *peer), void *arg);

#endif
