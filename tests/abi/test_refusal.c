/* Odd plugins, broken files: each is refused with one sentence that names the file, and nothing of
 * it stays behind.  A crash here ends the test program, which is a failure too. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/plugin/elf.h"
#include "core/plugin/registry.h"
#include "tests/kit/scratch.h"

static struct registry *registry;

static void open_all(void)
{
    scratch_open();
    cr_assert(registry_create(fixture_path(""), &registry, NULL) == 0);
}

static void close_all(void)
{
    registry_destroy(registry);
    scratch_close();
}

TestSuite(refusal, .init = open_all, .fini = close_all);

/* Loads, expects a refusal that contains these words, and one line that names the file. */
static void refused(const char *path, const char *words)
{
    struct error error = {0};
    size_t n = registry_count(registry);
    int rc = registry_load(registry, path, &error);

    cr_expect(rc < 0, "%s was loaded", path);
    cr_expect(rc == error.code);
    cr_expect(strstr(error.text, words) != NULL, "%s: got \"%s\", want \"%s\"", path, error.text,
              words);
    cr_expect(strstr(error.text, path) != NULL, "no file name: %s", error.text);
    cr_expect(strchr(error.text, '\n') == NULL);
    cr_expect(eq(sz, registry_count(registry), n));
}

Test(refusal, a_good_one_loads)
{
    struct error error = {0};

    cr_assert(registry_load(registry, "toy.so", &error) == 0, "%s", error.text);
    cr_assert(eq(sz, registry_count(registry), 3));
    cr_assert(registry_load(registry, fixture_path("toy.so"), &error) == 0, "%s", error.text);
    cr_assert(eq(sz, registry_count(registry), 3));
}

static const struct {
    const char *file, *words;
} odd[] = {
    {"bad_other_major.so", "offers loom.draft.eviction/2, this host speaks /1"},
    {"bad_other_kind.so", "offers the kind \"loom.weaver/1\", which this host does not know"},
    {"bad_no_symbol.so", "is a shared object without loom_plugin_entry()"},
    {"bad_null_entry.so", "loom_plugin_entry() gives NULL"},
    {"bad_old_entry.so", "describes itself in 8 bytes"},
    {"bad_no_offers.so", "offers nothing"},
    {"bad_endless_offers.so", "at most 64 are believed"},
    {"bad_empty_offer.so", "has an offer without kind, name or functions"},
    {"bad_name.so", "offers the name \"../Toy\""},
    {"bad_twice.so", "offers eviction policy two, which it offers already"},
    {"bad_missing_function.so", "offers eviction policy deaf, which is not acceptable: has no "
                                "removed(), which is required"},
    {"bad_no_restored.so", "has no restored(), which evict() needs"},
    {"bad_no_accessed.so", "has no accessed(), which LOOM_TOUCH_CALL needs"},
    {"bad_touch_kind.so", "has touch.kind 17"},
    {"bad_touch_max.so", "has touch.max 16"},
    {"bad_small_ops.so", "has a table of functions of 16 bytes"},
    {"bad_big_instance.so", "with an instance of 1073741824 bytes; at most 16777216"},
    {"bad_option_outside.so", "option n: its field at 32 does not lie in the instance of 32 bytes"},
    {"bad_option_askew.so", "option n: its field at 4 does not lie"},
    {"bad_option_type.so", "option n: type 77 is unknown"},
    {"bad_option_core_type.so", "option n: type 100 is unknown"},
    {"bad_option_preset.so", "its preset \"9\" is not acceptable: expected a whole number from 1"},
    {"bad_option_range.so", "its range is upside down"},
    {"bad_option_twice.so", "option n is there twice"},
    {"bad_option_key.so", "a key must have 1 to 47 characters"},
    {"bad_option_no_help.so", "it has no preset or no help"},
    {"bad_option_endless.so", "more than 64 options"},
    {"bad_unresolved.so", "cannot be loaded: "},
};

