/* log.c - see log.h.
 *
 * A line is put together on the stack and leaves in one write(2), so that lines of several threads
 * (and of other processes that append to the file) never mix.  What a line says may come from a
 * client: control characters are written as escapes, so nobody can forge a line.
 */
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"

#define MESSAGE_BYTES 1024 /* before escaping; what is longer ends in "..." */

/* The descriptor, once it is ours, stays the same number for good: a new target is put under it
 * with dup3(), so that a thread in the middle of write() never meets a closed or foreign one. */
static int target = STDERR_FILENO;
static int level_least = LOOM_LOG_INFO;
static int format_now = LOG_TEXT;

static const char *const level_text[] = {"DEBUG", "INFO", "WARN", "ERROR"};
static const char *const level_json[] = {"debug", "info", "warn", "error"};

static int retarget(const char *file, struct error *error)
{
    int fd, held = __atomic_load_n(&target, __ATOMIC_RELAXED);

    if (file == NULL || *file == '\0') {
        if (held == STDERR_FILENO) return 0;
        if (dup3(STDERR_FILENO, held, O_CLOEXEC) < 0)
            return error_set(error, LOOM_E_IO, "log: standard error cannot be used: %s",
                             strerror(errno));
        return 0;
    }
    fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set(error, LOOM_E_IO,
                         "log: %s cannot be opened for appending: %s; give a path whose folder "
                         "exists and is writable, or leave it empty for standard error",
                         file, strerror(errno));
    if (held == STDERR_FILENO) {
        __atomic_store_n(&target, fd, __ATOMIC_RELAXED);
        return 0;
    }
    if (dup3(fd, held, O_CLOEXEC) < 0) {
        int why = errno;
        close(fd);
        return error_set(error, LOOM_E_IO, "log: %s cannot be used: %s", file, strerror(why));
    }
    close(fd);
    return 0;
}

int log_open(const struct log_settings *settings, struct error *error)
{
    int r = retarget(settings->file, error);

    if (r != 0) return r;
    __atomic_store_n(&format_now, (int)settings->format, __ATOMIC_RELAXED);
    log_level_set(settings->level);
    return 0;
}

void log_level_set(enum loom_log_level level)
{
    __atomic_store_n(&level_least, (int)level, __ATOMIC_RELAXED);
}

bool log_wanted(enum loom_log_level level)
{
    return (int)level >= __atomic_load_n(&level_least, __ATOMIC_RELAXED);
}

/* May this line be written?  *ret_missed: how many were not, in earlier seconds.  Two threads at
 * the turn of a second may let a line more through; none is lost uncounted. */
static bool may_write(struct log_place *place, uint64_t second, uint32_t *ret_missed)
{
    uint64_t before = __atomic_load_n(&place->second, __ATOMIC_RELAXED);

    *ret_missed = 0;
    if (before != second && __atomic_compare_exchange_n(&place->second, &before, second, false,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        __atomic_store_n(&place->n_written, 0, __ATOMIC_RELAXED);
        *ret_missed = __atomic_exchange_n(&place->n_dropped, 0, __ATOMIC_RELAXED);
    }
    if (__atomic_fetch_add(&place->n_written, 1, __ATOMIC_RELAXED) < LOG_BURST) return true;
    /* Hold the counter where it is: four thousand million lines a second must not wrap it. */
    __atomic_store_n(&place->n_written, LOG_BURST, __ATOMIC_RELAXED);
    __atomic_fetch_add(&place->n_dropped, 1, __ATOMIC_RELAXED);
    return false;
}

/* The length of the well-formed UTF-8 character at p (RFC 3629), 0 when there is none. */
static size_t utf8_bytes(const unsigned char *p)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (p[0] > 0xf4) return 0;
    for (size_t i = 1; i < n; i++) /* the NUL at the end stops this too */
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* Copy text (NUL-terminated) to at: at most 6 bytes for each of its.  Returns the end. */
static char *escaped(char *at, const char *text, bool json)
{
    static const char hex[] = "0123456789abcdef";

    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        size_t n = utf8_bytes(p);
        if (*p == '\n' || *p == '\r' || *p == '\t') {
            *at++ = '\\';
            *at++ = *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't';
            p++;
        } else if (n == 0 && json) {
            memcpy(at, "\\ufffd", 6); /* the replacement character */
            at += 6;
            p++;
        } else if (n == 0 || *p < 0x20 || *p == 0x7f) {
            at = stpcpy(at, json ? "\\u00" : "\\x");
            *at++ = hex[*p >> 4];
            *at++ = hex[*p & 15];
            p++;
        } else {
            if (json && (*p == '"' || *p == '\\')) *at++ = '\\';
            memcpy(at, p, n);
            at += n;
            p += n;
        }
    }
    return at;
}

static void put_line(enum loom_log_level level, const char *from, uint64_t now_ms,
                     const char *message)
{
    char line[MESSAGE_BYTES * 6 + 1024], stamp[32];
    char name[65]; /* of a room or plugin */
    time_t seconds = (time_t)(now_ms / 1000);
    bool json = __atomic_load_n(&format_now, __ATOMIC_RELAXED) == LOG_JSON;
    struct tm tm;
    char *end = line;
    ssize_t n;

    gmtime_r(&seconds, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(name, sizeof name, "%s", from);
    end +=
        sprintf(end, json ? "{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"from\":\"" : "%s.%03uZ %s ",
                stamp, (unsigned)(now_ms % 1000), (json ? level_json : level_text)[level]);
    end = escaped(end, name, json);
    end = stpcpy(end, json ? "\",\"message\":\"" : ": ");
    end = escaped(end, message, json);
    end = stpcpy(end, json ? "\"}\n" : "\n");
    do {
        n = write(__atomic_load_n(&target, __ATOMIC_RELAXED), line, (size_t)(end - line));
    } while (n < 0 && errno == EINTR);
}

void log_write(struct log_place *place, enum loom_log_level level, const char *from,
               const char *format, ...)
{
    int errno_before = errno; /* callers log between a failure and its handling */
    char message[MESSAGE_BYTES];
    uint64_t now_ms = clock_unix_ms();
    uint32_t n_missed;
    bool may;
    va_list args;

    may = may_write(place, now_ms / 1000, &n_missed);
    if (n_missed > 0) {
        snprintf(message, sizeof message, "%u more lines like the next one were left out",
                 n_missed);
        put_line(level, from, now_ms, message);
    }
    if (may) {
        errno = errno_before; /* for %m */
        va_start(args, format);
        if (vsnprintf(message, sizeof message, format, args) >= (int)sizeof message)
            memcpy(message + sizeof message - 4, "...", 4);
        va_end(args);
        put_line(level, from, now_ms, message);
    }
    errno = errno_before;
}
