/*
 * Merging one word: the pair of the lowest rank first, the leftmost of equal
 * ones.  A short word is searched through for each merge, which no cleverer
 * way beats; a long one goes to bpe_long.c.
 */
#include "token/bpe.h"
#include <assert.h>

enum { SHORT_MAX = 128 };

void
bpe_put(const struct vocab *v, const struct bpe *b, uint32_t symbol,
    struct sink *out)
{
	const char *text = b->texts + b->text_at[symbol];
	size_t n = b->text_at[symbol + 1] - b->text_at[symbol];

	if (b->tokens[symbol] >= 0) {
		sink_put(out, (uint32_t)b->tokens[symbol]);
		return;
	}
	/*
	 * llama.cpp looks up each byte of what stands for the text: a byte
	 * that stands for itself as such, others as halves of a character.
	 */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		bool is_itself = c >= 0x21 && c <= 0x7e;
		int32_t id = is_itself
		    ? text_index_find(v, slice_of(text + i, 1))
		    : VOCAB_ABSENT;

		if (id != VOCAB_ABSENT)
			sink_put(out, (uint32_t)id);
	}
}

/* Take the symbol and the rank behind ${at} out. */
static void
close_gap(uint32_t *symbols, uint32_t *ranks, size_t at, size_t n)
{
	for (size_t i = at + 1; i + 1 < n; i++) {
		symbols[i] = symbols[i + 1];
		ranks[i] = ranks[i + 1];
	}
}

static size_t
merge_short(const struct bpe *b, uint32_t *symbols, uint32_t *ranks, size_t n)
{
	while (n > 1) {
		uint32_t least = BPE_NO_RANK;
		size_t at = 0;

		for (size_t i = 0; i + 1 < n; i++)
			if (ranks[i] < least) {
				least = ranks[i];
				at = i;
			}
		if (least == BPE_NO_RANK)
			break;
		symbols[at] = b->merges[least].result;
		close_gap(symbols, ranks, at, n);
		n--;
		ranks[at] = at + 1 < n
		    ? bpe_rank(b, symbols[at], symbols[at + 1])
		    : BPE_NO_RANK;
		if (at > 0)
			ranks[at - 1] =
			    bpe_rank(b, symbols[at - 1], symbols[at]);
	}
	return n;
}

enum err
bpe_merge(const struct vocab *v, const struct bpe *b,
    struct bpe_scratch **scratch, struct slice word, struct sink *out)
{
	uint32_t symbols[SHORT_MAX], ranks[SHORT_MAX];
	const unsigned char *p = (const unsigned char *)word.p;
	size_t n = word.n;
	enum err e = OK;

	assert(n > 0);
	if (n > COUNT_WORD_MAX)
		return ERR_FULL;
	if (n > SHORT_MAX) {
		if (*scratch == NULL)
			e = bpe_scratch_new(b, scratch);
		return e == OK ? bpe_merge_long(v, b, *scratch, word, out) : e;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		symbols[i] = b->byte_symbol[p[i]];
		ranks[i] = b->byte_pairs[p[i] << 8 | p[i + 1]];
	}
	symbols[n - 1] = b->byte_symbol[p[n - 1]];
	ranks[n - 1] = BPE_NO_RANK;
	n = merge_short(b, symbols, ranks, n);
	for (size_t i = 0; i < n; i++)
		bpe_put(v, b, symbols[i], out);
	return OK;
}
