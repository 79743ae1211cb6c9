/* string.c - the table of the string commands.  What they do is in string_set.c (GET, SET and
 * what belongs to them), string_many.c (MGET, MSET, LCS) and string_range.c; numbers are in
 * counter.c, bits in bitmap.c. */
#include "core/command/string.h"

#define READ COMMAND_READ
#define WRITE COMMAND_WRITE
#define GROWS (COMMAND_WRITE | COMMAND_GROWS)
#define FAST COMMAND_FAST

const struct command command_rows_string[] = {
    {"get", string_get, 2, READ | FAST, 1, 1, 1, "string", "1.0.0", "key",
     "Returns the value of a key.", NULL},
    {"set", string_set, -3, GROWS | FAST, 1, 1, 1, "string", "1.0.0",
     "key value [NX | XX | IFEQ comparison-value] [GET] [EX seconds | PX milliseconds | "
     "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
     "Sets the value of a key, whatever it held; on conditions and with a time to live if asked.",
     NULL},
    {"append", string_append, 3, GROWS | FAST, 1, 1, 1, "string", "2.0.0", "key value",
     "Adds bytes to the end of a value; creates an absent key.", NULL},
    {"getdel", string_getdel, 2, WRITE | FAST, 1, 1, 1, "string", "6.2.0", "key",
     "Returns the value of a key and deletes it.", NULL},
    {"getex", string_getex, -2, WRITE | FAST, 1, 1, 1, "string", "6.2.0",
     "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
     "PERSIST]",
     "Returns the value of a key and sets or removes its time to live.", NULL},
    {"getrange", string_getrange, 4, READ, 1, 1, 1, "string", "2.4.0", "key start end",
     "Returns a part of a value; negative positions count from its end.", NULL},
    {"getset", string_getset, 3, GROWS | FAST, 1, 1, 1, "string", "1.0.0", "key value",
     "Sets the value of a key and returns the one it had.", NULL},
    {"lcs", string_lcs, -3, READ, 1, 2, 1, "string", "7.0.0",
     "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
     "Finds the longest common subsequence of two values.", NULL},
    {"mget", string_mget, -2, READ | FAST, 1, -1, 1, "string", "1.0.0", "key [key ...]",
     "Returns the values of several keys at one moment.", NULL},
    {"mset", string_mset, -3, GROWS, 1, -1, 2, "string", "1.0.1", "key value [key value ...]",
     "Sets several keys at one moment.", NULL},
    {"msetnx", string_msetnx, -3, GROWS, 1, -1, 2, "string", "1.0.1", "key value [key value ...]",
     "Sets several keys at one moment, unless one of them exists.", NULL},
    {"psetex", string_psetex, 4, GROWS | FAST, 1, 1, 1, "string", "2.6.0", "key milliseconds value",
     "Sets the value of a key and its time to live in milliseconds.", NULL},
    {"setex", string_setex, 4, GROWS | FAST, 1, 1, 1, "string", "2.0.0", "key seconds value",
     "Sets the value of a key and its time to live in seconds.", NULL},
    {"setnx", string_setnx, 3, GROWS | FAST, 1, 1, 1, "string", "1.0.0", "key value",
     "Sets the value of a key that is absent.", NULL},
    {"setrange", string_setrange, 4, GROWS, 1, 1, 1, "string", "2.2.0", "key offset value",
     "Writes over a part of a value, with zero bytes in a gap; creates an absent key.", NULL},
    {"strlen", string_strlen, 2, READ | FAST, 1, 1, 1, "string", "2.2.0", "key",
     "Returns the length of a value in bytes; 0 for an absent key.", NULL},
    {"substr", string_getrange, 4, READ, 1, 1, 1, "string", "1.0.0", "key start end",
     "Returns a part of a value: the old name of GETRANGE.", NULL},
    {0},
};
