/* bitmap.h - what bitmap.c and bitmap_field.c share. */
#ifndef CORE_COMMAND_BITMAP_H
#define CORE_COMMAND_BITMAP_H

#include "core/command/command.h"

/* bitmap_offset - an argument as a bit offset below the longest value; with n_bits != 0 "#n"
 * means n times that.  Writes the error when it is none. */
bool bitmap_offset(struct call *call, uint32_t arg, unsigned n_bits, uint64_t *ret);

void bitmap_field(struct call *call);
void bitmap_field_ro(struct call *call);

#endif
