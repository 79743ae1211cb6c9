/* process.h - what the kernel says about this process.  [any-thread]; a few system calls each. */
#ifndef CORE_SERVER_PROCESS_H
#define CORE_SERVER_PROCESS_H

#include <stdint.h>

/* process_rss_bytes - the resident set; 0: the kernel does not say.  About 10 us. */
uint64_t process_rss_bytes(void);
/* process_cpu_seconds - user and system time of all threads. */
double process_cpu_seconds(void);
/* process_max_fds - the limit on open files. */
uint64_t process_max_fds(void);

#endif
