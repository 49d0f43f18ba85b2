/* See queue/counters.h: the layout below is what must survive a process. */
#include "queue/counters.h"
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

enum { WAYS = 8, LAYOUT = 1 };

#define MAGIC UINT64_C(0x776569722d637472) /* "weir-ctr" */

struct counters_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t set_bytes;
	uint64_t n_sets;
	int64_t level[COUNTERS_PER_KEY];
	uint64_t spare[3];
};

struct cell {
	struct counters_key key;
	int64_t counter[COUNTERS_PER_KEY];
};

struct counters_set {
	struct cell cells[WAYS];
};

_Static_assert(sizeof(struct counters_header) == 64, "layout of the header");
_Static_assert(sizeof(struct counters_set) == 256, "layout of a set");

/* A process dies between two stores: only the compiler must keep the order. */
static void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

size_t
counters_bytes(size_t n)
{
	size_t sets = 1;

	assert(n <= SIZE_MAX / 4096);
	while (sets * WAYS < n)
		sets *= 2;
	return sizeof(struct counters_header) +
	    sets * sizeof(struct counters_set);
}

static void
make(struct counters *t, uint64_t n_sets)
{
	struct counters_header *h = t->header;

	h->magic = 0;
	in_order();
	*h = (struct counters_header){
	    .layout = LAYOUT,
	    .set_bytes = sizeof(struct counters_set),
	    .n_sets = n_sets,
	};
	memset(t->sets, 0, n_sets * sizeof *t->sets);
	in_order();
	h->magic = MAGIC;
}

/* The largest power of two that is not above ${n}; ${n} is not 0. */
static uint64_t
power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p <= n / 2)
		p *= 2;
	return p;
}

enum err
counters_attach(struct counters *t, void *mem, size_t size)
{
	static const struct counters_header none;
	struct counters_header *h = mem;
	uint64_t n_sets;
	bool fresh;

	assert((uintptr_t)mem % 64 == 0);
	if (size < counters_bytes(1))
		return ERR_RANGE;
	n_sets = power_of_two((size - sizeof *h) / sizeof(struct counters_set));
	*t = (struct counters){
	    .header = h,
	    .sets = (struct counters_set *)(void *)(h + 1),
	    .mask = n_sets - 1,
	};
	if (h->magic == MAGIC && h->layout == LAYOUT && h->n_sets == n_sets &&
	    h->set_bytes == sizeof(struct counters_set))
		return OK;
	fresh = memcmp(h, &none, sizeof none) == 0;
	make(t, n_sets);
	return fresh ? OK : ERR_VERSION;
}

static struct cell *
find(const struct counters *t, struct counters_key key)
{
	struct counters_set *set = &t->sets[key.hi & t->mask];

	for (int i = 0; i < WAYS; i++) {
		struct cell *c = &set->cells[i];

		if (c->key.lo == key.lo && c->key.hi == key.hi)
			return c;
	}
	return NULL;
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

	for (int i = 1; i < WAYS; i++)
		if (debt(t, &set->cells[i]) < debt(t, best))
			best = &set->cells[i];
	if (debt(t, best) > 0)
		t->evicted++;
	memset(best->counter, 0, sizeof best->counter);
	in_order();
	best->key = key;
	in_order();
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
