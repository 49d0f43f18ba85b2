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

enum { WORD_MAX = 15 }; /* bytes */

struct word {
	uint64_t lo, hi;
};

struct words {
	struct word *places; /* pairs */
	size_t mask;	     /* of pairs */
	uint64_t k0, k1;
};

/* Room for ${n} words, rounded up to a power of two.  ERR_NOMEM. */
MUST_CHECK enum err words_init(struct words *w, size_t n, struct hash_key key);

/* Free. */
void words_fini(struct words *w);

/* Forget all. */
void words_clear(struct words *w);
