/* info_process.c - what the system says of this process; see info.h. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/server/info.h"
#include "core/server/process.h"

#define RSS_AGE_NS 100000000ull

extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
    __attribute__((weak));

uint64_t info_rss_bytes(void)
{
    static uint64_t bytes, read_ns; /* atomics; two threads may both read, to the same end */
    uint64_t now_ns = clock_monotonic_ns(), fresh;

    if (now_ns - METRIC_READ(read_ns) < RSS_AGE_NS) return METRIC_READ(bytes);
    fresh = process_rss_bytes();
    METRIC_SET(bytes, fresh);
    METRIC_SET(read_ns, now_ns);
    return fresh;
}

const char *info_allocator(char *at, size_t room)
{
    const char *version;
    size_t bytes = sizeof version;

    if (mallctl != NULL && mallctl("version", &version, &bytes, NULL, 0) == 0)
        snprintf(at, room, "jemalloc-%.*s", (int)strcspn(version, "-"), version);
    else snprintf(at, room, "libc");
    return at;
}

const char *info_system(char *at, size_t room)
{
    struct utsname name;

    if (uname(&name) != 0) return "unknown";
    snprintf(at, room, "%s %s %s", name.sysname, name.release, name.machine);
    return at;
}

const char *info_executable(char *at, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", at, room - 1);

    at[n > 0 ? n : 0] = '\0';
    return at;
}
