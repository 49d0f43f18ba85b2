/* See base/lasting.h. */
#include "base/lasting.h"
#include <assert.h>
#include <string.h>

enum { SET_BYTES = LASTING_WAYS * LASTING_CELL };

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
lasting_bytes(size_t n)
{
	size_t sets = 1;

	assert(n <= SIZE_MAX / 4096);
	while (sets * LASTING_WAYS < n)
		sets *= 2;
	return LASTING_HEADER + sets * SET_BYTES;
}

static bool
is_zero(const void *mem)
{
	static const char none[LASTING_HEADER];

	return memcmp(mem, none, sizeof none) == 0;
}

enum err
lasting_attach(
    void *mem, size_t size, struct lasting_header want, uint64_t *mask)
{
	struct lasting_header *h = mem;
	bool was_zero;

	assert(mem != NULL && (uintptr_t)mem % LASTING_HEADER == 0);
	if (size < LASTING_HEADER + SET_BYTES)
		return ERR_RANGE;
	want.set_bytes = SET_BYTES;
	want.n_sets = power_of_two((size - LASTING_HEADER) / SET_BYTES);
	*mask = want.n_sets - 1;
	if (h->magic == want.magic && h->layout == want.layout &&
	    h->set_bytes == want.set_bytes && h->n_sets == want.n_sets)
		return OK;
	was_zero = is_zero(mem);
	if (!was_zero) {
		h->magic = 0;
		lasting_in_order();
		memset(
		    (char *)mem + LASTING_HEADER, 0, want.n_sets * SET_BYTES);
		lasting_in_order();
		/* Last, so that no header of zeros stands before other cells. */
		memset(mem, 0, LASTING_HEADER);
	}
	want.magic = 0;
	*h = want;
	return was_zero ? ERR_EOF : ERR_VERSION;
}

void
lasting_made(void *mem, uint64_t magic)
{
	struct lasting_header *h = mem;

	lasting_in_order();
	h->magic = magic;
}
