/* introspect_syntax.h - a row's syntax line as the tree of arguments that COMMAND DOCS tells.
 *
 *   key [NX | XX] [EX seconds | KEEPTTL] [name ...]
 *
 *   lower case      an argument           [...]          optional
 *   UPPER CASE      a word as it stands   <a | b>        one of
 *   WORD argument   an argument after a word             [x ...]   once more, any number of times
 */
#ifndef CORE_COMMAND_INTROSPECT_SYNTAX_H
#define CORE_COMMAND_INTROSPECT_SYNTAX_H

#include "core/base/bytes.h"

#define SYNTAX_NODES_MAX 64

enum syntax_kind {
    SYNTAX_ARGUMENT, /* name; token when a word stands before it */
    SYNTAX_TOKEN,    /* a word alone */
    SYNTAX_ONE_OF,   /* children are alternatives */
    SYNTAX_BLOCK     /* children follow each other */
};

struct syntax_node {
    enum syntax_kind kind;
    struct slice name, token; /* of the line; empty: none */
    bool optional, multiple;
    uint8_t child, next; /* indexes; 0: none, since node 0 is the root */
    size_t start;        /* where it begins in the line */
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES_MAX]; /* [0]: the root, a block */
    uint8_t n;
};

/* syntax_parse - false: too long, too deep, or brackets that do not match. */
bool syntax_parse(const char *line, struct syntax *ret);

/* syntax_name - what a client calls the node: a group is called by its first member. */
struct slice syntax_name(const struct syntax *syntax, uint8_t i);

#endif
