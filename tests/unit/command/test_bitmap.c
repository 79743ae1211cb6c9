/* test_bitmap.c - bits of strings: one by one, in ranges, combined, and as integers. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/random.h"
#include "core/command/bitmap_bits.h"
#include "tests/unit/command/fixture.h"

static struct fixture f;
static void open_node(void) { fixture_open(&f, NULL); }
static void close_node(void) { fixture_close(&f); }

TestSuite(bitmap, .init = open_node, .fini = close_node);

#define BAD_OFFSET ERROR("ERR bit offset is not an integer or out of range")
#define BAD_BIT ERROR("ERR bit is not an integer or out of range")
#define BAD_TYPE                                                                                   \
    ERROR("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "  \
          "but i64 is.")

Test(bitmap, setbit_and_getbit)
{
    FIXTURE_STEPS(&f,
        {"SETBIT b 7 1", INT("0")},
        {"GET b", BULK("1", "\x01")},
        {"SETBIT b 7 0", INT("1")},
        {"GET b", BULK("1", "\\0")},
        {"SETBIT b 1 1", INT("0")},
        {"SETBIT b 20 1", INT("0")},
        {"GET b", BULK("3", "@\\0\x08")},
        {"GETBIT b 1", INT("1")},
        {"GETBIT b 2", INT("0")},
        {"GETBIT b 20", INT("1")},
        {"GETBIT b 4294967295", INT("0")},
        {"GETBIT absent 0", INT("0")},
        {"SETBIT absent 0 0", INT("0")},
        {"STRLEN absent", INT("1")},
        {"SET s a", OK},
        {"SETBIT s 6 1", INT("0")},
        {"SETBIT s 7 0", INT("1")},
        {"GET s", BULK("1", "b")});
}

Test(bitmap, setbit_refuses)
{
    FIXTURE_STEPS(&f,
        {"SETBIT b x 1", BAD_OFFSET},
        {"SETBIT b -1 1", BAD_OFFSET},
        {"SETBIT b 4294967296 1", BAD_OFFSET},
        {"SETBIT b #1 1", BAD_OFFSET},
        {"SETBIT b 0 2", BAD_BIT},
        {"SETBIT b 0 -1", BAD_BIT},
        {"SETBIT b 0 x", BAD_BIT},
        {"GETBIT b -1", BAD_OFFSET},
        {"GETBIT b 4294967296", BAD_OFFSET},
        {"EXISTS b", INT("0")},
        {"SETBIT b 0", WRONG_ARGS("setbit")},
        {"GETBIT b", WRONG_ARGS("getbit")});
}

Test(bitmap, setbit_keeps_the_ttl)
{
    FIXTURE_STEPS(&f,
        {"SET b x PX 9000", OK}, {"SETBIT b 800 1", INT("0")}, {"PTTL b", INT("9000")},
        {"BITFIELD b SET u8 8000 1", ARRAY("1") INT("0")}, {"PTTL b", INT("9000")});
}

Test(bitmap, bitcount)
{
    FIXTURE_STEPS(&f,
        {"BITCOUNT absent", INT("0")},
        {"BITCOUNT absent 0 -1", INT("0")},
        {"SET s foobar", OK},
        {"BITCOUNT s", INT("26")},
        {"BITCOUNT s 0 0", INT("4")},
        {"BITCOUNT s 1 1", INT("6")},
        {"BITCOUNT s 1 1 BYTE", INT("6")},
        {"BITCOUNT s 5 30 BIT", INT("17")},
        {"BITCOUNT s 5 30 bit", INT("17")},
        {"BITCOUNT s -2 -1", INT("7")},
        {"BITCOUNT s 0 -1 BIT", INT("26")},
        {"BITCOUNT s -100 100", INT("26")},
        {"BITCOUNT s 6 7", INT("0")},
        {"BITCOUNT s 3 2", INT("0")},
        {"BITCOUNT s -1 -2", INT("0")},
        {"BITCOUNT s -9 -8", INT("4")}, /* both before the start: the first byte, as in Redis */
        {"BITCOUNT s 1 -48 BIT", INT("0")},
        {"SET e \"\"", OK},
        {"BITCOUNT e", INT("0")},
        {"BITCOUNT e 0 -1 BIT", INT("0")},
        {"BITCOUNT s -9223372036854775808 9223372036854775807", INT("26")},
        {"BITCOUNT s 0", SYNTAX},
        {"BITCOUNT s 0 1 BITS", SYNTAX},
        {"BITCOUNT s 0 1 BIT x", SYNTAX},
        {"BITCOUNT s a 1", NOT_INTEGER},
        {"BITCOUNT s 0 b", NOT_INTEGER},
        {"BITCOUNT absent 0 b", NOT_INTEGER},
        {"BITCOUNT", WRONG_ARGS("bitcount")});
}

