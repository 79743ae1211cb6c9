/* The files in config/ and the tables of core and plugins say the same. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin/ini.h"
#include "tests/kit/scratch.h"
#include "tests/unit/server/config_kit.h"

static struct ini ini;
static struct registry *registry;
static char *words; /* the file's text, comment marks and line ends replaced by blanks */

static const char *source(const char *name)
{
    static char path[1000];
    const char *folder = getenv("LOOM_SOURCE_DIR");

    cr_assert(folder != NULL, "LOOM_SOURCE_DIR is not set; run the tests with ctest");
    snprintf(path, sizeof path, "%s/config/%s", folder, name);
    return path;
}

/* One blank for any number of blanks, line ends and leading '#'. */
static void flatten(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        bool mark = *from == '#' && (from == text || from[-1] == '\n');
        bool blank = mark || isspace((unsigned char)*from);
        if (!blank) *to++ = *from;
        else if (to > text && to[-1] != ' ') *to++ = ' ';
    }
    *to = '\0';
}

static void open_all(void)
{
    struct error error = {0};

    scratch_open();
    cr_assert(ini_load(source("loomcache.ini"), &ini, &error) == 0, "%s", error.text);
    cr_assert(registry_create(plugins_path(), &registry, &error) == 0, "%s", error.text);
    cr_assert(registry_load_all(registry, &error) == 0, "%s", error.text);
    cr_assert(registry_count(registry) > 0, "no plugins in %s", plugins_path());
    words = scratch_read(source("loomcache.ini"), NULL);
    flatten(words);
}

static void close_all(void)
{
    registry_destroy(registry);
    ini_free(&ini);
    scratch_close();
}

TestSuite(config_file, .init = open_all, .fini = close_all);

static void expect_key(const char *section, const struct loom_option *option)
{
    const struct ini_entry *entry = ini_find(&ini, section, option->key);

    cr_expect(entry != NULL, "config/loomcache.ini lacks, in [%s]:\n# %s\n%s = %s\n", section,
              option->help, option->key, option->preset);
    if (entry == NULL) return;
    cr_expect(strcmp(entry->value, option->preset) == 0,
              "config/loomcache.ini:%u: [%s] %s = %s, but the default is %s", entry->line, section,
              option->key, entry->value, option->preset);
    cr_expect(strstr(words, option->help) != NULL,
              "config/loomcache.ini:%u: above [%s] %s should stand: # %s", entry->line, section,
              option->key, option->help);
}

Test(config_file, has_every_key_of_the_core_with_default_and_help)
{
    for (int i = 0; i < CONFIG_KEYS; i++)
        expect_key(config_row((enum config_key)i)->section,
                   &config_row((enum config_key)i)->option);
}

static void section_of(const struct plugin *plugin, char *ret, size_t bytes)
{
    snprintf(ret, bytes, "%s.%s", plugin_kind_name(plugin->kind), plugin->name);
}

Test(config_file, has_every_key_of_every_plugin_with_default_and_help)
{
    char section[100];

    for (size_t i = 0; i < registry_count(registry); i++) {
        const struct plugin *plugin = registry_at(registry, i);
        size_t n = options_count(plugin->options);
        section_of(plugin, section, sizeof section);
        for (size_t j = 0; j < n; j++) expect_key(section, &plugin->options[j]);
    }
}

static bool is_plugin_key(const struct ini_entry *entry)
{
    char section[100];

    for (size_t i = 0; i < registry_count(registry); i++) {
        const struct plugin *plugin = registry_at(registry, i);
        section_of(plugin, section, sizeof section);
        if (strcmp(section, entry->section) == 0 &&
            options_find(plugin->options, entry->key) != NULL)
            return true;
    }
    return false;
}

Test(config_file, has_no_key_that_nobody_knows)
{
    for (size_t i = 0; i < ini.n; i++)
        cr_expect(config_row_find(ini.entries[i].section, ini.entries[i].key) != CONFIG_KEYS ||
                      is_plugin_key(&ini.entries[i]),
                  "config/loomcache.ini:%u: [%s] %s is no key of the core or of a plugin in %s",
                  ini.entries[i].line, ini.entries[i].section, ini.entries[i].key,
                  plugins_path());
}

static void load_real(const char *name, struct config **ret)
{
    struct config_args args = {0};
    struct error error = {0};
    char path[1000];

    snprintf(path, sizeof path, "plugins.path=%s", plugins_path());
    args.file = source(name);
    args.sets[args.n_sets++] = path;
    cr_assert(config_load(&args, NULL, ret, &error) == 0, "%s", error.text);
}

Test(config_file, both_files_load_and_mean_the_defaults)
{
    static const char *const names[] = {"loomcache.ini", "minimal.ini"};

    for (size_t i = 0; i < 2; i++) {
        struct config *config = NULL;
        load_real(names[i], &config);
        for (int key = 0; key < CONFIG_KEYS; key++) {
            const struct config_row *row = config_row((enum config_key)key);
            struct option_value is, preset;
            if (key == CONFIG_PLUGINS_PATH || key == CONFIG_NODE_ID) continue; /* of the machine */
            cr_assert(config_row_parse(row, row->option.preset, &preset, NULL) == 0);
            option_load(&row->option, config, &is);
            cr_expect(option_equal(&is, &preset), "%s: %s", names[i], row->option.key);
        }
        cr_expect(config->n_warnings == 0);
        config_free(config);
    }
}

/* The rules of the table itself. */
Test(config_file, rows_are_complete)
{
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_row *row = config_row((enum config_key)i);
        struct option_value value, again;
        char at[OPTION_TEXT_MAX];
        struct error error = {0};
        cr_assert(row->section != NULL && row->option.key != NULL, "row %d is missing", i);
        cr_expect(config_row_find(row->section, row->option.key) == (enum config_key)i);
        cr_assert(config_row_parse(row, row->option.preset, &value, &error) == 0, "%s: %s",
                  row->option.key, error.text);
        config_row_format(row, &value, at, sizeof at);
        cr_assert(config_row_parse(row, at, &again, &error) == 0);
        cr_expect(option_equal(&value, &again), "%s: %s", row->option.key, at);
        cr_expect(row->option.help[strlen(row->option.help) - 1] == '.', "%s", row->option.help);
    }
}
