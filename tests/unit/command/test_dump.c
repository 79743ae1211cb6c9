/* test_dump.c - DUMP and RESTORE against payloads made by redis-server 7.0.15, LZF, the checksum,
 * and everything that is not a payload. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/command/rdb.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(dump, .init = open_node, .fini = close_node);
TestSuite(rdb);

#define BAD_SUM ERROR("ERR DUMP payload version or checksum are wrong")
#define BAD_FORMAT ERROR("ERR Bad data format")
#define BUSY ERROR("BUSYKEY Target key name already exists.")

static size_t from_hex(const char *hex, char *to)
{
    size_t n = 0;

    for (; hex[0] != '\0'; hex += 2) {
        char two[3] = {hex[0], hex[1], '\0'};
        to[n++] = (char)strtoul(two, NULL, 16);
    }
    return n;
}

/* A payload around these bytes, with version and checksum. */
static struct slice payload_of(char *at, size_t n, unsigned version)
{
    uint64_t crc;

    at[n] = (char)version;
    at[n + 1] = (char)(version >> 8);
    crc = rdb_crc64(0, at, n + 2);
    for (int i = 0; i < 8; i++)
        at[n + 2 + (size_t)i] = (char)(crc >> (8 * i));
    return slice_of(at, n + RDB_TAIL_BYTES);
}

static const char *restore(const char *key, struct slice payload, const char *option)
{
    struct slice argv[] = {slice_of("RESTORE", 7), slice_of(key, strlen(key)), slice_of("0", 1),
                           payload, slice_of(option, option ? strlen(option) : 0)};

    return fixture_run(&f, option ? 5 : 4, argv, NULL);
}

static void expect_value(const char *key, struct slice value)
{
    struct slice get[] = {slice_of("GET", 3), slice_of(key, strlen(key))};
    struct slice put[] = {slice_of("SET", 3), slice_of("expected", 8), value};
    char *got = strdup(fixture_run(&f, 2, get, NULL));

    cr_assert_str_eq(fixture_run(&f, 3, put, NULL), OK);
    cr_expect_str_eq(got, fixture_say(&f, "GET expected"));
    free(got);
}

/* ---- what Redis wrote ---------------------------------------------------------------------------- */

static const struct {
    const char *value, *payload; /* version 10 */
} from_redis[] = {
    {"", "00000a005d9b5c400f7fa2da"},
    {"a", "0001610a00bffeef9b8f367db4"},
    {"0", "00c0000a009840a778f8500308"},
    {"-1", "00c0ff0a000c937e2485089dc5"},
    {"127", "00c07f0a000db5eb315254c514"},
    {"128", "00c180000a00eb7ab3b510cf4b65"},
    {"-128", "00c0800a009966326d2f0c5bd9"},
    {"-129", "00c17fff0a001760822854808480"},
    {"32767", "00c1ff7f0a00495a37da17f4d52b"},
    {"32768", "00c2008000000a0045d82eedd5bda910"},
    {"-32768", "00c100800a00b540064753bb1ace"},
    {"-32769", "00c2ff7fffff0a00aee34c4d06c68536"},
    {"2147483647", "00c2ffffff7f0a002c74e59ee02eada1"},
    {"2147483648", "000a323134373438333634380a00e7b129a34c1d76ee"},
    {"-2147483648", "00c2000000800a00c74f873e33558187"},
    {"-2147483649", "000b2d323134373438333634390a00c261377908f2028c"},
    {"012", "00033031320a008f5463e9547eeb0c"},
    {"bbbbbbbbbbbbbbbbbbbb", "001462626262626262626262626262626262626262620a00331847ceaf7b8a0e"},
    {"hello world hello world hello world",
     "00c314230c68656c6c6f20776f726c642068e00b0b016c640a00778390696934acb7"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "00c3093f016161e032000161610a00c7b454c16b8866cb"},
};

