#include "log/id.h"

/* The next number of the keyed sequence. */
static uint64_t
draw(struct id_source *s)
{
	uint64_t n = s->count++;
	struct slice bytes = slice_of((const char *)&n, sizeof n);

	return hash_bytes(s->key, bytes);
}

void
id_init(struct id_source *s, struct hash_key seed)
{
	*s = (struct id_source){.key = seed};
}

/*
 * Advance to an id above the last: new chance in a new millisecond; within
 * one, or when the clock went back, a step of chance upwards.  The chance
 * starts in its lower half, so that it does not run over; if it did, the
 * millisecond would.
 */
static void
step(struct id_source *s, uint64_t ms)
{
	uint64_t lo = s->lo;

	if (ms > s->ms) {
		s->ms = ms;
		s->hi = draw(s) & 0x7fff;
		s->lo = draw(s);
		return;
	}
	s->lo += (draw(s) >> 32) + 1;
	s->hi += s->lo < lo;
	s->ms += s->hi >> 16;
	s->hi &= 0xffff;
}

/* ${digits} characters of the low bits of ${v}, the highest first. */
static char *
put32(char *out, uint64_t v, unsigned digits)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	for (unsigned i = digits; i-- > 0; v >>= 5)
		out[i] = alphabet[v & 31];
	return out + digits;
}

void
id_next(struct id_source *s, int64_t wall_us, char *out)
{
	step(s, wall_us > 0 ? (uint64_t)wall_us / 1000 : 0);
	/* 128 bits in fives: 10 digits of time, 16 of chance (80 bits). */
	out = put32(out, s->ms, 10);
	out = put32(out, s->hi << 24 | s->lo >> 40, 8);
	(void)put32(out, s->lo & 0xffffffffff, 8);
}
