#include "ctl/grid.h"
#include <assert.h>

enum { TEXT_MAX = 1 << 20, GAP = 2, NARROWEST = 6 };

void
grid_init(struct grid *t, const char *titles)
{
	struct slice rest = slice_str(titles);

	t->columns = 0;
	t->right = 0;
	t->n = 0;
	buf_init(&t->text, TEXT_MAX);
	while (rest.n > 0) {
		struct slice title = slice_cut(&rest, '|');

		assert(t->columns < GRID_COLUMNS_MAX);
		if (title.n > 0 && title.p[0] == '>') {
			t->right |= 1u << t->columns;
			title = slice_from(title, 1);
		}
		t->columns++;
		grid_add(t, title);
	}
}

void
grid_fini(struct grid *t)
{
	buf_fini(&t->text);
}

struct buf *
grid_cell(struct grid *t)
{
	size_t n_max = (GRID_ROWS_MAX + 1) * t->columns;

	if (t->n < n_max)
		t->cells[t->n].at = (uint32_t)t->text.n;
	return &t->text;
}

void
grid_end_cell(struct grid *t)
{
	size_t n_max = (GRID_ROWS_MAX + 1) * t->columns;

	if (t->n >= n_max)
		return;
	t->cells[t->n].n = (uint32_t)t->text.n - t->cells[t->n].at;
	t->n++;
}

void
grid_add(struct grid *t, struct slice text)
{
	/* Without memory the cell is empty. */
	(void)!buf_add(grid_cell(t), text);
	grid_end_cell(t);
}

static struct slice
cell(const struct grid *t, size_t i)
{
	return slice_of(t->text.p + t->cells[i].at, t->cells[i].n);
}

/* Characters of ${s}; each takes a column, nearly always. */
static size_t
width_of(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static void
measure(const struct grid *t, size_t widths[GRID_COLUMNS_MAX])
{
	size_t total = GAP * (t->columns - 1);

	memset(widths, 0, GRID_COLUMNS_MAX * sizeof *widths);
	for (size_t i = 0; i < t->n; i++) {
		size_t n = width_of(cell(t, i)), k = i % t->columns;

		widths[k] = n > widths[k] ? n : widths[k];
	}
	for (size_t k = 0; k < t->columns; k++)
		total += widths[k];
	for (; total > GRID_WIDTH; total--) {
		size_t widest = 0;

		for (size_t k = 1; k < t->columns; k++)
			widest = widths[k] > widths[widest] ? k : widest;
		if (widths[widest] <= NARROWEST)
			return;
		widths[widest]--;
	}
}

/* The first ${n} characters of ${s}. */
static struct slice
cut(struct slice s, size_t n)
{
	size_t i = 0;

	while (i < s.n && (n > 0 || ((unsigned char)s.p[i] & 0xc0) == 0x80)) {
		n -= ((unsigned char)s.p[i] & 0xc0) != 0x80;
		i++;
	}
	return slice_to(s, i);
}

static enum err
print_cell(const struct grid *t, size_t i, size_t width, struct buf *out)
{
	struct slice s = cell(t, i);
	size_t n = width_of(s), k = i % t->columns;
	bool is_last = k == t->columns - 1, is_right = t->right & 1u << k;
	bool is_cut = n > width;
	int pad = is_cut ? 0 : (int)(width - n);
	enum err e;

	if (is_cut)
		s = cut(s, width - 1);
	e = buf_printf(out, "%*s", is_right ? pad : 0, "");
	if (e == OK)
		e = buf_add(out, s);
	if (e == OK && is_cut)
		e = buf_add_char(out, '~');
	if (e == OK && !is_last)
		e = buf_printf(out, "%*s", (is_right ? 0 : pad) + GAP, "");
	return e == OK && is_last ? buf_add_char(out, '\n') : e;
}

/* Blanks at the end of a line say nothing. */
static void
trim_line(struct buf *out)
{
	while (out->n > 1 && out->p[out->n - 2] == ' ') {
		out->p[out->n - 2] = '\n';
		out->n--;
	}
}

enum err
grid_print(const struct grid *t, struct buf *out)
{
	size_t widths[GRID_COLUMNS_MAX];
	enum err e = OK;

	measure(t, widths);
	for (size_t i = 0; i < t->n - t->n % t->columns && e == OK; i++) {
		e = print_cell(t, i, widths[i % t->columns], out);
		if (e == OK && (i + 1) % t->columns == 0)
			trim_line(out);
	}
	return e;
}
