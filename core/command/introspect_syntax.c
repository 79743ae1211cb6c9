/* introspect_syntax.c - see introspect_syntax.h.  A recursive descent; depth and nodes bounded. */
#include "core/command/introspect_syntax.h"

#include <string.h>

#define DEPTH_MAX 8

struct parser {
    struct syntax *syntax;
    const char *line;
    size_t at;
    int depth;
    bool bad;
};

static void skip_blanks(struct parser *p)
{
    while (p->line[p->at] == ' ') p->at++;
}

static struct syntax_node *node(struct parser *p, uint8_t i)
{
    return &p->syntax->nodes[i];
}

/* A new node, or 0 when there is no room. */
static uint8_t node_add(struct parser *p, enum syntax_kind kind, size_t start)
{
    uint8_t i = p->syntax->n;

    if (i == SYNTAX_NODES_MAX) {
        p->bad = true;
        return 0;
    }
    p->syntax->n++;
    *node(p, i) = (struct syntax_node){.kind = kind, .start = start};
    return i;
}

/* Put what begins at first under one node, unless it is one already. */
static uint8_t wrap(struct parser *p, enum syntax_kind kind, uint8_t first)
{
    uint8_t i;

    if (first == 0 || node(p, first)->next == 0) return first;
    i = node_add(p, kind, node(p, first)->start);
    if (i != 0) node(p, i)->child = first;
    return i;
}

static bool is_upper(struct slice word)
{
    bool letter = false;

    for (size_t i = 0; i < word.bytes; i++) {
        if (word.at[i] >= 'a' && word.at[i] <= 'z') return false;
        letter |= word.at[i] >= 'A' && word.at[i] <= 'Z';
    }
    return letter;
}

static struct slice word_at(struct parser *p)
{
    size_t n = strcspn(p->line + p->at, " []<>|");

    return slice_of(p->line + p->at, n);
}

/* A word, and when it is a token the plain words after it, which belong to it. */
static uint8_t parse_words(struct parser *p)
{
    size_t start = p->at;
    struct slice word = word_at(p);
    bool token = is_upper(word);
    uint8_t i = node_add(p, token ? SYNTAX_TOKEN : SYNTAX_ARGUMENT, start), first = 0, last = 0;

    p->at += word.bytes;
    if (!token) {
        node(p, i)->name = word;
        return i;
    }
    node(p, i)->token = word;
    for (;;) {
        uint8_t child;
        skip_blanks(p);
        word = word_at(p);
        if (word.bytes == 0 || is_upper(word) || word.at[0] == '.') break;
        child = node_add(p, SYNTAX_ARGUMENT, p->at);
        if (child == 0) return 0;
        node(p, child)->name = word;
        if (first == 0) first = child;
        else node(p, last)->next = child;
        last = child;
        p->at += word.bytes;
    }
    if (first != 0 && first == last) { /* EX seconds */
        node(p, i)->kind = SYNTAX_ARGUMENT;
        node(p, i)->name = node(p, first)->name;
    } else if (first != 0) { /* GET encoding offset */
        node(p, i)->kind = SYNTAX_BLOCK;
        node(p, i)->child = first;
    }
    return i;
}

/* "[x ...]" after an x: x is multiple.  Does the bracket at p->at say so?  Then it is skipped, and
 * *ret_start is where x begins. */
static bool parse_repeat(struct parser *p, size_t *ret_start)
{
    const char *open = p->line + p->at, *close = open;
    size_t end = p->at, bytes;
    int depth = 0;

    do {
        if (*close == '\0') return false;
        if (*close == '[') depth++;
        if (*close == ']') depth--;
        close++;
    } while (depth > 0);
    bytes = (size_t)(close - open);
    if (bytes < sizeof "[x ...]" - 1 || memcmp(close - 5, " ...]", 5) != 0) return false;
    bytes -= sizeof "[ ...]" - 1;
    while (end > 0 && p->line[end - 1] == ' ') end--;
    if (end < bytes || memcmp(p->line + end - bytes, open + 1, bytes) != 0) return false;
    p->at += (size_t)(close - open);
    *ret_start = end - bytes;
    return true;
}

