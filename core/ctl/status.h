/* status.h - what one node is and does right now, on one screen: status, and watch. */
#ifndef CORE_CTL_STATUS_H
#define CORE_CTL_STATUS_H

#include "core/ctl/args.h"
#include "core/ctl/link.h"

/* status_run - `loomctl status`. */
int status_run(struct link *link, const struct ctl_args *args, struct error *error);
/* status_watch - `loomctl watch [SECONDS] [--count N]`: the same again and again; ends with the
 * count, with an error, or when nobody reads standard output any more. */
int status_watch(struct link *link, const struct ctl_args *args, struct error *error);

#endif
