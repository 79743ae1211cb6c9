/* responder.h - a name server for tests: the records it was given, over UDP and TCP on loopback.
 *
 * It takes part in the turns of a struct node_host, so there is no thread and no race: what it
 * answers is decided between two turns.  It misbehaves on request.
 */
#ifndef TESTS_RESPONDER_H
#define TESTS_RESPONDER_H

#include "tests/kit/node_host.h"

enum { RR_A = 1, RR_CNAME = 5, RR_AAAA = 28, RR_SRV = 33 };
enum responder_fault {
    ANSWER_WELL = 0,
    ANSWER_NEVER,
    ANSWER_SERVFAIL,
    ANSWER_REFUSED,
    ANSWER_WRONG_ID,      /* and nothing else */
    ANSWER_WRONG_ID_FIRST, /* a forged answer with another id, then the true one */
    ANSWER_TRUNCATED,     /* UDP: nothing but the TC bit; TCP: all of it */
    ANSWER_CUT,           /* the last bytes of the message are missing */
    ANSWER_NODATA         /* the name exists, the type does not */
};

struct responder_record {
    char owner[256];
    uint16_t type;
    uint32_t ttl;
    unsigned char data[300];
    uint16_t bytes;
};
struct responder {
    struct node_host *h;
    int udp, tcp;
    uint16_t port;
    enum responder_fault fault;
    uint16_t silent_for; /* a type that is never answered; 0: none */
    struct responder_record *records;
    size_t n, room;
    uint32_t n_srv, n_a, n_aaaa, n_tcp; /* questions of each type; how many of all came by TCP */
};

void responder_open(struct responder *r, struct node_host *h);
void responder_close(struct responder *r);
void responder_clear(struct responder *r); /* no records, no fault, counts of 0 */

void responder_srv(struct responder *r, const char *owner, uint32_t ttl, uint16_t port,
                   const char *target);
void responder_address(struct responder *r, const char *owner, uint32_t ttl, const char *address);
void responder_cname(struct responder *r, const char *owner, uint32_t ttl, const char *target);

/* responder_answer - the message for a query, as it goes over TCP; how many bytes.  Also used to
 * make messages for the parser's own tests. */
size_t responder_answer(struct responder *r, const unsigned char *query, size_t bytes,
                        unsigned char *ret, size_t room);
/* responder_query - a query for owner and type, id 0x1234. */
size_t responder_query(const char *owner, uint16_t type, unsigned char *ret);

#endif
