/* string_set.c - one key and its whole value: GET, SET and the commands that are a SET or a GET
 * with one more effect.
 *
 * GET and SET without options are what a cache does all day: they are straight lines, everything
 * else is out of their way.  A SET looks at the old entry with STORE_PEEK, since partition_put()
 * counts the overwrite as the one access it is.
 */
#include "core/command/call.h"
#include "core/command/string.h"

void string_get(struct call *call)
{
    loom_entry *e;

    if (__builtin_expect(!call_string(call, 0, STORE_READ, &e), 0)) return;
    if (e == NULL) reply_null(call->reply);
    else call_reply_value(call, call->keys[0].partition, e);
}

/* ---- options of SET and GETEX --------------------------------------------------------------- */

enum {
    OPTION_EX = 1 << 0,
    OPTION_PX = 1 << 1,
    OPTION_EXAT = 1 << 2,
    OPTION_PXAT = 1 << 3,
    OPTION_TIME = OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_PXAT,
    OPTION_KEEPTTL = 1 << 4,
    OPTION_PERSIST = 1 << 5,
    OPTION_EXPIRY = OPTION_TIME | OPTION_KEEPTTL | OPTION_PERSIST,
    OPTION_NX = 1 << 6,
    OPTION_XX = 1 << 7,
    OPTION_IFEQ = 1 << 8,
    OPTION_IF = OPTION_NX | OPTION_XX | OPTION_IFEQ,
    OPTION_GET = 1 << 9,

    OPTIONS_OF_SET = OPTION_TIME | OPTION_KEEPTTL | OPTION_IF | OPTION_GET,
    OPTIONS_OF_GETEX = OPTION_TIME | OPTION_PERSIST
};

static const struct option {
    const char *word;
    uint16_t bit;
    uint16_t excludes;
    bool takes_value;
} options[] = {
    {"ex", OPTION_EX, OPTION_EXPIRY & ~OPTION_EX, true},
    {"px", OPTION_PX, OPTION_EXPIRY & ~OPTION_PX, true},
    {"nx", OPTION_NX, OPTION_IF & ~OPTION_NX, false},
    {"xx", OPTION_XX, OPTION_IF & ~OPTION_XX, false},
    {"get", OPTION_GET, 0, false},
    {"keepttl", OPTION_KEEPTTL, OPTION_EXPIRY & ~OPTION_KEEPTTL, false},
    {"persist", OPTION_PERSIST, OPTION_EXPIRY & ~OPTION_PERSIST, false},
    {"exat", OPTION_EXAT, OPTION_EXPIRY & ~OPTION_EXAT, true},
    {"pxat", OPTION_PXAT, OPTION_EXPIRY & ~OPTION_PXAT, true},
    {"ifeq", OPTION_IFEQ, OPTION_IF, true},
};

struct given {
    uint32_t options;
    uint32_t time_arg;     /* with OPTION_TIME */
    uint32_t expected_arg; /* with OPTION_IFEQ */
};

static const struct option *option_of(struct slice word)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (slice_is(word, options[i].word)) return &options[i];
    return NULL;
}

/* The options from argument i on.  A time given twice counts as given last, as in Redis. */
static bool options_parse(struct call *call, uint32_t i, uint32_t allowed, struct given *ret)
{
    struct given given = {0, 0, 0};

    for (; i < call->argc; i++) {
        const struct option *option = option_of(call->argv[i]);
        if (option == NULL || !(option->bit & allowed) || (option->excludes & given.options) ||
            (option->takes_value && i + 1 == call->argc)) {
            call_syntax_error(call);
            return false;
        }
        given.options |= option->bit;
        if (!option->takes_value) continue;
        i++;
        if (option->bit == OPTION_IFEQ) given.expected_arg = i;
        else given.time_arg = i;
    }
    *ret = given;
    return true;
}

static bool given_expiry(struct call *call, const struct given *given, uint64_t *ret)
{
    bool seconds = (given->options & (OPTION_EX | OPTION_EXAT)) != 0;
    bool absolute = (given->options & (OPTION_EXAT | OPTION_PXAT)) != 0;

    return call_expiry(call, given->time_arg, seconds ? 1000 : 1, absolute, ret);
}

/* ---- SET ------------------------------------------------------------------------------------ */

/* Put and answer with the value that was there.  The answer is written first, while the old entry
 * lives, and taken back if there is no room for the new one. */
static void put_and_get(struct call *call, const struct store_put *put)
{
    size_t mark = call->reply->bytes;
    int rc;

    if (put->old == NULL) reply_null(call->reply);
    else if (!call_reply_value(call, call->keys[0].partition, put->old)) return;
    rc = partition_put(&call->keys[0], put, NULL);
    if (rc == 0) return;
    reply_rewind(call->reply, mark);
    call_failed(call, rc);
}

