#include "base/table.h"
#include <assert.h>
#include <stdlib.h>

enum { TABLE_FIRST = 16 };

void
table_init(struct table *t, size_t max, struct hash_key seed)
{
	*t = (struct table){.max = max, .seed = seed};
}

void
table_fini(struct table *t)
{
	free(t->buckets);
	table_init(t, t->max, t->seed);
}

static struct table_node **
bucket_of(const struct table *t, uint64_t hash)
{
	return &t->buckets[hash & (t->n_buckets - 1)];
}

/* Which was found last is a memo, no state of ${t} that anybody sees. */
static struct table_node *
remember(const struct table *t, struct table_node *n)
{
	((struct table *)t)->recent = n;
	return n;
}

struct table_node *
table_find(const struct table *t, struct slice key)
{
	uint64_t hash;

	if (t->recent != NULL && slice_eq(t->recent->key, key))
		return t->recent;
	if (t->n == 0)
		return NULL;
	hash = hash_bytes(t->seed, key);
	for (struct table_node *n = *bucket_of(t, hash); n; n = n->next)
		if (n->hash == hash && slice_eq(n->key, key))
			return remember(t, n);
	return NULL;
}

static enum err
grow(struct table *t)
{
	size_t want = t->n_buckets ? t->n_buckets * 2 : TABLE_FIRST;
	struct table bigger = *t;

	bigger.buckets = calloc(want, sizeof *bigger.buckets);
	if (bigger.buckets == NULL)
		return ERR_NOMEM;
	bigger.n_buckets = want;
	for (size_t i = 0; i < t->n_buckets; i++) {
		struct table_node *n, *next;

		for (n = t->buckets[i]; n; n = next) {
			struct table_node **at = bucket_of(&bigger, n->hash);

			next = n->next;
			n->next = *at;
			*at = n;
		}
	}
	free(t->buckets);
	*t = bigger;
	return OK;
}

enum err
table_add(struct table *t, struct table_node *node)
{
	struct table_node **at;
	enum err e;

	if (table_find(t, node->key))
		return ERR_EXISTS;
	if (t->n >= t->max)
		return ERR_FULL;
	if (t->n >= t->n_buckets && (e = grow(t)) != OK)
		return e;
	node->hash = hash_bytes(t->seed, node->key);
	at = bucket_of(t, node->hash);
	node->next = *at;
	*at = node;
	t->n++;
	return OK;
}

void
table_del(struct table *t, struct table_node *node)
{
	struct table_node **at = bucket_of(t, node->hash);

	while (*at != node) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	t->n--;
	if (t->recent == node)
		t->recent = NULL;
}

struct table_node *
table_next(const struct table *t, struct table_node *after)
{
	size_t i = 0;

	if (after) {
		if (after->next)
			return after->next;
		i = (after->hash & (t->n_buckets - 1)) + 1;
	}
	for (; i < t->n_buckets; i++)
		if (t->buckets[i])
			return t->buckets[i];
	return NULL;
}
