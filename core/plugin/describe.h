/* describe.h - every option and every metric, for `loomcache --describe`.
 *
 * Text for people, or one JSON object per line for programs:
 *   {"type":"option","section":"server","key":"port","form":"...","default":"7654",...}
 *   {"type":"metric","name":"loomcache_items","kind":"gauge","help":"..."}
 *   {"type":"plugin","kind":"eviction","name":"sieve",...}
 *
 * The core's own tables come from the caller.  A plugin's counters are known once its init() has
 * run: describe starts each plugin once, on a host that listens on nothing and sends nothing.
 */
#ifndef CORE_PLUGIN_DESCRIBE_H
#define CORE_PLUGIN_DESCRIBE_H

#include <stdio.h>

#include "core/plugin/registry.h"

enum describe_format { DESCRIBE_TEXT, DESCRIBE_JSON };

/* One key. */
struct describe_option {
    const char *section;
    const struct loom_option *option;
    const char *form;  /* the accepted form in words; NULL: the option's own */
    const char *redis; /* Redis' name of it; NULL: none */
    bool live;         /* may be changed while running */
};
struct describe_metric {
    const char *name, *kind, *help, *labels; /* labels: "policy", "command,le"; "" for none */
};

void describe_option(FILE *out, enum describe_format format, const struct describe_option *option);
void describe_metric(FILE *out, enum describe_format format, const struct describe_metric *metric);
/* describe_plugin - what it is, its options, its counters.  A plugin that does not start without
 * being configured shows the counters it had asked for until then.  LOOM_E_NOMEM. */
int describe_plugin(FILE *out, enum describe_format format, const struct plugin *plugin,
                    struct error *error);

#endif
