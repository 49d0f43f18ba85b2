/*
 * words: remembers how many tokens a short word has.
 *
 *   16 bytes: | the word, up to 15 bytes, zeros | n of bytes, n of tokens |
 *
 * Two places a word by a keyed hash; the whole word is compared, so what it
 * says is exact, and a caller who floods it only makes it forget.
 */
#pragma once
#include "base/err.h"
#include "base/hash.h"
#include "token/simd.h"

enum { WORD_MAX = 15 }; /* bytes */

/* The bytes in the order of memory; of the last one 4 bits are the count. */
struct word {
	uint64_t lo, hi;
};

struct words {
	struct word *places; /* pairs */
	size_t mask;	     /* of pairs */
	uint64_t k0, k1;
};

#define WORD_COUNT (0xfULL << 56)

/* Room for ${n} words, rounded up to a power of two.  ERR_NOMEM. */
MUST_CHECK enum err words_init(struct words *w, size_t n, struct hash_key key);

/* Free. */
void words_fini(struct words *w);

/* Forget all. */
void words_clear(struct words *w);

/* The word of ${n} bytes, 1 to WORD_MAX, at ${p}; 16 bytes are readable. */
static inline struct word
word_key(const unsigned char *p, size_t n)
{
	static const unsigned char ones[32] = {0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint64_t text[2], mask[2];

	memcpy(text, p, 16);
	memcpy(mask, ones + 16 - n, 16);
	return (struct word){
	    text[0] & mask[0], (text[1] & mask[1]) | (uint64_t)n << 60};
}

/* The pair of places of ${key}. */
static inline struct word *
words_at(const struct words *w, struct word key)
{
	struct wide m = wide_product(key.lo ^ w->k0, key.hi ^ w->k1);

	return &w->places[2 * ((m.lo ^ m.hi) & w->mask)];
}

/*
 * The number of tokens of ${key}, 0: not remembered.  Both places are looked
 * at, without a branch that would have to guess which of them it is.
 */
static inline unsigned
words_find(const struct words *w, struct word key)
{
	const struct word *at = words_at(w, key);
	uint64_t a = (at[0].lo ^ key.lo) | ((at[0].hi ^ key.hi) & ~WORD_COUNT);
	uint64_t b = (at[1].lo ^ key.lo) | ((at[1].hi ^ key.hi) & ~WORD_COUNT);
	uint64_t hit = (at[0].hi & (0 - (uint64_t)(a == 0))) |
	    (at[1].hi & (0 - (uint64_t)(b == 0)));

	return (unsigned)(hit >> 56) & 0xf;
}

/* Remember ${key}; ${n} is 1 to 15. */
static inline void
words_add(struct words *w, struct word key, unsigned n)
{
	struct word *at = words_at(w, key);

	at[1] = at[0];
	at[0] = (struct word){key.lo, key.hi | (uint64_t)n << 56};
}
