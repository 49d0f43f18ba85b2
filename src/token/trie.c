/*
 * Texts are sorted, so that those below a node are neighbours; nodes are placed
 * in the order of their depth.  Free cells are a list; a block of 256 that has
 * been tried often enough is left, so that the time is linear whatever the
 * texts are.
 */
#include "token/trie.h"
#include <stdlib.h>

enum { BLOCK = 256, TRIES = 64, OPEN = 16, NOWHERE = 0 };

/* Texts ${from} to ${to} - 1 have the first ${depth} bytes in common. */
struct node {
	uint32_t from, to, cell;
	uint32_t depth;
};

struct builder {
	struct trie *t;
	const struct trie_item *items;
	struct node *queue;
	size_t n_queue;
	/* Free cells of open blocks, a ring through cell 0; 0 itself is one. */
	uint32_t *next, *before;
	uint8_t *is_place; /* the children of some cell are there */
	size_t cap;	   /* cells */
	size_t closed;	   /* cells of blocks that are left */
};

static int
by_text(const void *a, const void *b)
{
	struct slice x = ((const struct trie_item *)a)->text;
	struct slice y = ((const struct trie_item *)b)->text;
	int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

	return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

/* Nodes that the sorted ${items} make; the longest text to ${longest}. */
static size_t
count_nodes(const struct trie_item *items, size_t n, uint32_t *longest)
{
	size_t nodes = 1;

	for (size_t i = 0; i < n; i++) {
		struct slice text = items[i].text;
		size_t same = 0;

		if (i > 0)
			while (same < text.n && same < items[i - 1].text.n &&
			    text.p[same] == items[i - 1].text.p[same])
				same++;
		nodes += text.n - same;
		if (text.n > *longest)
			*longest = (uint32_t)text.n;
	}
	return nodes;
}

static void
take_cell(struct builder *b, uint32_t at)
{
	b->next[b->before[at]] = b->next[at];
	b->before[b->next[at]] = b->before[at];
}

/* No cell of the oldest open block is looked at any more. */
static void
close_block(struct builder *b)
{
	for (size_t i = b->closed; i < b->closed + BLOCK; i++)
		if (!(b->t->cells[i].bits & TRIE_THERE) && i != NOWHERE)
			take_cell(b, (uint32_t)i);
	b->closed += BLOCK;
}

static enum err
grow(struct builder *b)
{
	size_t cap = b->cap + b->cap / 2 + BLOCK * 4;
	struct trie_cell *cells = realloc(b->t->cells, cap * sizeof *cells);
	uint32_t *next, *before;
	uint8_t *is_place;

	if (cells != NULL)
		b->t->cells = cells;
	if ((next = realloc(b->next, cap * sizeof *next)) != NULL)
		b->next = next;
	if ((before = realloc(b->before, cap * sizeof *before)) != NULL)
		b->before = before;
	if ((is_place = realloc(b->is_place, cap)) != NULL)
		b->is_place = is_place;
	if (cells == NULL || next == NULL || before == NULL || is_place == NULL)
		return ERR_NOMEM;
	b->cap = cap;
	return OK;
}

/* One more block of free cells. */
static enum err
open_block(struct builder *b)
{
	size_t from = b->t->n_cells, to = from + BLOCK;
	enum err e;

	if (to >> 22 != 0)
		return ERR_FULL;
	if (to > b->cap && (e = grow(b)) != OK)
		return e;
	memset(b->t->cells + from, 0, BLOCK * sizeof *b->t->cells);
	memset(b->is_place + from, 0, BLOCK);
	b->t->n_cells = to;
	if (from == 0)
		b->next[0] = b->before[0] = 0;
	for (size_t i = from == 0 ? 1 : from; i < to; i++) {
		uint32_t at = (uint32_t)i, last = b->before[NOWHERE];

		b->next[last] = at;
		b->before[at] = last;
		b->next[at] = NOWHERE;
		b->before[NOWHERE] = at;
	}
	if (to - b->closed > (size_t)OPEN * BLOCK)
		close_block(b);
	return OK;
}

/* Are the cells of all ${bytes} free at ${place}? */
static bool
fits(const struct builder *b, uint32_t place, const uint8_t *bytes, size_t n)
{
	if (b->is_place[place])
		return false;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = place ^ bytes[i];

		if (at == NOWHERE || b->t->cells[at].bits & TRIE_THERE)
			return false;
	}
	return true;
}

