/*
 * See limit/budgets.h: the layout below is what must survive a process.
 *
 * A cell's head changes in one way only: as a whole, through the journal.
 * What is reserved is the sum over the reservations; it is made anew by every
 * attach, so reserving needs no journal.
 */
#include "limit/budgets.h"
#include "limit/outputs.h"
#include <assert.h>
#include <stdatomic.h>

enum { WAYS = 8, LAYOUT = 1, PERCENT = 95, BYTES_LEAST = 4096 };

#define MAGIC UINT64_C(0x776569722d62756b) /* "weir-buk" */
#define RESTORE_MAX_NS (2 * BUDGET_PERIOD_MAX_NS)

struct head {
	struct cells_key key;
	struct budget_debt debts[BUDGETS_EACH];
	uint64_t reserved_tok;
	/* What gates that are gone left behind; charged when next touched. */
	uint64_t owed_tok;
	int64_t owed_ns;
};

struct cell {
	struct head head;
	struct outputs outputs;
};

struct budgets_set {
	struct cell cells[WAYS];
};

struct budgets_entry {
	uint64_t generation; /* 0: free */
	uint32_t cell;
	uint32_t next; /* of the free ones; 0: the last */
	uint64_t reserved_tok;
	uint64_t seen_tok;
};

/* A change of a cell, with the entry that it frees, to be done as one. */
struct journal {
	uint32_t is_valid;
	uint32_t cell;
	uint32_t entry; /* 0: none */
	uint32_t spare;
	struct head head;
};

struct budgets_header {
	uint64_t magic; /* written last: without it nothing else counts */
	uint32_t layout;
	uint32_t set_bytes;
	uint64_t n_sets;
	struct hash_key seed;
	uint32_t n_entries;
	uint32_t used_entries; /* those from 1 to this one were ever used */
	uint32_t free_entry;   /* 0: none */
	uint32_t spare;
	struct journal journal;
	uint64_t more[6];
};

_Static_assert(sizeof(struct cell) == 128, "layout of a cell");
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

static struct cell *
cell_at(const struct budgets *b, uint32_t i)
{
	return &b->sets[i / WAYS & b->mask].cells[i % WAYS];
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
	const struct journal *j = &b->header->journal;

	cell_at(b, j->cell)->head = j->head;
	if (j->entry != 0 && j->entry < b->n_entries)
		free_entry(b, j->entry);
	in_order();
	b->header->journal.is_valid = 0;
	in_order();
}

/* Make ${head} the head of ${cell} and free ${entry} (0: none), as one. */
static void
commit(
    struct budgets *b, uint32_t cell, const struct head *head, uint32_t entry)
{
	struct journal *j = &b->header->journal;

	j->cell = cell;
	j->entry = entry;
	j->head = *head;
	in_order();
	j->is_valid = 1;
	in_order();
	apply_journal(b);
}

/*
 * All open entries are those of processes that are gone: what they were seen
 * to use is owed, the rest is given back.
 */
static void
recover(struct budgets *b, int64_t now_ns)
{
	struct budgets_header *h = b->header;

	if (h->used_entries >= b->n_entries)
		h->used_entries = b->n_entries - 1;
	if (h->journal.is_valid == 1)
		apply_journal(b);
	for (uint32_t i = 1; i <= h->used_entries; i++) {
		struct budgets_entry *e = &b->entries[i];
		struct head head;

		if (e->generation == 0)
			continue;
		head = cell_at(b, e->cell)->head;
		head.reserved_tok = 0;
		head.owed_tok += e->seen_tok;
		head.owed_ns = now_ns;
		commit(b, e->cell, &head, i);
	}
	h->free_entry = 0;
	for (uint32_t i = h->used_entries; i > 0; i--)
		free_entry(b, i);
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
		recover(b, now_ns);
		return OK;
	}
	was_zero = is_zero(h);
	make(b, l, place->seed);
	b->is_fresh = true;
	return was_zero ? OK : ERR_VERSION;
}

/* --- cells --- */

static struct cell *
find(const struct budgets *b, struct cells_key key)
{
	struct budgets_set *set = &b->sets[key.hi & b->mask];

	for (unsigned i = 0; i < WAYS; i++) {
		struct head *h = &set->cells[i].head;

		if (h->key.lo == key.lo && h->key.hi == key.hi)
			return &set->cells[i];
	}
	return NULL;
}

