/*
 * The best row of tokens.  To count it, only the bytes that a token can reach
 * are remembered, in a ring; to write it down, each byte is.
 */
#include "token/text.h"
#include "token/unigram.h"
#include <float.h>
#include <stdlib.h>

/* The best way to a byte, where the way itself is wanted. */
struct way {
	double score;
	uint32_t from; /* where its last token begins */
	uint32_t is_unknown;
};

static double
score_of(const struct trie_cell *cell)
{
	float score;

	memcpy(&score, &cell->value, sizeof score);
	return (double)score;
}

/* Bytes of the character at ${at}, as llama.cpp steps. */
static size_t
step_len(struct slice piece, size_t at)
{
	size_t n = text_len((unsigned char)piece.p[at]);

	return n < piece.n - at ? n : piece.n - at;
}

size_t
unigram_reach(const struct unigram *u)
{
	size_t n = 8;

	while (n <= u->tokens.longest)
		n *= 2;
	return n;
}

uint64_t
unigram_count(
    const struct unigram *u, struct unigram_step *steps, struct slice piece)
{
	const unsigned char *p = (const unsigned char *)piece.p;
	const struct unigram_step none = {-DBL_MAX, 0, 0};
	const double unknown = (double)u->unknown;
	size_t mask = unigram_reach(u) - 1, at = 0;

	for (size_t i = 1; i <= piece.n && i <= mask; i++)
		steps[i] = none;
	steps[0] = (struct unigram_step){0, 0, 0};
	while (at < piece.n) {
		const struct unigram_step here = steps[at & mask];
		size_t len = step_len(piece, at);
		uint32_t place = u->tokens.root;
		bool is_token = false;
		struct unigram_step *to;

		for (size_t i = at; i < piece.n; i++) {
			const struct trie_cell *cell =
			    trie_step(&u->tokens, place, p[i]);
			double score;

			if (cell == NULL)
				break;
			place = trie_place(cell);
			if (!(cell->bits & TRIE_ENDS))
				continue;
			is_token |= i + 1 - at == len;
			score = here.score + score_of(cell);
			to = &steps[(i + 1) & mask];
			if (score > to->score)
				*to = (struct unigram_step){
				    score, here.n + 1, false};
		}
		to = &steps[(at + len) & mask];
		if (!is_token && here.score + unknown > to->score)
			*to = (struct unigram_step){here.score + unknown,
			    here.n + !here.is_unknown, true};
		for (size_t i = at + len; at < i; at++)
			steps[at & mask] = none;
	}
	return steps[at & mask].n;
}

/* Find the best way to each byte. */
static void
find_ways(const struct unigram *u, struct slice piece, struct way *ways)
{
	const unsigned char *p = (const unsigned char *)piece.p;
	size_t len;

	for (size_t i = 1; i <= piece.n; i++)
		ways[i] = (struct way){-DBL_MAX, 0, true};
	ways[0] = (struct way){0, 0, false};
	for (size_t at = 0; at < piece.n; at += len) {
		uint32_t place = u->tokens.root;
		bool is_token = false;
		double score;

		len = step_len(piece, at);
		for (size_t i = at; i < piece.n; i++) {
			const struct trie_cell *cell =
			    trie_step(&u->tokens, place, p[i]);

			if (cell == NULL)
				break;
			place = trie_place(cell);
			if (!(cell->bits & TRIE_ENDS))
				continue;
			is_token |= i + 1 - at == len;
			score = ways[at].score + score_of(cell);
			if (score > ways[i + 1].score)
				ways[i + 1] =
				    (struct way){score, (uint32_t)at, false};
		}
		score = ways[at].score + (double)u->unknown;
		if (!is_token && score > ways[at + len].score)
			ways[at + len] =
			    (struct way){score, (uint32_t)at, true};
	}
}

/* Turn the links round: from each byte of the way to the next. */
static void
turn(struct way *ways, size_t n)
{
	uint32_t next = (uint32_t)n;
	uint32_t at = (uint32_t)n;

	while (at > 0) {
		uint32_t from = ways[at].from;

		ways[at].from = next;
		next = at;
		at = from;
	}
	ways[0].from = next;
}

enum err
unigram_put(const struct vocab *v, const struct unigram *u, struct slice piece,
    struct sink *out)
{
	struct way *ways = malloc((piece.n + 1) * sizeof *ways);
	bool was_unknown = false;

	if (ways == NULL)
		return ERR_NOMEM;
	find_ways(u, piece, ways);
	turn(ways, piece.n);
	for (size_t at = 0; at < piece.n;) {
		size_t to = ways[at].from;
		int32_t id = v->unk;

		if (!ways[to].is_unknown)
			id =
			    text_index_find(v, slice_of(piece.p + at, to - at));
		if (!(was_unknown && id == v->unk))
			sink_put(out, (uint32_t)id);
		was_unknown = id == v->unk;
		at = to;
	}
	free(ways);
	return OK;
}