Test(bitmap, bitpos)
{
    FIXTURE_STEPS(&f,
        {"BITPOS absent 0", INT("0")},
        {"BITPOS absent 1", INT("-1")},
        {"BITPOS absent 0 5 9", INT("0")},
        {"SET s \"\\xff\\xf0\\x00\"", OK},
        {"BITPOS s 0", INT("12")},
        {"BITPOS s 1", INT("0")},
        {"BITPOS s 1 1", INT("8")},
        {"BITPOS s 1 2", INT("-1")},
        {"BITPOS s 0 2", INT("16")},
        {"BITPOS s 1 -1", INT("-1")},
        {"BITPOS s 0 0 0", INT("-1")}, /* an end was given: no zeros behind it */
        {"BITPOS s 0 0 -1", INT("12")},
        {"BITPOS s 1 9 15 BIT", INT("9")},
        {"BITPOS s 0 9 15 BIT", INT("12")},
        {"BITPOS s 1 12 15 BIT", INT("-1")},
        {"BITPOS s 0 0 7 BIT", INT("-1")},
        {"BITPOS s 1 1 1 BYTE", INT("8")},
        {"BITPOS s 1 2 1", INT("-1")},
        {"BITPOS s 1 -5 -9", INT("0")}, /* both before the start: the first byte */
        {"BITPOS s 0 3", INT("-1")},
        {"SET ones \"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\"", OK},
        {"BITPOS ones 0", INT("72")},
        {"BITPOS ones 0 0", INT("72")},
        {"BITPOS ones 0 3", INT("72")},
        {"BITPOS ones 0 0 -1", INT("-1")},
        {"BITPOS ones 0 0 -1 BIT", INT("-1")},
        {"BITPOS ones 0 9", INT("-1")},
        {"SET e \"\"", OK},
        {"BITPOS e 0", INT("-1")},
        {"BITPOS e 1", INT("-1")},
        {"BITPOS s 2", ERROR("ERR The bit argument must be 1 or 0.")},
        {"BITPOS s x", NOT_INTEGER},
        {"BITPOS s 1 x", NOT_INTEGER},
        {"BITPOS s 1 0 x", NOT_INTEGER},
        {"BITPOS s 1 0 1 BITE", SYNTAX},
        {"BITPOS s 1 0 1 BIT x", SYNTAX},
        {"BITPOS s", WRONG_ARGS("bitpos")});
}

Test(bitmap, bitop)
{
    FIXTURE_STEPS(&f,
        {"SET a abc", OK}, {"SET b \"ab\"", OK}, {"SET c \"  \"", OK},
        {"BITOP AND d a b", INT("3")}, {"GET d", BULK("3", "ab\\0")},
        {"BITOP or d a c", INT("3")}, {"GET d", BULK("3", "abc")},
        {"BITOP XOR d a c", INT("3")}, {"GET d", BULK("3", "ABc")},
        {"BITOP XOR d a b a", INT("3")}, {"GET d", BULK("3", "ab\\0")},
        {"BITOP AND d a absent", INT("3")}, {"GET d", BULK("3", "\\0\\0\\0")},
        {"BITOP AND d absent a", INT("3")}, {"GET d", BULK("3", "\\0\\0\\0")},
        {"BITOP OR d absent a", INT("3")}, {"GET d", BULK("3", "abc")},
        {"BITOP OR d a", INT("3")}, {"GET d", BULK("3", "abc")},
        {"BITOP NOT d c", INT("2")}, {"GET d", BULK("2", "\xdf\xdf")},
        {"BITOP NOT a a", INT("3")}, {"BITOP NOT a a", INT("3")}, {"GET a", BULK("3", "abc")},
        {"BITOP XOR a a a", INT("3")}, {"GET a", BULK("3", "\\0\\0\\0")},
        {"BITOP AND d absent gone", INT("0")}, {"EXISTS d", INT("0")},
        {"SET d x EX 100", OK}, {"BITOP OR d b", INT("2")}, {"TTL d", INT("-1")},
        {"BITOP NOT d a b", ERROR("ERR BITOP NOT must be called with a single source key.")},
        {"BITOP NAND d a b", SYNTAX},
        {"BITOP AND d", WRONG_ARGS("bitop")});
}