Test(dump, what_redis_wrote_is_restored)
{
    char bytes[512], value[400];
    size_t n;

    for (size_t i = 0; i < sizeof from_redis / sizeof from_redis[0]; i++) {
        n = from_hex(from_redis[i].payload, bytes);
        cr_expect_str_eq(restore("k", slice_of(bytes, n), "REPLACE"), OK, "%s",
                         from_redis[i].payload);
        expect_value("k", slice_of(from_redis[i].value, strlen(from_redis[i].value)));
    }
    /* Long references, an overlapping one at distance 1 and one at distance 3. */
    n = from_hex("00c31c4144016161e05900036278797ae0c6020c74686520656e64206f662069740a00583da721ef14"
                 "da09", bytes);
    cr_expect_str_eq(restore("k", slice_of(bytes, n), "REPLACE"), OK);
    memset(value, 'a', 100);
    value[100] = 'b';
    for (int i = 0; i < 70; i++)
        memcpy(value + 101 + 3 * i, "xyz", 3);
    memcpy(value + 311, "the end of it", 13);
    expect_value("k", slice_of(value, 324));
}

/* Ours differ in the version, and in that nothing is compressed. */
Test(rdb, is_written_as_redis_does)
{
    char bytes[512], ours[512];

    for (size_t i = 0; i < sizeof from_redis / sizeof from_redis[0]; i++) {
        struct slice value = slice_of(from_redis[i].value, strlen(from_redis[i].value));
        size_t n = from_hex(from_redis[i].payload, bytes), n_ours = rdb_dump(ours, value);

        cr_assert(rdb_verify(slice_of(ours, n_ours)));
        cr_assert_leq(n_ours, rdb_dump_bytes(value));
        if ((unsigned char)bytes[1] == 0xc3) continue;
        cr_expect_eq(n_ours, n);
        cr_expect_eq(memcmp(ours, bytes, n - RDB_TAIL_BYTES), 0, "%s", from_redis[i].value);
        cr_expect_eq(ours[n - RDB_TAIL_BYTES], 9);
    }
}

Test(dump, other_types_are_refused)
{
    char bytes[512];
    size_t n = from_hex("1201020a0a0000000100816102ff0a0009b9edf594ded995", bytes); /* a list */

    cr_expect_str_eq(restore("k", slice_of(bytes, n), NULL), BAD_FORMAT);
    n = from_hex("100d0d0000000200816102816202ff0a00d93c7f0728f0edcc", bytes); /* a hash */
    cr_expect_str_eq(restore("k", slice_of(bytes, n), NULL), BAD_FORMAT);
    cr_expect_str_eq(fixture_say(&f, "EXISTS k"), INT("0"));
}

/* ---- round trips ---------------------------------------------------------------------------------- */

Test(dump, every_length_comes_back)
{
    static const size_t lengths[] = {0,    1,    2,     11,    12,    62,     63,     64,     65,
                                     1000, 1013, 16382, 16383, 16384, 100000, 300000, 1 << 20};
    static char value[1 << 20], payload[(1 << 20) + 64];
    struct random random;

    random_seed(&random, 3);
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (char)random_next(&random);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct slice set[] = {slice_of("SET", 3), slice_of("a", 1), slice_of(value, lengths[i])};
        struct slice dump[] = {slice_of("DUMP", 4), slice_of("a", 1)};
        struct execute_item item = {2, dump, NULL};
        struct iovec pieces[8];
        size_t n = 0, n_pieces, skip;

        cr_assert_str_eq(fixture_run(&f, 3, set, NULL), OK);
        execute_batch(&f.executor, &f.session, &f.reply, &item, 1, f.now_ms);
        n_pieces = reply_iovecs(&f.reply, 0, pieces, 8);
        for (size_t k = 0; k < n_pieces; n += pieces[k++].iov_len)
            memcpy(payload + n, pieces[k].iov_base, pieces[k].iov_len);
        reply_begin(&f.reply, 2, 0);
        skip = (size_t)((char *)memchr(payload, '\n', 16) - payload) + 1;
        cr_assert_eq(payload[0], '$');
        cr_assert_eq(strtoul(payload + 1, NULL, 10), n - skip - 2);
        cr_assert_str_eq(restore("b", slice_of(payload + skip, n - skip - 2), "REPLACE"), OK);
        expect_value("b", slice_of(value, lengths[i]));
    }
}

Test(dump, of_what_is_not_there)
{
    FIXTURE_STEPS(&f, {"DUMP no", NIL}, {"DUMP", WRONG_ARGS("dump")},
                  {"DUMP a b", WRONG_ARGS("dump")}, {"SET k v PX 10", OK});
    f.now_ms += 10;
    FIXTURE_STEPS(&f, {"DUMP k", NIL});
}

