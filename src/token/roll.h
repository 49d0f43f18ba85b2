/*
 * roll: a vocabulary's tokens by text, with a hash that rolls: that of any
 * part of a text comes from the hashes of two prefixes.
 *
 * The hash is that of Rabin and Karp (1987) with a secret odd base, modulo
 * 2^64; the texts are compared, so what is found is exact.
 */
#pragma once
#include "token/kind.h"

enum { ROLL_NONE = -1 };

struct roll {
	uint32_t *slots; /* 11 bits of hash, id + 1 */
	unsigned shift;	 /* of a hash, to its slot */
	uint64_t base, odd;
	uint64_t *powers; /* of base, to longest + 4 */
	uint32_t longest; /* bytes of a token */
};

/* Make it of all tokens of ${v}; adds to v->body_bytes.  ERR_NOMEM. */
MUST_CHECK enum err roll_init(struct roll *r, struct vocab *v);

/* Free. */
void roll_fini(struct roll *r);

/* The hash of what comes when ${c} is put behind a text of hash ${h}. */
static inline uint64_t
roll_add(const struct roll *r, uint64_t h, unsigned char c)
{
	return h * r->base + c + 1;
}

/*
 * The hash of the last ${n} bytes of a text of hash ${whole}, if without them
 * it is ${front}.  ${n} is at most longest + 4.
 */
static inline uint64_t
roll_part(const struct roll *r, uint64_t whole, uint64_t front, size_t n)
{
	return whole - front * r->powers[n];
}

/* memcmp for what is short: tokens have a few bytes. */
static inline bool
roll_same(const char *a, const char *b, size_t n)
{
	uint64_t x, y;

	for (; n >= sizeof x; n -= sizeof x, a += sizeof x, b += sizeof x) {
		memcpy(&x, a, sizeof x);
		memcpy(&y, b, sizeof y);
		if (x != y)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* The token of the ${n} bytes at ${text} with this hash, or ROLL_NONE. */
static inline int32_t
roll_find(const struct roll *r, const struct vocab *v, const char *text,
    size_t n, uint64_t hash)
{
	uint64_t h = hash * r->odd;
	uint32_t mark = (uint32_t)(h & 0x7ff) << 21, slot;
	size_t mask = SIZE_MAX >> r->shift;

	if (n > r->longest)
		return ROLL_NONE;
	for (size_t at = h >> r->shift; (slot = r->slots[at]) != 0;
	     at = (at + 1) & mask) {
		uint32_t id;

		if ((slot & 0xffe00000U) != mark)
			continue;
		id = (slot & 0x1fffff) - 1;
		if (v->text_at[id + 1] - v->text_at[id] == n &&
		    roll_same(v->texts + v->text_at[id], text, n))
			return (int32_t)id;
	}
	return ROLL_NONE;
}
