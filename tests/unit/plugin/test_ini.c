/* What an INI file may look like, and every way in which one is refused. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "core/plugin/ini.h"
#include "tests/kit/scratch.h"

TestSuite(ini, .init = scratch_open, .fini = scratch_close);

/* All entries in one line: "section/key=value@line;..."; or the sentence of the error. */
static const char *parse(const char *text, size_t bytes)
{
    static char at[8192];
    struct error error = {0};
    struct ini ini;
    size_t used = 0;

    if (ini_load_text("t.ini", text, bytes, &ini, &error) != 0) {
        cr_assert(eq(int, error.code, LOOM_E_CONFIG));
        snprintf(at, sizeof at, "%s", error.text);
        return at;
    }
    at[0] = '\0';
    for (size_t i = 0; i < ini.n; i++)
        used += (size_t)snprintf(at + used, sizeof at - used, "%s/%s=%s@%u;",
                                 ini.entries[i].section, ini.entries[i].key, ini.entries[i].value,
                                 ini.entries[i].line);
    ini_free(&ini);
    return at;
}

static void expect(const char *text, const char *want)
{
    const char *got = parse(text, strlen(text));

    cr_expect(strcmp(got, want) == 0, "%s\ngot  %s\nwant %s", text, got, want);
}

Test(ini, sections_keys_and_lines)
{
    expect("", "");
    expect("# nothing\n\n; here\n", "");
    expect("[server]\nport = 7654\n", "server/port=7654@2;");
    expect("[a]\nx=1\n\n[b]\ny : 2\n[a]\nz=3", "a/x=1@2;b/y=2@5;a/z=3@7;");
    expect("[a]\r\nx=1\r\n", "a/x=1@2;");
    expect("\xef\xbb\xbf[a]\nx=1\n", "a/x=1@2;");
    expect("[a]\nx =\n", "a/x=@2;");
    expect("[a]\nx = b=c:d\n", "a/x=b=c:d@2;");
    expect("[eviction.s3fifo]\nsmall_ratio = 0.1\n", "eviction.s3fifo/small_ratio=0.1@2;");
}

Test(ini, comments)
{
    expect("[a] ; first\nx = 1 ; one\n  # two\n\t; three\n", "a/x=1@2;");
    expect("[a]\nx = 1;2\n", "a/x=1;2@2;");
    expect("[a]\nx = ;2\n", "a/x=@2;");
    expect("[a]\nx = a#b # c\n", "a/x=a#b # c@2;");
}

Test(ini, indentation_does_not_continue_the_line_before)
{
    expect("[a]\n  x = 1\n  y = 2\n", "a/x=1@2;a/y=2@3;");
    expect("[a]\nx = 1\n  more\n", "t.ini:3: \"more\": expected \"key = value\" or \"[section]\"");
}

Test(ini, refusals_name_file_and_line)
{
    expect("port = 1\n", "t.ini:1: \"port\": a key belongs under a [section]");
    expect("[a]\nx = 1\n[b]\n[a]\nx = 2\n",
           "t.ini:5: \"x\": is set in line 2 already; keep one of them");
    expect("[a\n", "t.ini:1: \"[a\": a section ends with ]");
    expect("[]\n", "t.ini:1: \"[]\": a section has a name");
    expect("[a] x = 1\n", "t.ini:1: \"[a] x = 1\": nothing may follow a section's ]");
    expect("\n[a]\nfoo\n", "t.ini:3: \"foo\": expected \"key = value\" or \"[section]\"");
    expect("[a]\n= 1\n", "t.ini:2: \"\": expected \"key = value\"");
    expect("[a]\nx = 1\nfoo bar\ny = 2\nbaz\n",
           "t.ini:3: \"foo bar\": expected \"key = value\" or \"[section]\"");
}

Test(ini, binary_files_are_refused_and_shown_tame)
{
    static const char elf[] = "\x7f"
                              "ELF\x02\x01\x01\0\0\0";
    static const char nul[] = "[a]\nx = 1\0two\n";

    cr_expect(eq(str, (char *)parse(elf, sizeof elf),
                 "t.ini:1: \"?ELF???\": has control characters; this is not a text file"));
    cr_expect(strstr(parse(nul, sizeof nul - 1), "t.ini:2: \"x = 1\": has control") != NULL);
    expect("[a]\nx = \x1b[31m\n", "t.ini:2: \"x = ?[31m\": has control characters; this is not a "
                                  "text file");
}

