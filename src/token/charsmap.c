/*
 * A cell: where its children are from it, whether a key ends in it, the byte
 * that leads to it.  The children of several may be the same.
 */
#include "token/charsmap.h"
#include "token/text.h"
#include <stdlib.h>

/* Cells that were reached, each once. */
struct reach {
	const struct charsmap *m;
	uint8_t *is_seen;
	uint32_t *queue;
	size_t n;
};

/* How far the children of ${cell} are from it. */
static uint32_t
offset_of(uint32_t cell)
{
	return (cell >> 10) << ((cell & (1U << 9)) >> 6);
}

/* Is there a cell ${at}, and does the byte ${c}, not 0, lead to it? */
static bool
is_child(const struct charsmap *m, uint32_t at, unsigned char c)
{
	return at < m->n_cells && (m->cells[at] & (1U << 31 | 0xff)) == c;
}

static bool
is_end(const struct charsmap *m, uint32_t at)
{
	return m->cells[at] >> 8 & 1;
}

/* What a key becomes whose children would be at ${place}. */
static enum err
text_at(const struct charsmap *m, uint32_t place, struct slice *out)
{
	uint32_t at;
	const char *end;

	if (place >= m->n_cells)
		return ERR_VOCAB_UNKNOWN;
	at = m->cells[place] & ~(1U << 31);
	if (at >= m->n_texts)
		return ERR_VOCAB_UNKNOWN;
	end = memchr(m->texts + at, '\0', m->n_texts - at);
	if (end == NULL || end - (m->texts + at) > CHARSMAP_TEXT_MAX)
		return ERR_VOCAB_UNKNOWN;
	*out = slice_of(m->texts + at, (size_t)(end - (m->texts + at)));
	return OK;
}

static bool
is_letter(unsigned c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* What is true of the keys that pass the cell ${at} by the byte ${c}. */
static unsigned
bits_of(const struct charsmap *m, uint32_t at, unsigned c, bool is_first)
{
	struct slice text = {0};
	unsigned has = 0;

	if (is_end(m, at) &&
	    (text_at(m, at ^ offset_of(m->cells[at]), &text) != OK ||
		!text_is_utf8(text)))
		has |= CHARSMAP_BROKEN;
	if (!is_first && c == ' ')
		has |= CHARSMAP_SPACE_INSIDE;
	if (!is_first && is_letter(c) && is_end(m, at))
		has |= CHARSMAP_LETTER_END;
	if (c == '\n' && is_end(m, at) &&
	    (text.n == 0 || text.p[text.n - 1] != ' '))
		has |= CHARSMAP_LINE_STAYS;
	return has;
}

/* The children at ${place}, below the byte ${above}, or 0. */
static unsigned
expand(struct reach *r, uint32_t place, unsigned above)
{
	const struct charsmap *m = r->m;
	unsigned has = 0;

	for (unsigned c = 1; c < 256; c++) {
		uint32_t at = place ^ c;

		if (!is_child(m, at, (unsigned char)c))
			continue;
		has |= bits_of(m, at, c, above == 0);
		if (above == '\n')
			has |= CHARSMAP_LINE_INSIDE;
		if (r->is_seen[at])
			continue;
		r->is_seen[at] = true;
		r->queue[r->n++] = at;
	}
	return has;
}

/* Find out what m->has says. */
static enum err
look_at_all(struct charsmap *m)
{
	struct reach r = {.m = m};
	enum err e = ERR_NOMEM;

	r.is_seen = calloc(1, m->n_cells);
	r.queue = malloc(m->n_cells * sizeof *r.queue);
	if (r.is_seen != NULL && r.queue != NULL) {
		m->has = expand(&r, m->root, 0);
		for (size_t i = 0; i < r.n; i++) {
			uint32_t at = r.queue[i], cell = m->cells[at];

			m->has |= expand(&r, at ^ offset_of(cell), cell & 0xff);
		}
		e = OK;
	}
	free(r.is_seen);
	free(r.queue);
	return e;
}

enum err
charsmap_init(struct charsmap *m, struct slice bytes)
{
	uint32_t size;
	enum err e;

	*m = (struct charsmap){0};
	if (bytes.n == 0)
		return OK;
	if (bytes.n < sizeof size)
		return ERR_SYNTAX;
	memcpy(&size, bytes.p, sizeof size); /* little-endian */
	if ((uint64_t)size + sizeof size >= bytes.n)
		return ERR_SYNTAX;
	if (size / 4 > CHARSMAP_CELLS_MAX)
		return ERR_FULL;
	if (size < 4)
		return OK;
	m->n_cells = size / 4;
	m->n_texts = bytes.n - sizeof size - size;
	m->cells = malloc(m->n_cells * sizeof *m->cells);
	m->texts = malloc(m->n_texts);
	if (m->cells == NULL || m->texts == NULL) {
		charsmap_fini(m);
		return ERR_NOMEM;
	}
	memcpy(m->cells, bytes.p + sizeof size, m->n_cells * sizeof *m->cells);
	memcpy(m->texts, bytes.p + sizeof size + size, m->n_texts);
	m->root = offset_of(m->cells[0]);
	e = look_at_all(m);
	if (e != OK)
		charsmap_fini(m);
	return e;
}

void
charsmap_fini(struct charsmap *m)
{
	free(m->cells);
	free(m->texts);
	*m = (struct charsmap){0};
}

size_t
charsmap_bytes(const struct charsmap *m)
{
	return m->n_cells * sizeof *m->cells + m->n_texts;
}

enum err
charsmap_find(
    const struct charsmap *m, struct slice text, size_t *n, struct slice *out)
{
	uint32_t place = m->root, found = 0;

	*n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		uint32_t at = place ^ c;

		if (c == 0 || m->n_cells == 0)
			break;
		if (at >= m->n_cells || i == CHARSMAP_KEY_MAX)
			return ERR_VOCAB_UNKNOWN;
		if (!is_child(m, at, c))
			break;
		place = at ^ offset_of(m->cells[at]);
		if (is_end(m, at)) {
			*n = i + 1;
			found = place;
		}
	}
	return *n == 0 ? OK : text_at(m, found, out);
}

bool
charsmap_goes_on(const struct charsmap *m, unsigned char c)
{
	uint32_t at = m->root ^ c, place;

	if (!is_child(m, at, c))
		return false;
	place = at ^ offset_of(m->cells[at]);
	for (unsigned d = 1; d < 0x80; d++)
		if (is_child(m, place ^ d, (unsigned char)d))
			return true;
	return false;
}
