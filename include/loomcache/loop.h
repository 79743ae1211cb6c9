/* loomcache/loop.h - host extension "loom.draft.loop/1": time and sockets on the control thread.
 *
 * For node-wide plugins (discovery, exporter).  No library is named: a plugin brings its own
 * protocol code (c-ares, a UDP socket) and borrows the host's loop to wait.  Every function and
 * every callback runs on the control thread, except post().
 */
#ifndef LOOMCACHE_LOOP_H
#define LOOMCACHE_LOOP_H

#include <loomcache/plugin.h>

#define LOOM_EXT_LOOP "loom.draft.loop/1"

struct loom_loop {
    uint32_t struct_size;
    /* [control] fire() once after first_ms, then every repeat_ms (0: once only, and the id is
     * spent when fire() returns).  Returns an id > 0; 0: no memory. */
    uint64_t (*timer)(const struct loom_host *host, uint32_t first_ms, uint32_t repeat_ms,
                      void (*fire)(void *arg), void *arg);
    /* [control] ready() when fd can be read or written without blocking.  One watch per fd; a
     * second call for the same fd replaces it. */
    uint64_t (*watch)(const struct loom_host *host, int fd, bool readable, bool writable,
                      void (*ready)(void *arg, int fd, bool readable, bool writable), void *arg);
    /* [control] End a timer or a watch; no callback after it returns.  Unknown ids are ignored.
     * Cancel a watch before closing its fd. */
    void (*cancel)(const struct loom_host *host, uint64_t id);
    /* [any-thread] run() on the control thread soon.  LOOM_E_NOMEM when it cannot be queued. */
    int (*post)(const struct loom_host *host, void (*run)(void *arg), void *arg);
};

#endif
