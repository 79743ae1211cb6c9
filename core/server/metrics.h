/* metrics.h - one consistent sample of everything that this node counts.
 *
 * Every thread counts in blocks of its own; here they are added up, when an exporter asks and only
 * then.  One table (metrics_table.c) says what there is: name, kind, help, labels; the sample,
 * --describe and the documentation read the same rows.
 *
 * Memory is kept from sample to sample; once the set of series has settled, a sample allocates
 * nothing.  If memory is short, series are left out, never wrong.
 */
#ifndef CORE_SERVER_METRICS_H
#define CORE_SERVER_METRICS_H

#include <loomcache/exporter.h>

#include "core/plugin/describe.h"
#include "core/server/server.h"

/* metrics_open - after config and store are there.  [init] */
int metrics_open(struct server *server, struct metrics **ret, struct error *error);
/* metrics_close - before the store, the loops and the config go.  NULL is fine. */
void metrics_close(struct metrics *metrics);

/* metrics_sample - gather now.  Borrowed: good until the next call or metrics_close().  Series of
 * one name stand next to each other.  Cost: some 15 us, and 1 us per command that has run.
 * Thread: [control]. */
const struct loom_metric *const *metrics_sample(struct metrics *metrics, size_t *ret_n);

/* metrics_describe - every metric of the core, for --describe.  Static.  [any-thread] */
const struct describe_metric *metrics_describe(size_t *ret_n);

#endif
