/* clock.h - time, read at the edges and passed in. */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_unix_ms(void);      /* wall clock: expiry, TIME, LASTSAVE */
uint64_t clock_unix_us(void);
uint64_t clock_monotonic_ns(void); /* durations */

#endif
