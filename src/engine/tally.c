#include "engine/tally.h"
#include <stdatomic.h>
#include <string.h>

#define MAGIC UINT64_C(0x776569722d74616c) /* "weir-tal" */

/* The generation of rows whose gate is gone with requests in flight. */
#define LEFT UINT64_MAX

enum { GATES = 16 };

struct tally_header {
	uint64_t magic;
	_Atomic uint64_t gates[GATES]; /* generations; 0: free */
};

struct tally_row {
	_Atomic uint64_t generation; /* 0: free */
	_Atomic uint64_t key;
	_Atomic uint32_t in_use;
	uint32_t spare;
};

static bool
is_in(uint64_t generation, const uint64_t *live, size_t n_live)
{
	for (size_t i = 0; i < n_live; i++)
		if (live[i] == generation)
			return true;
	return false;
}

static void
free_row(struct tally_row *r)
{
	r->in_use = 0;
	r->generation = 0;
}

static void
bury_row(struct tally_row *r)
{
	if (r->in_use > 0)
		r->generation = LEFT;
	else
		free_row(r);
}

static void
drop_dead(
    struct tally *t, uint64_t generation, const uint64_t *live, size_t n_live)
{
	for (size_t i = 0; i < GATES; i++) {
		uint64_t g = t->header->gates[i];

		if (g != generation && !is_in(g, live, n_live))
			t->header->gates[i] = 0;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t g = t->rows[i].generation;

		if (g != 0 && g != generation && !is_in(g, live, n_live))
			bury_row(&t->rows[i]);
	}
}

enum err
tally_attach(struct tally *t, void *mem, size_t size, uint64_t generation,
    const uint64_t *live, size_t n_live)
{
	if (size < sizeof *t->header + sizeof *t->rows)
		return ERR_RANGE;
	*t = (struct tally){.header = mem, .generation = generation};
	t->rows = (struct tally_row *)(void *)(t->header + 1);
	t->n = (uint32_t)((size - sizeof *t->header) / sizeof *t->rows);
	if (t->n >= TALLY_NONE)
		t->n = TALLY_NONE - 1;
	if (t->header->magic != MAGIC) {
		memset(mem, 0, size);
		t->header->magic = MAGIC;
	}
	drop_dead(t, generation, live, n_live);
	for (size_t i = 0; i < GATES; i++) {
		uint64_t none = 0;

		if (t->header->gates[i] == generation ||
		    atomic_compare_exchange_strong(
			&t->header->gates[i], &none, generation))
			break;
	}
	return OK;
}

void
tally_forget(struct tally *t, uint64_t generation)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->rows[i].generation == generation)
			free_row(&t->rows[i]);
	for (size_t i = 0; i < GATES; i++)
		if (t->header->gates[i] == generation)
			t->header->gates[i] = 0;
}

void
tally_bury(struct tally *t, uint64_t generation)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->rows[i].generation == generation)
			bury_row(&t->rows[i]);
	tally_forget(t, generation);
}

unsigned
tally_take_left(struct tally *t, uint64_t key)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		struct tally_row *r = &t->rows[i];
		uint64_t left = LEFT;

		if (r->generation != LEFT || r->key != key)
			continue;
		n += r->in_use;
		/* Only who serves takes, and there is one of those. */
		r->in_use = 0;
		(void)atomic_compare_exchange_strong(&r->generation, &left, 0);
	}
	return n;
}

bool
tally_has_others(const struct tally *t)
{
	for (size_t i = 0; i < GATES; i++) {
		uint64_t g = atomic_load_explicit(
		    &t->header->gates[i], memory_order_relaxed);

		if (g != 0 && g != t->generation)
			return true;
	}
	return false;
}

/* A row that was ${from}, 0 or LEFT, for ${key}. */
static uint32_t
take_row(struct tally *t, uint64_t key, uint64_t from)
{
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t was = from;

		if (!atomic_compare_exchange_strong(
			&t->rows[i].generation, &was, t->generation))
			continue;
		/* Free rows say 0: whoever looks now is not misled. */
		t->rows[i].key = key;
		return i;
	}
	return TALLY_NONE;
}

void
tally_set(struct tally *t, uint32_t *row, uint64_t key, unsigned in_use)
{
	struct tally_row *r;

	if (*row == TALLY_NONE && in_use > 0)
		*row = take_row(t, key, 0);
	/* What was left at engines that are configured no more. */
	if (*row == TALLY_NONE && in_use > 0)
		*row = take_row(t, key, LEFT);
	if (*row == TALLY_NONE)
		return;
	r = &t->rows[*row];
	atomic_store_explicit(&r->in_use, in_use, memory_order_release);
	if (in_use > 0)
		return;
	atomic_store_explicit(&r->generation, 0, memory_order_release);
	*row = TALLY_NONE;
}

unsigned
tally_others(const struct tally *t, uint64_t key)
{
	unsigned n = 0;

	if (!tally_has_others(t))
		return 0;
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t g = t->rows[i].generation;

		if (g != 0 && g != LEFT && g != t->generation &&
		    t->rows[i].key == key)
			n += t->rows[i].in_use;
	}
	return n;
}
