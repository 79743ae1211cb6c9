/* lists.h - the commands of loomctl that print tables; see args.h for their shape. */
#ifndef CORE_CTL_LISTS_H
#define CORE_CTL_LISTS_H

#include "core/ctl/args.h"
#include "core/ctl/link.h"

int list_plugins(struct link *link, const struct ctl_args *args, struct error *error);
int list_config(struct link *link, const struct ctl_args *args, struct error *error);
int list_slowlog(struct link *link, const struct ctl_args *args, struct error *error);
int list_clients(struct link *link, const struct ctl_args *args, struct error *error);

#endif
