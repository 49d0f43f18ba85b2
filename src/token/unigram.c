/*
 * A fragment on its way to tokens: item by item it is normalised into a piece,
 * and where a piece may end it is counted.  Short words of plain ASCII are
 * looked up as they stand, without that.
 */
#include "token/unigram.h"
#include "token/text.h"
#include <stdlib.h>

enum { LONG_MAX_BYTES = 512, KEEP_PIECE = 1 << 20, ROOM = 64 };

/* What a counter works with. */
struct scratch {
	struct unigram_step *steps;
	char *piece; /* normalised; ROOM bytes behind it are readable */
	size_t cap;
};

/* One fragment. */
struct run {
	struct counter *c;
	const struct vocab *v;
	const struct unigram *u;
	struct scratch *k;
	struct sink *out;
	size_t n;      /* bytes of the piece */
	bool is_fresh; /* the piece is U+2581 and nothing else */
	bool in_word;
	bool has_prefix;
	bool is_broken; /* part of a character stands somewhere before */
};

/* Room for ${more} bytes of the piece.  ERR_FULL, ERR_NOMEM. */
static enum err
reserve(struct run *r, size_t more)
{
	size_t cap = r->n + more + ROOM;
	char *piece;

	if (cap <= r->k->cap)
		return OK;
	if (r->n + more > (size_t)COUNT_WORD_MAX)
		return ERR_FULL;
	cap += cap / 2 + 4096;
	piece = realloc(r->k->piece, cap);
	if (piece == NULL)
		return ERR_NOMEM;
	r->k->piece = piece;
	r->k->cap = cap;
	return OK;
}

/* Count the ${n} bytes at ${word} that follow a U+2581, 1 to WORD_MAX. */
static void
count_word(struct run *r, const unsigned char *word, size_t n)
{
	char text[UNIGRAM_SPACE_LEN + WORD_MAX];
	unsigned char bytes[16] = {0};
	struct word key;
	uint64_t known;

	memcpy(bytes, word, n);
	key = word_key(bytes, n);
	known = words_find(&r->c->words, key);
	if (known == 0) {
		memcpy(text, UNIGRAM_SPACE, UNIGRAM_SPACE_LEN);
		memcpy(text + UNIGRAM_SPACE_LEN, word, n);
		known = unigram_count(
		    r->u, r->k->steps, slice_of(text, UNIGRAM_SPACE_LEN + n));
		if (known <= 15)
			words_add(&r->c->words, key, (unsigned)known);
	}
	r->out->n += known;
}

/* Count a piece that is longer, or that is no word. */
static void
count_piece(struct run *r, struct slice piece)
{
	struct memo_key key = {.n = piece.n};
	uint64_t n;

	if (piece.n > LONG_MAX_BYTES) {
		r->out->n += unigram_count(r->u, r->k->steps, piece);
		return;
	}
	key.digest = digest_of(&r->c->digest, piece);
	if (!memo_find(&r->c->longs, key, &n)) {
		n = unigram_count(r->u, r->k->steps, piece);
		memo_add(&r->c->longs, key, n);
	}
	r->out->n += n;
}

/* The piece ends here. */
static enum err
flush(struct run *r)
{
	struct slice piece = slice_of(r->k->piece, r->n);
	size_t n = r->n - UNIGRAM_SPACE_LEN;

	r->n = 0;
	r->is_fresh = false;
	if (piece.n == 0)
		return OK;
	if (r->out->ids != NULL || !r->u->has_cuts)
		return unigram_put(r->v, r->u, piece, r->out);
	if (n - 1 < WORD_MAX &&
	    memcmp(piece.p, UNIGRAM_SPACE, UNIGRAM_SPACE_LEN) == 0)
		count_word(
		    r, (const unsigned char *)piece.p + UNIGRAM_SPACE_LEN, n);
	else
		count_piece(r, piece);
	return OK;
}

/* One U+2581, where a space was or a word begins. */
static enum err
put_space(struct run *r)
{
	enum err e = OK;

	if (r->n > 0 && r->u->has_cuts && !r->is_broken &&
	    !r->u->before_space[(uint8_t)r->k->piece[r->n - 1]])
		e = flush(r);
	if (e == OK)
		e = reserve(r, UNIGRAM_SPACE_LEN);
	if (e != OK)
		return e;
	memcpy(r->k->piece + r->n, UNIGRAM_SPACE, UNIGRAM_SPACE_LEN);
	r->is_fresh = r->n == 0;
	r->n += UNIGRAM_SPACE_LEN;
	return OK;
}

/* What is no space comes now. */
static enum err
begin_word(struct run *r)
{
	bool is_first = r->v->add_space_prefix && !r->has_prefix;

	if (r->in_word)
		return OK;
	r->in_word = true;
	if (!is_first && !r->v->remove_extra_whitespaces)
		return OK;
	r->has_prefix = true;
	return put_space(r);
}

/* A space comes now. */
static enum err
end_word(struct run *r)
{
	r->in_word = false;
	return r->v->remove_extra_whitespaces ? OK : put_space(r);
}

/* ${text} as it stands, without spaces. */
static enum err
put(struct run *r, struct slice text)
{
	enum err e = reserve(r, text.n);

	if (e != OK)
		return e;
	memcpy(r->k->piece + r->n, text.p, text.n);
	r->n += text.n;
	r->is_fresh = false;
	return OK;
}

