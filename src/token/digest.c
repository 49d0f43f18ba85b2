#include "token/digest.h"
#include "token/simd.h"

void
digest_key_init(struct digest_key *k, struct hash_key from)
{
	for (uint64_t i = 0; i < DIGEST_BLOCK / 8; i++)
		k->words[i] =
		    hash_bytes(from, slice_of((const char *)&i, sizeof i));
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t at = UINT64_MAX - 2 * i;

		k->ends[i].k0 =
		    hash_bytes(from, slice_of((const char *)&at, sizeof at));
		at--;
		k->ends[i].k1 =
		    hash_bytes(from, slice_of((const char *)&at, sizeof at));
	}
}

static uint64_t
load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Sum of the products of (text + key) of neighbouring words, in 128 bits. */
static struct digest
block(const uint64_t *key, const char *p, size_t n)
{
	struct wide even = {0, 0}, odd = {0, 0};
	char last[32] = {0};
	size_t i = 0;

	for (; i + 32 <= n; i += 32, key += 4) {
		wide_add_product(
		    &even, load(p + i) + key[0], load(p + i + 8) + key[1]);
		wide_add_product(
		    &odd, load(p + i + 16) + key[2], load(p + i + 24) + key[3]);
	}
	if (i < n) {
		memcpy(last, p + i, n - i);
		wide_add_product(
		    &even, load(last) + key[0], load(last + 8) + key[1]);
		wide_add_product(
		    &odd, load(last + 16) + key[2], load(last + 24) + key[3]);
	}
	wide_add(&even, odd);
	return (struct digest){even.lo, even.hi};
}

struct digest
digest_of(const struct digest_key *k, struct slice s)
{
	struct digest chain[2];
	struct slice both = {(const char *)chain, sizeof chain};

	if (s.n <= DIGEST_BLOCK)
		return block(k->words, s.p, s.n);
	chain[0] = block(k->words, s.p, DIGEST_BLOCK);
	for (size_t at = DIGEST_BLOCK; at < s.n; at += DIGEST_BLOCK) {
		size_t left = s.n - at;
		struct digest d;

		chain[1] = block(k->words, s.p + at,
		    left < DIGEST_BLOCK ? left : DIGEST_BLOCK);
		d.a = hash_bytes(k->ends[0], both);
		d.b = hash_bytes(k->ends[1], both);
		chain[0] = d;
	}
	return chain[0];
}