Test(refusal, odd_plugins)
{
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        refused(fixture_path(odd[i].file), odd[i].words);
}

Test(refusal, a_name_that_another_file_has_already)
{
    struct error error = {0};
    const struct plugin *plugin;

    cr_assert(registry_load(registry, "toy.so", &error) == 0, "%s", error.text);
    refused(fixture_path("bad_duplicate.so"), "offers eviction policy toy, which /");
    /* Nor does the good half of that file stay. */
    cr_expect(registry_find(registry, PLUGIN_EVICTION, "fresh", &plugin, &error) < 0);
}

Test(refusal, files_that_are_no_shared_objects)
{
    static const char zeros[4096];

    refused(scratch_text("text.so", "this is not a plugin\n"),
            "is not a shared object (no ELF header)");
    refused(scratch_text("empty.so", ""), "is empty");
    refused(scratch_write("zeros.so", zeros, sizeof zeros), "is not a shared object");
    refused(scratch_text("short.so", "\x7f" "ELF"), "is truncated: the ELF header is not whole");
    refused(scratch_path("absent.so"), "cannot be opened: No such file");
    refused(scratch_folder(), "is a folder");
    refused("/dev/null", "is not a regular file");
    refused("/proc/self/exe", "cannot be loaded");
    if (geteuid() != 0) {
        const char *path = scratch_copy(fixture_path("toy.so"), "secret.so");
        chmod(path, 0);
        refused(path, "cannot be opened: Permission denied");
    }
}

Test(refusal, another_machine)
{
    size_t bytes;
    char *at = scratch_read(fixture_path("toy.so"), &bytes);
    Elf64_Ehdr header;

    memcpy(&header, at, sizeof header);
    header.e_machine = header.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64;
    memcpy(at, &header, sizeof header);
    refused(scratch_write("other.so", at, bytes), "is built for another machine");
    at[EI_CLASS] = ELFCLASS32;
    refused(scratch_write("narrow.so", at, bytes), "is built for another machine");
}

/* dlopen() of such a file may end in SIGBUS: it must never get there. */
Test(refusal, truncated_at_every_step, .timeout = 120)
{
    size_t bytes, n = 0;
    char *at = scratch_read(fixture_path("toy.so"), &bytes);
    const char *path = scratch_write("cut.so", at, bytes);

    cr_assert(gt(sz, bytes, 8192));
    for (size_t cut = 0; cut < bytes; cut += cut < 4096 ? 64 : 509, n++) {
        cr_assert(truncate(path, 0) == 0);
        scratch_write("cut.so", at, cut);
        refused(path, cut == 0 ? "is empty" : "is truncated");
    }
    for (size_t cut = bytes - 1; cut > bytes - 64; cut--, n++) {
        scratch_write("cut.so", at, cut);
        refused(path, "is truncated");
    }
    cr_assert(gt(sz, n, 120));
    scratch_write("cut.so", at, bytes);
    cr_assert(registry_load(registry, path, NULL) == 0);
}

/* Headers that promise anything: random bytes over the ELF header and the program headers.  What
 * passes the check is not opened here, since what it holds is no longer a program. */
Test(refusal, headers_of_random_bytes)
{
    size_t bytes, n_refused = 0;
    char *at = scratch_read(fixture_path("toy.so"), &bytes), *copy = malloc(bytes);
    uint64_t seed = 7;

    for (int i = 0; i < 300; i++) {
        struct error error = {0};
        memcpy(copy, at, bytes);
        for (int j = 0; j < 4; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            copy[16 + (seed >> 33) % 600] = (char)(seed >> 24);
        }
        int rc = elf_check(scratch_write("random.so", copy, bytes), &error);
        cr_assert(rc == 0 || *error.text != '\0');
        n_refused += rc != 0;
    }
    cr_assert(gt(sz, n_refused, 50));
    free(copy);
}
