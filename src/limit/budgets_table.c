/* See limit/budgets.h: the layout of budgets_table.h is what must survive. */
#include "limit/budgets_table.h"
#include <assert.h>
#include <stdatomic.h>

enum { LAYOUT = 1, BYTES_LEAST = 4096 };

#define MAGIC UINT64_C(0x776569722d62756b) /* "weir-buk" */

_Static_assert(sizeof(struct budgets_cell) == 128, "layout of a cell");
_Static_assert(sizeof(struct budgets_entry) == 32, "layout of an entry");
_Static_assert(sizeof(struct budgets_header) == 192, "layout of the header");

/* As in cells.c: only the compiler must keep the order. */
static void
in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* --- attaching --- */

struct layout {
	uint64_t n_sets;
	uint32_t n_entries;
};

static struct layout
layout_of(size_t size)
{
	size_t half = (size - sizeof(struct budgets_header)) / 2;
	struct layout l = {.n_sets = 1};
	size_t entries;

	while (l.n_sets * 2 * sizeof(struct budgets_set) <= half)
		l.n_sets *= 2;
	entries = (size - sizeof(struct budgets_header) -
		      l.n_sets * sizeof(struct budgets_set)) /
	    sizeof(struct budgets_entry);
	l.n_entries =
	    entries > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)entries;
	return l;
}

static bool
is_ours(const struct budgets_header *h, struct layout l,
    const struct hash_key *seed)
{
	return h->magic == MAGIC && h->layout == LAYOUT &&
	    h->set_bytes == sizeof(struct budgets_set) &&
	    h->n_sets == l.n_sets && h->n_entries == l.n_entries &&
	    (seed == NULL || memcmp(&h->seed, seed, sizeof *seed) == 0);
}

bool
budgets_are_there(const void *mem, size_t size, const struct hash_key *seed)
{
	return size >= BYTES_LEAST && is_ours(mem, layout_of(size), seed);
}

static void
make(struct budgets *b, struct layout l, struct hash_key seed)
{
	struct budgets_header *h = b->header;

	h->magic = 0;
	in_order();
	memset((char *)h + sizeof h->magic, 0, sizeof *h - sizeof h->magic);
	h->layout = LAYOUT;
	h->set_bytes = sizeof(struct budgets_set);
	h->n_sets = l.n_sets;
	h->n_entries = l.n_entries;
	h->seed = seed;
	memset(b->sets, 0, l.n_sets * sizeof *b->sets);
	in_order();
	h->magic = MAGIC;
}

struct budgets_cell *
budgets_cell_at(const struct budgets *b, uint32_t i)
{
	return &b->sets[i / BUDGETS_WAYS & b->mask].cells[i % BUDGETS_WAYS];
}

static void
free_entry(struct budgets *b, uint32_t i)
{
	struct budgets_entry *e = &b->entries[i];

	e->generation = 0;
	in_order();
	e->next = b->header->free_entry;
	b->header->free_entry = i;
}

static void
apply_journal(struct budgets *b)
{
	const struct budgets_journal *j = &b->header->journal;

	budgets_cell_at(b, j->cell)->head = j->head;
	if (j->entry != 0 && j->entry < b->n_entries)
		free_entry(b, j->entry);
	in_order();
	b->header->journal.is_valid = 0;
	in_order();
}

void
budgets_commit(struct budgets *b, uint32_t cell,
    const struct budgets_head *head, uint32_t entry)
{
	struct budgets_journal *j = &b->header->journal;

	j->cell = cell;
	j->entry = entry;
	j->head = *head;
	in_order();
	j->is_valid = 1;
	in_order();
	apply_journal(b);
}

/* Which reservations are of processes that are gone. */
struct gone {
	const uint64_t *live; /* all but these, */
	size_t n_live;
	uint64_t generation; /* or, if not 0, only this one's */
};

static bool
is_gone(const struct gone *g, uint64_t generation)
{
	if (generation == 0)
		return false;
	if (g->generation != 0)
		return generation == g->generation;
	for (size_t i = 0; i < g->n_live; i++)
		if (g->live[i] == generation)
			return false;
	return true;
}

/* What is reserved, and what is free, made anew from the entries. */
static void
rebuild(struct budgets *b)
{
	struct budgets_header *h = b->header;

	for (uint32_t i = 1; i <= h->used_entries; i++)
		if (b->entries[i].generation != 0)
			budgets_cell_at(b, b->entries[i].cell)
			    ->head.reserved_tok = 0;
	h->free_entry = 0;
	for (uint32_t i = h->used_entries; i > 0; i--) {
		const struct budgets_entry *e = &b->entries[i];

		if (e->generation == 0)
			free_entry(b, i);
		else
			budgets_cell_at(b, e->cell)->head.reserved_tok +=
			    e->reserved_tok;
	}
}

/*
 * Of those that are gone what they were seen to use is owed, the rest is given
 * back.
 */
