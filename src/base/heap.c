#include "base/heap.h"
#include <assert.h>
#include <stdlib.h>

enum { HEAP_FIRST = 64 };

void
heap_init(struct heap *h, size_t max)
{
	*h = (struct heap){.max = max};
}

void
heap_fini(struct heap *h)
{
	free(h->nodes);
	heap_init(h, h->max);
}

static void
put(struct heap *h, size_t i, struct heap_node *node)
{
	h->nodes[i] = node;
	node->at = i + 1;
}

static void
sift_up(struct heap *h, size_t i, struct heap_node *node)
{
	while (i > 0 && h->nodes[(i - 1) / 2]->key > node->key) {
		put(h, i, h->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(h, i, node);
}

static void
sift_down(struct heap *h, size_t i, struct heap_node *node)
{
	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= h->n)
			break;
		if (kid + 1 < h->n &&
		    h->nodes[kid + 1]->key < h->nodes[kid]->key)
			kid++;
		if (h->nodes[kid]->key >= node->key)
			break;
		put(h, i, h->nodes[kid]);
		i = kid;
	}
	put(h, i, node);
}

enum err
heap_add(struct heap *h, struct heap_node *node, int64_t key)
{
	assert(node->at == 0);
	if (h->n >= h->max)
		return ERR_FULL;
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : HEAP_FIRST;
		struct heap_node **p = realloc(h->nodes, cap * sizeof *p);

		if (p == NULL)
			return ERR_NOMEM;
		h->nodes = p;
		h->cap = cap;
	}
	node->key = key;
	h->n++;
	sift_up(h, h->n - 1, node);
	return OK;
}

void
heap_move(struct heap *h, struct heap_node *node, int64_t key)
{
	assert(node->at > 0 && node->at <= h->n);
	if (key < node->key) {
		node->key = key;
		sift_up(h, node->at - 1, node);
	} else {
		node->key = key;
		sift_down(h, node->at - 1, node);
	}
}

void
heap_del(struct heap *h, struct heap_node *node)
{
	struct heap_node *last;
	size_t i = node->at;

	if (i == 0)
		return;
	node->at = 0;
	last = h->nodes[--h->n];
	if (last == node)
		return;
	/* The last node takes the place; it may have to go either way. */
	i--;
	if (i > 0 && h->nodes[(i - 1) / 2]->key > last->key)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}
