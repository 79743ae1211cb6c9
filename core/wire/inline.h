/* inline.h - commands typed by people: one line, arguments between blanks, quotes where needed.
 *
 * The rules are Redis': "..." knows \n \r \t \b \a \" \\ and \xHH, '...' knows \' only, and a
 * closing quote must be followed by a blank or the end.
 */
#ifndef CORE_WIRE_INLINE_H
#define CORE_WIRE_INLINE_H

#include "core/base/bytes.h"

/* inline_count - no line of this kind has more arguments than this. */
size_t inline_count(struct slice line);
/* inline_split - cut a line (without its newline) into arguments, unquoting in place.
 *   args  room for inline_count() of them; they point into the line
 * Returns how many; -1: quotes do not match. */
int inline_split(char *line, size_t bytes, struct slice *args);
/* inline_is_http - does the line look like "GET /path HTTP/1.1"? */
bool inline_is_http(struct slice line);

#endif