static uint8_t parse_group(struct parser *p, char close);

static uint8_t parse_bracket(struct parser *p)
{
    bool optional = p->line[p->at] == '[';
    uint8_t i;

    p->at++;
    i = parse_group(p, optional ? ']' : '>');
    if (i != 0 && optional) node(p, i)->optional = true;
    return i;
}

/* What begins at start, in a list that begins at *first and ends at *last, is multiple. */
static void repeat_from(struct parser *p, size_t start, uint8_t *first, uint8_t *last)
{
    uint8_t from = *first, before = 0, i;

    while (from != 0 && node(p, from)->start != start) {
        before = from;
        from = node(p, from)->next;
    }
    i = wrap(p, SYNTAX_BLOCK, from);
    if (i == 0) return;
    node(p, i)->multiple = true;
    if (before == 0) *first = i;
    else node(p, before)->next = i;
    *last = i;
}

/* Elements up to | or a closing bracket; the first of them.  *ret_all: "[... ...]" repeats the
 * whole group, of which this is one alternative. */
static uint8_t parse_sequence(struct parser *p, size_t group_start, bool *ret_all)
{
    uint8_t first = 0, last = 0;

    while (!p->bad) {
        size_t start;
        uint8_t i;
        char c;

        skip_blanks(p);
        c = p->line[p->at];
        if (c == '\0' || strchr("|]>", c) != NULL) break;
        if (c == '[' && parse_repeat(p, &start)) {
            if (start == group_start) *ret_all = true;
            else repeat_from(p, start, &first, &last);
            continue;
        }
        if (last != 0 && strncmp(p->line + p->at, "...", 3) == 0) {
            node(p, last)->multiple = true;
            p->at += 3;
            continue;
        }
        i = c == '[' || c == '<' ? parse_bracket(p) : parse_words(p);
        if (i == 0) p->bad = true;
        else if (first == 0) first = i;
        else node(p, last)->next = i;
        last = i;
    }
    return first;
}

/* Alternatives up to the closing bracket; one node. */
static uint8_t parse_group(struct parser *p, char close)
{
    size_t start;
    uint8_t first = 0, last = 0, i;
    bool all = false;

    if (++p->depth > DEPTH_MAX) p->bad = true;
    skip_blanks(p);
    start = p->at;
    while (!p->bad) {
        uint8_t sequence = wrap(p, SYNTAX_BLOCK, parse_sequence(p, start, &all));
        if (sequence == 0) break;
        if (first == 0) first = sequence;
        else node(p, last)->next = sequence;
        last = sequence;
        if (p->line[p->at] != '|') break;
        p->at++;
    }
    p->depth--;
    if (p->line[p->at] != close) p->bad = true;
    if (close != '\0' && !p->bad) p->at++;
    i = wrap(p, SYNTAX_ONE_OF, first);
    if (i != 0 && all) node(p, i)->multiple = true;
    return i;
}

bool syntax_parse(const char *line, struct syntax *ret)
{
    struct parser p = {.syntax = ret, .line = line};
    bool all = false;

    ret->n = 0;
    node_add(&p, SYNTAX_BLOCK, 0);
    ret->nodes[0].child = parse_sequence(&p, SIZE_MAX, &all);
    return !p.bad && line[p.at] == '\0';
}

struct slice syntax_name(const struct syntax *syntax, uint8_t i)
{
    const struct syntax_node *node = &syntax->nodes[i];

    while (node->token.bytes == 0 && node->name.bytes == 0 && node->child != 0)
        node = &syntax->nodes[node->child];
    return node->name.bytes != 0 ? node->name : node->token;
}
