/* test_resp.c - commands come out as they were sent, however they were cut; limits and lacks. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/kit/resp_said.h"

#define STREAM(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* Streams, and what they say. */
static const struct {
    struct slice stream;
    const char *said;
} cases[] = {
    {STREAM("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"), "[3:GET][3:key]\nend\n"},
    {STREAM("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"), "[4:PING]\n[4:PING]\nend\n"},
    {STREAM("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\n\r\n$5\r\n"), "[3:SET][0:][4:\r\n$5]\nend\n"},
    {STREAM("*1\r\n$12\r\nabcdefghijkl\r\n"), "[12:abcdefghijkl]\nend\n"},
    {STREAM("*12\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n"
            "$1\r\nh\r\n$1\r\ni\r\n$1\r\nj\r\n$1\r\nk\r\n$2\r\nll\r\n"),
     "[1:a][1:b][1:c][1:d][1:e][1:f][1:g][1:h][1:i][1:j][1:k][2:ll]\nend\n"},
    {STREAM("*0\r\n*-1\r\n*-10\r\n*1\r\n$4\r\nPING\r\n*0\r\n"), "[4:PING]\nend\n"},
    {STREAM("\r\n\n\r\nPING\r\n\n*1\r\n$1\r\na\r\n\r\n"), "[4:PING]\n[1:a]\nend\n"},
    {STREAM("*1\r\n$4\r\nPI"), "unfinished\n"},
    {STREAM("*"), "unfinished\n"},
    /* inline */
    {STREAM("PING\n"), "[4:PING]\nend\n"},
    {STREAM("  set  key   \"a b\\r\\n\\x41\\\"\" \r\n"), "[3:set][3:key][7:a b\r\nA\"]\nend\n"},
    {STREAM("set 'it\\'s \\n' ''\r\nGET k\r\n"), "[3:set][7:it's \\n][0:]\n[3:GET][1:k]\nend\n"},
    {STREAM("   \r\n\t\r\nPING"), "unfinished\n"},
    {STREAM("GET /nothing HTTP\r\n"), "[3:GET][8:/nothing][4:HTTP]\nend\n"},
    {STREAM("get / HTTP/1.1\r\n"), "[3:get][1:/][8:HTTP/1.1]\nend\n"},
    /* HTTP */
    {STREAM("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"),
     "http GET /health HTTP/1.1\r\nand 11 bytes\n"},
    {STREAM("*1\r\n$4\r\nPING\r\nPOST http://a/ HTTP/1.0\n"),
     "[4:PING]\nhttp POST http://a/ HTTP/1.0\nand 0 bytes\n"},
    /* errors, in Redis' words; nothing behind them is looked at */
    {STREAM("*3000000000\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*1048577\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*x\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*02\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("* 2\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*+2\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*2\n\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*2\r\r\n"), "error Protocol error: invalid multibulk length\n"},
    {STREAM("*99999999999999999999999999999999999999\r\n"),
     "error Protocol error: too big mbulk count string\n"},
    {STREAM("*1\r\nfoo\r\n"), "error Protocol error: expected '$', got 'f'\n"},
    {STREAM("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n"),
     "error Protocol error: expected '$', got 'f'\n"},
    {STREAM("*1\r\n\0"), "error Protocol error: expected '$', got '\\x00'\n"},
    {STREAM("*1\r\n$-10\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$-1\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$2000000000\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$536870913\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$04\r\nPING\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$blabla\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$\r\n"), "error Protocol error: invalid bulk length\n"},
    {STREAM("*1\r\n$00000000000000000000000000000000000001\r\n"),
     "error Protocol error: too big bulk count string\n"},
    {STREAM("*1\r\n$4\r\nPINGS\r\n"), "error Protocol error: expected CRLF after a bulk string\n"},
    {STREAM("*1\r\n$4\r\nPING\r\r"), "error Protocol error: expected CRLF after a bulk string\n"},
    {STREAM("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\n\n*1\r\n$4\r\nPING\r\n"),
     "[4:PING]\nerror Protocol error: expected CRLF after a bulk string\n"},
    {STREAM("set \"\"\"test\"\"\" x\r\n"), "error Protocol error: unbalanced quotes in request\n"},
    {STREAM("set 'x\r\n"), "error Protocol error: unbalanced quotes in request\n"},
    {STREAM("set \"x\\\"\r\n"), "error Protocol error: unbalanced quotes in request\n"},
};
#define N_CASES (sizeof cases / sizeof cases[0])

static const struct resp_limits usual = RESP_LIMITS;

static struct said say(struct slice stream, const struct resp_limits *limits,
                       size_t (*next)(void *arg), size_t n)
{
    struct said said = {0};

    said_stream(&said, limits, stream, (struct said_cut){next, &n});
    return said;
}

/* Whole, cut once at every place, and in pieces of 1 to 7 bytes. */
static void expect(struct slice stream, const struct resp_limits *limits, const char *want)
{
    struct said said = say(stream, limits, said_whole, 0);

    cr_assert_str_eq(said.text, want);
    said_free(&said);
    for (size_t at = 1; at < stream.bytes; at++) {
        said = say(stream, limits, said_first, at);
        cr_assert_str_eq(said.text, want, "cut at %zu: %s", at, said.text);
        said_free(&said);
    }
    for (size_t each = 1; each <= 7; each++) {
        said = say(stream, limits, said_each, each);
        cr_assert_str_eq(said.text, want, "in pieces of %zu: %s", each, said.text);
        said_free(&said);
    }
}

Test(resp, what_is_said_does_not_depend_on_the_cuts)
{
    for (size_t i = 0; i < N_CASES; i++) expect(cases[i].stream, &usual, cases[i].said);
}

Test(resp, all_good_streams_one_after_the_other)
{
    struct said all = {0};
    char stream[4096];
    size_t bytes = 0;

    for (size_t i = 0; i < N_CASES; i++) {
        size_t n = strlen(cases[i].said);
        if (n < 4 || strcmp(cases[i].said + n - 4, "end\n") != 0) continue;
        memcpy(stream + bytes, cases[i].stream.at, cases[i].stream.bytes);
        bytes += cases[i].stream.bytes;
        said_add(&all, cases[i].said, n - 4);
    }
    said_add(&all, "end\n", 4);
    cr_assert_gt(bytes, 200);
    expect(slice_of(stream, bytes), &usual, all.text);
    said_free(&all);
}

Test(resp, what_lies_whole_in_the_input_is_not_copied)
{
    static const char stream[] = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000001\r\n";
    struct resp_batch batch = {0};
    struct resp_pending *pending = NULL;
    struct resp_command command;

    for (int round = 0; round < 3; round++) {
        struct slice input = slice_of(stream, sizeof stream - 1);
        if (round > 0) mem_fail_at(0); /* from now on count: the scratch is there */
        cr_assert_eq(resp_parse(&batch, &pending, &usual, &input, &command), RESP_COMMAND);
        cr_assert_eq(command.argc, 2);
        cr_assert_eq(command.argv[1].at, stream + 18);
        cr_assert_null(command.blobs);
        cr_assert_null(resp_blob(&command, 1));
        cr_assert_eq(resp_parse(&batch, &pending, &usual, &input, &command), RESP_MORE);
        cr_assert_null(pending, "an idle connection holds nothing");
        cr_assert_eq(resp_pending_bytes(pending), 0);
        resp_release(&batch);
        if (round > 0) cr_assert_eq(mem_count(), 0);
    }
    resp_batch_free(&batch);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

Test(resp, limits)
{
    struct resp_limits limits = RESP_LIMITS;
    struct resp_limits before_auth = RESP_LIMITS_UNAUTHENTICATED;
    char line[300];

    limits.max_args = 3;
    limits.max_bulk_bytes = 5;
    limits.max_command_bytes = 37;
    limits.max_inline_bytes = 20;
    expect(slice_of("*3\r\n$1\r\na\r\n$5\r\nbbbbb\r\n$1\r\nc\r\n", 29), &limits,
           "[1:a][5:bbbbb][1:c]\nend\n");
    expect(slice_of("*4\r\n", 4), &limits, "error Protocol error: invalid multibulk length\n");
    expect(slice_of("*1\r\n$6\r\naaaaaa\r\n", 16), &limits,
           "error Protocol error: invalid bulk length\n");
    expect(slice_of("*3\r\n$5\r\naaaaa\r\n$5\r\nbbbbb\r\n$5\r\nccccc\r\n", 37), &limits,
           "[5:aaaaa][5:bbbbb][5:ccccc]\nend\n");
    limits.max_command_bytes = 36;
    expect(slice_of("*3\r\n$5\r\naaaaa\r\n$5\r\nbbbbb\r\n$5\r\nccccc\r\n", 37), &limits,
           "error Protocol error: too big command\n");
    /* Told as soon as the length is known, before the bytes are there. */
    expect(slice_of("*3\r\n$5\r\naaaaa\r\n$5\r\nbbbbb\r\n$5\r\n", 30), &limits,
           "error Protocol error: too big command\n");
    expect(slice_of("get 67890123456789 0\n", 21), &limits,
           "[3:get][14:67890123456789][1:0]\nend\n");
    expect(slice_of("get 67890123456789 01\n", 22), &limits,
           "error Protocol error: too big inline request\n");
    memset(line, 'A', sizeof line);
    expect(slice_of(line, sizeof line), &limits, "error Protocol error: too big inline request\n");
    /* Also when all of it is there. */
    limits.max_command_bytes = 100;
    expect(slice_of("*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n", 32), &limits,
           "error Protocol error: invalid multibulk length\n");
    expect(slice_of("*11\r\n", 5), &before_auth,
           "error Protocol error: unauthenticated multibulk length\n");
    expect(slice_of("*1\r\n$16385\r\n", 12), &before_auth,
           "error Protocol error: unauthenticated bulk length\n");
    expect(slice_of("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n", 21), &before_auth, "[4:AUTH][1:x]\nend\n");
}

/* SET key <bytes> ; PING */
static struct slice big_set(size_t bytes)
{
    char *at = malloc(bytes + 100);
    size_t n = (size_t)sprintf(at, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%zu\r\n", bytes);

    for (size_t i = 0; i < bytes; i++) at[n++] = (char)('a' + i % 26);
    memcpy(at + n, "\r\n*1\r\n$4\r\nPING\r\n", 16);
    return slice_of(at, n + 16);
}

Test(resp, large_arguments_arrive_in_a_blob)
{
    static const size_t sizes[] = {32767, 32768, 100000, (1 << 20) - 2, 1 << 20, 3 << 20};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct slice stream = big_set(sizes[i]);
        struct said whole = say(stream, &usual, said_whole, 0);
        cr_assert_eq(whole.bytes, sizes[i] + strlen("[3:SET][3:key][:]\n[4:PING]\nend\n") +
                                      (size_t)snprintf(NULL, 0, "%zu", sizes[i]));
        for (size_t each = 1000; each < sizes[i] * 2; each = each * 2 + 1) {
            struct said cut = say(stream, &usual, said_each, each);
            cr_assert_str_eq(cut.text, whole.text);
            if (sizes[i] >= 100000 && each < sizes[i] / 2) cr_assert_gt(cut.n_direct, 0);
            said_free(&cut);
        }
        said_free(&whole);
        free((void *)(uintptr_t)stream.at);
    }
    cr_assert_eq(mem_used(MEM_BLOB), 0);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

/* Large and small arguments in turn, more than the first lists have room for. */
Test(resp, many_large_arguments)
{
    struct resp_limits limits = RESP_LIMITS;
    char *at = malloc(20 * 40100 + 100);
    size_t bytes = (size_t)sprintf(at, "*41\r\n$4\r\nMSET\r\n");

    for (int i = 0; i < 20; i++) {
        bytes += (size_t)sprintf(at + bytes, "$2\r\n%02d\r\n$40000\r\n", i);
        memset(at + bytes, 'a' + i, 40000);
        bytes += 40000 + (size_t)sprintf(at + bytes + 40000, "\r\n");
    }
    struct said whole = say(slice_of(at, bytes), &limits, said_whole, 0);
    for (size_t each = 777; each < 200000; each *= 5) {
        struct said cut = say(slice_of(at, bytes), &limits, said_each, each);
        cr_assert_str_eq(cut.text, whole.text);
        cr_assert_gt(cut.n_direct, 0);
        said_free(&cut);
    }
    said_free(&whole);
    /* What went into blobs directly counts, too. */
    limits.max_command_bytes = bytes - 1;
    for (size_t each = 777; each < 200000; each *= 5) {
        struct said cut = say(slice_of(at, bytes), &limits, said_each, each);
        cr_assert_str_eq(cut.text, "error Protocol error: too big command\n");
        said_free(&cut);
    }
    free(at);
    cr_assert_eq(mem_used(MEM_BLOB) + mem_used(MEM_BUFFER), 0);
}

Test(resp, a_command_can_keep_the_blob)
{
    struct slice stream = big_set(100000), input = slice_of(stream.at, 1000);
    struct resp_batch batch = {0};
    struct resp_pending *pending = NULL;
    struct resp_command command;
    struct loom_blob *kept;
    char *at;
    size_t room;

    cr_assert_not(resp_room(pending, &at, &room));
    cr_assert_eq(resp_parse(&batch, &pending, &usual, &input, &command), RESP_MORE);
    cr_assert(resp_room(pending, &at, &room));
    cr_assert_gt(room, 98000);
    cr_assert_leq(room, 99100);
    memcpy(at, stream.at + 1000, room);
    resp_filled(pending, room); /* the value and its CRLF in one read */
    input = slice_of(NULL, 0);
    cr_assert_eq(resp_parse(&batch, &pending, &usual, &input, &command), RESP_COMMAND);
    cr_assert_null(pending);
    cr_assert_null(resp_blob(&command, 0));
    kept = loom_blob_hold(resp_blob(&command, 2));
    cr_assert_eq(kept->bytes, 100000);
    resp_release(&batch);
    for (size_t i = 0; i < 100000; i++) cr_assert_eq(loom_blob_at(kept)[i], (char)('a' + i % 26));
    cr_assert_eq(kept->refs, 1);
    loom_blob_drop(kept);
    resp_batch_free(&batch);
    cr_assert_eq(mem_used(MEM_BLOB), 0);
    free((void *)(uintptr_t)stream.at);
}

/* What a client announces costs little until it arrives. */
Test(resp, announcements_are_not_believed)
{
    struct resp_batch batch = {0};
    struct resp_pending *pending = NULL;
    struct resp_command command;
    struct slice input = slice_of("*1048576\r\n$1\r\na\r\n$536870912\r\nb", 31);

    cr_assert_eq(resp_parse(&batch, &pending, &usual, &input, &command), RESP_MORE);
    cr_assert_lt(resp_pending_bytes(pending), (1 << 20) + 4096);
    cr_assert_lt(mem_used(MEM_BUFFER) + mem_used(MEM_BLOB), (1 << 20) + 65536);
    resp_forget(&pending);
    cr_assert_null(pending);
    resp_forget(&pending);
    resp_batch_free(&batch);
    cr_assert_eq(mem_used(MEM_BUFFER) + mem_used(MEM_BLOB), 0);
}

/* 700 KB of tiny arguments, byte by byte: quadratic work would take minutes. */
Test(resp, the_work_is_linear, .timeout = 30)
{
    const size_t n_args = 100000;
    char *at = malloc(n_args * 7 + 20);
    size_t bytes = (size_t)sprintf(at, "*%zu\r\n", n_args);

    for (size_t i = 0; i < n_args; i++, bytes += 7) memcpy(at + bytes, "$1\r\nx\r\n", 7);
    struct said whole = say(slice_of(at, bytes), &usual, said_whole, 0);
    struct said each = say(slice_of(at, bytes), &usual, said_each, 1);
    cr_assert_eq(whole.bytes, n_args * 5 + strlen("\nend\n"));
    cr_assert_str_eq(each.text, whole.text);
    said_free(&whole);
    said_free(&each);
    free(at);
}

/* Whichever allocation fails: the commands before it are right, nothing leaks, and the batch works
 * afterwards. */
Test(resp, every_allocation_may_fail)
{
    struct slice big = big_set(70000);
    size_t n_small = 0, bytes;
    char *stream = malloc(big.bytes + 2000);
    struct said want;

    bytes = (size_t)sprintf(stream, "set \"a b\" c\r\n*20\r\n");
    for (; n_small < 20; n_small++)
        bytes += (size_t)sprintf(stream + bytes, "$40\r\n%040zu\r\n", n_small);
    memcpy(stream + bytes, big.at, big.bytes);
    bytes += big.bytes;
    for (size_t each = 50; each < 100000; each = each * 9) {
        want = say(slice_of(stream, bytes), &usual, said_each, each);
        cr_assert_not(want.nomem);
        for (uint64_t k = 1;; k++) {
            mem_fail_at(k);
            struct said got = say(slice_of(stream, bytes), &usual, said_each, each);
            bool done = mem_count() < k;
            mem_fail_at(0);
            cr_assert_eq(memcmp(got.text ? got.text : "", want.text, got.bytes), 0);
            cr_assert(got.nomem || got.bytes == want.bytes);
            cr_assert_eq(mem_used(MEM_BUFFER) + mem_used(MEM_BLOB), 0, "k %lu", k);
            said_free(&got);
            if (done) break;
        }
        said_free(&want);
    }
    free(stream);
    free((void *)(uintptr_t)big.at);
}

/* A thousand commands in one read: every one is still there when the last has been parsed. */
Test(resp, many_commands_in_one_read)
{
    char *at = malloc(64 << 10);
    size_t bytes = 0, n = 0;

    while (bytes < (60 << 10))
        bytes += (size_t)sprintf(at + bytes, "*2\r\n$3\r\nGET\r\n$%d\r\n%zu\r\n",
                                 snprintf(NULL, 0, "%zu", n), n),
            n++;
    struct said whole = say(slice_of(at, bytes), &usual, said_whole, 0);
    char *text = whole.text, want[64];
    for (size_t i = 0; i < n; i++, text = strchr(text, '\n') + 1) {
        snprintf(want, sizeof want, "[3:GET][%d:%zu]\n", snprintf(NULL, 0, "%zu", i), i);
        cr_assert_eq(strncmp(text, want, strlen(want)), 0);
    }
    cr_assert_str_eq(text, "end\n");
    said_free(&whole);
    free(at);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

/* A hint may be wrong, never out of bounds: every prefix is looked at in memory of its own size. */
Test(resp, the_second_word_can_be_peeked_at)
{
    const char *const get = "*2\r\n$3\r\nGET\r\n$5\r\nhello\r\n*1\r\n$4\r\nPING\r\n";
    struct slice key;

    cr_assert(resp_peek_key(slice_of(get, strlen(get)), &key));
    cr_assert_eq(key.bytes, 5);
    cr_assert_eq(memcmp(key.at, "hello", 5), 0);
    for (size_t n = 0; n < strlen(get); n++) {
        char *copy = malloc(n + 1);

        memcpy(copy, get, n);
        char *exact = realloc(copy, n ? n : 1);

        cr_assert_eq(resp_peek_key(slice_of(exact, n), &key), n >= 22, "%zu bytes", n);
        free(exact);
    }
    const char *const none[] = {"PING\r\n", "*1\r\n$4\r\nPING\r\n", "*2\r\n$-1\r\n", "*x\r\n",
                                "*2\r\n$3\r\nGET\r\n:5\r\n", "*2\r\n$999999999\r\nGET\r\n", ""};

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        cr_assert_not(resp_peek_key(slice_of(none[i], strlen(none[i])), &key), "%s", none[i]);
}
