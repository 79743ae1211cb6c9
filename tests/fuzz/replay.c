/* replay.c - runs a fuzz target over a folder of inputs, without libFuzzer, so that every build
 * (GCC, the sanitizers) proves that old findings stay fixed. It does not look for new ones. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is copied to a block of exactly its size: an over-read is then seen by ASan. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (!file || fstat(fileno(file), &st) != 0) {
        perror(path);
        if (file)
            fclose(file);
        return -1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1);
    int rc = -1;
    if (data && fread(data, 1, size, file) == size) {
        LLVMFuzzerTestOneInput(data, size);
        rc = 0;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    fclose(file);
    return rc;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **names = NULL;
    int n = scandir(argv[1], &names, is_input, alphasort);
    if (n <= 0) {
        fprintf(stderr, "%s: no inputs there\n", argv[1]);
        return 1;
    }
    int n_failed = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        printf("%s\n", path); /* the last line names the culprit of a crash */
        fflush(stdout);
        n_failed += replay(path) != 0;
        free(names[i]);
    }
    free(names);
    printf("%d passed, %d failed\n", n - n_failed, n_failed);
    return n_failed != 0;
}
