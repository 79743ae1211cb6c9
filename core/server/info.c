/* info.c - INFO chooses among the sections; see info.h. */
#include "core/server/info.h"

#include "core/base/clock.h"

struct section {
    const char *name, *title;
    bool usual; /* shown when no section is named */
    void (*write)(const struct info_view *view, struct text *out);
};

static const struct section sections[] = {
    {"server", "Server", true, info_section_server},
    {"clients", "Clients", true, info_section_clients},
    {"memory", "Memory", true, info_section_memory},
    {"persistence", "Persistence", true, info_section_persistence},
    {"stats", "Stats", true, info_section_stats},
    {"replication", "Replication", true, info_section_replication},
    {"cpu", "CPU", true, info_section_cpu},
    {"commandstats", "Commandstats", false, info_section_commandstats},
    {"latencystats", "Latencystats", false, info_section_latencystats},
    {"cluster", "Cluster", true, info_section_cluster},
    {"keyspace", "Keyspace", true, info_section_keyspace},
    {"loomcache", "LoomCache", true, info_section_loomcache},
};
#define SECTIONS (sizeof sections / sizeof *sections)

static bool asked_for(const struct section *section, const struct slice *names, size_t n)
{
    if (n == 0) return section->usual;
    for (size_t i = 0; i < n; i++) {
        if (slice_is(names[i], section->name)) return true;
        if (slice_is(names[i], "all") || slice_is(names[i], "everything")) return true;
        if (slice_is(names[i], "default") && section->usual) return true;
    }
    return false;
}

void info_write(struct server *server, const struct slice *names, size_t n, struct text *out)
{
    struct info_view view = {.server = server, .now_us = clock_unix_us()};
    bool first = true;

    info_totals(server, &view.totals);
    info_memory(server, &view.memory);
    store_stats(server->store, &view.stats);
    for (size_t i = 0; i < SECTIONS; i++) {
        if (!asked_for(&sections[i], names, n)) continue;
        text_add(out, "%s# %s\r\n", first ? "" : "\r\n", sections[i].title);
        sections[i].write(&view, out);
        first = false;
    }
}

void info_run(struct call *call)
{
    struct text text = {0};

    info_write(server_the, call->argv + 1, call->argc - 1, &text);
    text_reply(call, &text);
}
