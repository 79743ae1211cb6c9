/* error.h - what went wrong, as a code and a sentence for a person; and assertions.
 *
 * Operating errors are returned: 0 or a negative LOOM_E_*, with a sentence in a struct error when
 * the caller brought one.  Programmer errors are LOOM_ASSERT, which stays on in release builds.
 */
#ifndef CORE_BASE_ERROR_H
#define CORE_BASE_ERROR_H

#include <loomcache/plugin.h>

struct error {
    int code; /* 0 or LOOM_E_* */
    char text[508];
};

/* error_set - record code and sentence, return code.  error may be NULL. */
int error_set(struct error *error, int code, const char *format, ...) LOOM_PRINTF(3, 4);
/* error_wrap - put a prefix before the sentence: "prefix: sentence".  Returns error's code. */
int error_wrap(struct error *error, const char *format, ...) LOOM_PRINTF(2, 3);
/* error_name - the fixed sentence of a code. */
const char *error_name(int code);

#define LOOM_ASSERT(condition)                                                                     \
    ((__builtin_expect(!(condition), 0)) ? error_assert_failed(#condition, __FILE__, __LINE__)     \
                                         : (void)0)
void error_assert_failed(const char *condition, const char *file, int line)
    __attribute__((noreturn, cold));

#endif
