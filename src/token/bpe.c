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

void
bpe_word_slow(struct bpe_run *r, const unsigned char *p, size_t n)
{
	const struct bpe *b = r->b;
	struct sink one = *r->out;
	int64_t symbol = BPE_NONE;
	enum err e = OK;

	if (r->err != OK)
		return;
	if (n <= b->longest)
		symbol = bpe_find(b, slice_of((const char *)p, n));
	one.n = r->words == NULL ? r->out->n : 0;
	if (symbol >= 0 && b->is_whole[symbol])
		sink_put(&one, (uint32_t)b->tokens[symbol]);
	else
		e = bpe_merge(r->c->vocab, b,
		    (struct bpe_scratch **)&r->c->body,
		    slice_of((const char *)p, n), &one);
	if (e != OK) {
		r->err = e;
		return;
	}
	if (r->words == NULL) {
		r->out->n = one.n;
		return;
	}
	r->n += one.n;
	if (n <= WORD_MAX && one.n >= 1 && one.n <= 15)
		words_add(r->words, word_key(p, n), (unsigned)one.n);
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
