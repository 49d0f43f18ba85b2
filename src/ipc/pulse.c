/* A counter: the gate's generation in the upper half, its beats below. */
#include "ipc/pulse.h"
#include "ipc/gate_start.h"
#include <assert.h>
#include <stdatomic.h>

enum { HALF = 32 };

struct pulse {
	_Atomic uint64_t beats[GATES_MAX];
};

static_assert(PULSE_AT + sizeof(struct pulse) <= PULSE_BYTES, "one page");

/* Generations that are alive at one time are next to one another. */
static _Atomic uint64_t *
counter(const void *mem, uint64_t generation)
{
	struct pulse *p = (void *)((char *)(uintptr_t)mem + PULSE_AT);

	return &p->beats[generation % GATES_MAX];
}

void
pulse_beat(void *mem, uint64_t generation)
{
	_Atomic uint64_t *c = counter(mem, generation);
	uint64_t old = atomic_load_explicit(c, memory_order_relaxed);
	uint32_t n = old >> HALF == (uint32_t)generation ? (uint32_t)old : 0;

	atomic_store_explicit(
	    c, (generation << HALF) | (uint32_t)(n + 1), memory_order_relaxed);
}

uint64_t
pulse_read(const void *mem, uint64_t generation)
{
	uint64_t v = atomic_load_explicit(
	    counter(mem, generation), memory_order_relaxed);

	return v >> HALF == (uint32_t)generation ? v : 0;
}
