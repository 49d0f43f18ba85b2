/*
 * trie: texts to values, as an array in which a step down is one look.
 *
 *   cell | place of its children | there | ends | byte |   | value |
 *
 * The child of a cell for the byte c is at (place of its children) XOR c, and
 * it is that child if it is there and has that byte: no two cells have their
 * children at the same place.
 *
 * Source: Aoe, "An efficient digital search algorithm by using a double-array
 * structure" (1989), with XOR for the sum.
 */
#pragma once
#include "base/err.h"

enum {
	TRIE_TEXT_MAX = 512,	  /* bytes of one text */
	TRIE_NODES_MAX = 3 << 20, /* the array can be a third larger */
	TRIE_NONE = -1
};

struct trie_cell {
	uint32_t bits;
	uint32_t value;
};

struct trie {
	struct trie_cell *cells;
	size_t n_cells; /* a multiple of 256 */
	uint32_t root;	/* the place of the first bytes */
	uint32_t longest;
};

/* A text, 1 to TRIE_TEXT_MAX bytes, and what it stands for. */
struct trie_item {
	struct slice text;
	uint32_t value;
};

#define TRIE_ENDS 0x100U  /* a text ends here */
#define TRIE_THERE 0x200U /* the cell is used */

/*
 * Make it of the ${n} ${items}, all different; sorts them.  No items: a trie
 * in which nothing is found.  ERR_FULL (beyond a maximum), ERR_NOMEM.
 */
MUST_CHECK enum err trie_init(
    struct trie *t, struct trie_item *items, size_t n);

/* Free; all zero is fine. */
void trie_fini(struct trie *t);

/* Bytes of memory. */
size_t trie_bytes(const struct trie *t);

/* One step: the cell of ${byte} at ${place}, or NULL. */
static inline const struct trie_cell *
trie_step(const struct trie *t, uint32_t place, unsigned char byte)
{
	const struct trie_cell *cell = &t->cells[place ^ byte];

	return (cell->bits & (TRIE_THERE | 0xff)) == (TRIE_THERE | byte) ? cell
									 : NULL;
}

/* Where the children of ${cell} are. */
static inline uint32_t
trie_place(const struct trie_cell *cell)
{
	return cell->bits >> 10;
}

/* The cell in which exactly ${text} ends, or NULL. */
struct trie_cell *trie_find(const struct trie *t, struct slice text);
