/* See limit/cells.h: the layout below is what must survive a process. */
#include "limit/cells.h"
#include "base/lasting.h"
#include "os/latch.h"

enum { CELLS_LAYOUT = 1 };

#define CELLS_MAGIC UINT64_C(0x776569722d63656c) /* "weir-cel" */

struct cells_header {
	struct lasting_header lasting;
	struct hash_key seed;
	struct latch latch;
	uint32_t spare_too;
	uint64_t spare[2];
};

struct slot {
	struct cells_key key;
	struct gcra_cell cell;
};

struct cells_set {
	struct slot slots[LASTING_WAYS];
};

_Static_assert(sizeof(struct cells_header) == LASTING_HEADER, "its layout");
_Static_assert(sizeof(struct slot) == LASTING_CELL, "layout of a cell");

size_t
cells_bytes(size_t n)
{
	return lasting_bytes(n);
}

enum err
cells_attach(struct cells *t, void *mem, size_t size, struct hash_key seed)
{
	const struct lasting_header want = {
	    .magic = CELLS_MAGIC, .layout = CELLS_LAYOUT};
	uint64_t mask = 0;
	enum err e = lasting_attach(mem, size, want, &mask);

	if (e == ERR_RANGE)
		return e;
	*t = (struct cells){.header = mem, .mask = mask};
	t->sets = (struct cells_set *)(void *)(t->header + 1);
	if (e == OK)
		return OK;
	t->header->seed = seed;
	lasting_made(mem, CELLS_MAGIC);
	return e == ERR_EOF ? OK : e;
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
	return lasting_find(
	    t->sets, t->mask, (struct lasting_key){key.lo, key.hi});
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

	for (int i = 1; i < LASTING_WAYS; i++)
		if (is_sooner(&set->slots[i].cell, &best->cell))
			best = &set->slots[i];
	if (!gcra_is_full(&best->cell, now_ns))
		t->evicted++;
	best->cell = (struct gcra_cell){0};
	lasting_in_order();
	best->key = key;
	lasting_in_order();
	return best;
}

bool
cells_take(struct cells *t, struct cells_key key, const struct gcra_rate *rate,
    int64_t now_ns, struct gcra_answer *out)
{
	struct latch *latch = &t->header->latch;
	struct slot *s;
	bool ok;

	/* A cell is whole at any moment: nothing to mend. */
	if (t->process != 0)
		(void)latch_take(latch, t->process);
	if ((s = find(t, key)) == NULL)
		s = claim(t, key, now_ns);
	ok = gcra_take(&s->cell, rate, now_ns, out);
	if (t->process != 0)
		latch_give(latch, t->process);
	return ok;
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
		for (int j = 0; j < LASTING_WAYS; j++)
			n += !gcra_is_full(&t->sets[i].slots[j].cell, now_ns);
	return n;
}
