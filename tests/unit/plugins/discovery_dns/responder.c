/* responder.c - see responder.h. */
#include "responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/kit/node_loop.h"

#define MESSAGE_MAX 65535
#define UDP_MAX 1232

/* --- names ----------------------------------------------------------------------------------- */

/* Labels as they stand in text; "." is the root. */
static size_t put_name(unsigned char *to, const char *text)
{
    size_t n = 0;

    while (*text != '\0' && *text != '.') {
        size_t label = strcspn(text, ".");
        to[n++] = (unsigned char)label;
        memcpy(to + n, text, label);
        n += label;
        text += label + (text[label] == '.');
    }
    to[n++] = 0;
    return n;
}

static size_t get_name(const unsigned char *at, size_t bytes, char *ret)
{
    size_t n = 0, used = 0;

    while (used < bytes && at[used] != 0 && at[used] < 64) {
        if (n != 0) ret[n++] = '.';
        memcpy(ret + n, at + used + 1, at[used]);
        n += at[used];
        used += at[used] + 1u;
    }
    ret[n] = '\0';
    return used + 1;
}

static size_t put16(unsigned char *to, unsigned value)
{
    to[0] = (unsigned char)(value >> 8);
    to[1] = (unsigned char)value;
    return 2;
}

/* --- the zone -------------------------------------------------------------------------------- */

static struct responder_record *add(struct responder *r, const char *owner, uint16_t type,
                                    uint32_t ttl)
{
    struct responder_record *record;

    if (r->n == r->room) {
        r->room = r->room ? r->room * 2 : 16;
        r->records = realloc(r->records, r->room * sizeof *r->records);
        if (r->records == NULL) node_die("the machine is out of memory");
    }
    record = &r->records[r->n++];
    memset(record, 0, sizeof *record);
    snprintf(record->owner, sizeof record->owner, "%s", owner);
    record->type = type;
    record->ttl = ttl;
    return record;
}

void responder_srv(struct responder *r, const char *owner, uint32_t ttl, uint16_t port,
                   const char *target)
{
    struct responder_record *record = add(r, owner, RR_SRV, ttl);

    put16(record->data, 10);
    put16(record->data + 2, 50);
    put16(record->data + 4, port);
    record->bytes = (uint16_t)(6 + put_name(record->data + 6, target));
}

void responder_address(struct responder *r, const char *owner, uint32_t ttl, const char *address)
{
    bool v6 = strchr(address, ':') != NULL;
    struct responder_record *record = add(r, owner, v6 ? RR_AAAA : RR_A, ttl);

    record->bytes = v6 ? 16 : 4;
    inet_pton(v6 ? AF_INET6 : AF_INET, address, record->data);
}

void responder_cname(struct responder *r, const char *owner, uint32_t ttl, const char *target)
{
    struct responder_record *record = add(r, owner, RR_CNAME, ttl);

    record->bytes = (uint16_t)put_name(record->data, target);
}

void responder_clear(struct responder *r)
{
    r->n = r->n_srv = r->n_a = r->n_aaaa = r->n_tcp = 0;
    r->fault = ANSWER_WELL;
    r->silent_for = 0;
}

/* --- messages -------------------------------------------------------------------------------- */

size_t responder_query(const char *owner, uint16_t type, unsigned char *ret)
{
    static const unsigned char head[12] = {0x12, 0x34, 1, 0, 0, 1};
    size_t n = sizeof head;

    memcpy(ret, head, sizeof head);
    n += put_name(ret + n, owner);
    n += put16(ret + n, type);
    n += put16(ret + n, 1);
    return n;
}

/* The owner is a pointer to the question, or spelled out further down an alias chain. */
static size_t put_record(unsigned char *to, const struct responder_record *record, bool asked_for)
{
    size_t n = asked_for ? put16(to, 0xc00c) : put_name(to, record->owner);

    n += put16(to + n, record->type);
    n += put16(to + n, 1);
    n += put16(to + n, record->ttl >> 16);
    n += put16(to + n, record->ttl & 0xffff);
    n += put16(to + n, record->bytes);
    memcpy(to + n, record->data, record->bytes);
    return n + record->bytes;
}

static const struct responder_record *alias_of(const struct responder *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->records[i].type == RR_CNAME && strcasecmp(r->records[i].owner, name) == 0)
            return &r->records[i];
    return NULL;
}

size_t responder_answer(struct responder *r, const unsigned char *query, size_t bytes,
                        unsigned char *ret, size_t room)
{
    char name[512], asked[512];
    size_t question = 12 + get_name(query + 12, bytes - 12, asked), n = question + 4;
    uint16_t type = (uint16_t)(query[question] << 8 | query[question + 1]), n_answers = 0;
    const struct responder_record *alias;
    bool exists = false;

    memcpy(ret, query, n);
    memset(ret + 6, 0, 6);
    strcpy(name, asked);
    for (int hops = 0; hops < 4 && (alias = alias_of(r, name)) != NULL; hops++) {
        n += put_record(ret + n, alias, hops == 0);
        n_answers++;
        get_name(alias->data, alias->bytes, name);
    }
    for (size_t i = 0; i < r->n && n + 600 < room; i++) {
        if (strcasecmp(r->records[i].owner, name) != 0) continue;
        exists = true;
        if (r->records[i].type != type || r->fault == ANSWER_NODATA) continue;
        n += put_record(ret + n, &r->records[i], n_answers == 0 || strcmp(name, asked) == 0);
        n_answers++;
    }
    put16(ret + 6, n_answers);
    ret[2] = (unsigned char)(0x84 | (query[2] & 1));
    ret[3] = exists || n_answers != 0 ? 0 : 3;
    if (r->fault == ANSWER_SERVFAIL || r->fault == ANSWER_REFUSED) {
        put16(ret + 6, 0);
        ret[3] = r->fault == ANSWER_SERVFAIL ? 2 : 5;
        n = question + 4;
    }
    if (r->fault == ANSWER_CUT) n -= 5;
    return n;
}

