#include "base/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void
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

static uint64_t
load_le(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
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
		m = load_le(s.p + i, 8);
		h.v3 ^= m;
		sip_round(&h);
		h.v0 ^= m;
	}
	m = load_le(rest, s.n - whole) | (uint64_t)s.n << 56;
	h.v3 ^= m;
	sip_round(&h);
	h.v0 ^= m;
	h.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&h);
	return h.v0 ^ h.v1 ^ h.v2 ^ h.v3;
}
