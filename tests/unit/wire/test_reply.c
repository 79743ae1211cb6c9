/* test_reply.c - the bytes of every kind of reply, in both protocols; limits, blobs, sending. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/blob.h"
#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/wire/reply.h"

/* What would be sent from offset on, n bytes to a vector, as a string. */
static char *sent_from(const struct reply *reply, size_t offset, size_t cap)
{
    size_t all = reply_waiting(reply), bytes = 0;
    char *text = malloc(all - offset + 1);
    struct iovec pieces[64];

    while (offset + bytes < all) {
        size_t n = reply_iovecs(reply, offset + bytes, pieces, cap);
        cr_assert(n > 0 && n <= cap);
        for (size_t i = 0; i < n; i++) {
            cr_assert_gt(pieces[i].iov_len, 0);
            memcpy(text + bytes, pieces[i].iov_base, pieces[i].iov_len);
            bytes += pieces[i].iov_len;
        }
    }
    cr_assert_eq(offset + bytes, all);
    cr_assert_eq(reply_iovecs(reply, all, pieces, cap), 0);
    text[bytes] = '\0';
    return text;
}

static void expect(const struct reply *reply, const char *want)
{
    char *text = sent_from(reply, 0, 64);

    cr_assert_str_eq(text, want);
    cr_assert_eq(reply_waiting(reply), strlen(want));
    free(text);
}

static void write_all(struct reply *reply)
{
    reply_ok(reply);
    reply_simple(reply, "QUEUED");
    reply_int(reply, 0);
    reply_int(reply, 1234567890123);
    reply_int(reply, -1);
    reply_int(reply, INT64_MIN);
    reply_bulk(reply, "value", 5);
    reply_bulk(reply, NULL, 0);
    reply_text(reply, "twelve bytes");
    reply_bulk_int(reply, -42);
    reply_null(reply);
    reply_null_array(reply);
    reply_array(reply, 0);
    reply_array(reply, 10);
    reply_array(reply, 100);
    reply_map(reply, 6);
    reply_set(reply, 3);
    reply_push(reply, 2);
    reply_bool(reply, true);
    reply_bool(reply, false);
    reply_double(reply, 0.1);
    reply_big_number(reply, slice_of("-123456789012345678901234567890", 31));
    reply_verbatim(reply, "txt", slice_of("text", 4));
    reply_error(reply, "ERR bad '%s'", "a\r\nb");
}

Test(reply, resp2)
{
    struct reply reply = {0};

    reply_begin(&reply, 2, 0);
    write_all(&reply);
    expect(&reply, "+OK\r\n+QUEUED\r\n:0\r\n:1234567890123\r\n:-1\r\n:-9223372036854775808\r\n"
                   "$5\r\nvalue\r\n$0\r\n\r\n$12\r\ntwelve bytes\r\n$3\r\n-42\r\n$-1\r\n*-1\r\n"
                   "*0\r\n*10\r\n*100\r\n*12\r\n*3\r\n*2\r\n:1\r\n:0\r\n$3\r\n0.1\r\n"
                   "$31\r\n-123456789012345678901234567890\r\n$4\r\ntext\r\n-ERR bad 'a  b'\r\n");
    reply_free(&reply);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

Test(reply, resp3)
{
    struct reply reply = {0};

    reply_begin(&reply, 3, 0);
    write_all(&reply);
    expect(&reply, "+OK\r\n+QUEUED\r\n:0\r\n:1234567890123\r\n:-1\r\n:-9223372036854775808\r\n"
                   "$5\r\nvalue\r\n$0\r\n\r\n$12\r\ntwelve bytes\r\n$3\r\n-42\r\n_\r\n_\r\n"
                   "*0\r\n*10\r\n*100\r\n%6\r\n~3\r\n>2\r\n#t\r\n#f\r\n,0.1\r\n"
                   "(-123456789012345678901234567890\r\n=8\r\ntxt:text\r\n-ERR bad 'a  b'\r\n");
    reply_free(&reply);
}

Test(reply, doubles_are_short_and_exact)
{
    static const double values[] = {0, 1, -1, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789.125, 3.14};
    struct reply reply = {0};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        reply_begin(&reply, 3, 0);
        reply_double(&reply, values[i]);
        reply_raw(&reply, "", 1);
        cr_assert_eq(strtod(reply.at + 1, NULL), values[i], "%s", reply.at);
    }
    reply_begin(&reply, 3, 0);
    reply_double(&reply, INFINITY);
    reply_double(&reply, -INFINITY);
    reply_double(&reply, NAN);
    reply_double(&reply, 3.5);
    expect(&reply, ",inf\r\n,-inf\r\n,nan\r\n,3.5\r\n");
    reply_free(&reply);
}

