#include "metric/lanes.h"
#include "metric/loglin.h"
#include <stdatomic.h>
#include <string.h>

#define MAGIC UINT64_C(0x776569722d6c6e31) /* "weir-ln1" */

enum {
	ALIGN = 8,
	/* Room for "other" of every metric. */
	LAST_RESORT_BYTES = 128 * 1024,
};

struct lane_header {
	_Atomic uint64_t magic;
	_Atomic uint64_t owner; /* the generation of a gate; 0: nobody */
	_Atomic uint64_t used;	/* bytes, this header counted */
	uint64_t spare[5];
};

_Static_assert(sizeof(struct lane_header) == 64, "entries are aligned");
_Static_assert(sizeof(struct lane_entry) % ALIGN == 0, "cells are aligned");

static struct lane_header *
header_of(const struct lanes *l, unsigned i)
{
	return (void *)(l->mem + (size_t)i * METRICS_LANE_BYTES);
}

static bool
is_in(uint64_t generation, const struct metrics_share *s)
{
	for (size_t i = 0; i < s->n_live; i++)
		if (s->live[i] == generation)
			return true;
	return false;
}

/* A lane of another layout is nobody's: it stays as it is. */
static bool
is_known(const struct lane_header *h)
{
	return h->magic == MAGIC;
}

static bool
try_take(struct lane_header *h, uint64_t generation)
{
	uint64_t none = 0;

	if (h->magic != 0 && !is_known(h))
		return false;
	if (h->owner != generation &&
	    !atomic_compare_exchange_strong(&h->owner, &none, generation))
		return false;
	if (h->magic == 0) {
		h->used = sizeof *h;
		h->magic = MAGIC;
	}
	return true;
}

enum err
lanes_take(struct lanes *l, const struct metrics_share *s)
{
	*l = (struct lanes){.mem = s->mem, .generation = s->generation};
	l->n = (unsigned)(s->size / METRICS_LANE_BYTES);
	if (l->n > METRICS_LANES)
		l->n = METRICS_LANES;
	for (unsigned i = 0; i < l->n; i++) {
		struct lane_header *h = header_of(l, i);

		l->seen[i] = sizeof *h;
		if (is_known(h) && !is_in(h->owner, s))
			h->owner = 0;
	}
	for (l->own = 0; l->own < l->n; l->own++)
		if (try_take(header_of(l, l->own), l->generation))
			return OK;
	l->mem = NULL;
	return l->n == 0 ? ERR_RANGE : ERR_FULL;
}

void
lanes_bury(struct lanes *l, uint64_t generation)
{
	for (unsigned i = 0; l->mem != NULL && i < l->n; i++)
		if (is_known(header_of(l, i)))
			(void)atomic_compare_exchange_strong(
			    &header_of(l, i)->owner, &(uint64_t){generation},
			    0);
}

void
lanes_give(struct lanes *l)
{
	lanes_bury(l, l->generation);
	l->mem = NULL;
}

uint64_t
lanes_owner(const struct lanes *l, unsigned i)
{
	return is_known(header_of(l, i)) ? header_of(l, i)->owner : 0;
}

size_t
lane_cell_bytes(enum metric_kind kind)
{
	return kind == METRIC_HISTOGRAM ? sizeof(struct loglin)
					: sizeof(int64_t);
}

void *
lane_cells(const struct lane_entry *e)
{
	return (char *)(uintptr_t)e + e->bytes -
	    lane_cell_bytes((enum metric_kind)e->kind);
}

static size_t
entry_bytes(enum metric_kind kind, size_t n_key)
{
	size_t n = sizeof(struct lane_entry) + n_key;

	return (n + ALIGN - 1) / ALIGN * ALIGN + lane_cell_bytes(kind);
}

/* Another process wrote it: what is not whole ends the lane. */
struct lane_entry *
lanes_next(struct lanes *l, unsigned i)
{
	struct lane_header *h = header_of(l, i);
	size_t used = is_known(h) ? h->used : 0, at = l->seen[i];
	struct lane_entry *e = (void *)((char *)h + at);

	if (used > METRICS_LANE_BYTES || at + sizeof *e > used ||
	    e->kind >= METRIC_KINDS ||
	    e->bytes != entry_bytes((enum metric_kind)e->kind, e->n_key) ||
	    e->bytes > used - at)
		return NULL;
	l->seen[i] += e->bytes;
	return e;
}

struct lane_entry *
lanes_add(struct lanes *l, const struct lane_entry *e, struct slice key,
    bool is_last_resort)
{
	struct lane_header *h = header_of(l, l->own);
	size_t bytes = entry_bytes((enum metric_kind)e->kind, key.n);
	size_t room =
	    METRICS_LANE_BYTES - (is_last_resort ? 0 : LAST_RESORT_BYTES);
	struct lane_entry *made = (void *)((char *)h + h->used);

	if (h->used + bytes > room)
		return NULL;
	memset(made, 0, bytes);
	*made = *e;
	made->bytes = (uint32_t)bytes;
	made->n_key = (uint16_t)key.n;
	if (key.n > 0)
		memcpy(made->key, key.p, key.n);
	/* It counts from here on: before, a killed gate leaves nothing. */
	h->used += bytes;
	l->seen[l->own] = h->used;
	return made;
}
