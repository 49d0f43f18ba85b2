/*
 * Merging a piece.  Symbols are neighbours, so their texts are too: a symbol
 * is known by where it begins, and the hash of any run of them comes from two
 * hashes of prefixes (Rabin and Karp).  A short piece is searched through for
 * each merge, which no cleverer way beats; a long one goes to spm_long.c.
 */
#include "token/spm.h"
#include <assert.h>

/* A piece on the stack: symbol i goes from at[i] to at[i + 1]. */
struct piece {
	const struct vocab *v;
	const struct spm *s;
	const char *text;
	size_t n; /* symbols */
	uint32_t at[SPM_SHORT_MAX + 1];
	uint64_t prefix[SPM_SHORT_MAX + 1]; /* hashes of text to at[i] */
	uint32_t ranks[SPM_SHORT_MAX];	    /* of symbols i and i + 1 */
	int32_t tokens[SPM_SHORT_MAX];	    /* of merged symbols */
	int32_t next[SPM_SHORT_MAX];	    /* of i and i + 1 merged */
};

/* Find the token of symbols ${i} and ${i} + 1. */
static void
look(struct piece *p, size_t i)
{
	uint32_t n = p->at[i + 2] - p->at[i];

	p->ranks[i] = SPM_NO_RANK;
	if (n <= p->s->roll.longest)
		p->ranks[i] = spm_rank(p->v, p->s, p->text + p->at[i], n,
		    p->at[i + 1] - p->at[i],
		    roll_part(&p->s->roll, p->prefix[i + 2], p->prefix[i], n),
		    &p->next[i]);
}

/* Merge symbols ${i} and ${i} + 1. */
static void
merge(struct piece *p, size_t i)
{
	p->tokens[i] = p->next[i];
	for (size_t k = i + 1; k < p->n; k++) {
		p->at[k] = p->at[k + 1];
		p->prefix[k] = p->prefix[k + 1];
	}
	for (size_t k = i + 1; k + 1 < p->n; k++) {
		p->tokens[k] = p->tokens[k + 1];
		p->ranks[k] = p->ranks[k + 1];
		p->next[k] = p->next[k + 1];
	}
	p->n--;
	if (i > 0)
		look(p, i - 1);
	if (i + 1 < p->n)
		look(p, i);
}

/* The best pair; p->n if none can be merged. */
static size_t
best(const struct piece *p)
{
	uint32_t least = SPM_NO_RANK;
	size_t at = p->n;

	for (size_t i = 0; i + 1 < p->n; i++)
		if (p->ranks[i] < least) {
			least = p->ranks[i];
			at = i;
		}
	return at;
}

enum err
spm_put(const struct vocab *v, const struct spm *s, const char *text, size_t n,
    uint64_t hash, struct sink *out)
{
	const unsigned char *p = (const unsigned char *)text;
	int32_t id = n == 1 && *p < 0x80
	    ? s->chars[*p]
	    : roll_find(&s->roll, v, text, n, hash);

	if (id != ROLL_NONE) {
		sink_put(out, (uint32_t)id);
		return OK;
	}
	for (size_t i = 0; i < n; i++) {
		if (s->bytes[p[i]] != ROLL_NONE)
			sink_put(out, (uint32_t)s->bytes[p[i]]);
		else if (s->merges == NULL)
			return ERR_VOCAB_UNKNOWN;
	}
	return OK;
}

static enum err
put_all(const struct piece *p, struct sink *out)
{
	enum err e = OK;

	for (size_t i = 0; e == OK && i < p->n; i++) {
		uint32_t n = p->at[i + 1] - p->at[i];

		if (p->tokens[i] != ROLL_NONE)
			sink_put(out, (uint32_t)p->tokens[i]);
		else
			e = spm_put(p->v, p->s, p->text + p->at[i], n,
			    roll_part(
				&p->s->roll, p->prefix[i + 1], p->prefix[i], n),
			    out);
	}
	return e;
}

/* Cut ${text} into characters; false if there are too many. */
static bool
fill(struct piece *p, struct slice text)
{
	const unsigned char *u = (const unsigned char *)text.p;
	uint64_t h = 0;
	size_t i = 0;

	p->n = 0;
	while (i < text.n) {
		size_t len = text_len(u[i]);

		if (p->n == SPM_SHORT_MAX)
			return false;
		p->at[p->n] = (uint32_t)i;
		p->prefix[p->n] = h;
		p->tokens[p->n++] = ROLL_NONE;
		if (len > text.n - i)
			len = text.n - i;
		for (; len > 0; len--)
			h = roll_add(&p->s->roll, h, u[i++]);
	}
	p->at[p->n] = (uint32_t)i;
	p->prefix[p->n] = h;
	return true;
}

/* With given merges a run of line ends that is a token is that token. */
static int32_t
find_lines(const struct vocab *v, const struct spm *s, struct slice text)
{
	if (s->merges == NULL || text.p[0] != '\n' || text.n > s->roll.longest)
		return ROLL_NONE;
	return text_index_find(v, text);
}

enum err
spm_merge(const struct vocab *v, const struct spm *s, struct spm_scratch *k,
    struct slice text, struct sink *out)
{
	struct piece p;
	int32_t id;
	size_t i;

	assert(text.n > 0);
	id = find_lines(v, s, text);
	if (id != ROLL_NONE) {
		sink_put(out, (uint32_t)id);
		return OK;
	}
	p.v = v;
	p.s = s;
	p.text = text.p;
	if (text.n > 4 * SPM_SHORT_MAX || !fill(&p, text))
		return spm_merge_long(v, s, k, text, out);
	for (i = 0; i + 1 < p.n; i++)
		look(&p, i);
	while ((i = best(&p)) < p.n)
		merge(&p, i);
	return put_all(&p, out);
}
