/* error.c - see error.h. */
#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
    va_list args;

    if (error == NULL) return code;
    error->code = code;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

int error_wrap(struct error *error, const char *format, ...)
{
    char inner[sizeof error->text];
    va_list args;
    int n;

    if (error == NULL) return LOOM_E_INVALID;
    memcpy(inner, error->text, sizeof inner);
    va_start(args, format);
    n = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof error->text)
        snprintf(error->text + n, sizeof error->text - (size_t)n, ": %.400s", inner);
    return error->code;
}

const char *error_name(int code)
{
    switch (code) {
    case 0: return "success";
#define X(name, number, sentence)                                                                  \
    case number: return sentence;
        LOOM_ERROR_MAP(X)
#undef X
    default: return "unknown error";
    }
}

void error_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "loomcache: assertion failed at %s:%d: %s\n", file, line, condition);
    abort();
}
