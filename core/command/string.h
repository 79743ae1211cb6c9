/* string.h - the run functions behind command_rows_string, by file. */
#ifndef CORE_COMMAND_STRING_H
#define CORE_COMMAND_STRING_H

#include "core/command/command.h"

/* string_set.c: one key, its whole value */
void string_get(struct call *call);
void string_set(struct call *call);
void string_setnx(struct call *call);
void string_setex(struct call *call);
void string_psetex(struct call *call);
void string_getset(struct call *call);
void string_getdel(struct call *call);
void string_getex(struct call *call);

/* string_many.c: several keys */
void string_mget(struct call *call);
void string_mset(struct call *call);
void string_msetnx(struct call *call);
void string_lcs(struct call *call);

/* string_range.c: part of a value */
void string_append(struct call *call);
void string_strlen(struct call *call);
void string_getrange(struct call *call);
void string_setrange(struct call *call);

#endif
