/* See limit/cells.h: the layout below is what must survive a process. */
#include "limit/cells.h"
#include <assert.h>
#include <stdatomic.h>

enum { CELLS_WAYS = 8, CELLS_LAYOUT = 1 };

#define CELLS_MAGIC UINT64_C(0x776569722d63656c) /* "weir-cel" */

struct cells_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t set_bytes;
	uint64_t n_sets;
	struct hash_key seed;
	uint64_t spare[3];
};

struct slot {
	struct cells_key key;
	struct gcra_cell cell;
};

struct cells_set {
	struct slot slots[CELLS_WAYS];
};

_Static_assert(sizeof(struct cells_header) == 64, "layout of the header");
_Static_assert(sizeof(struct cells_set) == 256, "layout of a set");

/*
 * A process dies between two of its stores, never in the middle of what other
 * processors see: only the compiler must keep the order.
 */
static void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
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

size_t
cells_bytes(size_t n)
{
	size_t sets = 1;

	assert(n <= SIZE_MAX / 4096);
	while (sets * CELLS_WAYS < n)
		sets *= 2;
	return sizeof(struct cells_header) + sets * sizeof(struct cells_set);
}

static bool
is_zero(const struct cells_header *h)
{
	static const struct cells_header none;

	return memcmp(h, &none, sizeof none) == 0;
}

static bool
is_ours(const struct cells_header *h, uint64_t n_sets)
{
	return h->magic == CELLS_MAGIC && h->layout == CELLS_LAYOUT &&
	    h->set_bytes == sizeof(struct cells_set) && h->n_sets == n_sets;
}

static void
make(struct cells *t, uint64_t n_sets, struct hash_key seed)
{
	struct cells_header *h = t->header;

	h->magic = 0;
	in_order();
	h->layout = CELLS_LAYOUT;
	h->set_bytes = sizeof(struct cells_set);
	h->n_sets = n_sets;
	h->seed = seed;
	memset(h->spare, 0, sizeof h->spare);
	memset(t->sets, 0, n_sets * sizeof *t->sets);
	in_order();
	h->magic = CELLS_MAGIC;
}

enum err
cells_attach(struct cells *t, void *mem, size_t size, struct hash_key seed)
{
	struct cells_header *h = mem;
	uint64_t n_sets;
	bool fresh;

	assert((uintptr_t)mem % 64 == 0);
	if (size < cells_bytes(1))
		return ERR_RANGE;
	n_sets = power_of_two((size - sizeof *h) / sizeof(struct cells_set));
	*t = (struct cells){
	    .header = h,
	    .sets = (struct cells_set *)(void *)(h + 1),
	    .mask = n_sets - 1,
	};
	if (is_ours(h, n_sets))
		return OK;
	fresh = is_zero(h);
	make(t, n_sets, seed);
	return fresh ? OK : ERR_VERSION;
}

struct hash_key
cells_seed(const struct cells *t)
{
	return t->header->seed;
}

struct cells_key
cells_key(const struct cells *t, enum cells_kind kind, struct slice who)
{
	struct hash_key a = t->header->seed, b = a;

	/* Two functions of one family, the kind folded into both keys. */
	a.k0 ^= (uint64_t)kind;
	b.k0 ^= (uint64_t)kind;
	b.k1 = ~b.k1;
	return (struct cells_key){hash_bytes(a, who), hash_bytes(b, who)};
}

static struct slot *
find(const struct cells *t, struct cells_key key)
{
	struct cells_set *set = &t->sets[key.hi & t->mask];

	for (int i = 0; i < CELLS_WAYS; i++) {
		struct slot *s = &set->slots[i];

		if (s->key.lo == key.lo && s->key.hi == key.hi)
			return s;
	}
	return NULL;
}

static bool
is_sooner(const struct gcra_cell *a, const struct gcra_cell *b)
{
	return a->tat_ns < b->tat_ns ||
	    (a->tat_ns == b->tat_ns && a->tat_rem < b->tat_rem);
}

/* Give the cell of the set that is soonest full to ${key}. */
static struct slot *
claim(struct cells *t, struct cells_key key, int64_t now_ns)
{
	struct cells_set *set = &t->sets[key.hi & t->mask];
	struct slot *best = &set->slots[0];

	for (int i = 1; i < CELLS_WAYS; i++)
		if (is_sooner(&set->slots[i].cell, &best->cell))
			best = &set->slots[i];
	if (!gcra_is_full(&best->cell, now_ns))
		t->evicted++;
	best->cell = (struct gcra_cell){0};
	in_order();
	best->key = key;
	in_order();
	return best;
}

bool
cells_take(struct cells *t, struct cells_key key, const struct gcra_rate *rate,
    int64_t now_ns, struct gcra_answer *out)
{
	struct slot *s = find(t, key);

	if (s == NULL)
		s = claim(t, key, now_ns);
	return gcra_take(&s->cell, rate, now_ns, out);
}

bool
cells_peek(const struct cells *t, struct cells_key key,
    const struct gcra_rate *rate, int64_t now_ns, struct gcra_answer *out)
{
	static const struct gcra_cell full;
	const struct slot *s = find(t, key);

	return gcra_peek(s == NULL ? &full : &s->cell, rate, now_ns, out);
}

size_t
cells_in_debt(const struct cells *t, int64_t now_ns)
{
	size_t n = 0;

	for (uint64_t i = 0; i <= t->mask; i++)
		for (int j = 0; j < CELLS_WAYS; j++)
			n += !gcra_is_full(&t->sets[i].slots[j].cell, now_ns);
	return n;
}