/* A place for children with these ${bytes}. */
static enum err
find_place(struct builder *b, const uint8_t *bytes, size_t n, uint32_t *place)
{
	uint32_t at = b->next[NOWHERE];
	enum err e;

	for (unsigned i = 0; at != NOWHERE && i < TRIES; i++) {
		*place = at ^ bytes[0];
		if (fits(b, *place, bytes, n))
			return OK;
		at = b->next[at];
	}
	if ((e = open_block(b)) != OK)
		return e;
	*place = (uint32_t)(b->t->n_cells - BLOCK);
	return OK;
}

/* The different bytes that follow ${node}; a text that ends there is passed. */
static size_t
bytes_of(const struct builder *b, struct node *node, uint8_t *bytes)
{
	size_t n = 0;

	while (
	    node->from < node->to && b->items[node->from].text.n == node->depth)
		node->from++;
	for (uint32_t i = node->from; i < node->to; i++) {
		uint8_t c = (uint8_t)b->items[i].text.p[node->depth];

		if (n == 0 || bytes[n - 1] != c)
			bytes[n++] = c;
	}
	return n;
}

/* Make the cell of one child, and put the child into the queue. */
static void
add_child(struct builder *b, struct node child, uint32_t at)
{
	const struct trie_item *first = &b->items[child.from];
	uint8_t byte = (uint8_t)first->text.p[child.depth - 1];
	struct trie_cell *cell = &b->t->cells[at];

	take_cell(b, at);
	cell->bits = TRIE_THERE | byte;
	if (first->text.n == child.depth) {
		cell->bits |= TRIE_ENDS;
		cell->value = first->value;
	}
	child.cell = at;
	b->queue[b->n_queue++] = child;
}

static enum err
place_children(struct builder *b, struct node node)
{
	uint8_t bytes[256];
	size_t n = bytes_of(b, &node, bytes);
	uint32_t place, from = node.from;
	enum err e;

	if (n == 0)
		return OK;
	if ((e = find_place(b, bytes, n, &place)) != OK)
		return e;
	b->is_place[place] = 1;
	if (node.depth == 0)
		b->t->root = place;
	else
		b->t->cells[node.cell].bits |= place << 10;
	for (size_t i = 0; i < n; i++) {
		uint32_t to = from;

		while (to < node.to &&
		    (uint8_t)b->items[to].text.p[node.depth] == bytes[i])
			to++;
		add_child(b, (struct node){from, to, 0, node.depth + 1},
		    place ^ bytes[i]);
		from = to;
	}
	return OK;
}

static enum err
build(struct builder *b, size_t n)
{
	enum err e = open_block(b);

	/* Those who have no children have them at 0, where nobody's are. */
	if (e == OK)
		b->is_place[0] = 1;
	if (e != OK || n == 0)
		return e;
	b->queue[b->n_queue++] = (struct node){0, (uint32_t)n, 0, 0};
	for (size_t i = 0; e == OK && i < b->n_queue; i++)
		e = place_children(b, b->queue[i]);
	return e;
}

enum err
trie_init(struct trie *t, struct trie_item *items, size_t n)
{
	struct builder b = {.t = t, .items = items};
	size_t nodes;
	enum err e = ERR_NOMEM;

	*t = (struct trie){0};
	for (size_t i = 0; i < n; i++)
		if (items[i].text.n == 0 || items[i].text.n > TRIE_TEXT_MAX)
			return ERR_FULL;
	if (n > 1)
		qsort(items, n, sizeof *items, by_text);
	nodes = count_nodes(items, n, &t->longest);
	if (nodes > TRIE_NODES_MAX)
		return ERR_FULL;
	b.queue = malloc(nodes * sizeof *b.queue);
	if (b.queue != NULL)
		e = build(&b, n);
	free(b.queue);
	free(b.next);
	free(b.before);
	free(b.is_place);
	if (e != OK)
		trie_fini(t);
	return e;
}

void
trie_fini(struct trie *t)
{
	free(t->cells);
	*t = (struct trie){0};
}

size_t
trie_bytes(const struct trie *t)
{
	return t->n_cells * sizeof *t->cells;
}

struct trie_cell *
trie_find(const struct trie *t, struct slice text)
{
	const struct trie_cell *cell = NULL;
	uint32_t place = t->root;

	for (size_t i = 0; i < text.n; i++) {
		cell = trie_step(t, place, (unsigned char)text.p[i]);
		if (cell == NULL)
			return NULL;
		place = trie_place(cell);
	}
	return cell == NULL || !(cell->bits & TRIE_ENDS)
	    ? NULL
	    : &t->cells[cell - t->cells];
}