/* ${text}, normalised, with spaces. */
static enum err
put_text(struct run *r, struct slice text)
{
	enum err e = OK;

	while (e == OK && text.n > 0) {
		const char *space = memchr(text.p, ' ', text.n);
		size_t n = space == NULL ? text.n : (size_t)(space - text.p);

		if (n == 0) {
			e = end_word(r);
			n = 1;
		} else {
			e = begin_word(r);
			if (e == OK)
				e = put(r, slice_to(text, n));
		}
		text = slice_from(text, n);
	}
	return e;
}

/*
 * The longest way from ${text} into the tokens of the user, wherever it ends:
 * llama.cpp leaves that much as it is.
 */
static size_t
user_prefix(const struct unigram *u, struct slice text)
{
	uint32_t place = u->user.root;
	size_t n = 0;

	while (n < text.n) {
		const struct trie_cell *cell =
		    trie_step(&u->user, place, (unsigned char)text.p[n]);

		if (cell == NULL)
			break;
		place = trie_place(cell);
		n++;
	}
	return n;
}

/* Normalise what is at the front of ${text}: its length to ${n}. */
static enum err
put_item(struct run *r, struct slice text, size_t *n)
{
	struct slice out;
	enum err e;

	if ((*n = user_prefix(r->u, text)) > 0) {
		text = slice_to(text, *n);
		if (r->u->has_wide_user && !text_is_utf8(text))
			r->is_broken = true;
		return put_text(r, text);
	}
	if ((e = charsmap_find(&r->u->map, text, n, &out)) != OK || *n > 0)
		return e == OK ? put_text(r, out) : e;
	*n = text_sequence((const unsigned char *)text.p, text.n);
	if (*n > 0)
		return put_text(r, slice_to(text, *n));
	*n = 1;
	return put_text(r, slice_str("\xef\xbf\xbd"));
}

/* The class of the character at ${p}, by what follows. */
static unsigned
class_at(
    const struct unigram *u, const unsigned char *p, const unsigned char *end)
{
	return p + 1 < end && p[1] >= 0x80 ? UNIGRAM_SLOW : u->ascii[*p];
}

/* The end of the plain characters at ${p}. */
static const unsigned char *
plain_end(
    const struct unigram *u, const unsigned char *p, const unsigned char *end)
{
	while (p < end && u->ascii[*p] == UNIGRAM_PLAIN)
		p++;
	return p < end && *p >= 0x80 ? p - 1 : p;
}

/* May a piece end at ${p}, with the plain character before it? */
static bool
is_word_end(
    const struct unigram *u, const unsigned char *p, const unsigned char *end)
{
	return p == end ||
	    (!u->before_space[p[-1]] && class_at(u, p, end) == UNIGRAM_WHITE);
}

/* The plain characters from ${p} to ${to}. */
static enum err
put_plain(struct run *r, const unsigned char *p, const unsigned char *to,
    const unsigned char *end)
{
	size_t n = (size_t)(to - p);
	enum err e = begin_word(r);

	if (e != OK)
		return e;
	if (!r->is_fresh || n > WORD_MAX || r->out->ids != NULL ||
	    !r->u->has_cuts || !is_word_end(r->u, to, end))
		return put(r, slice_of((const char *)p, n));
	count_word(r, p, n);
	r->n = 0;
	r->is_fresh = false;
	return OK;
}

static enum err
put_fragment(struct run *r, const unsigned char *p, const unsigned char *end)
{
	enum err e = OK;

	while (e == OK && p < end) {
		const unsigned char *to;
		size_t n = 1;

		switch (class_at(r->u, p, end)) {
		case UNIGRAM_PLAIN:
			to = plain_end(r->u, p, end);
			n = (size_t)(to - p);
			e = put_plain(r, p, to, end);
			break;
		case UNIGRAM_WHITE:
			e = end_word(r);
			break;
		default:
			e = put_item(r,
			    slice_of((const char *)p, (size_t)(end - p)), &n);
		}
		p += n;
	}
	return e == OK ? flush(r) : e;
}

static void
close_counter(struct counter *c)
{
	struct scratch *k = c->body;

	if (k == NULL)
		return;
	free(k->steps);
	free(k->piece);
	free(k);
	c->body = NULL;
}

static enum err
open_counter(struct counter *c)
{
	size_t reach = unigram_reach(c->vocab->body);
	struct scratch *k;

	if (c->body != NULL)
		return OK;
	if ((k = calloc(1, sizeof *k)) == NULL)
		return ERR_NOMEM;
	c->body = k;
	c->body_bytes = sizeof *k + reach * sizeof *k->steps;
	k->steps = malloc(reach * sizeof *k->steps);
	if (k->steps != NULL)
		return OK;
	close_counter(c);
	return ERR_NOMEM;
}

static enum err
tokens(struct counter *c, struct slice text, bool at_start, struct sink *out)
{
	/* What follows a cut has its prefix; U+2581 comes if spaces are one. */
	struct run r = {.c = c,
	    .v = c->vocab,
	    .u = c->vocab->body,
	    .out = out,
	    .has_prefix = !at_start};
	const unsigned char *p = (const unsigned char *)text.p;
	enum err e = open_counter(c);

	if (e != OK)
		return e;
	r.k = c->body;
	e = put_fragment(&r, p, p + text.n);
	if (r.k->cap > KEEP_PIECE) {
		free(r.k->piece);
		r.k->piece = NULL;
		r.k->cap = 0;
	}
	return e;
}

const struct kind *
kind_unigram(void)
{
	static const struct kind kind = {.kind = VOCAB_UNIGRAM,
	    .build = unigram_build,
	    .settle = unigram_settle,
	    .destroy = unigram_destroy,
	    .close = close_counter,
	    .tokens = tokens};

	return &kind;
}
