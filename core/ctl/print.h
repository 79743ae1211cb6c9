/* print.h - what a node said, written for a terminal or as JSON, whatever bytes are in it. */
#ifndef CORE_CTL_PRINT_H
#define CORE_CTL_PRINT_H

#include <stdio.h>

#include "core/base/bytes.h"

/* print_json_text - a JSON string; bytes that are not UTF-8 become U+FFFD. */
void print_json_text(FILE *out, struct slice text);
/* print_plain - into at, always terminated: bytes that are not printable ASCII as \xNN, "..." at
 * the end of what does not fit.  Returns the length. */
size_t print_plain(char *at, size_t room, struct slice text);
/* print_bytes - 1536 as "1.5 KiB".  Returns at. */
char *print_bytes(char *at, size_t room, uint64_t bytes);

#endif
