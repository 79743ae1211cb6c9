/* grid.c - widths are found by rendering every cell once before printing. */
#include "core/ctl/grid.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/ctl/print.h"

#define CELL_BYTES 128  /* the longest a cell is shown; JSON has all of it */
#define COLUMNS_MAX 16

/* --- cells ------------------------------------------------------------------------------------ */

static struct slice text_of(const redisReply *reply)
{
    bool is_text = reply != NULL &&
                   (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);

    return is_text ? slice_of(reply->str, (size_t)reply->len) : slice_of("", 0);
}

struct grid_cell grid_text(const redisReply *reply)
{
    return (struct grid_cell){.text = text_of(reply)};
}

struct grid_cell grid_number(const redisReply *reply)
{
    bool is_number = reply != NULL && reply->type == REDIS_REPLY_INTEGER;

    return (struct grid_cell){.number = is_number ? reply->integer : 0};
}

struct grid_cell grid_list(const redisReply *reply)
{
    bool is_list = reply != NULL && reply->type == REDIS_REPLY_ARRAY;

    return (struct grid_cell){.list = is_list ? reply : NULL};
}

struct grid_cell *grid_row(struct grid *grid, struct error *error)
{
    struct grid_cell *row;

    LOOM_ASSERT(grid->n_columns <= COLUMNS_MAX);
    if (grid->n_rows == grid->rows_room) {
        size_t room = grid->rows_room ? 2 * grid->rows_room : 16;
        void *at = mem_realloc(MEM_OTHER, grid->cells, room * grid->n_columns * sizeof *row);
        if (at == NULL) {
            error_set(error, LOOM_E_NOMEM, "out of memory for a table of %zu rows", room);
            return NULL;
        }
        grid->cells = at;
        grid->rows_room = room;
    }
    row = grid->cells + grid->n_rows++ * grid->n_columns;
    memset(row, 0, grid->n_columns * sizeof *row);
    return row;
}

void grid_free(struct grid *grid)
{
    mem_free(MEM_OTHER, grid->cells);
    grid->cells = NULL;
    grid->n_rows = grid->rows_room = 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_item(const redisReply *item)
{
    if (item->type == REDIS_REPLY_INTEGER) printf("%lld", item->integer);
    else print_json_text(stdout, text_of(item));
}

static void json_list(const redisReply *list, bool pairs)
{
    size_t n = list == NULL ? 0 : list->elements;

    putchar(pairs ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) putchar(pairs && i % 2 == 1 ? ':' : ',');
        json_item(list->element[i]);
    }
    putchar(pairs ? '}' : ']');
}

static void json_cell(const struct grid_cell *cell, enum grid_form form)
{
    switch (form) {
    case GRID_TEXT: print_json_text(stdout, cell->text); break;
    case GRID_WORDS: json_list(cell->list, false); break;
    case GRID_PAIRS: json_list(cell->list, true); break;
    default: printf("%" PRId64, cell->number); break;
    }
}

static void print_json(const struct grid *grid)
{
    for (size_t row = 0; row < grid->n_rows; row++) {
        for (size_t i = 0; i < grid->n_columns; i++) {
            printf("%s\"%s\":", i == 0 ? "{" : ",", grid->columns[i].name);
            json_cell(&grid->cells[row * grid->n_columns + i], grid->columns[i].form);
        }
        puts("}");
    }
}

/* --- the table -------------------------------------------------------------------------------- */

static size_t plain_list(char *at, const redisReply *list, bool pairs)
{
    size_t used = 0, n = list == NULL ? 0 : list->elements;

    at[0] = '\0';
    for (size_t i = 0; i < n && used + 8 < CELL_BYTES; i++) {
        const redisReply *item = list->element[i];
        if (i > 0) used += (size_t)snprintf(at + used, CELL_BYTES - used, "%c",
                                            pairs && i % 2 == 1 ? '=' : ' ');
        if (item->type == REDIS_REPLY_INTEGER)
            used += (size_t)snprintf(at + used, CELL_BYTES - used, "%lld", item->integer);
        else
            used += print_plain(at + used, CELL_BYTES - used, text_of(item));
        if (used >= CELL_BYTES) used = CELL_BYTES - 1;
    }
    return used;
}

static size_t plain_cell(char *at, const struct grid_cell *cell, enum grid_form form)
{
    time_t when = (time_t)cell->number;
    struct tm tm;

    switch (form) {
    case GRID_TEXT: return print_plain(at, CELL_BYTES, cell->text);
    case GRID_WORDS: return plain_list(at, cell->list, false);
    case GRID_PAIRS: return plain_list(at, cell->list, true);
    case GRID_BYTES: return strlen(print_bytes(at, CELL_BYTES, (uint64_t)cell->number));
    case GRID_TIME:
        if (gmtime_r(&when, &tm) == NULL) break;
        return strftime(at, CELL_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
    default: break;
    }
    return (size_t)snprintf(at, CELL_BYTES, "%" PRId64, cell->number);
}

static bool is_right(enum grid_form form)
{
    return form == GRID_NUMBER || form == GRID_BYTES;
}

static void print_cell(const struct grid *grid, size_t column, const char *text, size_t width)
{
    bool last = column + 1 == grid->n_columns, right = is_right(grid->columns[column].form);

    if (column > 0) fputs("  ", stdout);
    printf("%*s", last && !right ? 0 : right ? (int)width : -(int)width, text);
}

static void print_table(const struct grid *grid)
{
    size_t widths[COLUMNS_MAX];
    char text[CELL_BYTES];

    for (size_t i = 0; i < grid->n_columns; i++) {
        const struct grid_column *column = &grid->columns[i];
        widths[i] = strlen(column->name);
        for (size_t row = 0; row < grid->n_rows; row++) {
            const struct grid_cell *cell = &grid->cells[row * grid->n_columns + i];
            size_t n = plain_cell(text, cell, column->form);
            if (n > widths[i]) widths[i] = n;
        }
    }
    for (size_t i = 0; i < grid->n_columns; i++) {
        size_t n = 0;
        for (const char *c = grid->columns[i].name; *c != '\0'; c++)
            text[n++] = (char)toupper((unsigned char)*c);
        text[n] = '\0';
        print_cell(grid, i, text, widths[i]);
    }
    putchar('\n');
    for (size_t row = 0; row < grid->n_rows; row++) {
        for (size_t i = 0; i < grid->n_columns; i++) {
            plain_cell(text, &grid->cells[row * grid->n_columns + i], grid->columns[i].form);
            print_cell(grid, i, text, widths[i]);
        }
        putchar('\n');
    }
}

void grid_print(const struct grid *grid, bool json)
{
    if (json) print_json(grid);
    else print_table(grid);
}
