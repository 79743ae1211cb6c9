/* cmd_client_list.c - CLIENT LIST and CLIENT KILL: all connections, or those that filters fit.
 *
 * The lists of the loops are walked under their locks; what is to be closed is gathered first and
 * closed afterwards, by the loops themselves. */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/server/cmd_client.h"
#include "core/server/cmd_text.h"

bool client_type_parse(struct call *call, struct slice text, enum client_type *ret)
{
    if (slice_is(text, "normal")) *ret = CLIENT_NORMAL;
    else if (slice_is(text, "master")) *ret = CLIENT_MASTER;
    else if (slice_is(text, "replica") || slice_is(text, "slave")) *ret = CLIENT_REPLICA;
    else if (slice_is(text, "pubsub")) *ret = CLIENT_PUBSUB;
    else {
        call_error(call, "Unknown client type '%.*s'", (int)(text.bytes < 128 ? text.bytes : 128),
                   text.at);
        return false;
    }
    return true;
}

/* ---- numbers of connections ------------------------------------------------------------------ */

struct ids {
    uint64_t *at;
    size_t n, room;
    bool failed;
};

static void ids_add(struct ids *ids, uint64_t id)
{
    if (ids->n == ids->room) {
        size_t room = ids->room ? ids->room * 2 : 16;
        void *to = mem_realloc(MEM_BUFFER, ids->at, room * sizeof *ids->at);

        if (to == NULL) {
            ids->failed = true;
            return;
        }
        ids->at = to;
        ids->room = room;
    }
    ids->at[ids->n++] = id;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool ids_have(const struct ids *sorted, uint64_t id)
{
    return sorted->n > 0 && bsearch(&id, sorted->at, sorted->n, sizeof id, compare) != NULL;
}

/* ---- LIST ------------------------------------------------------------------------------------ */

struct listing {
    struct text text;
    struct ids ids;
    bool only_ids, none;
};

static bool parse_list(struct call *call, struct listing *listing)
{
    enum client_type type;
    uint64_t id;

    if (call->argc == 2) return true;
    if (call->argc == 4 && slice_is(call->argv[2], "type")) {
        if (!client_type_parse(call, call->argv[3], &type)) return false;
        listing->none = type != CLIENT_NORMAL;
        return true;
    }
    if (call->argc < 4 || !slice_is(call->argv[2], "id")) {
        call_syntax_error(call);
        return false;
    }
    listing->only_ids = true;
    for (uint32_t i = 3; i < call->argc; i++) {
        if (!bytes_to_u64(call->argv[i], &id)) {
            call_error(call, "Invalid client ID");
            return false;
        }
        ids_add(&listing->ids, id);
    }
    if (listing->ids.failed) {
        call_failed(call, LOOM_E_NOMEM);
        return false;
    }
    qsort(listing->ids.at, listing->ids.n, sizeof *listing->ids.at, compare);
    return true;
}

static void list_one(void *arg, struct conn *conn)
{
    struct listing *listing = arg;
    char line[CLIENT_LINE_BYTES];

    if (listing->only_ids && !ids_have(&listing->ids, conn->session.id)) return;
    text_add_bytes(&listing->text, line, conn_describe(conn, line, sizeof line));
    text_add_bytes(&listing->text, "\n", 1);
}

void client_list(struct call *call)
{
    struct listing listing = {0};

    if (parse_list(call, &listing)) {
        if (!listing.none) conn_each(server_the, list_one, &listing);
        text_reply(call, &listing.text);
    }
    mem_free(MEM_BUFFER, listing.ids.at);
}

/* ---- KILL ------------------------------------------------------------------------------------ */

struct kill {
    uint64_t id; /* 0: any */
    const struct slice *peer, *local; /* NULL: any */
    uint64_t max_age_ms; /* 0: any; else only older ones */
    bool none, skip_me;
    uint64_t me, now_ms;
    struct ids found;
};

static bool parse_positive(struct call *call, uint32_t arg, const char *what, uint64_t *ret)
{
    if (bytes_to_u64(call->argv[arg], ret) && *ret > 0) return true;
    call_error(call, "%s should be greater than 0", what);
    return false;
}

static bool parse_filter(struct call *call, uint32_t i, struct kill *kill)
{
    struct slice name = call->argv[i], value = call->argv[i + 1];
    enum client_type type;
    uint64_t seconds;

    if (slice_is(name, "id")) return parse_positive(call, i + 1, "client-id", &kill->id);
    if (slice_is(name, "maxage")) {
        if (!parse_positive(call, i + 1, "maxage", &seconds)) return false;
        kill->max_age_ms = seconds < UINT64_MAX / 1000 ? seconds * 1000 : UINT64_MAX;
    } else if (slice_is(name, "type")) {
        if (!client_type_parse(call, value, &type)) return false;
        if (type != CLIENT_NORMAL) kill->none = true;
    } else if (slice_is(name, "user")) {
        if (!slice_equal(value, slice_of("default", 7))) {
            call_error(call, "No such user '%.*s'", (int)(value.bytes < 128 ? value.bytes : 128),
                       value.at);
            return false;
        }
    } else if (slice_is(name, "addr")) {
        kill->peer = &call->argv[i + 1];
    } else if (slice_is(name, "laddr")) {
        kill->local = &call->argv[i + 1];
    } else if (slice_is(name, "skipme") && (slice_is(value, "yes") || slice_is(value, "no"))) {
        kill->skip_me = slice_is(value, "yes");
    } else {
        call_syntax_error(call);
        return false;
    }
    return true;
}

static bool address_is(struct conn *conn, const struct slice *wanted,
                       void (*read)(struct conn *conn, char *at, size_t room))
{
    char text[64];

    if (wanted == NULL) return true;
    read(conn, text, sizeof text);
    return slice_equal(*wanted, slice_of(text, strlen(text)));
}

static void kill_one(void *arg, struct conn *conn)
{
    struct kill *kill = arg;
    uint64_t id = conn->session.id;
    uint64_t age_ms = kill->now_ms > conn->created_ms ? kill->now_ms - conn->created_ms : 0;

    if (kill->id != 0 && kill->id != id) return;
    if (kill->skip_me && kill->me == id) return;
    if (kill->max_age_ms != 0 && age_ms < kill->max_age_ms) return;
    if (!address_is(conn, kill->peer, conn_peer) || !address_is(conn, kill->local, conn_local))
        return;
    ids_add(&kill->found, id);
}

/* Who is closed by now does not count. */
static size_t kill_found(struct call *call, const struct kill *kill)
{
    size_t n = 0;

    for (size_t i = 0; i < kill->found.n; i++) {
        if (kill->found.at[i] == kill->me) {
            call->session->close_after_reply = true;
            n++;
        } else {
            n += conn_kill(server_the, kill->found.at[i]);
        }
    }
    return n;
}

void client_kill(struct call *call)
{
    bool old_form = call->argc == 3;
    struct kill kill = {.skip_me = !old_form, .me = call->session->id, .now_ms = call->now_ms};

    if (old_form) {
        kill.peer = &call->argv[2];
    } else if (call->argc % 2 != 0) {
        call_syntax_error(call);
        return;
    }
    for (uint32_t i = 2; !old_form && i < call->argc; i += 2)
        if (!parse_filter(call, i, &kill)) return;
    if (!kill.none) conn_each(server_the, kill_one, &kill);
    if (kill.found.failed) {
        call_failed(call, LOOM_E_NOMEM);
    } else {
        size_t n = kill_found(call, &kill);

        server_audit(server_the, "CLIENT KILL by client %llu: %zu closed",
                     (unsigned long long)kill.me, n);
        if (!old_form) reply_int(call->reply, (int64_t)n);
        else if (n == 0) call_error(call, "No such client");
        else reply_ok(call->reply);
    }
    mem_free(MEM_BUFFER, kill.found.at);
}
