/* series.h - what exporters share: a name for each series, a table of them, and numbers as text.
 *
 * A series is known by a 64-bit FNV-1a hash (Fowler, Noll, Vo) of its name and labels: these are
 * the program's own words, nobody aims them at each other.
 * Thread: that of the caller.  Compiled into each exporter.
 */
#ifndef PLUGINS_COMMON_SERIES_H
#define PLUGINS_COMMON_SERIES_H

#include <loomcache/exporter.h>

#define SERIES_MAX (1u << 18) /* entries of a table */
#define SERIES_NUMBER_MAX 32  /* bytes of a number as text, NUL included */

/* series_key - of a name, its labels and a part of it (a bucket, a quantile); never 0. */
uint64_t series_key(const char *name, const char *labels, uint64_t part);

/* An open-addressed table that is refilled for every sample. */
struct series_slot {
    uint64_t key; /* 0: free */
    double value;
};
struct series {
    struct series_slot *slots;
    size_t room, n; /* room: a power of two, or 0 */
};

/* series_reset - empty, with room for n.  LOOM_E_NOMEM or LOOM_E_LIMIT: the table is empty and has
 * no room.  A zeroed table is fine. */
int series_reset(struct series *series, const struct loom_host *host, size_t n);
void series_free(struct series *series, const struct loom_host *host);
/* series_find - its slot, or NULL. */
const struct series_slot *series_find(const struct series *series, uint64_t key);
/* series_add - false: it is there already, and stays as it is.  At most the n of series_reset(). */
bool series_add(struct series *series, uint64_t key, double value);

/* series_number - the shortest decimal that reads back as this value; "NaN", "+Inf", "-Inf". */
const char *series_number(double value, char at[SERIES_NUMBER_MAX]);

/* series_n_buckets - a histogram's, 0 when it was built without. */
static inline size_t series_n_buckets(const struct loom_metric *m)
{
    return LOOM_HAS(m, n_buckets) && m->bounds != NULL && m->buckets != NULL ? m->n_buckets : 0;
}

#endif
