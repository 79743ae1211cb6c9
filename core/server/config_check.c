/* config_check.c - what a configuration says, without a node: --check-config and --describe. */
#include <stdio.h>

#include "core/server/config_plan.h"

#define EXIT_CONFIG 2

static void print_warnings(const struct config *config, FILE *err)
{
    for (size_t i = 0; i < config->n_warnings; i++)
        fprintf(err, "loomcache: warning: %s\n", config->warnings[i]);
}

int config_check(const struct config_args *args, char *const *environment, FILE *out, FILE *err)
{
    struct config *config;
    struct error error = {0};

    if (config_load(args, environment, &config, &error) != 0) {
        fprintf(err, "loomcache: %s\n", error.text);
        return EXIT_CONFIG;
    }
    print_warnings(config, err);
    fprintf(out, "%s: good (eviction %s, storage %s, discovery %s, %zu exporters)\n",
            args->file ? args->file : "defaults", config->eviction_plugin->name,
            config->storage_plugin->name, config->discovery_plugin->name, config->n_exporters);
    config_free(config);
    return 0;
}

static void describe_core(FILE *out, enum describe_format format)
{
    char form[160];

    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        describe_option(out, format,
                        &(struct describe_option){
                            .section = row->section,
                            .option = &row->option,
                            .form = config_row_accepts(row, form, sizeof form),
                            .redis = row->redis,
                            .live = (row->flags & CONFIG_LIVE) != 0,
                        });
    }
}

int config_describe(const struct config_args *args, char *const *environment,
                    const struct describe_metric *metrics, size_t n_metrics, FILE *out, FILE *err)
{
    enum describe_format format = args->json ? DESCRIBE_JSON : DESCRIBE_TEXT;
    struct error error = {0};
    struct config *config;
    int rc = config_load(args, environment, &config, &error);

    if (rc != 0) goto out;
    print_warnings(config, err);
    rc = registry_load_all(config->registry, &error);
    describe_core(out, format);
    for (size_t i = 0; i < n_metrics; i++) describe_metric(out, format, &metrics[i]);
    for (size_t i = 0; rc == 0 && i < registry_count(config->registry); i++)
        rc = describe_plugin(out, format, registry_at(config->registry, i), &error);
    config_free(config);
out:
    if (rc == 0) return 0;
    fprintf(err, "loomcache: %s\n", error.text);
    return EXIT_CONFIG;
}
