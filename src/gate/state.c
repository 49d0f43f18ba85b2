#include "gate/state.h"
#include "ipc/gate_start.h"
#include "os/share.h"
#include <assert.h>

#define STATE_MAGIC UINT64_C(0x776569722d677374) /* "weir-gst" */

enum {
	KIB = 1024,
	HEADER_BYTES = 4 * KIB, /* with PULSE_AT in it */
};

struct header {
	uint64_t magic; /* written last */
	uint64_t layout;
	int64_t born_us;
};

/*
 * Tables of 2^n sets want a little more than a power of two, for their own
 * headers.
 */
static const size_t part_bytes[STATE_PARTS] = {
    [STATE_CELLS] = (4096 + 4) * KIB,
    [STATE_COUNTERS] = (2048 + 4) * KIB,
    [STATE_BUDGETS] = (4096 + 64) * KIB,
    [STATE_BLOCKED] = 64 * KIB,
    [STATE_DRAINED] = 16 * KIB,
    [STATE_TALLY] = 16 * KIB,
    [STATE_ALERTS] = 128 * KIB,
};

static struct header *
header_of(const struct state *s)
{
	return (struct header *)(void *)s->mem;
}

enum err
state_map(struct state *s, int fd, int64_t now_us)
{
	struct header *h;
	void *mem = NULL;
	enum err e = os_share_map(fd, GATE_STATE_BYTES, &mem);

	s->mem = mem;
	if (e != OK)
		return e;
	h = header_of(s);
	if (h->magic == STATE_MAGIC && h->layout == GATE_STATE_LAYOUT)
		return OK;
	/* New memory is zeros already and is not touched. */
	if (h->magic != 0)
		memset(s->mem, 0, GATE_STATE_BYTES);
	h->layout = GATE_STATE_LAYOUT;
	h->born_us = now_us;
	h->magic = STATE_MAGIC;
	return OK;
}

void
state_unmap(struct state *s)
{
	if (s->mem != NULL)
		os_share_unmap(s->mem, GATE_STATE_BYTES);
	s->mem = NULL;
}

void *
state_get(const struct state *s, enum state_part part, size_t *bytes)
{
	size_t at = HEADER_BYTES;

	assert(s->mem != NULL && part < STATE_PARTS);
	for (unsigned i = 0; i < (unsigned)part; i++)
		at += part_bytes[i];
	assert(at + part_bytes[part] <= GATE_STATE_BYTES);
	*bytes = part_bytes[part];
	return s->mem + at;
}

int64_t
state_born_us(const struct state *s)
{
	return header_of(s)->born_us;
}
