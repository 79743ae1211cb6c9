/* peers.h - a set of peers while it is being gathered, and the list that people write.
 *
 *   list    = element *("," element)            blanks around an element mean nothing
 *   element = [name "="] host [":" port]
 *   host    = DNS name | IPv4 | "[" IPv6 "]"    at most 253 bytes
 *
 * An element without a name is named as it is written ("host:port"): the operator wrote it, so it
 * is as stable as the operator.  Names stand once; so do places (host and port; no port is 7654).
 *
 * Not a place to keep peers: a set is gathered, told to the sink (which copies it) and freed.
 * Thread: that of the caller.  Compiled into each plugin that gathers peers.
 */
#ifndef PLUGINS_COMMON_PEERS_H
#define PLUGINS_COMMON_PEERS_H

#include <loomcache/discovery.h>

#define PEERS_MAX 1024     /* peers in one set */
#define PEER_TEXT_MAX 264  /* bytes of a name or a host, NUL included: "[v6]:65535", 253 of DNS */
#define PEER_DNS_MAX 253   /* bytes of a DNS name written out (RFC 1035, 2.3.4), without NUL */
#define PEERS_WHY_MAX 320  /* bytes of a sentence from peers_parse(), NUL included */
#define PEER_PORT_PRESET 7654

struct peer_slot {
    uint16_t port;
    char name[PEER_TEXT_MAX], host[PEER_TEXT_MAX];
};
struct peers {
    const struct loom_host *host;
    struct peer_slot *slots;
    size_t n, room;
};

/* peers_init - an empty set; allocates nothing. */
void peers_init(struct peers *peers, const struct loom_host *host);
/* peers_free - as after peers_init().  A zeroed one is fine. */
void peers_free(struct peers *peers);

/* peers_add - append a copy.  LOOM_E_LIMIT: PEERS_MAX reached; LOOM_E_NOMEM; LOOM_E_INVALID: a
 * text is empty or too long.  On failure the set is as it was. */
int peers_add(struct peers *peers, const char *name, const char *host, uint16_t port);

/* peers_settle - sort by name, host and port, and drop what is there twice.  O(n log n). */
void peers_settle(struct peers *peers);

/* peers_tell - sink->found() with the whole set.  LOOM_E_NOMEM: the sink was not called. */
int peers_tell(const struct peers *peers, const struct loom_discovery_sink *sink);

/* peers_parse - append what the list says.  LOOM_E_CONFIG, LOOM_E_LIMIT or LOOM_E_NOMEM with a
 * sentence in ret_why that names the element and the accepted form.  Cost: O(n^2) compares. */
int peers_parse(struct peers *peers, const char *list, char ret_why[PEERS_WHY_MAX]);

/* peer_is_address - an IPv4 or IPv6 address written out, without brackets. */
bool peer_is_address(const char *text);
/* peer_is_host_name - letters, digits, '-' and '_' in dotted labels of 1 to 63, perhaps with a
 * dot at the end; no address. */
bool peer_is_host_name(const char *text);

#endif
