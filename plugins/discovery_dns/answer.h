/* answer.h - the records of one type in the answer section of a DNS message.
 *
 *   header 12 bytes | questions | answers | authority, additional: not looked at
 *   record = owner name | type 2 | class 2 | TTL 4 | length 2 | data
 *
 * RFC 1035, section 4; RFC 2782 (SRV); RFC 3596 (AAAA).  c-ares has matched id and question and
 * turned the response code into its status; its own parsers lose the TTL of SRV records, and differ
 * between the versions that we meet.  Not a resolver; addresses of SRV targets (glue) are not read,
 * since addresses are looked up again at each connection.
 *
 * Thread: pure functions.  Cost: one pass, no allocation; bounded by the message and PEERS_MAX.
 */
#ifndef PLUGINS_DISCOVERY_DNS_ANSWER_H
#define PLUGINS_DISCOVERY_DNS_ANSWER_H

#include <stddef.h>
#include <stdint.h>

enum { ANSWER_A = 1, ANSWER_CNAME = 5, ANSWER_AAAA = 28, ANSWER_SRV = 33 };

#define ANSWER_TEXT_MAX 256 /* a name or an address written out, NUL included */

struct answer_record {
    char text[ANSWER_TEXT_MAX]; /* the address; SRV: the target, lower case, no dot at the end */
    uint16_t port;              /* SRV */
};

/* answer_each - call each() for every record of this type (class IN), in the message's order.
 * Stops when each() returns other than 0 and returns that.
 *   ret_ttl_s  lowered to the least TTL of the records and the aliases that led to them
 * LOOM_E_INVALID: the message is malformed, or a target is not a host name (".", odd bytes);
 * LOOM_E_LIMIT: it claims more than PEERS_MAX records.  each() may have run by then. */
int answer_each(const unsigned char *message, size_t bytes, uint16_t type, uint32_t *ret_ttl_s,
                int (*each)(void *arg, const struct answer_record *record), void *arg);

#endif
