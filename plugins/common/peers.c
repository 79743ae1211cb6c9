/* peers.c - see peers.h. */
#include "peers.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define FORM "write name=host:port, host:port, host or [v6 address]:port"

void peers_init(struct peers *peers, const struct loom_host *host)
{
    memset(peers, 0, sizeof *peers);
    peers->host = host;
}

void peers_free(struct peers *peers)
{
    if (peers->slots != NULL)
        peers->host->free(peers->host, peers->slots, peers->room * sizeof *peers->slots);
    peers->slots = NULL;
    peers->n = peers->room = 0;
}

static int grow(struct peers *peers)
{
    size_t room = peers->room ? peers->room * 2 : 8;
    struct peer_slot *slots = peers->host->alloc(peers->host, room * sizeof *slots);

    if (slots == NULL) return LOOM_E_NOMEM;
    if (peers->n != 0) memcpy(slots, peers->slots, peers->n * sizeof *slots);
    if (peers->slots != NULL)
        peers->host->free(peers->host, peers->slots, peers->room * sizeof *slots);
    peers->slots = slots;
    peers->room = room;
    return 0;
}

int peers_add(struct peers *peers, const char *name, const char *host, uint16_t port)
{
    size_t name_bytes = strlen(name), host_bytes = strlen(host);
    struct peer_slot *slot;

    if (name_bytes == 0 || name_bytes >= PEER_TEXT_MAX) return LOOM_E_INVALID;
    if (host_bytes == 0 || host_bytes >= PEER_TEXT_MAX) return LOOM_E_INVALID;
    if (peers->n == PEERS_MAX) return LOOM_E_LIMIT;
    if (peers->n == peers->room && grow(peers) != 0) return LOOM_E_NOMEM;
    slot = &peers->slots[peers->n++];
    memcpy(slot->name, name, name_bytes + 1);
    memcpy(slot->host, host, host_bytes + 1);
    slot->port = port;
    return 0;
}

static int compare(const void *a_, const void *b_)
{
    const struct peer_slot *a = a_, *b = b_;
    int by = strcmp(a->name, b->name);

    if (by == 0) by = strcmp(a->host, b->host);
    return by != 0 ? by : (int)a->port - (int)b->port;
}

void peers_settle(struct peers *peers)
{
    size_t kept = 0;

    if (peers->n < 2) return;
    qsort(peers->slots, peers->n, sizeof *peers->slots, compare);
    for (size_t i = 1; i < peers->n; i++)
        if (compare(&peers->slots[kept], &peers->slots[i]) != 0 && ++kept != i)
            peers->slots[kept] = peers->slots[i];
    peers->n = kept + 1;
}

int peers_tell(const struct peers *peers, const struct loom_discovery_sink *sink)
{
    const struct loom_host *host = peers->host;
    size_t bytes = peers->n * sizeof(struct loom_peer);
    struct loom_peer *all = NULL;

    if (peers->n != 0 && (all = host->alloc(host, bytes)) == NULL) return LOOM_E_NOMEM;
    for (size_t i = 0; i < peers->n; i++) {
        const struct peer_slot *slot = &peers->slots[i];
        all[i] = (struct loom_peer){.name = slot->name, .host = slot->host, .port = slot->port};
    }
    sink->found(sink->to, all, peers->n);
    if (all != NULL) host->free(host, all, bytes);
    return 0;
}

bool peer_is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_';
}

bool peer_is_host_name(const char *text)
{
    size_t label = 0, bytes = strlen(text), last = 0;

    if (bytes > 1 && text[bytes - 1] == '.') bytes--; /* absolute: no search list */
    if (bytes == 0 || bytes > PEER_DNS_MAX) return false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '.') {
            if (label == 0 || i + 1 == bytes) return false;
            label = 0;
            last = i + 1;
        } else if (!is_label_byte(text[i]) || ++label > 63) {
            return false;
        }
    }
    /* No top-level domain is a number: this is a mistyped address (RFC 3696, section 2). */
    return strspn(text + last, "0123456789") < bytes - last;
}

/* --- the list -------------------------------------------------------------------------------- */

struct element {
    size_t at;                        /* 1: the first of the list */
    char text[PEER_TEXT_MAX * 2 + 1]; /* blanks cut off, taken apart in place */
    char written[PEER_TEXT_MAX];      /* the same, whole: the name of what has none */
    char address[INET6_ADDRSTRLEN];   /* an IPv6 host in its one canonical spelling */
    char shown[72];                   /* the element as it was, for sentences */
    const char *name, *host;
    uint16_t port;
    char *ret_why;
};

#define REFUSE(element, ...) refuse(element, LOOM_E_CONFIG, __VA_ARGS__)
static int refuse(const struct element *e, int code, const char *format, ...) LOOM_PRINTF(3, 4);
static int refuse(const struct element *e, int code, const char *format, ...)
{
    char what[160];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(e->ret_why, PEERS_WHY_MAX, "element %zu \"%s\": %s; " FORM, e->at, e->shown, what);
    return code;
}

