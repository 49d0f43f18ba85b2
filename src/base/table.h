/*
 * table: a hash table from byte strings to pointers, with a written maximum.
 *
 * Intrusive: the thing embeds a struct table_node with its key, which it owns
 * and must not change while it is in the table.  Chained; the bucket array
 * grows by doubling.  Hashes are keyed, so callers cannot aim for collisions.
 */
#pragma once
#include "base/err.h"
#include "base/hash.h"

struct table_node {
	struct table_node *next;
	uint64_t hash;
	struct slice key;
};

struct table {
	struct table_node **buckets;
	struct table_node *recent; /* found or added last; NULL: unknown */
	size_t n_buckets;	   /* a power of two, 0 at first */
	size_t n;
	size_t max;
	struct hash_key seed;
};

/* The thing of ${type} whose ${member} is the node ${ptr}. */
#define TABLE_OF(ptr, type, member)                                            \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Start empty with at most ${max} things; allocates nothing. */
void table_init(struct table *t, size_t max, struct hash_key seed);

/* Free the bucket array; the things are their owner's. */
void table_fini(struct table *t);

/*
 * The node with ${key}, or NULL.  Asked for the same key again and again it
 * answers without hashing.
 */
struct table_node *table_find(const struct table *t, struct slice key);

/*
 * Add ${node}, whose key is set and valid for as long as it is in the table.
 * ERR_EXISTS if the key is there, ERR_FULL past the maximum, ERR_NOMEM.
 */
MUST_CHECK enum err table_add(struct table *t, struct table_node *node);

/* Take ${node}, which is in the table, out. */
void table_del(struct table *t, struct table_node *node);

/*
 * Walk all nodes: NULL gives the first, the last one gives NULL.  The table
 * must not change meanwhile; only the nodes before ${after} may be taken out.
 * Order means nothing.
 */
struct table_node *table_next(const struct table *t, struct table_node *after);