Test(bitmap, bitfield)
{
    FIXTURE_STEPS(&f,
        {"BITFIELD b", ARRAY("0")},
        {"BITFIELD b GET u8 0", ARRAY("1") INT("0")},
        {"EXISTS b", INT("0")},
        {"BITFIELD b SET u8 0 255 GET u8 0 GET i8 0 GET u4 4", ARRAY("4") INT("0") INT("255")
            INT("-1") INT("15")},
        {"BITFIELD b INCRBY i5 100 1 GET u4 0", ARRAY("2") INT("1") INT("15")},
        {"STRLEN b", INT("14")},
        {"SET b \"\"", OK},
        {"BITFIELD b SET u8 #1 65 SET u8 #0 66", ARRAY("2") INT("0") INT("0")},
        {"GET b", BULK("2", "BA")},
        {"BITFIELD b SET i64 3 -9223372036854775808 GET i64 3 GET u63 4", ARRAY("3")
            INT("1299288492496388096") INT("-9223372036854775808") INT("0")},
        {"BITFIELD b get U8 0", BAD_TYPE},
        {"SET n \"\"", OK},
        {"BITFIELD n SET u63 0 9223372036854775807 GET u63 0", ARRAY("2") INT("0")
            INT("9223372036854775807")},
        {"BITFIELD n GET u63 1000", ARRAY("1") INT("0")},
        {"BITFIELD_RO n GET u1 0 GET i1 0 GET u8 56", ARRAY("3") INT("1") INT("-1") INT("254")},
        {"BITFIELD_RO absent GET u8 0", ARRAY("1") INT("0")},
        {"BITFIELD_RO n", ARRAY("0")});
}

Test(bitmap, bitfield_overflow)
{
    FIXTURE_STEPS(&f,
        {"BITFIELD w SET u8 0 250 INCRBY u8 0 10", ARRAY("2") INT("0") INT("4")},
        {"BITFIELD w INCRBY u8 0 -5", ARRAY("1") INT("255")},
        {"BITFIELD w OVERFLOW SAT INCRBY u8 0 10 INCRBY u8 0 -300", ARRAY("2") INT("255")
            INT("0")},
        {"BITFIELD w OVERFLOW FAIL INCRBY u8 0 -1 GET u8 0", ARRAY("2") NIL INT("0")},
        {"BITFIELD w OVERFLOW FAIL SET u8 0 256 GET u8 0", ARRAY("2") NIL INT("0")},
        {"BITFIELD w OVERFLOW SAT SET u8 0 256 GET u8 0", ARRAY("2") INT("0") INT("255")},
        {"BITFIELD w OVERFLOW SAT SET u8 0 -1 GET u8 0", ARRAY("2") INT("255") INT("255")},
        {"BITFIELD w SET u8 0 -2 GET u8 0", ARRAY("2") INT("255") INT("254")},
        {"BITFIELD w SET u8 0 257 GET u8 0", ARRAY("2") INT("254") INT("1")},
        {"BITFIELD s SET i8 0 127 INCRBY i8 0 1", ARRAY("2") INT("0") INT("-128")},
        {"BITFIELD s INCRBY i8 0 -1", ARRAY("1") INT("127")},
        {"BITFIELD s OVERFLOW SAT INCRBY i8 0 100", ARRAY("1") INT("127")},
        {"BITFIELD s OVERFLOW SAT INCRBY i8 0 -1000", ARRAY("1") INT("-128")},
        {"BITFIELD s OVERFLOW FAIL INCRBY i8 0 -1 OVERFLOW WRAP INCRBY i8 0 -1", ARRAY("2") NIL
            INT("127")},
        {"BITFIELD s SET i8 0 200 GET i8 0", ARRAY("2") INT("127") INT("-56")},
        {"BITFIELD i SET i64 0 9223372036854775807 INCRBY i64 0 1", ARRAY("2") INT("0")
            INT("-9223372036854775808")},
        {"BITFIELD i OVERFLOW SAT INCRBY i64 0 -1", ARRAY("1") INT("-9223372036854775808")},
        {"BITFIELD i OVERFLOW FAIL INCRBY i64 0 -1", ARRAY("1") NIL},
        {"BITFIELD i INCRBY i64 0 -1", ARRAY("1") INT("9223372036854775807")},
        {"BITFIELD u SET u63 0 0 OVERFLOW SAT INCRBY u63 0 -9223372036854775808", ARRAY("2")
            INT("0") INT("0")},
        {"BITFIELD u INCRBY u63 0 9223372036854775807 INCRBY u63 0 1", ARRAY("2")
            INT("9223372036854775807") INT("0")},
        {"BITFIELD one SET i1 0 1 GET i1 0 INCRBY i1 0 1", ARRAY("3") INT("0") INT("-1") INT("0")},
        {"BITFIELD one OVERFLOW SAT SET i1 0 1 GET i1 0", ARRAY("2") INT("0") INT("0")},
        {"BITFIELD only OVERFLOW FAIL", ARRAY("0")},
        {"EXISTS only", INT("0")},
        {"BITFIELD grown OVERFLOW FAIL SET u8 16 256", ARRAY("1") NIL},
        {"STRLEN grown", INT("3")});
}

