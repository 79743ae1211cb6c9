/* scratch.c - see scratch.h. */
#include "tests/kit/scratch.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_MAX 4096

static char folder[256];
static void *kept[KEPT_MAX];
static size_t n_kept;

static void die(const char *what, const char *name)
{
    fprintf(stderr, "scratch: cannot %s %s\n", what, name);
    perror("scratch");
    abort();
}

static void *keep(void *at)
{
    if (at == NULL || n_kept == KEPT_MAX) die("keep", "one more thing");
    kept[n_kept++] = at;
    return at;
}

void scratch_open(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/loomcache-test.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL) die("make", folder);
}

void scratch_close(void)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[600];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0) rmdir(path);
    }
    if (dir != NULL) closedir(dir);
    rmdir(folder);
    while (n_kept > 0) free(kept[--n_kept]);
}

const char *scratch_folder(void) { return folder; }

static const char *join(const char *a, const char *b)
{
    size_t bytes = strlen(a) + strlen(b) + 2;
    char *path = keep(malloc(bytes));

    snprintf(path, bytes, "%s/%s", a, b);
    return path;
}

const char *scratch_path(const char *name) { return join(folder, name); }

const char *scratch_write(const char *name, const void *at, size_t bytes)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");

    if (bytes == SIZE_MAX) bytes = strlen(at);
    if (file == NULL || fwrite(at, 1, bytes, file) != bytes || fclose(file) != 0)
        die("write", path);
    return path;
}

char *scratch_read(const char *path, size_t *ret_bytes)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    char *at;

    if (file == NULL || fstat(fileno(file), &st) != 0) die("read", path);
    at = keep(malloc((size_t)st.st_size + 1));
    if (fread(at, 1, (size_t)st.st_size, file) != (size_t)st.st_size) die("read", path);
    fclose(file);
    at[st.st_size] = '\0';
    if (ret_bytes != NULL) *ret_bytes = (size_t)st.st_size;
    return at;
}

const char *scratch_copy(const char *from, const char *name)
{
    size_t bytes;
    char *at = scratch_read(from, &bytes);

    return scratch_write(name, at, bytes);
}

static const char *build(void)
{
    const char *path = getenv("LOOM_BUILD_DIR");

    if (path == NULL) {
        fprintf(stderr, "scratch: LOOM_BUILD_DIR is not set; run the tests with ctest\n");
        abort();
    }
    return path;
}

const char *fixture_path(const char *name) { return join(join(build(), "tests/fixtures"), name); }
const char *plugins_path(void) { return join(build(), "plugins"); }
