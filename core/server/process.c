/* process.c - see process.h. */
#include "core/server/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

uint64_t process_rss_bytes(void)
{
    unsigned long long size_pages, resident_pages;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char line[128];
    ssize_t n;

    if (fd < 0) return 0;
    n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0) return 0;
    line[n] = '\0';
    if (sscanf(line, "%llu %llu", &size_pages, &resident_pages) != 2) return 0;
    return (uint64_t)resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

double process_cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

uint64_t process_max_fds(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0;
}
