/* offer.h - is what a shared object offers something that may be called?
 *
 * Only what a table can show: versions, sizes, names, functions that are there or not, options.
 * Nothing of the plugin is called here.
 */
#ifndef CORE_PLUGIN_OFFER_H
#define CORE_PLUGIN_OFFER_H

#include "core/plugin/registry.h"

/* offer_check - fill in kind, name, about, ops, options, instance_bytes of ret.  LOOM_E_CONFIG with
 * a sentence that goes on after the file's name: "offers loom.draft.eviction/2, this host ...". */
int offer_check(const struct loom_offer *offer, struct plugin *ret, struct error *error);

#endif