Test(bitmap, bitfield_refuses_and_changes_nothing)
{
    FIXTURE_STEPS(&f,
        {"BITFIELD b SET u8 0 1 FOO", SYNTAX},
        {"BITFIELD b SET u8 0 1 GET u8", SYNTAX},
        {"BITFIELD b SET u8 0", SYNTAX},
        {"BITFIELD b SET u8 0 1 OVERFLOW", SYNTAX},
        {"BITFIELD b SET u8 0 1 OVERFLOW BAD", ERROR("ERR Invalid OVERFLOW type specified")},
        {"BITFIELD b SET u8 0 1 SET u64 0 1", BAD_TYPE},
        {"BITFIELD b SET u0 0 1", BAD_TYPE},
        {"BITFIELD b SET i65 0 1", BAD_TYPE},
        {"BITFIELD b SET x8 0 1", BAD_TYPE},
        {"BITFIELD b SET u 0 1", BAD_TYPE},
        {"BITFIELD b SET u8x 0 1", BAD_TYPE},
        {"BITFIELD b SET u8 -1 1", BAD_OFFSET},
        {"BITFIELD b SET u8 #-1 1", BAD_OFFSET},
        {"BITFIELD b SET u8 # 1", BAD_OFFSET},
        {"BITFIELD b SET u8 #536870912 1", BAD_OFFSET},
        {"BITFIELD b SET u8 #9223372036854775807 1", BAD_OFFSET},
        {"BITFIELD b GET u8 4294967296", BAD_OFFSET},
        {"BITFIELD b SET u8 0 x", NOT_INTEGER},
        {"BITFIELD b INCRBY u8 0 9223372036854775808", NOT_INTEGER},
        {"BITFIELD_RO b SET u8 0 1", ERROR("ERR BITFIELD_RO only supports the GET subcommand")},
        {"BITFIELD_RO b SET u8 0 1 GET u8 x", BAD_OFFSET},
        {"BITFIELD_RO b INCRBY u8 0 1", ERROR("ERR BITFIELD_RO only supports the GET subcommand")},
        {"EXISTS b", INT("0")},
        {"BITFIELD", WRONG_ARGS("bitfield")},
        {"BITFIELD_RO", WRONG_ARGS("bitfield_ro")});
}

