/* answer.c - see answer.h. */
#include "answer.h"

#include <arpa/inet.h>

#include "../common/peers.h"

/* A cursor that cannot leave the message. */
struct reader {
    const unsigned char *at;
    size_t bytes, next;
};

static bool skip(struct reader *r, size_t n)
{
    if (n > r->bytes - r->next) return false;
    r->next += n;
    return true;
}

static bool take16(struct reader *r, uint16_t *ret)
{
    if (!skip(r, 2)) return false;
    *ret = (uint16_t)(r->at[r->next - 2] << 8 | r->at[r->next - 1]);
    return true;
}

static bool take32(struct reader *r, uint32_t *ret)
{
    uint16_t high, low;

    if (!take16(r, &high) || !take16(r, &low)) return false;
    *ret = (uint32_t)high << 16 | low;
    return true;
}

/* A name ends at a zero label or at its first pointer. */
static bool skip_name(struct reader *r)
{
    for (;;) {
        if (!skip(r, 1)) return false;
        unsigned char length = r->at[r->next - 1];
        if (length == 0) return true;
        if (length >= 0xc0) return skip(r, 1);
        if (length >= 0x40 || !skip(r, length)) return false;
    }
}

static char lower(unsigned char c) { return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c); }

/* Write the name of a host out.  A pointer leads strictly backwards from where it stands, so there
 * are no loops to fall into. */
static bool take_target(struct reader r, char *ret, size_t room)
{
    size_t n = 0, before = r.next;

    for (;;) {
        if (!skip(&r, 1)) return false;
        unsigned char length = r.at[r.next - 1];
        if (length == 0) break;
        if (length >= 0xc0) {
            if (!skip(&r, 1)) return false;
            size_t to = (size_t)(length & 0x3f) << 8 | r.at[r.next - 1];
            if (to >= before) return false;
            r.next = before = to;
            continue;
        }
        if (length >= 0x40 || !skip(&r, length) || n + length + 1 >= room) return false;
        for (size_t i = r.next - length; i < r.next; i++) {
            if (r.at[i] == '.' || r.at[i] == '\0') return false; /* not part of a host name */
            ret[n++] = lower(r.at[i]);
        }
        ret[n++] = '.';
    }
    if (n == 0) return false; /* RFC 2782: a target of "." says that there is no such service */
    ret[n - 1] = '\0';
    return true;
}

static int take_record(struct reader data, uint16_t type, struct answer_record *record)
{
    int family = type == ANSWER_A ? AF_INET : AF_INET6;
    const unsigned char *at = data.at + data.next;

    record->port = 0;
    if (type == ANSWER_SRV) {
        if (!skip(&data, 4) || !take16(&data, &record->port)) return LOOM_E_INVALID;
        if (!take_target(data, record->text, sizeof record->text)) return LOOM_E_INVALID;
        return peer_is_host_name(record->text) ? 0 : LOOM_E_INVALID;
    }
    if (data.bytes - data.next != (type == ANSWER_A ? 4 : 16)) return LOOM_E_INVALID;
    inet_ntop(family, at, record->text, sizeof record->text);
    return 0;
}

static int take_answer(struct reader *r, uint16_t type, uint32_t *ret_ttl_s,
                       int (*each)(void *arg, const struct answer_record *record), void *arg)
{
    struct answer_record record;
    uint16_t found, class_in, length;
    struct reader data;
    uint32_t ttl_s;
    int rc;

    if (!skip_name(r) || !take16(r, &found) || !take16(r, &class_in) || !take32(r, &ttl_s) ||
        !take16(r, &length))
        return LOOM_E_INVALID;
    data = *r;
    if (!skip(r, length)) return LOOM_E_INVALID;
    data.bytes = r->next;
    if (class_in != 1 || (found != type && found != ANSWER_CNAME)) return 0;
    if (ttl_s > INT32_MAX) ttl_s = 0; /* RFC 2181, section 8 */
    if (ttl_s < *ret_ttl_s) *ret_ttl_s = ttl_s;
    if (found != type) return 0;
    rc = take_record(data, type, &record);
    return rc != 0 ? rc : each(arg, &record);
}

int answer_each(const unsigned char *message, size_t bytes, uint16_t type, uint32_t *ret_ttl_s,
                int (*each)(void *arg, const struct answer_record *record), void *arg)
{
    struct reader r = {.at = message, .bytes = bytes};
    uint16_t n_questions, n_answers;

    if (!skip(&r, 4) || !take16(&r, &n_questions) || !take16(&r, &n_answers) || !skip(&r, 4))
        return LOOM_E_INVALID;
    if (n_questions > 1) return LOOM_E_INVALID;
    if (n_answers > PEERS_MAX) return LOOM_E_LIMIT;
    if (n_questions == 1 && (!skip_name(&r) || !skip(&r, 4))) return LOOM_E_INVALID;
    for (uint16_t i = 0; i < n_answers; i++) {
        int rc = take_answer(&r, type, ret_ttl_s, each, arg);
        if (rc != 0) return rc;
    }
    return 0;
}
