#include "queue/ranks.h"
#include <assert.h>
#include <stdlib.h>

enum { RANKS_FIRST = 8 };

void
ranks_init(struct ranks *o)
{
	*o = (struct ranks){0};
}

void
ranks_fini(struct ranks *o)
{
	free(o->entries);
	ranks_init(o);
}

enum err
ranks_reserve(struct ranks *o, size_t n)
{
	size_t cap = o->cap ? o->cap : RANKS_FIRST;
	struct rank_entry *p;

	if (n <= o->cap)
		return OK;
	if (n > SIZE_MAX / sizeof *p / 2)
		return ERR_NOMEM;
	while (cap < n)
		cap *= 2;
	if ((p = realloc(o->entries, cap * sizeof *p)) == NULL)
		return ERR_NOMEM;
	o->entries = p;
	o->cap = cap;
	return OK;
}

static bool
is_before(const struct rank_entry *a, const struct rank_entry *b)
{
	return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void
put(struct ranks *o, size_t i, struct rank_entry e)
{
	o->entries[i] = e;
	e.node->at = i + 1;
}

/* Find the place of ${e}, which is to be put at ${i} or nearby. */
static void
settle_at(struct ranks *o, size_t i, struct rank_entry e)
{
	size_t kid;

	for (; i > 0 && is_before(&e, &o->entries[(i - 1) / 2]);
	     i = (i - 1) / 2)
		put(o, i, o->entries[(i - 1) / 2]);
	for (; (kid = 2 * i + 1) < o->n; i = kid) {
		if (kid + 1 < o->n &&
		    is_before(&o->entries[kid + 1], &o->entries[kid]))
			kid++;
		if (!is_before(&o->entries[kid], &e))
			break;
		put(o, i, o->entries[kid]);
	}
	put(o, i, e);
}

void
ranks_add(struct ranks *o, struct rank *node, int64_t key, uint64_t tie)
{
	assert(node->at == 0 && o->n < o->cap);
	o->n++;
	settle_at(o, o->n - 1, (struct rank_entry){key, tie, node});
}

void
ranks_move(struct ranks *o, struct rank *node, int64_t key)
{
	struct rank_entry e;

	assert(node->at > 0 && node->at <= o->n);
	e = o->entries[node->at - 1];
	e.key = key;
	settle_at(o, node->at - 1, e);
}

void
ranks_replace(struct ranks *o, struct rank *old, struct rank *node, int64_t key,
    uint64_t tie)
{
	size_t i = old->at;

	assert(i > 0 && i <= o->n && node->at == 0);
	old->at = 0;
	settle_at(o, i - 1, (struct rank_entry){key, tie, node});
}

void
ranks_del(struct ranks *o, struct rank *node)
{
	size_t i = node->at;

	if (i == 0)
		return;
	assert(i <= o->n && o->entries[i - 1].node == node);
	node->at = 0;
	o->n--;
	if (i - 1 < o->n)
		settle_at(o, i - 1, o->entries[o->n]);
}