Test(bitmap, a_field_over_the_end_of_the_longest_value_is_refused)
{
    cr_expect_str_eq(fixture_say(&f, "BITFIELD b SET u8 4294967295 1"),
                     ERROR("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
    cr_expect_str_eq(fixture_say(&f, "BITFIELD b GET u8 4294967295"), ARRAY("1") INT("0"));
}

/* ---- the functions below, against a model that walks bit by bit ------------------------------- */

#define MODEL_BYTES 64

struct model {
    struct random random;
    uint8_t bytes[MODEL_BYTES];
};

static void model_fill(struct model *m)
{
    uint64_t kind = random_below(&m->random, 4);

    for (size_t i = 0; i < MODEL_BYTES; i++)
        m->bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)random_next(&m->random);
    m->bytes[random_below(&m->random, MODEL_BYTES)] ^= (uint8_t)random_below(&m->random, 256);
}

static bool model_bit(const struct model *m, uint64_t i)
{
    return m->bytes[i / 8] >> (7 - i % 8) & 1;
}

Test(bitmap, counts_and_finds_like_the_model)
{
    struct model m;

    random_seed(&m.random, 7);
    for (int round = 0; round < 20000; round++) {
        uint64_t first, last, n = 0;
        int64_t at[2] = {-1, -1};

        model_fill(&m);
        first = random_below(&m.random, MODEL_BYTES * 8);
        last = first + random_below(&m.random, MODEL_BYTES * 8 - first);
        for (uint64_t i = last + 1; i-- > first;) {
            n += model_bit(&m, i);
            at[model_bit(&m, i)] = (int64_t)i;
        }
        cr_assert_eq(bits_count(m.bytes, first, last), n, "round %d", round);
        cr_assert_eq(bits_find(m.bytes, first, last, false), at[0], "round %d", round);
        cr_assert_eq(bits_find(m.bytes, first, last, true), at[1], "round %d", round);
    }
}

Test(bitmap, reads_and_writes_fields_like_the_model)
{
    struct model m;

    random_seed(&m.random, 8);
    for (int round = 0; round < 20000; round++) {
        struct model before;
        unsigned n = 1 + (unsigned)random_below(&m.random, 64);
        uint64_t offset = random_below(&m.random, MODEL_BYTES * 8 - n + 1), wanted = 0, value;

        model_fill(&m);
        before = m;
        for (unsigned i = 0; i < n; i++) wanted = wanted << 1 | model_bit(&m, offset + i);
        cr_assert_eq(bits_read(m.bytes, MODEL_BYTES, offset, n), wanted, "round %d", round);
        value = random_next(&m.random);
        bits_write(m.bytes, offset, n, value);
        cr_assert_eq(bits_read(m.bytes, MODEL_BYTES, offset, n),
                     n == 64 ? value : value & ((1ull << n) - 1), "round %d", round);
        for (uint64_t i = 0; i < MODEL_BYTES * 8; i++)
            if (i < offset || i >= offset + n)
                cr_assert_eq(model_bit(&m, i), model_bit(&before, i), "round %d", round);
    }
    cr_expect_eq(bits_read("\xff", 1, 4, 8), 0xf0, "bytes beyond the end are zero");
    cr_expect_eq(bits_read("\xff", 1, 8, 64), 0);
}

/* ---- values that are blobs, or compressed ------------------------------------------------------ */

static void large_values(const struct fixture_setup *setup)
{
    struct fixture big;

    fixture_open(&big, setup);
    FIXTURE_STEPS(&big,
        {"SETBIT b 799999 1", INT("0")},
        {"STRLEN b", INT("100000")},
        {"BITCOUNT b", INT("1")},
        {"BITPOS b 1", INT("799999")},
        {"SETBIT b 0 1", INT("0")},
        {"SETBIT b 400000 1", INT("0")},
        {"GETBIT b 400000", INT("1")},
        {"BITCOUNT b 1 -2", INT("1")},
        {"BITFIELD b GET u3 399999 SET u8 0 7", ARRAY("2") INT("2") INT("128")},
        {"BITOP NOT n b", INT("100000")},
        {"BITCOUNT n", INT("799995")},
        {"BITOP XOR b b n", INT("100000")},
        {"BITCOUNT b", INT("800000")},
        {"BITOP AND s b absent", INT("100000")},
        {"BITCOUNT s", INT("0")},
        {"SETBIT b 0 0", INT("1")},
        {"BITPOS b 0", INT("0")});
    fixture_close(&big);
}

Test(bitmap, works_on_blobs) { large_values(&(struct fixture_setup){.inline_max = 1024}); }

Test(bitmap, works_on_compressed_values)
{
    large_values(&(struct fixture_setup){.inline_max = 1024, .compress_min = 64});
}

Test(bitmap, bitop_survives_every_failed_allocation)
{
    fixture_say(&f, "SETBIT a 80000 1");
    fixture_say(&f, "SETBIT b 80001 1");
    for (uint64_t k = 1, asked = k; asked >= k; k++) {
        const char *reply;
        mem_fail_at(k);
        reply = fixture_say(&f, "BITOP OR d a b");
        asked = mem_count();
        mem_fail_at(0);
        if (asked < k) cr_expect_str_eq(reply, INT("10001"));
        else if (strcmp(reply, INT("10001")) != 0)
            cr_expect_str_eq(fixture_say(&f, "EXISTS d"), INT("0"), "k %d: %s", (int)k, reply);
        fixture_say(&f, "DEL d");
        cr_assert_lt(k, 100);
    }
}
