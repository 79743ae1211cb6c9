/* bitmap_field.c - BITFIELD: integers of any width at any bit of a string.
 *
 * The arguments are walked twice: once to check all of them and to learn how long the value must
 * be, once to do what they say.  So an error changes nothing, and nothing is allocated for the
 * list of operations, however long it is.
 */
#include "core/command/bitmap.h"
#include "core/command/bitmap_bits.h"
#include "core/command/call.h"

enum verb { VERB_GET, VERB_SET, VERB_INCRBY };
enum overflow { OVERFLOW_WRAP, OVERFLOW_SAT, OVERFLOW_FAIL };

struct operation {
    enum verb verb;
    enum overflow overflow;
    bool is_signed;
    unsigned n_bits;
    uint64_t offset;
    int64_t number; /* to set, or to add */
};

struct walk {
    uint32_t arg; /* of the next operation */
    enum overflow overflow;
};

/* "i1" to "i64", "u1" to "u63". */
static bool type_parse(struct call *call, uint32_t arg, struct operation *op)
{
    struct slice text = call->argv[arg];
    int64_t bits;

    if (text.bytes > 1 && (text.at[0] == 'i' || text.at[0] == 'u') &&
        bytes_to_i64(slice_of(text.at + 1, text.bytes - 1), &bits) && bits >= 1 &&
        bits <= (text.at[0] == 'i' ? 64 : 63)) {
        op->is_signed = text.at[0] == 'i';
        op->n_bits = (unsigned)bits;
        return true;
    }
    call_error(call, "Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
                     "supported but i64 is.");
    return false;
}

static bool overflow_parse(struct call *call, struct slice word, enum overflow *ret)
{
    if (slice_is(word, "wrap")) *ret = OVERFLOW_WRAP;
    else if (slice_is(word, "sat")) *ret = OVERFLOW_SAT;
    else if (slice_is(word, "fail")) *ret = OVERFLOW_FAIL;
    else {
        call_error(call, "Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

enum step { STEP_OPERATION, STEP_END, STEP_ERROR };

/* The next operation; OVERFLOW is none of its own, but holds for those after it. */
static enum step walk_next(struct call *call, struct walk *walk, struct operation *ret)
{
    struct operation op = {0};
    uint32_t left;
    struct slice word;

    while ((left = call->argc - walk->arg) >= 2 && slice_is(call->argv[walk->arg], "overflow")) {
        if (!overflow_parse(call, call->argv[walk->arg + 1], &walk->overflow)) return STEP_ERROR;
        walk->arg += 2;
    }
    if (left == 0) return STEP_END;
    word = call->argv[walk->arg];
    if (slice_is(word, "get") && left >= 3) {
        op.verb = VERB_GET;
    } else if (slice_is(word, "set") && left >= 4) {
        op.verb = VERB_SET;
    } else if (slice_is(word, "incrby") && left >= 4) {
        op.verb = VERB_INCRBY;
    } else {
        call_syntax_error(call);
        return STEP_ERROR;
    }
    op.overflow = walk->overflow;
    if (!type_parse(call, walk->arg + 1, &op)) return STEP_ERROR;
    if (!bitmap_offset(call, walk->arg + 2, op.n_bits, &op.offset)) return STEP_ERROR;
    if (op.verb != VERB_GET && !call_i64(call, walk->arg + 3, &op.number)) return STEP_ERROR;
    walk->arg += op.verb == VERB_GET ? 3 : 4;
    *ret = op;
    return STEP_OPERATION;
}

static __int128 field_read(const struct operation *op, const char *at, uint64_t bytes)
{
    uint64_t raw = bits_read(at, bytes, op->offset, op->n_bits);
    unsigned unused = 64 - op->n_bits;

    return op->is_signed ? (int64_t)(raw << unused) >> unused : (__int128)raw;
}

/* Bring the value into the field's range as OVERFLOW says; false: FAIL. */
static bool field_fit(const struct operation *op, __int128 *value)
{
    __int128 one = 1;
    __int128 max = op->is_signed ? (one << (op->n_bits - 1)) - 1 : (one << op->n_bits) - 1;
    __int128 min = op->is_signed ? -max - 1 : 0;

    if (*value >= min && *value <= max) return true;
    if (op->overflow == OVERFLOW_FAIL) return false;
    if (op->overflow == OVERFLOW_SAT) {
        *value = *value > max ? max : min;
    } else {
        __int128 span = max - min + 1;
        *value = (*value - min) % span;
        if (*value < 0) *value += span;
        *value += min;
    }
    return true;
}

/* One operation on the value's bytes, and its reply. */
static void operate(struct call *call, const struct operation *op, char *at, uint64_t bytes)
{
    __int128 old = field_read(op, at, bytes), value;

    if (op->verb == VERB_GET) {
        reply_int(call->reply, (int64_t)old);
        return;
    }
    /* A negative number set to an unsigned field is a very large one, as in C. */
    if (op->verb == VERB_INCRBY) value = old + op->number;
    else value = op->is_signed ? (__int128)op->number : (__int128)(uint64_t)op->number;
    if (!field_fit(op, &value)) {
        reply_null(call->reply);
        return;
    }
    bits_write(at, op->offset, op->n_bits, (uint64_t)value);
    reply_int(call->reply, (int64_t)(op->verb == VERB_SET ? old : value));
}

static void operate_all(struct call *call, uint64_t n_operations, char *at, uint64_t bytes)
{
    struct walk walk = {2, OVERFLOW_WRAP};
    struct operation op;

    reply_array(call->reply, n_operations);
    while (walk_next(call, &walk, &op) == STEP_OPERATION) operate(call, &op, at, bytes);
}

static void bitfield(struct call *call, bool read_only)
{
    struct walk walk = {2, OVERFLOW_WRAP};
    struct operation op;
    enum step step;
    uint64_t n = 0, needed = 0, bytes;
    struct value_view view;
    loom_entry *e;
    char *at;

    while ((step = walk_next(call, &walk, &op)) == STEP_OPERATION) {
        uint64_t end = (op.offset + op.n_bits + 7) / 8;
        if (op.verb != VERB_GET && end > needed) needed = end;
        n++;
    }
    if (step == STEP_ERROR) return;
    if (needed != 0 && read_only) {
        call_error(call, "BITFIELD_RO only supports the GET subcommand");
        return;
    }
    if (needed == 0) { /* it only reads */
        if (!call_view(call, 0, STORE_READ, NULL, &view)) return;
        operate_all(call, n, (char *)(uintptr_t)view.at, view.bytes);
        value_release(&view);
        return;
    }
    if (!call_room(call, 0, needed) || !call_string(call, 0, STORE_WRITE, &e)) return;
    bytes = e != NULL ? value_bytes(call->keys[0].partition, e) : 0;
    if (bytes < needed) bytes = needed;
    if (call_edit(call, 0, e, bytes, &at)) operate_all(call, n, at, bytes);
}

void bitmap_field(struct call *call) { bitfield(call, false); }
void bitmap_field_ro(struct call *call) { bitfield(call, true); }
