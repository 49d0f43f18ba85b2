/*
 * Long words that are not ASCII, a run of Han characters above all, are cut
 * before they are merged: where no merge can join the character on the left
 * with the one on the right, no token can cross.  The pieces are short, come
 * again and again, and are remembered.
 *
 * A merge's left part may end, and its right part begin, with some bytes of a
 * character only, so the filter is asked for each number of bytes of both that
 * occurs.  It may say yes too often, never no.
 */
#include "token/bpe.h"
#include <stdlib.h>

enum {
	FILTER_BITS = 1 << 20,
	PIECE_MAX = WORD_MAX - 1, /* so that no key is a word's as well */
	BYTES_MAX = 4		  /* of a character */
};

/* The last bytes of ${s} that belong to one character: how many? */
static size_t
tail_bytes(struct slice s)
{
	size_t n = 1;

	while (n < s.n && n < BYTES_MAX &&
	    ((unsigned char)s.p[s.n - n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* The first bytes of ${s} that belong to one character: how many? */
static size_t
head_bytes(struct slice s)
{
	size_t n = 1;

	while (
	    n < s.n && n < BYTES_MAX && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* 1 to 4 bytes as a number. */
static inline uint64_t
load(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t v = u[0];

	if (n > 1)
		v |= (uint32_t)u[1] << 8;
	if (n > 2)
		v |= (uint32_t)u[2] << 16;
	if (n > 3)
		v |= (uint32_t)u[3] << 24;
	return v;
}

/* The bit for the last ${l} bytes before ${p} and the ${r} from there. */
static inline size_t
bit_of(const struct bpe *b, const char *p, size_t l, size_t r)
{
	uint64_t key = load(p - l, l) | load(p, r) << 32;

	return bpe_mix(b, key ^ (uint64_t)(l << 2 | r) << 60) % FILTER_BITS;
}

enum err
bpe_filter_build(struct bpe *b)
{
	char both[2 * BYTES_MAX];

	b->joins = calloc(FILTER_BITS / 64, sizeof *b->joins);
	if (b->joins == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < b->n_merges; i++) {
		const struct bpe_merge *m = &b->merges[i];
		struct slice left = bpe_text(b, m->left);
		struct slice right = bpe_text(b, m->right);
		size_t l, r, bit;

		if (left.n == 0 || right.n == 0)
			continue;
		l = tail_bytes(left);
		r = head_bytes(right);
		memcpy(both, left.p + left.n - l, l);
		memcpy(both + l, right.p, r);
		bit = bit_of(b, both + l, l, r);
		b->joins[bit / 64] |= 1ULL << bit % 64;
		b->shapes |= (uint16_t)(1U << ((l - 1) * 4 + r - 1));
	}
	return OK;
}

/* May a merge join the ${l} bytes before ${p} with the ${r} from there? */
static bool
may_join(const struct bpe *b, const char *p, size_t l, size_t r)
{
	for (size_t i = l; i > 0; i--)
		for (size_t k = r; k > 0; k--) {
			size_t bit;

			if (!(b->shapes & 1U << ((i - 1) * 4 + k - 1)))
				continue;
			bit = bit_of(b, p, i, k);
			if (b->joins[bit / 64] >> bit % 64 & 1)
				return true;
		}
	return false;
}

static size_t
char_bytes(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static enum err
piece(struct bpe_run *r, struct slice s, struct sink *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	struct bpe_scratch **scratch = (struct bpe_scratch **)&r->c->body;
	struct sink one = {NULL, 0, 0};
	struct word key;
	enum err e;

	if (r->words == NULL || s.n > PIECE_MAX)
		return bpe_merge(r->c->vocab, r->b, scratch, s, out);
	key = word_key(p, s.n);
	key.hi |= 0xffULL << 48;
	one.n = words_find(r->words, key);
	if (one.n == 0) {
		e = bpe_merge(r->c->vocab, r->b, scratch, s, &one);
		if (e != OK)
			return e;
		if (one.n >= 1 && one.n <= 15)
			words_add(r->words, key, (unsigned)one.n);
	}
	out->n += one.n;
	return OK;
}

enum err
bpe_pieces(struct bpe_run *r, struct slice word, struct sink *out)
{
	size_t from = 0, at, n;
	enum err e;

	if (word.n <= BYTES_MAX)
		return bpe_merge(r->c->vocab, r->b,
		    (struct bpe_scratch **)&r->c->body, word, out);
	n = char_bytes((unsigned char)word.p[0]);
	for (at = n; at < word.n; at += n) {
		size_t left = n;

		n = char_bytes((unsigned char)word.p[at]);
		if ((left == 1 && n == 1) ||
		    may_join(r->b, word.p + at, left, n))
			continue;
		e = piece(r, slice_of(word.p + from, at - from), out);
		if (e != OK)
			return e;
		from = at;
	}
	if (from == 0)
		return bpe_merge(r->c->vocab, r->b,
		    (struct bpe_scratch **)&r->c->body, word, out);
	return piece(r, slice_from(word, from), out);
}