static int64_t
full_at(const struct head *h)
{
	int64_t at = h->debts[0].full_ns;

	for (unsigned i = 1; i < BUDGETS_EACH; i++)
		if (h->debts[i].full_ns > at)
			at = h->debts[i].full_ns;
	return at;
}

/*
 * The cell of ${key}, made if need be from the one that is soonest full; NULL
 * if all of the set have reservations.
 */
static struct cell *
get(struct budgets *b, struct cells_key key, int64_t now_ns)
{
	struct budgets_set *set = &b->sets[key.hi & b->mask];
	struct cell *best = find(b, key);

	if (best != NULL)
		return best;
	for (unsigned i = 0; i < WAYS; i++) {
		struct cell *c = &set->cells[i];

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

static uint32_t
number_of(const struct budgets *b, const struct cell *c)
{
	return (uint32_t)(c - b->sets[0].cells);
}

/* --- reservations --- */

/* An entry for ${c}; 0 if there is none. */
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

static void
hold_open(
    struct budgets *b, struct cell *c, uint64_t tok, struct budgets_hold *hold)
{
	uint32_t i = c == NULL ? 0 : take_entry(b);

	hold->is_open = true;
	hold->entry = i;
	b->open++;
	if (i == 0) {
		b->untracked++;
		return;
	}
	b->entries[i].cell = number_of(b, c);
	b->entries[i].reserved_tok = tok;
	b->entries[i].seen_tok = 0;
	in_order();
	b->entries[i].generation = b->generation;
	in_order();
	c->head.reserved_tok += tok;
}

/* What an answer may take, as far as that is known; -1: all there is. */
static int64_t
output_of(const struct outputs *o, const struct budgets_rule *rule,
    const struct budgets_ask *ask)
{
	int64_t usual;

	if (rule->strict)
		return ask->output_most_tok;
	usual = o == NULL ? -1 : outputs_quantile(o, PERCENT);
	if (usual < 0)
		usual = BUDGETS_GUESS_TOK;
	return ask->output_most_tok >= 0 && ask->output_most_tok < usual
	    ? ask->output_most_tok
	    : usual;
}

static uint64_t
smallest(const struct budgets_rule *rule)
{
	uint64_t least = rule->limits[0].tokens;

	for (unsigned i = 1; i < rule->n; i++)
		if (rule->limits[i].tokens < least)
			least = rule->limits[i].tokens;
	return least;
}

static uint64_t
clamped(uint64_t tok, const struct budgets_rule *rule)
{
	uint64_t most = smallest(rule);

	return tok == 0 ? 1 : tok < most ? tok : most;
}

/* Set wanted_tok and is_hopeless. */
static void
judge_want(struct budgets_answer *out, const struct outputs *o,
    const struct budgets_rule *rule, const struct budgets_ask *ask)
{
	int64_t output = output_of(o, rule, ask);
	uint64_t input = ask->input_tok, capacity = smallest(rule);

	if (input > BUDGET_USE_MAX)
		input = BUDGET_USE_MAX;
	if (output > BUDGET_USE_MAX)
		output = BUDGET_USE_MAX;
	out->wanted_tok = input + (output < 0 ? 0 : (uint64_t)output);
	out->is_hopeless = rule->strict && out->wanted_tok > capacity;
	if (output < 0 && out->wanted_tok < capacity)
		out->wanted_tok = capacity;
}

/* The numbers of the limit that has least left; ${need} more are wanted. */
static void
describe(struct budgets_answer *out, const struct head *h,
    const struct budgets_rule *rule, uint64_t need, int64_t now_ns)
{
	out->left_tok = UINT64_MAX;
	for (unsigned i = 0; i < rule->n; i++) {
		const struct budget_limit *l = &rule->limits[i];
		const struct budget_debt *d = &h->debts[i];
		uint64_t held = h->reserved_tok;
		uint64_t left = budget_left(d, l, held, now_ns);
		int64_t wait = budget_wait_ns(d, l, held, need, now_ns);

		out->full_ns[i] = d->full_ns + (d->rem > 0);
		if (wait > out->wait_ns)
			out->wait_ns = wait;
		if (left >= out->left_tok)
			continue;
		out->left_tok = left;
		out->which = i;
		out->reset_ns = budget_wait_ns(d, l, held, l->tokens, now_ns);
	}
	if (rule->n == 0)
		out->left_tok = 0;
}

/* Charge what is owed since a gate ended. */
static void
charge_owed(struct head *h, const struct budgets_rule *rule)
{
	for (unsigned i = 0; i < rule->n; i++)
		budget_charge(
		    &h->debts[i], &rule->limits[i], h->owed_tok, h->owed_ns);
	h->owed_tok = 0;
	h->owed_ns = 0;
}

bool
budgets_reserve(struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, const struct budgets_ask *ask,
    int64_t now_ns, struct budgets_hold *hold, struct budgets_answer *out)
{
	static const struct head full;
	struct cell *c = get(b, key, now_ns);
	uint64_t need;

	assert(!hold->is_open && rule->n > 0 && rule->n <= BUDGETS_EACH);
	*out = (struct budgets_answer){.allowed = false};
	if (c != NULL && c->head.owed_tok > 0) {
		struct head h = c->head;

		charge_owed(&h, rule);
		commit(b, number_of(b, c), &h, 0);
	}
	judge_want(out, c ? &c->outputs : NULL, rule, ask);
	need = clamped(out->wanted_tok, rule);
	describe(out, c ? &c->head : &full, rule, need, now_ns);
	if (out->is_hopeless || out->wait_ns > 0)
		return false;
	out->allowed = true;
	hold->key = key;
	hold_open(b, c, need, hold);
	describe(out, c ? &c->head : &full, rule, 0, now_ns);
	return true;
}

bool
budgets_confirm(const struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_hold *hold, int64_t now_ns, struct budgets_answer *out)
{
	const struct budgets_entry *e = &b->entries[hold->entry];
	struct head h;

	*out = (struct budgets_answer){.allowed = true};
	if (!hold->is_open || hold->entry == 0 || rule->n == 0)
		return true;
	h = cell_at(b, e->cell)->head;
	h.reserved_tok = 0;
	describe(out, &h, rule, clamped(e->reserved_tok, rule), now_ns);
	out->allowed = out->wait_ns == 0;
	return out->allowed;
}

void
budgets_note(
    struct budgets *b, const struct budgets_hold *hold, uint64_t used_tok)
{
	if (hold->is_open && hold->entry != 0)
		b->entries[hold->entry].seen_tok = used_tok;
}

bool
budgets_settle(struct budgets *b, const struct budgets_rule *rule,
    const struct budgets_use *use, int64_t now_ns, struct budgets_hold *hold,
    struct budgets_answer *out)
{
	struct cell *c;
	struct head h;

	*out = (struct budgets_answer){.allowed = true};
	if (!hold->is_open)
		return false;
	hold->is_open = false;
	b->open--;
	if (hold->entry != 0)
		c = cell_at(b, b->entries[hold->entry].cell);
	else if ((c = get(b, hold->key, now_ns)) == NULL)
		return true;
	h = c->head;
	if (hold->entry != 0)
		h.reserved_tok -= b->entries[hold->entry].reserved_tok;
	if (h.owed_tok > 0)
		charge_owed(&h, rule);
	for (unsigned i = 0; i < rule->n && use->used_tok > 0; i++)
		budget_charge(
		    &h.debts[i], &rule->limits[i], use->used_tok, now_ns);
	commit(b, number_of(b, c), &h, hold->entry);
	if (use->output_tok > 0)
		outputs_add(&c->outputs, (uint64_t)use->output_tok);
	describe(out, &c->head, rule, 0, now_ns);
	return true;
}

void
budgets_peek(const struct budgets *b, struct cells_key key,
    const struct budgets_rule *rule, int64_t now_ns, struct budgets_answer *out)
{
	static const struct head full;
	const struct cell *c = find(b, key);
	struct head h = c == NULL ? full : c->head;

	*out = (struct budgets_answer){.allowed = true};
	if (h.owed_tok > 0)
		charge_owed(&h, rule);
	describe(out, &h, rule, 0, now_ns);
}

void
budgets_restore(struct budgets *b, struct cells_key key,
    const int64_t full_ns[BUDGETS_EACH], int64_t now_ns)
{
	struct cell *c = get(b, key, now_ns);

	for (unsigned i = 0; c != NULL && i < BUDGETS_EACH; i++) {
		int64_t at = full_ns[i];

		if (at > now_ns + RESTORE_MAX_NS)
			at = now_ns + RESTORE_MAX_NS;
		c->head.debts[i] = (struct budget_debt){.full_ns = at};
	}
}

uint64_t
budgets_reserved(const struct budgets *b, struct cells_key key)
{
	const struct cell *c = find(b, key);

	return c == NULL ? 0 : c->head.reserved_tok;
}
