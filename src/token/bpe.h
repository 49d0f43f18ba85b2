/*
 * bpe: what a byte-level BPE vocabulary is made of, inside of this room.
 *
 * llama.cpp merges texts; here each text that can occur is a symbol, a small
 * number: every token that bytes can spell, every part of a merge and every
 * result, a token or not.  Texts are raw bytes, GPT-2's stand-ins for bytes
 * undone.
 */
#pragma once
#include "token/kind.h"
#include "token/simd.h"
#include "token/ucat.h"

enum { BPE_NONE = -1 };
#define BPE_NO_RANK UINT32_MAX

struct bpe_run;

/* How text is cut into words before it is merged (pre.c). */
struct pre {
	const char *names; /* of tokenizer.ggml.pre, separated by spaces */
	void (*split)(struct bpe_run *r, const unsigned char *p,
	    const unsigned char *end);
	unsigned cuts;
	bool ignore_merges, add_bos, no_bos;
	bool is_regex; /* llama.cpp runs std::regex for it */
};

struct bpe_merge {
	uint32_t left, right, result;
};

struct bpe {
	const struct pre *pre;
	uint32_t n_symbols, max_symbols;
	uint32_t *text_at; /* n_symbols + 1 offsets into texts */
	char *texts;
	size_t texts_cap;
	int32_t *tokens;   /* of a symbol: its id, or BPE_NONE */
	uint8_t *is_whole; /* does its text become this one token? */
	uint32_t *slots;   /* symbols by text: 10 bits of hash, symbol + 1 */
	size_t mask;
	struct hash_key key;
	struct bpe_merge *merges; /* by rank */
	uint32_t n_merges;
	uint32_t *pairs; /* merges by pair: 12 bits of hash, rank + 1 */
	size_t pair_mask;
	uint32_t byte_symbol[256];
	uint64_t *joins;       /* what merges may join (bpe_piece.c) */
	uint16_t shapes;       /* of bytes left and right of a join */
	uint32_t *byte_pairs;  /* ranks of pairs of bytes, 65,536 */
	uint32_t longest[256]; /* bytes of the longest token with this first */
};

/* One fragment on its way through a splitter. */
struct bpe_run {
	const struct bpe *b;
	const uint8_t *classes; /* ucat_table() */
	struct words *words;	/* NULL: ids are wanted */
	struct counter *c;
	struct sink *out;
	uint64_t n; /* counted so far, not yet in out */
	enum err err;
};

/* The pre-tokenizer of this name, or NULL. */
const struct pre *pre_find(struct slice name);

/*
 * Make the symbols and merges of ${v} from ${src}.  ERR_FULL, ERR_NOMEM; what
 * was made is freed by bpe_destroy.
 */
MUST_CHECK enum err bpe_build(
    struct vocab *v, const struct vocab_source *src, const struct pre *pre);

/* Free v->body. */
void bpe_destroy(struct vocab *v);

/* The text of ${symbol}. */
static inline struct slice
bpe_text(const struct bpe *b, uint32_t symbol)
{
	return slice_of(b->texts + b->text_at[symbol],
	    b->text_at[symbol + 1] - b->text_at[symbol]);
}

/* Make b->joins out of b->merges.  ERR_NOMEM. */
MUST_CHECK enum err bpe_filter_build(struct bpe *b);

/* The tokens of ${word}, which is no token as a whole.  As bpe_merge. */
MUST_CHECK enum err bpe_pieces(
    struct bpe_run *r, struct slice word, struct sink *out);

/* The symbol of ${text}, or BPE_NONE. */
int64_t bpe_find(const struct bpe *b, struct slice text);

/* Memory for merging long words, kept from one to the next. */
struct bpe_scratch;

/* Make it, for ${b} only; free it with bpe_scratch_free.  ERR_NOMEM. */
MUST_CHECK enum err bpe_scratch_new(
    const struct bpe *b, struct bpe_scratch **out);

/* Free it; NULL is fine. */
void bpe_scratch_free(struct bpe_scratch *s);

/*
 * Merge ${word}, at least one byte, and put the tokens out.  *${scratch} may
 * be NULL; it is made when it is needed, for the caller to free.
 * ERR_FULL: longer than COUNT_WORD_MAX, or too much work.  ERR_NOMEM.
 */
MUST_CHECK enum err bpe_merge(const struct vocab *v, const struct bpe *b,
    struct bpe_scratch **scratch, struct slice word, struct sink *out);

/* The same for words of any length, for bpe_merge. */
MUST_CHECK enum err bpe_merge_long(const struct vocab *v, const struct bpe *b,
    struct bpe_scratch *scratch, struct slice word, struct sink *out);

/* The tokens of one symbol that is left: one, or those of its bytes. */
void bpe_put(const struct vocab *v, const struct bpe *b, uint32_t symbol,
    struct sink *out);

/* A word that is not remembered. */
void bpe_word_slow(struct bpe_run *r, const unsigned char *p, size_t n);

/* A hash of two numbers, under a key. */
static inline uint64_t
bpe_mix(const struct bpe *b, uint64_t x)
{
	struct wide w = wide_product(x ^ b->key.k0, b->key.k1 | 0x100000001ULL);

	return w.lo ^ w.hi;
}

/* The rank of the merge of ${left} and ${right}, or BPE_NO_RANK. */
static inline uint32_t
bpe_rank(const struct bpe *b, uint32_t left, uint32_t right)
{
	uint64_t h = bpe_mix(b, (uint64_t)left << 32 | right);
	uint32_t mark = (uint32_t)(h >> 52) << 20, slot;

	for (size_t at = h & b->pair_mask; (slot = b->pairs[at]) != 0;
	     at = (at + 1) & b->pair_mask) {
		const struct bpe_merge *m;

		if ((slot & 0xfff00000U) != mark)
			continue;
		m = &b->merges[(slot & 0xfffff) - 1];
		if (m->left == left && m->right == right)
			return (slot & 0xfffff) - 1;
	}
	return BPE_NO_RANK;
}

/* One word of a splitter. */
static inline void
bpe_word(struct bpe_run *r, const unsigned char *p, size_t n)
{
	if (n <= WORD_MAX && r->words != NULL) {
		unsigned known = words_find(r->words, word_key(p, n));

		if (known != 0) {
			r->n += known;
			return;
		}
	}
	bpe_word_slow(r, p, n);
}
