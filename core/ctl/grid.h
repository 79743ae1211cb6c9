/* grid.h - rows and columns, printed as an aligned table or as JSON, one object per row.
 *
 * Cells borrow from the replies that they show: print before freeing those.
 */
#ifndef CORE_CTL_GRID_H
#define CORE_CTL_GRID_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/base/error.h"

enum grid_form {
    GRID_TEXT,
    GRID_NUMBER,
    GRID_BYTES, /* a number, in units for people */
    GRID_TIME,  /* seconds since 1970; ISO 8601 in UTC for people */
    GRID_WORDS, /* a list of texts */
    GRID_PAIRS  /* a flat list of names and values */
};
struct grid_column {
    const char *name; /* JSON; in capitals it heads the table */
    enum grid_form form;
};
struct grid_cell {
    struct slice text;       /* GRID_TEXT */
    int64_t number;          /* GRID_NUMBER, GRID_BYTES, GRID_TIME */
    const redisReply *list;  /* GRID_WORDS, GRID_PAIRS; NULL: empty */
};

struct grid {
    const struct grid_column *columns;
    size_t n_columns;
    struct grid_cell *cells; /* row after row */
    size_t n_rows, rows_room;
};

/* grid_row - a new row of empty cells, NULL: out of memory (then *error says so).  The address is
 * good until the next call. */
struct grid_cell *grid_row(struct grid *grid, struct error *error);
void grid_print(const struct grid *grid, bool json);
void grid_free(struct grid *grid);

/* Cells from replies; one of another type becomes an empty text or 0. */
struct grid_cell grid_text(const redisReply *reply);
struct grid_cell grid_number(const redisReply *reply);
struct grid_cell grid_list(const redisReply *reply);

#endif