Test(dump, compressed_here_is_plain_there)
{
    static char value[3001];
    char *dump;
    struct fixture packed;

    memset(value, 'x', 3000);
    struct slice set[] = {slice_of("SET", 3), slice_of("a", 1), slice_of(value, 3000)};
    fixture_open(&packed, &(struct fixture_setup){.compress_min = 100});
    cr_assert_str_eq(fixture_run(&packed, 3, set, NULL), OK);
    cr_assert_str_eq(fixture_run(&f, 3, set, NULL), OK);
    dump = strdup(fixture_say(&packed, "DUMP a"));
    cr_assert_str_eq(fixture_say(&f, "DUMP a"), dump);
    free(dump);
    fixture_close(&packed);
}

/* ---- RESTORE's options ---------------------------------------------------------------------------- */

#define V "\"\\x00\\x01a\\n\\x00\\xbf\\xfe\\xef\\x9b\\x8f6}\\xb4\"" /* "a", from the table above */

Test(dump, restore_options)
{
    FIXTURE_STEPS(&f,
        {"RESTORE k 0 " V, OK},
        {"GET k", BULK("1", "a")},
        {"PTTL k", INT("-1")},
        {"RESTORE k 0 " V, BUSY},
        {"RESTORE k x nonsense", BUSY}, /* in Redis' order */
        {"RESTORE k 5000 " V " REPLACE", OK},
        {"PTTL k", INT("5000")},
        {"RESTORE k 1700000007000 " V " replace absttl", OK},
        {"PTTL k", INT("7000")},
        {"RESTORE k 0 " V " ABSTTL REPLACE IDLETIME 1000", OK},
        {"PTTL k", INT("-1")},
        {"RESTORE k 0 " V " REPLACE FREQ 255", OK},
        {"RESTORE k 9223372036854775807 " V " REPLACE", OK},
        {"PEXPIRETIME k", INT("9223372036854775807")},
        {"RESTORE n 0 " V " IDLETIME", SYNTAX},
        {"RESTORE n 0 " V " FREQ", SYNTAX},
        {"RESTORE n 0 " V " FREQ 1 IDLETIME 1", SYNTAX},
        {"RESTORE n 0 " V " IDLETIME 1 FREQ 1", SYNTAX},
        {"RESTORE n 0 " V " FOO", SYNTAX},
        {"RESTORE n 0 " V " IDLETIME x", NOT_INTEGER},
        {"RESTORE n 0 " V " IDLETIME -1", ERROR("ERR Invalid IDLETIME value, must be >= 0")},
        {"RESTORE n 0 " V " FREQ -1", ERROR("ERR Invalid FREQ value, must be >= 0 and <= 255")},
        {"RESTORE n 0 " V " FREQ 256", ERROR("ERR Invalid FREQ value, must be >= 0 and <= 255")},
        {"RESTORE n -1 " V, ERROR("ERR Invalid TTL value, must be >= 0")},
        {"RESTORE n -1 nonsense", ERROR("ERR Invalid TTL value, must be >= 0")},
        {"RESTORE n x " V, NOT_INTEGER},
        {"RESTORE n 0", WRONG_ARGS("restore")},
        {"EXISTS n", INT("0")},
        {"RESTORE n 1 " V " ABSTTL", OK}, /* long gone */
        {"EXISTS n", INT("0")},
        {"RESTORE k 1 " V " ABSTTL", BUSY},
        {"RESTORE k 1 " V " ABSTTL REPLACE", OK},
        {"EXISTS k", INT("0")},
        {"DBSIZE", INT("0")});
}

/* ---- what is not a payload ------------------------------------------------------------------------ */

Test(dump, versions_and_checksums)
{
    char bytes[64];

    for (unsigned version = 0; version <= 65535; version = version * 2 + 1) {
        memcpy(bytes, "\0\1a", 3);
        cr_expect_str_eq(restore("k", payload_of(bytes, 3, version), "REPLACE"),
                         version <= 11 ? OK : BAD_SUM, "version %u", version);
    }
    for (unsigned version = 9; version <= 12; version++) {
        memcpy(bytes, "\0\1a", 3);
        cr_expect_str_eq(restore("k", payload_of(bytes, 3, version), "REPLACE"),
                         version <= 11 ? OK : BAD_SUM, "version %u", version);
    }
    /* One bit anywhere. */
    for (size_t bit = 0; bit < 13 * 8; bit++) {
        memcpy(bytes, "\0\1a", 3);
        struct slice payload = payload_of(bytes, 3, 9);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        cr_expect_str_eq(restore("k", payload, "REPLACE"), BAD_SUM, "bit %zu", bit);
    }
    for (size_t n = 0; n < RDB_TAIL_BYTES; n++)
        cr_expect_str_eq(restore("k", slice_of(bytes, n), "REPLACE"), BAD_SUM);
}