Test(ini, names_are_bounded)
{
    char text[400], name[INI_NAME_MAX + 1];

    memset(name, 'n', sizeof name);
    name[INI_NAME_MAX - 1] = '\0';
    snprintf(text, sizeof text, "[%s]\n%s = 1\n", name, name);
    cr_expect(strstr(parse(text, strlen(text)), "=1@2;") != NULL);
    name[INI_NAME_MAX - 1] = 'n';
    name[INI_NAME_MAX] = '\0';
    snprintf(text, sizeof text, "[%s]\n", name);
    cr_expect(strstr(parse(text, strlen(text)), "a section's name has at most 48 bytes") != NULL);
    snprintf(text, sizeof text, "[a]\n%s = 1\n", name);
    cr_expect(strstr(parse(text, strlen(text)), "a key has at most 48 bytes") != NULL);
}

/* inih's own limit may be 200: what it cannot hold must be refused, never split in two. */
Test(ini, long_lines_are_whole_or_refused)
{
    for (size_t n = 150; n < 6000; n += 7) {
        char *text = malloc(n + 32), *value = malloc(n + 1);
        struct error error = {0};
        struct ini ini;
        memset(value, 'v', n);
        value[n] = '\0';
        snprintf(text, n + 32, "[a]\nx = %s\ny = 1\n", value);
        int rc = ini_load_text("t.ini", text, strlen(text), &ini, &error);
        if (rc == 0) {
            cr_assert(eq(sz, ini.n, 2));
            cr_assert(strcmp(ini.entries[0].value, value) == 0);
            ini_free(&ini);
        } else {
            cr_assert(n > 190 && strstr(error.text, "t.ini:2: ") == error.text, "%s", error.text);
        }
        cr_assert(n < 4090 ? true : rc != 0);
        free(text);
        free(value);
    }
}

Test(ini, files_are_bounded)
{
    char *text = malloc(INI_FILE_MAX + 1);
    size_t used = (size_t)sprintf(text, "[a]\n");

    memset(text + used, '\n', INI_FILE_MAX + 1 - used);
    cr_expect(eq(str, (char *)parse(text, INI_FILE_MAX), ""));
    cr_expect(strstr(parse(text, INI_FILE_MAX + 1), "over 1 MiB") != NULL);
    for (int i = 0; i < INI_ENTRIES_MAX + 1; i++)
        used += (size_t)sprintf(text + used, "k%d = 1\n", i);
    cr_expect(strstr(parse(text, used), "t.ini:1026: \"k1024\": the file has more") != NULL);
    free(text);
}

Test(ini, files)
{
    const char *path = scratch_text("x.ini", "[a]\nx = 1\n");
    struct error error = {0};
    struct ini ini;

    cr_assert(ini_load(path, &ini, &error) == 0, "%s", error.text);
    cr_expect(eq(sz, ini.n, 1));
    cr_expect(eq(str, ini.file, (char *)path));
    cr_expect(ini_find(&ini, "a", "x") == &ini.entries[0]);
    cr_expect(ini_find(&ini, "a", "y") == NULL);
    cr_expect(ini_find(&ini, "b", "x") == NULL);
    ini_free(&ini);
    cr_assert(eq(int, ini_load(scratch_path("absent.ini"), &ini, &error), LOOM_E_IO));
    cr_expect(strstr(error.text, "absent.ini: No such file") != NULL);
    cr_assert(eq(int, ini_load(scratch_folder(), &ini, &error), LOOM_E_IO));
    cr_expect(strstr(error.text, "it is a folder") != NULL);
}

Test(ini, every_allocation_may_fail)
{
    const char *path = scratch_text("x.ini", "[a]\nx = 1\ny = 2\n[b]\nz = 3\n");
    uint64_t k = 0, used = mem_used(MEM_CONFIG);
    struct error error = {0};
    struct ini ini;
    int rc;

    do {
        mem_fail_at(++k);
        rc = ini_load(path, &ini, &error);
        cr_assert(rc == 0 || rc == LOOM_E_NOMEM, "%d", rc);
        if (rc != 0) cr_assert(eq(u64, mem_used(MEM_CONFIG), used));
    } while (rc != 0 && k < 100);
    mem_fail_at(0);
    cr_assert(gt(u64, k, 4));
    cr_assert(eq(sz, ini.n, 3));
    ini_free(&ini);
    cr_assert(eq(u64, mem_used(MEM_CONFIG), used));
}
