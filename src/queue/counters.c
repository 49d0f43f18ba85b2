/* See queue/counters.h: the layout below is what must survive a process. */
#include "queue/counters.h"
#include "base/lasting.h"
#include <assert.h>
#include <string.h>

enum { LAYOUT = 1 };

#define MAGIC UINT64_C(0x776569722d637472) /* "weir-ctr" */

struct counters_header {
	struct lasting_header lasting;
	int64_t level[COUNTERS_PER_KEY];
	uint64_t spare[3];
};

struct cell {
	struct counters_key key;
	int64_t counter[COUNTERS_PER_KEY];
};

struct counters_set {
	struct cell cells[LASTING_WAYS];
};

_Static_assert(sizeof(struct counters_header) == LASTING_HEADER, "its layout");
_Static_assert(sizeof(struct cell) == LASTING_CELL, "layout of a cell");

size_t
counters_bytes(size_t n)
{
	return lasting_bytes(n);
}

enum err
counters_attach(struct counters *t, void *mem, size_t size)
{
	const struct lasting_header want = {.magic = MAGIC, .layout = LAYOUT};
	uint64_t mask = 0;
	enum err e = lasting_attach(mem, size, want, &mask);

	if (e == ERR_RANGE)
		return e;
	*t = (struct counters){.header = mem, .mask = mask};
	t->sets = (struct counters_set *)(void *)(t->header + 1);
	if (e == OK)
		return OK;
	lasting_made(mem, MAGIC);
	return e == ERR_EOF ? OK : e;
}

static struct cell *
find(const struct counters *t, struct counters_key key)
{
	return lasting_find(
	    t->sets, t->mask, (struct lasting_key){key.lo, key.hi});
}

bool
counters_find(const struct counters *t, struct counters_key key,
    int64_t out[COUNTERS_PER_KEY])
{
	const struct cell *c = find(t, key);

	for (int i = 0; i < COUNTERS_PER_KEY; i++)
		out[i] = c && c->counter[i] > 0 ? c->counter[i] : 0;
	return c != NULL;
}

/* How far a cell is above the levels of the last dispatches; -1: unused. */
static int64_t
debt(const struct counters *t, const struct cell *c)
{
	int64_t most = 0;

	if (c->key.lo == 0 && c->key.hi == 0)
		return -1;
	for (int i = 0; i < COUNTERS_PER_KEY; i++)
		if (c->counter[i] > t->header->level[i] &&
		    c->counter[i] - t->header->level[i] > most)
			most = c->counter[i] - t->header->level[i];
	return most;
}

/* Give the cell that owes least in its set to ${key}. */
static struct cell *
claim(struct counters *t, struct counters_key key)
{
	struct counters_set *set = &t->sets[key.hi & t->mask];
	struct cell *best = &set->cells[0];

	for (int i = 1; i < LASTING_WAYS; i++)
		if (debt(t, &set->cells[i]) < debt(t, best))
			best = &set->cells[i];
	if (debt(t, best) > 0)
		t->evicted++;
	memset(best->counter, 0, sizeof best->counter);
	lasting_in_order();
	best->key = key;
	lasting_in_order();
	return best;
}

void
counters_set(
    struct counters *t, struct counters_key key, unsigned i, int64_t value)
{
	struct cell *c = find(t, key);

	assert(i < COUNTERS_PER_KEY && value >= 0);
	if (c == NULL)
		c = claim(t, key);
	c->counter[i] = value;
}

int64_t
counters_level(const struct counters *t, unsigned i)
{
	int64_t level;

	assert(i < COUNTERS_PER_KEY);
	level = t->header->level[i];
	return level > 0 ? level : 0;
}

void
counters_set_level(struct counters *t, unsigned i, int64_t level)
{
	assert(i < COUNTERS_PER_KEY && level >= 0);
	t->header->level[i] = level;
}