static bool heard(struct responder *r, const unsigned char *query, size_t bytes)
{
    char name[512];
    size_t question;
    uint16_t type;

    if (bytes < 17) return false;
    question = 12 + get_name(query + 12, bytes - 12, name);
    type = (uint16_t)(query[question] << 8 | query[question + 1]);
    r->n_srv += type == RR_SRV;
    r->n_a += type == RR_A;
    r->n_aaaa += type == RR_AAAA;
    return r->fault != ANSWER_NEVER && r->silent_for != type;
}

/* --- sockets --------------------------------------------------------------------------------- */

static void udp_ready(void *arg, int fd, bool readable, bool writable)
{
    struct responder *r = arg;
    struct sockaddr_storage from;
    socklen_t from_bytes = sizeof from;
    unsigned char query[1024], answer[MESSAGE_MAX];
    ssize_t got = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_bytes);
    size_t n;

    (void)readable;
    (void)writable;
    if (got <= 0 || !heard(r, query, (size_t)got)) return;
    n = responder_answer(r, query, (size_t)got, answer, sizeof answer);
    if (n > UDP_MAX || r->fault == ANSWER_TRUNCATED) {
        char name[512];
        answer[2] |= 2;
        put16(answer + 6, 0);
        n = 12 + get_name(query + 12, (size_t)got - 12, name) + 4;
    }
    if (r->fault == ANSWER_WRONG_ID || r->fault == ANSWER_WRONG_ID_FIRST) {
        answer[0] ^= 0xff;
        answer[n - 2] ^= 1; /* and the forged one names another target */
        sendto(fd, answer, n, 0, (struct sockaddr *)&from, from_bytes);
        answer[0] ^= 0xff;
        answer[n - 2] ^= 1;
        if (r->fault == ANSWER_WRONG_ID) return;
    }
    sendto(fd, answer, n, 0, (struct sockaddr *)&from, from_bytes);
}

static void connection_ready(void *arg, int fd, bool readable, bool writable)
{
    struct responder *r = arg;
    unsigned char query[1024], answer[MESSAGE_MAX + 2];
    ssize_t got = recv(fd, query, sizeof query, 0); /* loopback: a query arrives whole */
    size_t n;

    (void)readable;
    (void)writable;
    if (got <= 2) {
        for (size_t i = 0; i < NODE_WATCHES_MAX; i++)
            if (r->h->watches[i].id != 0 && r->h->watches[i].fd == fd) r->h->watches[i].id = 0;
        close(fd);
        return;
    }
    r->n_tcp++;
    if (!heard(r, query + 2, (size_t)got - 2)) return;
    n = responder_answer(r, query + 2, (size_t)got - 2, answer + 2, MESSAGE_MAX);
    put16(answer, (unsigned)n);
    if (send(fd, answer, n + 2, MSG_NOSIGNAL) != (ssize_t)n + 2) node_die("a short TCP answer");
}

static void tcp_ready(void *arg, int fd, bool readable, bool writable)
{
    struct responder *r = arg;
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    (void)readable;
    (void)writable;
    if (accepted >= 0) node_host_watch(r->h, accepted, connection_ready, r);
}

void responder_open(struct responder *r, struct node_host *h)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;

    memset(r, 0, sizeof *r);
    r->h = h;
    for (int tries = 0; tries < 100; tries++) { /* a port that is free for both */
        at.sin_port = 0;
        r->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (r->udp < 0 || r->tcp < 0) node_die("socket: %s", strerror(errno));
        if (bind(r->udp, (struct sockaddr *)&at, sizeof at) == 0 &&
            getsockname(r->udp, (struct sockaddr *)&at, &bytes) == 0 &&
            bind(r->tcp, (struct sockaddr *)&at, sizeof at) == 0 && listen(r->tcp, 16) == 0) {
            r->port = ntohs(at.sin_port);
            node_host_watch(h, r->udp, udp_ready, r);
            node_host_watch(h, r->tcp, tcp_ready, r);
            return;
        }
        close(r->udp);
        close(r->tcp);
    }
    node_die("no port is free for UDP and TCP");
}

void responder_close(struct responder *r)
{
    for (size_t i = 0; i < NODE_WATCHES_MAX; i++) {
        struct node_watch *watch = &r->h->watches[i];
        if (watch->id == 0 || !watch->ours) continue;
        close(watch->fd);
        watch->id = 0;
    }
    free(r->records);
    r->records = NULL;
}
