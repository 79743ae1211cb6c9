/* test_error.c - codes travel, sentences grow at the front and are cut at the end. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "core/base/error.h"

Test(error, set_and_wrap)
{
    struct error e = {0};

    cr_assert_eq(error_set(&e, LOOM_E_IO, "read %s: %d bytes", "x", 7), LOOM_E_IO);
    cr_assert_eq(e.code, LOOM_E_IO);
    cr_assert_str_eq(e.text, "read x: 7 bytes");
    cr_assert_eq(error_wrap(&e, "file %d", 3), LOOM_E_IO);
    cr_assert_str_eq(e.text, "file 3: read x: 7 bytes");
    cr_assert_eq(error_set(NULL, LOOM_E_BUSY, "nobody listens"), LOOM_E_BUSY);
    cr_assert_eq(error_wrap(NULL, "nobody"), LOOM_E_INVALID);
}

Test(error, long_sentences_are_cut)
{
    struct error e;
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&e, LOOM_E_LIMIT, "%s", text);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
    error_wrap(&e, "%s", text);
    cr_assert_eq(strlen(e.text), sizeof e.text - 1);
    cr_assert_eq(e.code, LOOM_E_LIMIT);
}

Test(error, every_code_has_a_sentence)
{
    cr_assert_str_eq(error_name(0), "success");
    cr_assert_str_eq(error_name(LOOM_E_NOMEM), "out of memory");
    cr_assert_str_eq(error_name(12345), "unknown error");
    for (int code = LOOM_E_LIMIT; code < 0; code++)
        cr_assert_str_neq(error_name(code), "unknown error");
}

Test(error, assert_holds) { LOOM_ASSERT(1 + 1 == 2); }
Test(error, assert_aborts, .signal = SIGABRT) { LOOM_ASSERT(1 + 1 == 3); }
