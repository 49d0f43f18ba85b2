/*
 * ranks: a binary min-heap by two keys, kept beside the pointers, so that a
 * sift reads one array and not the things.
 *
 * Room is reserved apart from adding: what has its place can always be added,
 * replaced and moved, and none of these can fail.
 */
#pragma once
#include "base/err.h"

/* Embedded in the thing; zeros at first. */
struct rank {
	size_t at; /* index + 1 in the array, 0: not ranked */
};

struct rank_entry {
	int64_t key;  /* the smallest is first */
	uint64_t tie; /* then the smallest of these */
	struct rank *node;
};

struct ranks {
	struct rank_entry *entries;
	size_t n, cap;
};

/* The thing of ${type} whose ${member} is the node ${ptr}. */
#define RANK_OF(ptr, type, member)                                             \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Start empty; allocates nothing. */
void ranks_init(struct ranks *o);

/* Free the array; the things are their owner's. */
void ranks_fini(struct ranks *o);

/* Have room for ${n} things in all.  ERR_NOMEM. */
MUST_CHECK enum err ranks_reserve(struct ranks *o, size_t n);

/* Add ${node}, which is not ranked, where room is reserved. */
void ranks_add(struct ranks *o, struct rank *node, int64_t key, uint64_t tie);

/* Give ${node}, which is in ${o}, another key. */
void ranks_move(struct ranks *o, struct rank *node, int64_t key);

/* Put ${node}, which is not ranked, with these keys in the place of ${old}. */
void ranks_replace(struct ranks *o, struct rank *old, struct rank *node,
    int64_t key, uint64_t tie);

/* Take ${node} out if it is in ${o}. */
void ranks_del(struct ranks *o, struct rank *node);

/* The entry of ${node}, which is in ${o}. */
static inline const struct rank_entry *
ranks_get(const struct ranks *o, const struct rank *node)
{
	return &o->entries[node->at - 1];
}

/* The entry that is first, NULL if empty. */
static inline const struct rank_entry *
ranks_first(const struct ranks *o)
{
	return o->n ? o->entries : NULL;
}
