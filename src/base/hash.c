#include "base/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline uint64_t
load_le(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v)
						      : v;
}

/* The last ${n} < 8 bytes, in pieces of 4, 2 and 1. */
static inline uint64_t
load_rest(const char *p, size_t n)
{
	char last[8] = {0};
	size_t at = 0;

	if (n & 4) {
		memcpy(last, p, 4);
		at = 4;
	}
	if (n & 2) {
		memcpy(last + at, p + at, 2);
		at += 2;
	}
	if (n & 1)
		last[at] = p[at];
	return load_le(last);
}

uint64_t
hash_bytes(struct hash_key key, struct slice s)
{
	struct sip h = {key.k0 ^ 0x736f6d6570736575u,
	    key.k1 ^ 0x646f72616e646f6du, key.k0 ^ 0x6c7967656e657261u,
	    key.k1 ^ 0x7465646279746573u};
	size_t whole = s.n & ~(size_t)7;
	const char *rest = whole ? s.p + whole : s.p;
	uint64_t m;

	for (size_t i = 0; i < whole; i += 8) {
		m = load_le(s.p + i);
		h.v3 ^= m;
		sip_round(&h);
		h.v0 ^= m;
	}
	m = load_rest(rest, s.n - whole) | (uint64_t)s.n << 56;
	h.v3 ^= m;
	sip_round(&h);
	h.v0 ^= m;
	h.v2 ^= 0xff;
	sip_round(&h);
	sip_round(&h);
	sip_round(&h);
	return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}
