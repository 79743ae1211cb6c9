/* latency.c - see latency.h. */
#include "core/server/latency.h"

#include <pthread.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/metric.h"

struct history {
    const char *name; /* NULL: never used */
    uint64_t max_ms;
    uint32_t next, n; /* where the next sample goes, how many there are */
    struct latency_sample samples[LATENCY_SAMPLES];
};

struct latency {
    pthread_mutex_t lock;
    uint32_t threshold_ms; /* atomic */
    struct history histories[LATENCY_EVENTS];
};

struct latency *latency_create(uint32_t threshold_ms)
{
    struct latency *latency = mem_zalloc(MEM_OTHER, sizeof *latency);

    if (latency == NULL) return NULL;
    pthread_mutex_init(&latency->lock, NULL);
    latency->threshold_ms = threshold_ms;
    return latency;
}

void latency_free(struct latency *latency)
{
    if (latency == NULL) return;
    pthread_mutex_destroy(&latency->lock);
    mem_free(MEM_OTHER, latency);
}

void latency_configure(struct latency *latency, uint32_t threshold_ms)
{
    METRIC_SET(latency->threshold_ms, threshold_ms);
}

uint32_t latency_threshold_ms(const struct latency *latency)
{
    return METRIC_READ(latency->threshold_ms);
}

uint64_t latency_threshold_ns(const struct latency *latency)
{
    uint32_t ms = latency_threshold_ms(latency);

    return ms == 0 ? UINT64_MAX : (uint64_t)ms * 1000000;
}

/* The history of an event, or the place for a new one; NULL: none is left. */
static struct history *history_of(struct latency *latency, const char *event)
{
    for (size_t i = 0; i < LATENCY_EVENTS; i++) {
        struct history *h = &latency->histories[i];

        if (h->name == NULL) h->name = event;
        if (strcmp(h->name, event) == 0) return h;
    }
    return NULL;
}

static void history_add(struct history *h, uint64_t unix_s, uint64_t ms)
{
    struct latency_sample *last = &h->samples[(h->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES];

    if (ms > h->max_ms) h->max_ms = ms;
    if (h->n > 0 && last->unix_s == unix_s) {
        if (ms > last->ms) last->ms = ms;
        return;
    }
    h->samples[h->next] = (struct latency_sample){unix_s, ms};
    h->next = (h->next + 1) % LATENCY_SAMPLES;
    if (h->n < LATENCY_SAMPLES) h->n++;
}

void latency_add(struct latency *latency, const char *event, uint64_t ns)
{
    if (__builtin_expect(ns < latency_threshold_ns(latency), 1)) return;
    latency_add_at(latency, event, ns, clock_unix_ms() / 1000);
}

void latency_add_at(struct latency *latency, const char *event, uint64_t ns, uint64_t unix_s)
{
    struct history *h;

    if (ns < latency_threshold_ns(latency)) return;
    pthread_mutex_lock(&latency->lock);
    h = history_of(latency, event);
    if (h != NULL) history_add(h, unix_s, ns / 1000000);
    pthread_mutex_unlock(&latency->lock);
}

static void history_copy(const struct history *h, struct latency_event *ret)
{
    uint32_t first = (h->next + LATENCY_SAMPLES - h->n) % LATENCY_SAMPLES;

    ret->name = h->name;
    ret->max_ms = h->max_ms;
    ret->n = h->n;
    for (uint32_t i = 0; i < h->n; i++)
        ret->samples[i] = h->samples[(first + i) % LATENCY_SAMPLES];
}

bool latency_read(struct latency *latency, size_t i, struct latency_event *ret)
{
    bool found = false;

    pthread_mutex_lock(&latency->lock);
    for (size_t k = 0; k < LATENCY_EVENTS && !found; k++) {
        if (latency->histories[k].n == 0 || i-- > 0) continue;
        history_copy(&latency->histories[k], ret);
        found = true;
    }
    pthread_mutex_unlock(&latency->lock);
    return found;
}

bool latency_find(struct latency *latency, struct slice name, struct latency_event *ret)
{
    struct latency_event event;

    for (size_t i = 0; latency_read(latency, i, &event); i++) {
        if (!slice_is(name, event.name)) continue;
        *ret = event;
        return true;
    }
    return false;
}

size_t latency_reset(struct latency *latency, const struct slice *name)
{
    size_t n = 0;

    pthread_mutex_lock(&latency->lock);
    for (size_t i = 0; i < LATENCY_EVENTS; i++) {
        struct history *h = &latency->histories[i];

        if (h->n == 0 || (name != NULL && !slice_is(*name, h->name))) continue;
        h->n = h->next = 0;
        h->max_ms = 0;
        n++;
    }
    pthread_mutex_unlock(&latency->lock);
    return n;
}