Test(reply, long_errors_are_cut_in_one_line)
{
    struct reply reply = {0};
    char text[3000];

    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    reply_error(&reply, "ERR %s", text);
    cr_assert_leq(reply.bytes, 520);
    cr_assert_eq(memchr(reply.at, '\n', reply.bytes - 1), NULL);
    cr_assert_eq(memcmp(reply.at + reply.bytes - 2, "\r\n", 2), 0);
    reply_free(&reply);
}

static struct loom_blob *blob_of(const char *text)
{
    struct loom_blob *blob = blob_new(strlen(text));

    memcpy(loom_blob_at(blob), text, strlen(text));
    return blob;
}

Test(reply, blobs_go_between_the_bytes)
{
    static const char all[] = "+OK\r\n$11\r\nfirst value\r\n$3\r\nond\r\n$0\r\n\r\n"
                              "$5\r\nfirst\r\n";
    struct loom_blob *a = blob_of("first value"), *b = blob_of("second");
    struct reply reply = {0};

    reply_begin(&reply, 2, 0);
    reply_ok(&reply);
    reply_blob(&reply, a, loom_blob_at(a), 11);
    reply_blob(&reply, b, loom_blob_at(b) + 3, 3);
    reply_blob(&reply, b, loom_blob_at(b), 0);
    reply_blob(&reply, a, loom_blob_at(a), 5);
    cr_assert_eq(a->refs, 3);
    cr_assert_eq(b->refs, 2, "nothing of it, nothing held");
    for (size_t cap = 1; cap < 9; cap++)
        for (size_t offset = 0; offset <= reply_waiting(&reply); offset++) {
            char *text = sent_from(&reply, offset, cap);
            cr_assert_str_eq(text, all + offset);
            free(text);
        }
    reply_begin(&reply, 2, 0);
    cr_assert_eq(a->refs, 1);
    cr_assert_eq(reply_waiting(&reply), 0);
    reply_free(&reply);
    loom_blob_drop(a);
    loom_blob_drop(b);
    cr_assert_eq(mem_used(MEM_BLOB) + mem_used(MEM_BUFFER), 0);
}

/* Some replies, blobs among them; the same for the same seed. */
static void write_some(struct reply *reply, struct random *random, struct loom_blob *blob)
{
    for (uint64_t n = 1 + random_below(random, 40); n > 0; n--) switch (random_below(random, 5)) {
        case 0: reply_ok(reply); break;
        case 1: reply_int(reply, (int64_t)random_next(random)); break;
        case 2: reply_bulk(reply, "bytes bytes bytes", random_below(random, 17)); break;
        case 3: reply_blob(reply, blob, loom_blob_at(blob), blob->bytes); break;
        default: reply_blob(reply, blob, loom_blob_at(blob) + 1, 1 + random_below(random, 5));
        }
}

/* A socket that takes a random part each time; cutting, adding and moving in between. */
Test(reply, whatever_the_socket_takes_the_stream_is_the_same)
{
    struct loom_blob *blob = blob_of("a large value, so to speak");
    struct random random;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct reply all = {0}, turn = {0}, kept = {0};
        char *want, *got = NULL;
        size_t n_got = 0;
        random_seed(&random, seed);
        reply_begin(&turn, 2, 0);
        reply_begin(&kept, 2, 0);
        for (int step = 0; step < 40; step++) {
            struct random again = random;
            if (random_below(&random, 3) == 0) {
                again = random;
                write_some(&all, &again, blob);
                write_some(&turn, &random, blob);
                /* As a connection does: what this turn wrote goes behind what still waits. */
                reply_move_rest(&kept, &turn, 0);
                cr_assert_eq(reply_waiting(&turn), 0);
            }
            size_t n = random_below(&random, reply_waiting(&kept) + 1);
            char *text = sent_from(&kept, 0, 1 + seed % 5);
            got = realloc(got, n_got + n + 1);
            memcpy(got + n_got, text, n);
            n_got += n;
            free(text);
            reply_cut(&kept, n);
        }
        char *text = sent_from(&kept, 0, 64);
        got = realloc(got, n_got + reply_waiting(&kept) + 1);
        memcpy(got + n_got, text, reply_waiting(&kept) + 1);
        want = sent_from(&all, 0, 64);
        cr_assert_str_eq(got, want, "seed %lu", seed);
        reply_cut(&kept, reply_waiting(&kept));
        cr_assert_eq(kept.start + kept.bytes + kept.n_blobs + kept.blob_bytes, 0);
        reply_free(&all);
        reply_free(&turn);
        reply_free(&kept);
        free(text);
        free(got);
        free(want);
        cr_assert_eq(blob->refs, 1);
    }
    loom_blob_drop(blob);
    cr_assert_eq(mem_used(MEM_BLOB) + mem_used(MEM_BUFFER), 0);
}

