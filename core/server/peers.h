/* peers.h - the last good answer of discovery: a set of copies, sorted by name.
 *
 * Thread: peers_set() and peers_close() [control]; peers_each() [any-thread].
 */
#ifndef CORE_SERVER_PEERS_H
#define CORE_SERVER_PEERS_H

#include <loomcache/discovery.h>
#include <pthread.h>

#include "core/server/control.h"

struct peers_set; /* one answer, copied */
struct peers {
    pthread_mutex_t lock; /* guards the pointer: held while somebody visits */
    struct peers_set *now;
};

void peers_open(struct peers *peers);
void peers_close(struct peers *peers);
/* peers_set - a whole new set; says in the log who came and who went.  What is no peer (no name, no
 * host, too long), comes twice, or is beyond CONTROL_PEERS_MAX is left out, which the log says.
 * LOOM_E_NOMEM: the old set stays. */
int peers_set(struct peers *peers, const struct loom_peer *all, size_t n);
size_t peers_each(struct peers *peers, void (*each)(void *arg, const struct control_peer *peer),
                  void *arg);

#endif
