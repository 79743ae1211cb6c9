/* scratch.h - a folder for the files of one test, gone afterwards.
 *
 *     TestSuite(ini, .init = scratch_open, .fini = scratch_close);
 *
 * Anything that fails ends the test.  One folder per process: Criterion forks for each test. */
#ifndef TESTS_KIT_SCRATCH_H
#define TESTS_KIT_SCRATCH_H

#include <stddef.h>

void scratch_open(void);
void scratch_close(void);
const char *scratch_folder(void);
/* scratch_path - name inside the folder.  Good until scratch_close(). */
const char *scratch_path(const char *name);
/* scratch_write - make a file, return its path.  bytes SIZE_MAX: at is a string. */
const char *scratch_write(const char *name, const void *at, size_t bytes);
#define scratch_text(name, text) scratch_write(name, text, SIZE_MAX)
/* scratch_copy - a copy of any file under a name in the folder. */
const char *scratch_copy(const char *from, const char *name);
/* scratch_read - a whole file, NUL behind it.  Good until scratch_close(). */
char *scratch_read(const char *path, size_t *ret_bytes);
/* fixture_path, plugins_path - <build>/tests/fixtures/<name> and <build>/plugins. */
const char *fixture_path(const char *name);
const char *plugins_path(void);

#endif