Test(reply, rest_from_the_middle)
{
    static const char all[] = "+OK\r\n$5\r\nvalue\r\n:7\r\n";
    struct loom_blob *blob = blob_of("value");

    for (size_t offset = 0; offset < sizeof all; offset++) {
        struct reply turn = {0}, kept = {0};
        char *text;
        reply_ok(&turn);
        reply_blob(&turn, blob, loom_blob_at(blob), 5);
        reply_int(&turn, 7);
        reply_move_rest(&kept, &turn, offset);
        text = sent_from(&kept, 0, 64);
        cr_assert_str_eq(text, all + offset);
        free(text);
        reply_free(&turn);
        cr_assert_leq(blob->refs, 2);
        reply_free(&kept);
        cr_assert_eq(blob->refs, 1);
    }
    loom_blob_drop(blob);
}

Test(reply, lengths_that_come_later)
{
    struct loom_blob *blob = blob_of("blob");
    struct reply reply = {0};
    size_t outer, inner;

    for (int proto = 2; proto <= 3; proto++) {
        reply_begin(&reply, proto, 0);
        reply_blob(&reply, blob, loom_blob_at(blob), 4);
        outer = reply_later(&reply);
        reply_int(&reply, 1);
        inner = reply_later(&reply);
        reply_blob(&reply, blob, loom_blob_at(blob), 4);
        reply_text(&reply, "x");
        reply_map_at(&reply, inner, 1);
        reply_blob(&reply, blob, loom_blob_at(blob), 2);
        reply_array_at(&reply, outer, 1234);
        reply_ok(&reply);
        expect(&reply, proto == 2 ? "$4\r\nblob\r\n*1234\r\n:1\r\n*2\r\n$4\r\nblob\r\n$1\r\nx\r\n"
                                    "$2\r\nbl\r\n+OK\r\n"
                                  : "$4\r\nblob\r\n*1234\r\n:1\r\n%1\r\n$4\r\nblob\r\n$1\r\nx\r\n"
                                    "$2\r\nbl\r\n+OK\r\n");
    }
    reply_free(&reply);
    loom_blob_drop(blob);
}

Test(reply, rewind)
{
    struct loom_blob *blob = blob_of("blob");
    struct reply reply = {0};
    size_t mark;

    reply_begin(&reply, 2, 0);
    reply_blob(&reply, blob, loom_blob_at(blob), 4);
    mark = reply.bytes;
    reply_blob(&reply, blob, loom_blob_at(blob), 4);
    reply_ok(&reply);
    cr_assert_eq(blob->refs, 3);
    reply_rewind(&reply, mark);
    cr_assert_eq(blob->refs, 2);
    reply_int(&reply, 5);
    expect(&reply, "$4\r\nblob\r\n:5\r\n");
    reply_rewind(&reply, 0);
    expect(&reply, "");
    cr_assert_eq(blob->refs, 1);
    reply_free(&reply);
    loom_blob_drop(blob);
}