/* May this SET go on?  A value that cannot be unpacked is an error of its own. */
static int condition_holds(struct call *call, const struct given *given, loom_entry *old,
                           bool *ret)
{
    struct value_view view;
    int rc;

    if (given->options & OPTION_NX) *ret = old == NULL;
    else if ((given->options & OPTION_IF) == 0) *ret = true;
    else *ret = old != NULL;
    if (old == NULL || !(given->options & OPTION_IFEQ)) return 0;
    rc = value_read(call->keys[0].partition, old, &view);
    if (rc != 0) return rc;
    *ret = slice_equal(slice_of(view.at, view.bytes), call->argv[given->expected_arg]);
    value_release(&view);
    return 0;
}

static void set_with_options(struct call *call)
{
    struct store_put put = {.value = call->argv[2], .blob = call_blob(call, 2)};
    struct given given;
    enum store_look look = STORE_PEEK;
    bool holds, get;
    int rc;

    if (!options_parse(call, 3, OPTIONS_OF_SET, &given)) return;
    if ((given.options & OPTION_TIME) && !given_expiry(call, &given, &put.expires_ms)) return;
    put.keep_expiry = (given.options & OPTION_KEEPTTL) != 0;
    get = (given.options & OPTION_GET) != 0;
    /* NX GET of a present key writes nothing: it is a GET, and counts as one. */
    if (get && (given.options & OPTION_NX)) look = STORE_READ;

    if (get || (given.options & OPTION_IFEQ)) {
        if (!call_string(call, 0, look, &put.old)) return;
    } else {
        put.old = partition_find(&call->keys[0], look);
    }
    rc = condition_holds(call, &given, put.old, &holds);
    if (rc != 0) {
        call_failed(call, rc);
    } else if (!holds) {
        if (get && put.old != NULL) call_reply_value(call, call->keys[0].partition, put.old);
        else reply_null(call->reply);
    } else if (get) {
        put_and_get(call, &put);
    } else {
        rc = partition_put(&call->keys[0], &put, NULL);
        if (rc == 0) reply_ok(call->reply);
        else call_failed(call, rc);
    }
}

void string_set(struct call *call)
{
    if (__builtin_expect(call->argc != 3, 0)) {
        set_with_options(call);
        return;
    }
    if (call_put(call, 0, 2, partition_find(&call->keys[0], STORE_PEEK))) reply_ok(call->reply);
}

void string_setnx(struct call *call)
{
    if (partition_find(&call->keys[0], STORE_PEEK) != NULL) reply_int(call->reply, 0);
    else if (call_put(call, 0, 2, NULL)) reply_int(call->reply, 1);
}

static void set_expiring(struct call *call, int64_t unit_ms)
{
    struct store_put put = {.value = call->argv[3], .blob = call_blob(call, 3)};
    int rc;

    if (!call_expiry(call, 2, unit_ms, false, &put.expires_ms)) return;
    put.old = partition_find(&call->keys[0], STORE_PEEK);
    rc = partition_put(&call->keys[0], &put, NULL);
    if (rc == 0) reply_ok(call->reply);
    else call_failed(call, rc);
}

void string_setex(struct call *call) { set_expiring(call, 1000); }
void string_psetex(struct call *call) { set_expiring(call, 1); }

/* ---- GET with an effect --------------------------------------------------------------------- */

void string_getset(struct call *call)
{
    struct store_put put = {.value = call->argv[2], .blob = call_blob(call, 2)};

    if (call_string(call, 0, STORE_PEEK, &put.old)) put_and_get(call, &put);
}

void string_getdel(struct call *call)
{
    loom_entry *e;

    if (!call_string(call, 0, STORE_READ, &e)) return;
    if (e == NULL) {
        reply_null(call->reply);
        return;
    }
    if (call_reply_value(call, call->keys[0].partition, e)) partition_remove(&call->keys[0], e);
}

void string_getex(struct call *call)
{
    const struct store_key *key = &call->keys[0];
    struct given given;
    loom_entry *e;
    uint64_t expires_ms = 0;
    int rc = 0;

    if (!options_parse(call, 2, OPTIONS_OF_GETEX, &given)) return;
    if (!call_string(call, 0, STORE_READ, &e)) return;
    if (e == NULL) {
        reply_null(call->reply);
        return;
    }
    if ((given.options & OPTION_TIME) && !given_expiry(call, &given, &expires_ms)) return;
    if (expires_ms != 0 && expires_ms <= call->now_ms) {
        if (call_reply_value(call, key->partition, e)) partition_remove(key, e);
        return;
    }
    if (expires_ms != 0 || ((given.options & OPTION_PERSIST) && loom_entry_expires_ms(e) != 0))
        rc = partition_expire(key, e, expires_ms, &e);
    if (rc == 0) call_reply_value(call, key->partition, e);
    else call_failed(call, rc);
}
