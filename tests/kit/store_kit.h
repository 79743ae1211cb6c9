/* store_kit.h - a store with real plugins from the build tree, for tests. */
#ifndef TESTS_KIT_STORE_KIT_H
#define TESTS_KIT_STORE_KIT_H

#include "core/store/store.h"

#define STORE_KIT_SETTINGS                                                                         \
    {                                                                                              \
        .n_partitions = 4, .inline_max = 16384                                                     \
    }

/* store_kit_open - the memory backend and this policy; NULL with a sentence on standard error, and
 * in error if there is one.  The plugins' registry lives as long as the process. */
struct store *store_kit_open(const char *policy, const struct store_settings *settings,
                             struct error *error);

/* The policies that ship, ends with NULL. */
extern const char *const store_kit_policies[];

/* store_kit_verify - storage, policy and arena of each partition agree with the counters.
 * false: said on standard error which does not. */
bool store_kit_verify(struct store *store);

#endif
