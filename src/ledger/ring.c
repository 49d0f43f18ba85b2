#include "ledger/ring.h"
#include <assert.h>
#include <sys/mman.h>

/* Before each record; 8 bytes, so that records are aligned. */
struct mark {
	uint32_t step; /* to the next mark */
	uint32_t is_record;
};

_Static_assert(sizeof(struct mark) == 8, "records are aligned to 8");

bool
ring_init(struct ring *r, size_t bytes)
{
	assert(bytes >= RING_BYTES_LEAST && (bytes & (bytes - 1)) == 0);
	r->bytes = bytes;
	r->taken_seen = r->begun = 0;
	atomic_init(&r->put, 0);
	atomic_init(&r->taken, 0);
	r->mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return r->mem != MAP_FAILED;
}

void
ring_fini(struct ring *r)
{
	(void)munmap(r->mem, r->bytes);
}

static struct mark *
mark_at(const struct ring *r, size_t at)
{
	return (struct mark *)(void *)(r->mem + (at & (r->bytes - 1)));
}

/* Is there room up to ${end}?  The other side is asked only if need be. */
static bool
has_room(struct ring *r, size_t end)
{
	if (end - r->taken_seen <= r->bytes)
		return true;
	r->taken_seen = atomic_load_explicit(&r->taken, memory_order_acquire);
	return end - r->taken_seen <= r->bytes;
}

void *
ring_begin(struct ring *r, size_t n)
{
	size_t at = atomic_load_explicit(&r->put, memory_order_relaxed);
	size_t step = sizeof(struct mark) + (n + 7) / 8 * 8;
	size_t rest = r->bytes - (at & (r->bytes - 1));
	struct mark *m;

	assert(n <= RING_RECORD_MAX);
	if (!has_room(r, at + step + (step > rest ? rest : 0)))
		return NULL;
	if (step > rest) {
		*mark_at(r, at) = (struct mark){(uint32_t)rest, 0};
		at += rest;
	}
	m = mark_at(r, at);
	*m = (struct mark){(uint32_t)step, 1};
	r->begun = at + step;
	return m + 1;
}

size_t
ring_commit(struct ring *r)
{
	/* In one order with the flag of a sleeping reader, see ledger.c. */
	atomic_store(&r->put, r->begun);
	/* What was seen of the other side is old: it counts once it matters. */
	if (r->begun - r->taken_seen > r->bytes / 2)
		r->taken_seen =
		    atomic_load_explicit(&r->taken, memory_order_acquire);
	return r->begun - r->taken_seen;
}

const void *
ring_peek(struct ring *r)
{
	size_t put = atomic_load(&r->put);
	size_t at = atomic_load_explicit(&r->taken, memory_order_relaxed);

	while (at != put) {
		const struct mark *m = mark_at(r, at);

		if (m->is_record)
			return m + 1;
		at += m->step;
		atomic_store_explicit(&r->taken, at, memory_order_release);
	}
	return NULL;
}

void
ring_take(struct ring *r)
{
	size_t at = atomic_load_explicit(&r->taken, memory_order_relaxed);

	at += mark_at(r, at)->step;
	atomic_store_explicit(&r->taken, at, memory_order_release);
}