Test(dump, bad_formats)
{
    static const struct {
        size_t n;
        const char *bytes;
    } bad[] = {
        {0, ""},                                  /* a version and a checksum of nothing */
        {1, "\0"},                                /* a type and no string */
        {2, "\0\1"},                              /* one byte is missing */
        {4, "\0\1ab"},                            /* one is too many */
        {2, "\0\x40"},                            /* half a length */
        {3, "\0\x40\3"},
        {6, "\0\x80\0\0\0\1"},
        {5, "\0\x80\0\0\0"},
        {10, "\0\x81\0\0\0\0\0\0\0\1"},
        {10, "\0\x81\xff\xff\xff\xff\xff\xff\xff\xff"},
        {10, "\0\x81\0\0\0\0\x20\0\0\1"},         /* more than 512 MiB */
        {3, "\0\x82\1"},                          /* no such form */
        {2, "\0\xbf"},
        {2, "\0\xc0"},
        {4, "\0\xc0\1\1"},
        {3, "\0\xc1\1"},
        {5, "\0\xc2\1\1\1"},
        {3, "\0\xc4\1"},
        {2, "\0\xff"},
        {2, "\0\xc3"},                            /* LZF without lengths */
        {3, "\0\xc3\2"},
        {5, "\0\xc3\2\1\0"},                      /* shorter than it says */
        {6, "\0\xc3\2\2\0a"},                     /* makes one byte, not two */
        {6, "\0\xc3\2\0\0a"},                     /* makes none */
        {7, "\0\xc3\3\3\2a\0"},                   /* a literal run that is cut off */
        {6, "\0\xc3\1\1\0a"},                    /* longer than it says */
        {6, "\0\xc3\2\3\x20\0"},                 /* a reference before the start */
        {8, "\0\xc3\4\4\0a\x20\1"},
        {7, "\0\xc3\3\5\0a\x20"},                 /* a reference that is cut off */
        {8, "\0\xc3\4\x40\0a\xe0\x20"},
        {8, "\0\xc3\4\3\0a\x20\0"},               /* makes more than it says */
        {7, "\0\xc3\2\x80\x10\0\0"},              /* claims a megabyte for two bytes */
        {10, "\0\xc3\2\x80\x20\0\0\0\0a"},        /* claims 512 MiB */
        {4, "\0\xc3\xc0\1"},                      /* a length that is a number */
    };
    char bytes[64];
    uint64_t used = mem_used(MEM_BLOB);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(bytes, bad[i].bytes, bad[i].n);
        cr_expect_str_eq(restore("k", payload_of(bytes, bad[i].n, 9), NULL), BAD_FORMAT,
                         "case %zu", i);
    }
    cr_assert_eq(mem_used(MEM_BLOB), used);
    cr_assert_str_eq(fixture_say(&f, "DBSIZE"), INT("0"));
    /* What was there stays when what should replace it is bad. */
    FIXTURE_STEPS(&f, {"SET k v", OK});
    memcpy(bytes, "\0\xc3\4\4\0a\x20\1", 8);
    cr_expect_str_eq(restore("k", payload_of(bytes, 8, 9), "REPLACE"), BAD_FORMAT);
    FIXTURE_STEPS(&f, {"GET k", BULK("1", "v")});
}

/* Longer spellings of a length are as good as the shortest. */
Test(dump, lengths_in_every_form)
{
    static const struct {
        size_t n;
        const char *bytes;
    } good[] = {{3, "\0\1a"}, {4, "\0\x40\1a"}, {7, "\0\x80\0\0\0\1a"},
                {11, "\0\x81\0\0\0\0\0\0\0\1a"}, {6, "\0\xc3\2\1\0a"},
                {8, "\0\xc3\x40\2\x40\1\0a"}};
    char bytes[64];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        memcpy(bytes, good[i].bytes, good[i].n);
        cr_expect_str_eq(restore("k", payload_of(bytes, good[i].n, 11), "REPLACE"), OK);
        cr_expect_str_eq(fixture_say(&f, "GET k"), BULK("1", "a"), "case %zu", i);
    }
}