Test(reply, the_limit_counts_bytes_and_blobs)
{
    struct loom_blob *blob = blob_of("0123456789");
    struct reply reply = {0};
    char bulk[1000] = {0};

    reply_begin(&reply, 2, 4000);
    for (int i = 0; i < 10 && reply.failed == REPLY_WELL; i++) reply_bulk(&reply, bulk, 1000);
    cr_assert_eq(reply.failed, REPLY_OVER_LIMIT);
    cr_assert_eq(reply_waiting(&reply), 3 * (1000 + 9));
    cr_assert_leq(reply.room, 4000);
    reply_ok(&reply);
    cr_assert_eq(reply_waiting(&reply), 3 * (1000 + 9), "nothing more is written");
    reply_rewind(&reply, 0);
    cr_assert_eq(reply.failed, REPLY_OVER_LIMIT, "it stays failed");

    reply_begin(&reply, 2, 100);
    cr_assert_eq(reply.failed, REPLY_WELL, "the larger buffer of before changes nothing");
    for (int i = 0; i < 10 && reply.failed == REPLY_WELL; i++)
        reply_blob(&reply, blob, loom_blob_at(blob), 10);
    cr_assert_eq(reply.failed, REPLY_OVER_LIMIT);
    cr_assert_leq(reply_waiting(&reply), 100);
    cr_assert_geq(reply_waiting(&reply), 60);

    /* What has been sent does not count. */
    reply_begin(&reply, 2, 100);
    for (int i = 0; i < 1000; i++) {
        reply_bulk(&reply, bulk, 40);
        reply_cut(&reply, reply_waiting(&reply) - 3);
        reply_cut(&reply, 3);
        cr_assert_eq(reply.failed, REPLY_WELL);
    }
    reply_free(&reply);
    loom_blob_drop(blob);
}

Test(reply, a_failure_moves_along)
{
    struct reply turn = {0}, kept = {0};
    char bulk[100] = {0};

    reply_begin(&turn, 2, 50);
    reply_begin(&kept, 2, 1000);
    reply_ok(&turn);
    reply_bulk(&turn, bulk, 100);
    reply_move_rest(&kept, &turn, 2);
    expect(&kept, "K\r\n");
    cr_assert_eq(kept.failed, REPLY_OVER_LIMIT);
    cr_assert_eq(turn.failed, REPLY_WELL, "ready for the next client");
    reply_free(&turn);
    reply_free(&kept);
}

/* Whichever allocation fails: what was complete before is intact, nothing leaks. */
Test(reply, every_allocation_may_fail)
{
    struct loom_blob *blob = blob_of("some large value");
    char *want;
    struct reply full = {0};

    for (int i = 0; i < 100; i++) {
        reply_bulk(&full, "0123456789012345678901234567890123456789", 40);
        reply_blob(&full, blob, loom_blob_at(blob), blob->bytes);
    }
    want = sent_from(&full, 0, 64);
    reply_free(&full);
    for (uint64_t k = 1;; k++) {
        struct reply reply = {0}, kept = {0};
        size_t good = 0;
        mem_fail_at(k);
        for (int i = 0; i < 100; i++) {
            reply_bulk(&reply, "0123456789012345678901234567890123456789", 40);
            reply_blob(&reply, blob, loom_blob_at(blob), blob->bytes);
        }
        good = reply_waiting(&reply);
        if (reply.failed == REPLY_WELL) reply_move_rest(&kept, &reply, 1);
        bool done = mem_count() < k;
        mem_fail_at(0);
        struct reply *last = kept.bytes + kept.failed > 0 ? &kept : &reply;
        char *got = sent_from(last, 0, 64);
        cr_assert_eq(memcmp(got, want + (last == &kept), reply_waiting(last)), 0);
        cr_assert_eq(last->failed, done ? REPLY_WELL : REPLY_NOMEM);
        if (done) cr_assert_eq(reply_waiting(last), good - 1);
        free(got);
        reply_free(&reply);
        reply_free(&kept);
        cr_assert_eq(blob->refs, 1);
        cr_assert_eq(mem_used(MEM_BUFFER), 0);
        if (done) break;
    }
    free(want);
    loom_blob_drop(blob);
}

Test(reply, buffers_are_kept_but_not_when_huge)
{
    struct reply reply = {0};
    static char bulk[1 << 20];

    reply_begin(&reply, 2, 0);
    reply_bulk(&reply, bulk, 1000);
    reply_begin(&reply, 2, 0);
    cr_assert_gt(reply.room, 1000);
    mem_fail_at(1);
    reply_bulk(&reply, bulk, 1000);
    cr_assert_eq(mem_count(), 0);
    mem_fail_at(0);
    reply_bulk(&reply, bulk, sizeof bulk);
    cr_assert_geq(reply.room, sizeof bulk);
    reply_begin(&reply, 2, 0);
    cr_assert_eq(reply.room, 0);
    reply_free(&reply);
}
