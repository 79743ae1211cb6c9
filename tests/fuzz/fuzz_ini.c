/* fuzz_ini.c - any bytes are an INI file or a sentence; what was read can be written and read
 * again; and a value that an option accepts survives the way through text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plugin/ini.h"
#include "core/plugin/options.h"

#define INPUT_MAX (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct loom_option any[] = {
    {"u32", LOOM_OPT_U32, 0, "0", "", 0, 0},   {"size", LOOM_OPT_SIZE, 0, "0", "", 0, 0},
    {"ms", LOOM_OPT_MS, 0, "0", "", 0, 0},     {"bool", LOOM_OPT_BOOL, 0, "0", "", 0, 0},
    {"str", LOOM_OPT_STR, 0, "", "", 0, 0},    {"float", LOOM_OPT_FLOAT, 0, "0", "", 0, 0},
    {"ranged", LOOM_OPT_SIZE, 0, "1", "", 1, 4096}, {"us", OPTION_US, 0, "off", "", 0, 0},
    LOOM_OPTION_END};

static void check_values(const struct ini_entry *entry)
{
    char text[OPTION_TEXT_MAX];
    struct option_value value, again;
    struct error error = {0};
    size_t n = options_count(any);

    for (size_t i = 0; i < n; i++) {
        if (option_parse(&any[i], entry->value, &value, &error) != 0) {
            LOOM_ASSERT(error.text[0] != '\0');
            option_wrap(&error, "place", entry->section, entry->key, entry->value);
            LOOM_ASSERT(strchr(error.text, '\n') == NULL);
            continue;
        }
        option_format(&value, text, sizeof text);
        LOOM_ASSERT(option_parse(&any[i], text, &again, &error) == 0);
        LOOM_ASSERT(option_equal(&value, &again));
    }
}

/* Written out plainly, the same entries are read. */
static void check_again(const struct ini *ini, size_t size)
{
    size_t room = size + ini->n * (INI_NAME_MAX + 8) + 1, used = 0;
    char *text = malloc(room);
    struct error error = {0};
    struct ini again;

    LOOM_ASSERT(text != NULL);
    for (size_t i = 0; i < ini->n; i++)
        used += (size_t)snprintf(text + used, room - used, "[%s]\n%s=%s\n",
                                 ini->entries[i].section, ini->entries[i].key,
                                 ini->entries[i].value);
    LOOM_ASSERT(used < room);
    LOOM_ASSERT(ini_load_text("again.ini", text, used, &again, &error) == 0);
    LOOM_ASSERT(again.n == ini->n);
    for (size_t i = 0; i < ini->n; i++) {
        LOOM_ASSERT(strcmp(ini->entries[i].section, again.entries[i].section) == 0);
        LOOM_ASSERT(strcmp(ini->entries[i].key, again.entries[i].key) == 0);
        LOOM_ASSERT(strcmp(ini->entries[i].value, again.entries[i].value) == 0);
    }
    ini_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {0};
    struct ini ini;

    if (size > INPUT_MAX) return 0;
    if (ini_load_text("fuzz.ini", data, size, &ini, &error) != 0) {
        LOOM_ASSERT(error.code == LOOM_E_CONFIG);
        LOOM_ASSERT(strncmp(error.text, "fuzz.ini:", 9) == 0);
        LOOM_ASSERT(strchr(error.text, '\n') == NULL);
        return 0;
    }
    for (size_t i = 0; i < ini.n; i++) check_values(&ini.entries[i]);
    check_again(&ini, size);
    ini_free(&ini);
    return 0;
}