/* Anything at all behind a right checksum: never a crash, never a read outside (asan). */
Test(rdb, random_payloads)
{
    struct random random;
    struct rdb_string string;
    char at[80], to[4096];
    int n_good = 0;

    random_seed(&random, 1);
    for (int round = 0; round < 200000; round++) {
        size_t n = random_below(&random, 64);
        char *exact;

        for (size_t i = 0; i < n; i++)
            at[i] = (char)(random_below(&random, 2) ? random_next(&random) : random_below(&random, 8));
        if (n > 0) at[0] = 0;
        if (n > 1 && round % 2) at[1] = (char)0xc3;
        if (n > 3 && round % 4 == 1) at[2] = (char)(n - 4);
        struct slice payload = payload_of(at, n, 9);
        cr_assert(rdb_verify(payload));
        exact = malloc(payload.bytes); /* nothing behind it that may be read */
        memcpy(exact, payload.at, payload.bytes);
        if (rdb_parse(slice_of(exact, payload.bytes), sizeof to, &string) == 0) {
            cr_assert_leq(string.bytes, sizeof to);
            if (!string.packed || rdb_unpack(&string, to) == 0) n_good++;
        }
        free(exact);
    }
    cr_assert_gt(n_good, 100);
}

Test(rdb, checksum)
{
    char bytes[1000];
    uint64_t whole;

    cr_assert_eq(rdb_crc64(0, "123456789", 9), 0xe9c6d914c4b8d9caull);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    whole = rdb_crc64(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut < 40; cut++)
        cr_assert_eq(rdb_crc64(rdb_crc64(0, bytes, cut), bytes + cut, sizeof bytes - cut), whole);
}

/* ---- limits --------------------------------------------------------------------------------------- */

Test(dump_limit, restore_on_a_full_node)
{
    static char value[60000], payload[60100];
    size_t n;

    memset(value, 'x', sizeof value);
    n = rdb_dump(payload, slice_of(value, sizeof value));
    fixture_open(&f, &(struct fixture_setup){.max_memory = 100000, .n_partitions = 1,
                                             .policy = "none"});
    cr_assert_str_eq(restore("a", slice_of(payload, n), NULL), OK);
    cr_assert_str_eq(restore("b", slice_of(payload, n), NULL), OOM);
    cr_assert_str_eq(restore("a", slice_of(payload, n), "REPLACE"), OK);
    FIXTURE_STEPS(&f, {"STRLEN a", INT("60000")}, {"EXISTS b", INT("0")});
    fixture_close(&f);
}

/* With the k-th allocation failing; false: there was no k-th. */
static bool restore_fails(struct slice payload, uint64_t k)
{
    const char *reply;
    bool failed;

    cr_assert_str_eq(fixture_say(&f, "SET b old"), OK);
    mem_fail_at(k);
    reply = restore("b", payload, "REPLACE");
    failed = mem_count() >= k;
    mem_fail_at(0);
    if (strcmp(reply, OK) == 0) return failed;
    cr_assert_eq(strncmp(reply, "-OOM ", 5), 0, "%s", reply);
    cr_assert_str_eq(fixture_say(&f, "GET b"), BULK("3", "old"));
    return failed;
}

static bool dump_fails(uint64_t k)
{
    const char *reply;
    bool failed;

    mem_fail_at(k);
    reply = fixture_say(&f, "DUMP a");
    failed = mem_count() >= k;
    mem_fail_at(0);
    cr_assert(reply[0] == '$' || strncmp(reply, "-OOM ", 5) == 0, "%s", reply);
    return failed;
}

Test(dump, allocation_failures)
{
    static char payload[8192], value[5000], packed[64];
    struct slice raw, lzf;
    uint64_t k = 1;
    bool failed = true;

    memset(value, 'x', sizeof value);
    raw = slice_of(payload, rdb_dump(payload, slice_of(value, sizeof value)));
    memcpy(packed, "\0\xc3\x09\x3f\x01\x61\x61\xe0\x32\x00\x01\x61\x61", 13);
    lzf = payload_of(packed, 13, 9);
    cr_assert_str_eq(restore("a", raw, NULL), OK);
    fixture_say(&f, "DUMP a"); /* the reply has its room from now on */
    for (; failed; k++) {
        failed = restore_fails(raw, k);
        failed |= restore_fails(lzf, k);
        failed |= dump_fails(k);
    }
    cr_assert_gt(k, 2, "nothing was tried");
}
