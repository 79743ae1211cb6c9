/* series.c - see series.h. */
#include "series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash(uint64_t h, const void *at, size_t bytes)
{
    const unsigned char *byte = at;

    for (size_t i = 0; i < bytes; i++) h = (h ^ byte[i]) * 0x100000001b3u;
    return h;
}

uint64_t series_key(const char *name, const char *labels, uint64_t part)
{
    uint64_t h = hash(0xcbf29ce484222325u, name, strlen(name) + 1);

    if (labels != NULL) h = hash(h, labels, strlen(labels) + 1);
    h = hash(h, &part, sizeof part);
    return h != 0 ? h : 1;
}

void series_free(struct series *series, const struct loom_host *host)
{
    if (series->slots != NULL)
        host->free(host, series->slots, series->room * sizeof *series->slots);
    memset(series, 0, sizeof *series);
}

int series_reset(struct series *series, const struct loom_host *host, size_t n)
{
    size_t room = 16;

    series->n = 0;
    if (n > SERIES_MAX) {
        series_free(series, host);
        return LOOM_E_LIMIT;
    }
    while (room < n * 2) room *= 2;
    if (series->room < room) {
        series_free(series, host);
        series->slots = host->alloc(host, room * sizeof *series->slots);
        if (series->slots == NULL) return LOOM_E_NOMEM;
        series->room = room;
    }
    memset(series->slots, 0, series->room * sizeof *series->slots);
    return 0;
}

/* The slot of key, or the free one where it would be: half of them are free. */
static struct series_slot *slot_of(const struct series *series, uint64_t key)
{
    size_t at = key & (series->room - 1);

    while (series->slots[at].key != 0 && series->slots[at].key != key)
        at = (at + 1) & (series->room - 1);
    return &series->slots[at];
}

const struct series_slot *series_find(const struct series *series, uint64_t key)
{
    const struct series_slot *slot = series->room != 0 ? slot_of(series, key) : NULL;

    return slot != NULL && slot->key == key ? slot : NULL;
}

bool series_add(struct series *series, uint64_t key, double value)
{
    struct series_slot *slot = slot_of(series, key);

    if (slot->key == key) return false;
    slot->key = key;
    slot->value = value;
    series->n++;
    return true;
}

const char *series_number(double value, char at[SERIES_NUMBER_MAX])
{
    if (isnan(value)) return strcpy(at, "NaN");
    if (isinf(value)) return strcpy(at, value > 0 ? "+Inf" : "-Inf");
    if (value == trunc(value) && fabs(value) < 1e15) {
        snprintf(at, SERIES_NUMBER_MAX, "%.0f", value == 0 ? 0.0 : value);
        return at;
    }
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(at, SERIES_NUMBER_MAX, "%.*g", digits, value);
        if (strtod(at, NULL) == value) break;
    }
    return at;
}
