/* elf.h - look at a file before the dynamic linker does.
 *
 * dlopen() maps what the program headers promise.  When the file is shorter than that, the first
 * touch of a missing page kills the process.  So the headers are read here, with read() and with
 * bounds, and a file whose parts do not lie inside it is refused.  A file that somebody shortens
 * after the check is not covered, nor one whose code is damaged but whose length is right.
 */
#ifndef CORE_PLUGIN_ELF_H
#define CORE_PLUGIN_ELF_H

#include "core/base/error.h"

/* elf_check - a whole shared object for this machine?  LOOM_E_CONFIG with "is not a shared object
 * (no ELF header)", "is truncated: ..." and so on, without the file's name; LOOM_E_IO. */
int elf_check(const char *path, struct error *error);

#endif