static void
recover(struct budgets *b, const struct gone *g, int64_t now_ns)
{
	struct budgets_header *h = b->header;

	if (h->used_entries >= b->n_entries)
		h->used_entries = b->n_entries - 1;
	if (h->journal.is_valid == 1)
		apply_journal(b);
	for (uint32_t i = 1; i <= h->used_entries; i++) {
		struct budgets_entry *e = &b->entries[i];
		struct budgets_head head;

		if (!is_gone(g, e->generation))
			continue;
		head = budgets_cell_at(b, e->cell)->head;
		head.reserved_tok = 0;
		head.owed_tok += e->seen_tok;
		head.owed_ns = now_ns;
		budgets_commit(b, e->cell, &head, i);
	}
	rebuild(b);
}

void
budgets_enter(struct budgets *b)
{
	struct budgets_header *h = b->header;

	if (b->process == 0 || latch_take(&h->latch, b->process) == LATCH_TAKEN)
		return;
	if (h->journal.is_valid == 1)
		apply_journal(b);
	rebuild(b);
}

void
budgets_leave(struct budgets *b)
{
	if (b->process != 0)
		latch_give(&b->header->latch, b->process);
}

void
budgets_reap(struct budgets *b, uint64_t generation, int64_t now_ns)
{
	struct gone g = {.generation = generation};

	budgets_enter(b);
	recover(b, &g, now_ns);
	budgets_leave(b);
}

static bool
is_zero(const struct budgets_header *h)
{
	static const struct budgets_header none;

	return memcmp(h, &none, sizeof none) == 0;
}

enum err
budgets_attach(
    struct budgets *b, const struct budgets_place *place, int64_t now_ns)
{
	struct budgets_header *h = place->mem;
	struct layout l;
	bool was_zero;

	assert((uintptr_t)h % 64 == 0 && place->generation > 0);
	if (place->size < BYTES_LEAST)
		return ERR_RANGE;
	l = layout_of(place->size);
	*b = (struct budgets){
	    .header = h,
	    .sets = (struct budgets_set *)(void *)(h + 1),
	    .mask = l.n_sets - 1,
	    .n_entries = l.n_entries,
	    .generation = place->generation,
	};
	b->entries = (struct budgets_entry *)(void *)(b->sets + l.n_sets);
	if (is_ours(h, l, &place->seed)) {
		struct gone g = {.live = place->live, .n_live = place->n_live};

		b->process = place->process;
		budgets_enter(b);
		recover(b, &g, now_ns);
		budgets_leave(b);
		return OK;
	}
	was_zero = is_zero(h);
	make(b, l, place->seed);
	b->process = place->process;
	b->is_fresh = true;
	return was_zero ? OK : ERR_VERSION;
}

/* --- cells --- */

struct budgets_cell *
budgets_find(const struct budgets *b, struct cells_key key)
{
	struct budgets_set *set = &b->sets[key.hi & b->mask];

	for (unsigned i = 0; i < BUDGETS_WAYS; i++) {
		struct budgets_head *h = &set->cells[i].head;

		if (h->key.lo == key.lo && h->key.hi == key.hi)
			return &set->cells[i];
	}
	return NULL;
}

static int64_t
full_at(const struct budgets_head *h)
{
	int64_t at = h->debts[0].full_ns;

	for (unsigned i = 1; i < BUDGETS_EACH; i++)
		if (h->debts[i].full_ns > at)
			at = h->debts[i].full_ns;
	return at;
}

struct budgets_cell *
budgets_get(struct budgets *b, struct cells_key key, int64_t now_ns)
{
	struct budgets_set *set = &b->sets[key.hi & b->mask];
	struct budgets_cell *best = budgets_find(b, key);

	if (best != NULL)
		return best;
	for (unsigned i = 0; i < BUDGETS_WAYS; i++) {
		struct budgets_cell *c = &set->cells[i];

		if (c->head.reserved_tok == 0 && c->head.owed_tok == 0 &&
		    (best == NULL || full_at(&c->head) < full_at(&best->head)))
			best = c;
	}
	if (best == NULL)
		return NULL;
	if (full_at(&best->head) > now_ns)
		b->evicted++;
	/* A kill between leaves a full bucket of either name. */
	memset(best->head.debts, 0, sizeof best->head.debts);
	memset(&best->outputs, 0, sizeof best->outputs);
	in_order();
	best->head.key = key;
	in_order();
	return best;
}

uint32_t
budgets_number(const struct budgets *b, const struct budgets_cell *c)
{
	return (uint32_t)(c - b->sets[0].cells);
}

/* A free entry; 0 if there is none. */
static uint32_t
take_entry(struct budgets *b)
{
	struct budgets_header *h = b->header;
	uint32_t i = h->free_entry;

	if (i != 0) {
		h->free_entry = b->entries[i].next;
		return i;
	}
	if (h->used_entries + 1 >= b->n_entries)
		return 0;
	return ++h->used_entries;
}

uint32_t
budgets_open_entry(struct budgets *b, struct budgets_cell *c, uint64_t tok)
{
	uint32_t i = take_entry(b);

	if (i == 0)
		return 0;
	b->entries[i].cell = budgets_number(b, c);
	b->entries[i].reserved_tok = tok;
	b->entries[i].seen_tok = 0;
	in_order();
	b->entries[i].generation = b->generation;
	in_order();
	c->head.reserved_tok += tok;
	return i;
}
