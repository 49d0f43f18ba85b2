/*
 * unigram: the best of all ways to write a text with tokens (T5, BGE-M3,
 * XLM-RoBERTa).
 *
 *   fragment -> charsmap, spaces -> pieces -> the best sum of scores -> tokens
 *
 * A fragment is normalised: what the map changes, white space to U+2581, one
 * before the first word and, where the model says so, one for each run.  Of
 * all rows of tokens that make the result, the one with the greatest sum of
 * scores is taken (Viterbi); a character that is no token costs ten more than
 * the worst of them, and a row of such is one unknown token.
 *
 * No token crosses most places before a U+2581, and what is between two such
 * places is a piece that is looked at, and remembered, on its own.  That is
 * exact only while the sums are: llama.cpp adds from the front of the fragment
 * on, and decides by comparing.  Scores are floats, the sums doubles; whether
 * all sums that can occur are exact is computed when the vocabulary is made,
 * and if not, fragments are taken as a whole.
 *
 * Source: llm_tokenizer_ugm_session in llama.cpp's src/llama-vocab.cpp; Kudo,
 * "Subword Regularization" (2018).
 */
#pragma once
#include "token/charsmap.h"
#include "token/kind.h"
#include "token/trie.h"

#define UNIGRAM_SPACE "\xe2\x96\x81"

enum {
	UNIGRAM_SPACE_LEN = 3,
	/* Bytes of a fragment up to which sums must be exact. */
	UNIGRAM_EXACT = 8 << 20
};

/* What an ASCII character is, if another one follows or nothing. */
enum {
	UNIGRAM_SLOW, /* it must be looked at */
	UNIGRAM_PLAIN,
	UNIGRAM_WHITE /* it becomes a space */
};

struct unigram {
	struct trie tokens; /* values: the scores' bits */
	struct trie user;   /* tokens that the user defined */
	struct charsmap map;
	uint8_t *attrs;	    /* as the file has them; until settled */
	float unknown;	    /* score of what is no token */
	bool has_wide_user; /* a byte of the user's tokens is not ASCII */
	bool has_cuts;	    /* pieces are exact */
	uint8_t before_space[256]; /* may U+2581 follow this in a token? */
	uint8_t ascii[256];
};

/* The best way to a byte of a piece; one for each byte that is in reach. */
struct unigram_step {
	double score;
	uint32_t n; /* tokens */
	uint32_t is_unknown;
};

/* Make v->body.  ERR_VOCAB_UNKNOWN (scores that are no numbers, a map that is
 * not understood), ERR_SYNTAX, ERR_FULL, ERR_NOMEM. */
MUST_CHECK enum err unigram_build(
    struct vocab *v, const struct vocab_source *src);

/*
 * All attributes, ids and flags of ${v} are final: set the scores that hang on
 * them, and v->cuts.  ERR_VOCAB_UNKNOWN: the unknown token is none.
 */
MUST_CHECK enum err unigram_settle(struct vocab *v);

/* Free v->body. */
void unigram_destroy(struct vocab *v);

/* Steps that unigram_count wants, a power of two. */
size_t unigram_reach(const struct unigram *u);

/*
 * The tokens of ${piece}, not empty, normalised, of a vocabulary that has
 * cuts.  ${steps} are as many as unigram_reach says.
 */
uint64_t unigram_count(
    const struct unigram *u, struct unigram_step *steps, struct slice piece);

/*
 * The tokens of ${piece}, not empty, normalised, to ${out}.  ERR_NOMEM.
 */
MUST_CHECK enum err unigram_put(const struct vocab *v, const struct unigram *u,
    struct slice piece, struct sink *out);
