/* latency.h - when did the server itself stumble?  LATENCY's memory: one history per kind of event.
 *
 *   "command"         a command took long
 *   "expire-cycle"    a round of active expiry
 *   "eviction-cycle"  making room for a write
 *
 * Only what reached the threshold is kept: the last LATENCY_SAMPLES seconds in which something
 * did, each with its worst time, and the worst time ever.  Nothing allocates after creation.
 *
 * Thread: [any-thread]; below the threshold one relaxed load, else a lock for a moment.
 */
#ifndef CORE_SERVER_LATENCY_H
#define CORE_SERVER_LATENCY_H

#include "core/base/bytes.h"

#define LATENCY_SAMPLES 160
#define LATENCY_EVENTS 8

struct latency;

struct latency_sample {
    uint64_t unix_s;
    uint64_t ms;
};
struct latency_event {
    const char *name;
    uint64_t max_ms; /* since the last reset */
    uint32_t n;      /* of samples, oldest first */
    struct latency_sample samples[LATENCY_SAMPLES];
};

/* latency_create - threshold_ms 0: nothing is kept.  NULL: no memory. */
struct latency *latency_create(uint32_t threshold_ms);
void latency_free(struct latency *latency);
void latency_configure(struct latency *latency, uint32_t threshold_ms);
uint32_t latency_threshold_ms(const struct latency *latency);
/* latency_threshold_ns - UINT64_MAX: off. */
uint64_t latency_threshold_ns(const struct latency *latency);

/* latency_add - event: a literal; at most LATENCY_EVENTS different ones. */
void latency_add(struct latency *latency, const char *event, uint64_t ns);
/* latency_add_at - the same for a time that is known (unix seconds). */
void latency_add_at(struct latency *latency, const char *event, uint64_t ns, uint64_t unix_s);

/* latency_read - a copy of the i-th event that has samples; false: there are not so many. */
bool latency_read(struct latency *latency, size_t i, struct latency_event *ret);
/* latency_find - by name, any case; false: none such has samples. */
bool latency_find(struct latency *latency, struct slice name, struct latency_event *ret);
/* latency_reset - forget one event (NULL: all); returns how many had samples. */
size_t latency_reset(struct latency *latency, const struct slice *name);

#endif