/* For a log line: one line, no control characters, no longer than a person reads. */
static void show(struct element *e, const char *at, size_t bytes)
{
    size_t n = bytes < sizeof e->shown ? bytes : sizeof e->shown - 4;

    for (size_t i = 0; i < n; i++)
        e->shown[i] = at[i] >= ' ' && at[i] < 127 ? at[i] : '?';
    memcpy(e->shown + n, bytes > n ? "..." : "", bytes > n ? 4 : 1);
}

static int take_port(struct element *e, const char *digits)
{
    size_t n = strspn(digits, "0123456789");
    unsigned long port = n != 0 && n <= 5 ? strtoul(digits, NULL, 10) : 0;

    if (n == 0 || digits[n] != '\0') return REFUSE(e, "the port is not a number");
    if (port == 0 || port > UINT16_MAX) return REFUSE(e, "a port is 1 to 65535");
    e->port = (uint16_t)port;
    return 0;
}

static int take_bracketed(struct element *e)
{
    struct in6_addr address;
    char *end = strchr(e->host, ']');

    if (end == NULL) return REFUSE(e, "']' is missing");
    *end = '\0';
    if (inet_pton(AF_INET6, e->host + 1, &address) != 1)
        return REFUSE(e, "there is no IPv6 address inside the brackets");
    e->host = inet_ntop(AF_INET6, &address, e->address, sizeof e->address);
    if (end[1] == '\0') return 0;
    return end[1] == ':' ? take_port(e, end + 2) : REFUSE(e, "after ']' comes ':' or nothing");
}

static int take_host(struct element *e)
{
    struct in_addr address;
    char *colon = strchr(e->host, ':');
    int rc = 0;

    if (e->host[0] == '[') return take_bracketed(e);
    if (colon != NULL && peer_is_address(e->host))
        return REFUSE(e, "an IPv6 address stands in brackets");
    if (colon != NULL) {
        *colon = '\0';
        rc = take_port(e, colon + 1);
    }
    if (rc != 0) return rc;
    if (e->host[0] == '\0') return REFUSE(e, "the host is missing");
    if (inet_pton(AF_INET, e->host, &address) == 1 || peer_is_host_name(e->host)) return 0;
    return REFUSE(e, "the host is neither a DNS name nor an address");
}

static int take_name(struct element *e)
{
    char *equals = strchr(e->text, '='), *end = equals;

    e->name = e->written;
    e->host = e->text;
    if (equals == NULL) return 0;
    while (end > e->text && is_blank(end[-1])) end--;
    *end = '\0';
    e->name = e->text;
    e->host = equals + 1 + strspn(equals + 1, BLANKS);
    if (e->name[0] == '\0') return REFUSE(e, "the name before '=' is missing");
    if (strlen(e->name) > PEER_DNS_MAX) return REFUSE(e, "a name has at most 253 characters");
    for (const char *c = e->name; *c != '\0'; c++)
        if (!is_label_byte(*c) && *c != '.')
            return REFUSE(e, "a name is made of letters, digits, '-', '_' and '.'");
    return 0;
}

static bool same_place(const struct element *e, const struct peer_slot *slot)
{
    uint16_t a = e->port ? e->port : PEER_PORT_PRESET;
    uint16_t b = slot->port ? slot->port : PEER_PORT_PRESET;

    return a == b && strcasecmp(e->host, slot->host) == 0;
}

static int take_element(struct peers *peers, struct element *e, const char *at, size_t bytes)
{
    int rc;

    show(e, at, bytes);
    e->port = 0;
    if (bytes == 0) return REFUSE(e, "there is nothing between the commas");
    if (bytes >= sizeof e->text) return REFUSE(e, "it is too long");
    snprintf(e->text, sizeof e->text, "%.*s", (int)bytes, at);
    snprintf(e->written, sizeof e->written, "%.*s", (int)bytes, at);
    if ((rc = take_name(e)) != 0 || (rc = take_host(e)) != 0) return rc;

    for (size_t i = 0; i < peers->n; i++) {
        if (strcmp(e->name, peers->slots[i].name) == 0)
            return REFUSE(e, "its name is that of element %zu", i + 1);
        if (same_place(e, &peers->slots[i]))
            return REFUSE(e, "host and port are those of element %zu", i + 1);
    }
    rc = peers_add(peers, e->name, e->host, e->port);
    if (rc == LOOM_E_LIMIT) return refuse(e, rc, "a list has at most %d peers", PEERS_MAX);
    if (rc != 0) snprintf(e->ret_why, PEERS_WHY_MAX, "out of memory for %zu peers", e->at);
    return rc;
}

int peers_parse(struct peers *peers, const char *list, char ret_why[PEERS_WHY_MAX])
{
    struct element e = {.at = 1, .ret_why = ret_why};

    for (const char *at = list;; e.at++) {
        const char *comma = at + strcspn(at, ","), *end = comma;
        int rc;

        at += strspn(at, BLANKS);
        while (end > at && is_blank(end[-1])) end--;
        if ((rc = take_element(peers, &e, at, (size_t)(end - at))) != 0) return rc;
        if (*comma == '\0') return 0;
        at = comma + 1;
    }
}
