/* log.h - one line per event on standard error or into a file, as text or JSON.
 *
 * A line has a level, a room or plugin it comes from, and a message.  Lines that repeat faster than
 * LOG_BURST a second from one place are counted instead of written, and the count is written once a
 * second, so that no load can flood the disk.  Thread: [any-thread].
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>

#include "core/base/error.h"

#define LOG_BURST 20

enum log_format { LOG_TEXT, LOG_JSON };
struct log_settings {
    enum loom_log_level level;
    enum log_format format;
    const char *file; /* NULL or "": standard error */
};

/* log_open - set up or change (SIGHUP reopens the file).  LOOM_E_IO: the old target stays. */
int log_open(const struct log_settings *settings, struct error *error);
void log_level_set(enum loom_log_level level);
bool log_wanted(enum loom_log_level level);

/* One static place per call site keeps the rate. */
struct log_place {
    uint64_t second;
    uint32_t n_written, n_dropped;
};
void log_write(struct log_place *place, enum loom_log_level level, const char *from,
               const char *format, ...) LOOM_PRINTF(4, 5);

#define LOG_AT(level_, from_, ...)                                                                 \
    do {                                                                                           \
        static struct log_place log_place_;                                                        \
        if (log_wanted(level_)) log_write(&log_place_, level_, from_, __VA_ARGS__);                \
    } while (0)
#define LOG_DEBUG(from, ...) LOG_AT(LOOM_LOG_DEBUG, from, __VA_ARGS__)
#define LOG_INFO(from, ...) LOG_AT(LOOM_LOG_INFO, from, __VA_ARGS__)
#define LOG_WARN(from, ...) LOG_AT(LOOM_LOG_WARN, from, __VA_ARGS__)
#define LOG_ERROR(from, ...) LOG_AT(LOOM_LOG_ERROR, from, __VA_ARGS__)

#endif
