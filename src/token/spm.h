/*
 * spm: merging characters, for SentencePiece and for Gemma 4.
 *
 *   fragment -> ' ' becomes U+2581 -> characters -> merges -> tokens, bytes
 *
 * Two neighbours merge if their text is a token (SentencePiece) or if a merge
 * says so (Gemma 4): the pair with the best score or rank first, the leftmost
 * of equal ones.  There is no pre-tokenizer, but where two characters never
 * stand side by side in what can merge, no merge crosses: a text may be cut
 * there, and what is between two such places is a piece that is merged, and
 * remembered, on its own.
 *
 * Source: llm_tokenizer_spm_session and llm_tokenizer_bpe_session in
 * llama.cpp's src/llama-vocab.cpp.
 */
#pragma once
#include "token/roll.h"
#include "token/text.h"

enum {
	SPM_SHORT_MAX = 64, /* symbols that are merged on the stack */
	SPM_ESCAPE = 3	    /* bytes of U+2581, which stands for a space */
};

#define SPM_NO_RANK UINT32_MAX

/* Merges that are given, by text and seam. */
struct spm_merges {
	uint32_t *slots; /* 11 bits of hash, rank + 1 */
	unsigned shift;
	char *texts;
	uint32_t *text_at; /* n + 1 offsets */
	uint16_t *seams;   /* bytes of the left part */
	uint32_t n;
};

struct spm {
	struct roll roll;
	struct spm_merges *merges; /* NULL: all whose text is a token */
	uint32_t *ranks; /* of tokens, by score: 0 is the best; or NULL */
	uint32_t n_ranks;
	int32_t bytes[256];	/* the token of a byte that no other has */
	int32_t chars[128];	/* the token of an ASCII character */
	uint64_t pairs[128][2]; /* bits: ASCII side by side in some token */
	uint8_t *others;	/* the same of other pairs, by hash: may lie */
	unsigned others_shift;
	uint8_t before_space[256]; /* may a space follow this last byte? */
};

/* What one counter works with; all NULL at first. */
struct spm_scratch {
	char *text; /* a fragment, spaces escaped or not */
	size_t text_cap;
	struct spm_item *items;
	uint32_t *order;
	size_t items_cap;
	struct spm_bucket *buckets; /* one for each rank */
	uint32_t *heap;
	struct spm_place *places; /* remembered counts of longer pieces */
};

/*
 * Make v->body, with the merges of ${src} if ${is_given}.  ERR_VOCAB_UNKNOWN
 * (scores that are no numbers, or merges that are too long), ERR_NOMEM.
 */
MUST_CHECK enum err spm_build(
    struct vocab *v, const struct vocab_source *src, bool is_given);

/* Free v->body. */
void spm_destroy(struct vocab *v);

/*
 * The rank of the merge that makes the ${n} bytes at ${text}, of which the
 * left part has ${seam}; SPM_NO_RANK if there is none.  ${hash} is roll's.
 */
uint32_t spm_given_rank(const struct spm_merges *m, const char *text, size_t n,
    size_t seam, uint64_t hash);

/* The same, whichever merges there are; ${id}: the token, or ROLL_NONE. */
static inline uint32_t
spm_rank(const struct vocab *v, const struct spm *s, const char *text, size_t n,
    size_t seam, uint64_t hash, int32_t *id)
{
	*id = ROLL_NONE;
	if (s->merges != NULL)
		return spm_given_rank(s->merges, text, n, seam, hash);
	*id = roll_find(&s->roll, v, text, n, hash);
	return *id == ROLL_NONE ? SPM_NO_RANK : s->ranks[*id];
}

/* Take ${src}'s merges into s->merges.  ERR_VOCAB_UNKNOWN, ERR_NOMEM. */
MUST_CHECK enum err spm_add_merges(
    struct vocab *v, struct spm *s, const struct vocab_source *src);

/*
 * ${left} and ${right}, characters as spm_key makes them, can be side by side
 * in what merges.  Takes from v->cuts what would part them.
 */
void spm_set_pair(
    struct vocab *v, struct spm *s, uint32_t left, uint32_t right);

/* The bytes of the character at ${p}, of which ${left} are there. */
static inline uint32_t
spm_key(const char *p, size_t left, size_t *len)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = text_len(*u);
	uint32_t key = 0;

	*len = n < left ? n : left;
	for (size_t i = 0; i < *len; i++)
		key |= (uint32_t)u[i] << 8 * i;
	return key;
}

/*
 * The token, or the bytes, of the ${n} bytes at ${text}.  ERR_VOCAB_UNKNOWN: a
 * byte that no token can write; llama.cpp throws.
 */
MUST_CHECK enum err spm_put(const struct vocab *v, const struct spm *s,
    const char *text, size_t n, uint64_t hash, struct sink *out);

/*
 * Merge ${text}, spaces escaped, at least 1 byte, and put its tokens out.
 * ERR_FULL: longer than COUNT_WORD_MAX, or too much work.  ERR_NOMEM.
 * ERR_VOCAB_UNKNOWN: a byte that no token can write.
 */
MUST_CHECK enum err spm_merge(const struct vocab *v, const struct spm *s,
    struct spm_scratch *k, struct slice text, struct sink *out);

/* The same in time linear in any length; for long pieces. */
MUST_CHECK enum err spm_merge_long(const struct vocab *v, const struct spm *s,
    struct spm_scratch *k, struct slice text, struct sink *out);

/*
 * The end of the piece that begins at ${p}: the first place where no merge
 * can cross, or ${end}.  A space counts as escaped.
 */
const char *spm_piece_end(const struct spm *s, const char *p, const char *end);
