/*
 * grid: aligned columns for a terminal.
 *
 * Cells are added row by row, then all is printed with columns as wide as
 * their widest cell.  What does not fit into GRID_WIDTH is taken from the
 * widest columns, and shows a `~` where it was cut.
 */
#pragma once
#include "base/buf.h"

enum {
	GRID_WIDTH = 100,
	GRID_COLUMNS_MAX = 9,
	GRID_ROWS_MAX = 512,
};

struct grid_cell {
	uint32_t at, n;
};

struct grid {
	size_t columns;
	unsigned right; /* bits of columns that are numbers */
	struct buf text;
	size_t n; /* cells */
	struct grid_cell cells[(GRID_ROWS_MAX + 1) * GRID_COLUMNS_MAX];
};

/*
 * Start with the titles of ${columns}, separated by `|`; one that begins with
 * `>` is set to the right.
 */
void grid_init(struct grid *t, const char *titles);

/* Free it. */
void grid_fini(struct grid *t);

/*
 * Where to append the next cell's text; then grid_end_cell.  A row more than
 * GRID_ROWS_MAX is not kept.
 */
struct buf *grid_cell(struct grid *t);
void grid_end_cell(struct grid *t);

/* A cell of ${text}. */
void grid_add(struct grid *t, struct slice text);

/* Append all rows that are whole to ${out}.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err grid_print(const struct grid *t, struct buf *out);
