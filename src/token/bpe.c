/*
 * Byte-level BPE: a fragment is cut into words (scan.h), and each word is
 * merged unless it is remembered.
 */
#include "token/bpe.h"
#include <stdlib.h>

enum { POISON_RUN = 20000 };

static enum err
build(struct vocab *v, const struct vocab_source *src)
{
	const struct pre *pre = pre_find(src->pre);

	if (pre == NULL)
		return ERR_VOCAB_UNKNOWN;
	v->add_bos = pre->add_bos;
	if (pre->no_bos)
		v->bos = VOCAB_ABSENT;
	v->cuts = pre->cuts;
	v->poison_run = pre->is_regex ? POISON_RUN : 0;
	return bpe_build(v, src, pre);
}

/* One word through the tables; ${out} gets its tokens. */
static enum err
word_tokens(struct bpe_run *r, struct slice word, struct sink *out)
{
	const struct bpe *b = r->b;
	int64_t symbol = BPE_NONE;

	if (word.n <= b->longest[(unsigned char)word.p[0]])
		symbol = bpe_find(b, word);
	if (symbol >= 0 && b->is_whole[symbol]) {
		sink_put(out, (uint32_t)b->tokens[symbol]);
		return OK;
	}
	return bpe_pieces(r, word, out);
}

static enum err
count_long(struct bpe_run *r, struct slice word)
{
	struct memo *longs = &r->c->longs;
	struct memo_key key = {digest_of(&r->c->digest, word), word.n};
	struct sink one = {NULL, 0, 0};
	enum err e = OK;

	if (!memo_find(longs, key, &one.n)) {
		e = word_tokens(r, word, &one);
		if (e == OK)
			memo_add(longs, key, one.n);
	}
	r->n += one.n;
	return e;
}

void
bpe_word_slow(struct bpe_run *r, const unsigned char *p, size_t n)
{
	struct slice word = {(const char *)p, n};
	struct sink one = {NULL, 0, 0};
	enum err e;

	if (r->err != OK)
		return;
	if (r->words == NULL) {
		e = word_tokens(r, word, r->out);
	} else if (n > WORD_MAX) {
		e = count_long(r, word);
	} else {
		e = word_tokens(r, word, &one);
		r->n += one.n;
		if (one.n >= 1 && one.n <= 15)
			words_add(r->words, word_key(p, n), (unsigned)one.n);
	}
	if (e != OK)
		r->err = e;
}

static enum err
tokens(struct counter *c, struct slice text, bool at_start, struct sink *out)
{
	const struct bpe *b = c->vocab->body;
	struct bpe_run r = {.b = b,
	    .classes = ucat_table(),
	    .words = out->ids == NULL ? &c->words : NULL,
	    .c = c,
	    .out = out};
	const unsigned char *p;

	text = counter_pad(c, text);
	if (text.p == NULL)
		return ERR_NOMEM;
	p = (const unsigned char *)text.p;
	b->pre->split(&r, p, p + text.n);
	out->n += r.n;
	return r.err;
}

static void
close_counter(struct counter *c)
{
	bpe_scratch_free(c->body);
}

const struct kind *
kind_bpe(void)
{
	static const struct kind kind = {.kind = VOCAB_BPE,
	    .build = build,
	    .destroy = bpe_destroy,
	    .close = close_counter,
	    .tokens = tokens};

	return &kind;
}
