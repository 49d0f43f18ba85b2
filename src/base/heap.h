/*
 * heap: an intrusive binary min-heap of int64_t keys.
 *
 * The thing embeds a struct heap_node.  The array of pointers grows by
 * doubling up to its maximum; everything else is in the nodes.
 */
#pragma once
#include "base/err.h"

struct heap_node {
	int64_t key;
	size_t at; /* index + 1 in the array, 0: in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t n, cap, max;
};

/* The thing of ${type} whose ${member} is the node ${ptr}. */
#define HEAP_OF(ptr, type, member)                                             \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Start empty with at most ${max} nodes; allocates nothing. */
void heap_init(struct heap *h, size_t max);

/* Free the array; the nodes are their owner's. */
void heap_fini(struct heap *h);

/* Add ${node}, which is in no heap, with ${key}.  ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err heap_add(
    struct heap *h, struct heap_node *node, int64_t key);

/* Give ${node}, which is in ${h}, another key. */
void heap_move(struct heap *h, struct heap_node *node, int64_t key);

/* Take ${node} out if it is in ${h}. */
void heap_del(struct heap *h, struct heap_node *node);

/* The node of the smallest key, NULL if empty. */
static inline struct heap_node *
heap_min(const struct heap *h)
{
	return h->n ? h->nodes[0] : NULL;
}
