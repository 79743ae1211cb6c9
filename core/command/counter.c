/* counter.c - strings that are numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
 *
 * A number is stored as its digits, like any string.  Counting keeps the key's TTL. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/command/call.h"

static void count_by(struct call *call, int64_t by)
{
    struct value_view view;
    loom_entry *e;
    int64_t value = 0;
    char digits[20], *at;
    size_t n;
    bool good;

    if (!call_view(call, 0, STORE_WRITE, &e, &view)) return;
    good = e == NULL || bytes_to_i64(slice_of(view.at, view.bytes), &value);
    value_release(&view);
    if (!good) {
        call_error(call, "value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        call_error(call, "increment or decrement would overflow");
        return;
    }
    n = bytes_from_i64(digits, value);
    if (!call_edit(call, 0, e, n, &at)) return;
    memcpy(at, digits, n);
    reply_int(call->reply, value);
}

static void run_incr(struct call *call) { count_by(call, 1); }
static void run_decr(struct call *call) { count_by(call, -1); }

static void run_incrby(struct call *call)
{
    int64_t by;

    if (call_i64(call, 2, &by)) count_by(call, by);
}

static void run_decrby(struct call *call)
{
    int64_t by;

    if (!call_i64(call, 2, &by)) return;
    if (by == INT64_MIN) { /* has no positive counterpart */
        call_error(call, "decrement would overflow");
        return;
    }
    count_by(call, -by);
}

/* As Redis writes it: 17 places after the point, less the zeros at the end; no exponent. */
#define FLOAT_ROOM 5120 /* the largest long double has 4933 digits before the point */
static size_t float_text(char at[FLOAT_ROOM], long double value)
{
    size_t n = (size_t)snprintf(at, FLOAT_ROOM, "%.17Lf", value);

    while (at[n - 1] == '0') n--;
    if (at[n - 1] == '.') n--;
    if (n != 2 || at[0] != '-' || at[1] != '0') return n;
    at[0] = '0'; /* not "-0" */
    return 1;
}

static void run_incrbyfloat(struct call *call)
{
    struct value_view view;
    loom_entry *e;
    long double value = 0, by;
    char text[FLOAT_ROOM], *at;
    size_t n;
    bool good;

    if (!call_view(call, 0, STORE_WRITE, &e, &view)) return;
    good = e == NULL || bytes_to_long_double(slice_of(view.at, view.bytes), &value);
    value_release(&view);
    if (!good || !bytes_to_long_double(call->argv[2], &by)) {
        call_error(call, "value is not a valid float");
        return;
    }
    value += by;
    if (!isfinite(value)) {
        call_error(call, "increment would produce NaN or Infinity");
        return;
    }
    n = float_text(text, value);
    if (!call_edit(call, 0, e, n, &at)) return;
    memcpy(at, text, n);
    reply_bulk(call->reply, text, n);
}

#define COUNTER (COMMAND_WRITE | COMMAND_GROWS | COMMAND_FAST)

const struct command command_rows_counter[] = {
    {"decr", run_decr, 2, COUNTER, 1, 1, 1, "string", "1.0.0", "key",
     "Subtracts one from the integer value of a key; an absent key counts as 0.", NULL},
    {"decrby", run_decrby, 3, COUNTER, 1, 1, 1, "string", "1.0.0", "key decrement",
     "Subtracts a number from the integer value of a key; an absent key counts as 0.", NULL},
    {"incr", run_incr, 2, COUNTER, 1, 1, 1, "string", "1.0.0", "key",
     "Adds one to the integer value of a key; an absent key counts as 0.", NULL},
    {"incrby", run_incrby, 3, COUNTER, 1, 1, 1, "string", "1.0.0", "key increment",
     "Adds a number to the integer value of a key; an absent key counts as 0.", NULL},
    {"incrbyfloat", run_incrbyfloat, 3, COUNTER, 1, 1, 1, "string", "2.6.0", "key increment",
     "Adds a floating-point number to the value of a key; an absent key counts as 0.", NULL},
    {0},
};
