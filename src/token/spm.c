/*
 * SentencePiece and Gemma 4: a fragment is cut into words at spaces, longer ones into
 * pieces, and what is not remembered is merged.
 */
#include "token/spm.h"
#include "token/text.h"
#include <stdlib.h>

enum {
	PLACES = 4096,	 /* longer pieces that are remembered */
	PLACE_MAX = 512, /* bytes of one */
	KEEP_TEXT = 1 << 20
};

/* A longer piece that is remembered, by its digest. */
struct spm_place {
	struct digest digest;
	uint32_t n_bytes, n_tokens;
};

/* One fragment that is counted. */
struct run {
	const struct vocab *v;
	const struct spm *s;
	struct spm_scratch *k;
	struct counter *c;
	uint64_t n; /* tokens */
};

/* Room for ${n} bytes at k->text.  ERR_NOMEM. */
static enum err
reserve(struct spm_scratch *k, size_t n)
{
	char *text;

	if (n <= k->text_cap)
		return OK;
	text = malloc(n);
	if (text == NULL)
		return ERR_NOMEM;
	free(k->text);
	k->text = text;
	k->text_cap = n;
	return OK;
}

static size_t
escape(char *out, const char *p, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] == ' ') {
			memcpy(out + k, "\xe2\x96\x81", SPM_ESCAPE);
			k += SPM_ESCAPE;
		} else {
			out[k++] = p[i];
		}
	return k;
}

/* Count a piece by merging it. */
static enum err
merge(struct run *r, const char *p, size_t n, uint32_t *n_tokens)
{
	char small[WORD_MAX * SPM_ESCAPE + 512], *text = small;
	struct sink out = {NULL, 0, 0};
	enum err e;

	if (n * SPM_ESCAPE > sizeof small) {
		if (n > (size_t)COUNT_WORD_MAX)
			return ERR_FULL;
		text = malloc(n * SPM_ESCAPE);
		if (text == NULL)
			return ERR_NOMEM;
	}
	e = spm_merge(
	    r->v, r->s, r->k, slice_of(text, escape(text, p, n)), &out);
	if (text != small)
		free(text);
	*n_tokens = (uint32_t)out.n;
	return e;
}

static enum err
count_short(struct run *r, const char *p, size_t n)
{
	struct word key = word_key((const unsigned char *)p, n);
	uint32_t n_tokens = words_find(&r->c->words, key);
	enum err e = OK;

	if (n_tokens == 0) {
		e = merge(r, p, n, &n_tokens);
		if (e == OK && n_tokens <= 15)
			words_add(&r->c->words, key, n_tokens);
	}
	r->n += n_tokens;
	return e;
}

static enum err count_long(struct run *r, const char *p, size_t n);

/* Count what goes from ${p} to ${end}, piece by piece. */
static enum err
count_pieces(struct run *r, const char *p, const char *end)
{
	const char *begin = p;
	enum err e = OK;

	while (e == OK && p < end) {
		const char *to = spm_piece_end(r->s, p, end);
		size_t n = (size_t)(to - p);
		uint32_t n_tokens;

		if (n <= WORD_MAX) {
			e = count_short(r, p, n);
		} else if (n <= PLACE_MAX && (p != begin || to != end)) {
			e = count_long(r, p, n);
		} else {
			e = merge(r, p, n, &n_tokens);
			r->n += n_tokens;
		}
		p = to;
	}
	return e;
}

/* Count ${n} bytes, more than a short word and at most PLACE_MAX. */
static enum err
count_long(struct run *r, const char *p, size_t n)
{
	struct digest d = digest_of(&r->c->digest, slice_of(p, n));
	struct spm_place *place = &r->k->places[d.a % PLACES];
	uint64_t before = r->n;
	enum err e;

	if (place->n_bytes == n && place->digest.a == d.a &&
	    place->digest.b == d.b) {
		r->n += place->n_tokens;
		return OK;
	}
	e = count_pieces(r, p, p + n);
	if (e == OK)
		*place = (struct spm_place){
		    d, (uint32_t)n, (uint32_t)(r->n - before)};
	return e;
}

/* The end of the word that begins at ${p}: before a space that parts. */
static const char *
word_end(const struct spm *s, const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p + 1;

	for (;;) {
#if TOKEN_SIMD
		unsigned spaces = simd_equal(u, ' ');

		if (spaces == 0) {
			u += 16;
			if ((const char *)u >= end)
				return end;
			continue;
		}
		u += __builtin_ctz(spaces);
#else
		while ((const char *)u < end && *u != ' ')
			u++;
#endif
		if ((const char *)u >= end)
			return end;
		if (!s->before_space[u[-1]])
			return (const char *)u;
		u++;
	}
}

/* Count ${text}, well-formed, with COUNT_PAD bytes behind it. */
static enum err
count_words(struct run *r, struct slice text)
{
	const char *p = text.p, *end = p + text.n;
	enum err e = OK;

	while (e == OK && p < end) {
		const char *to = word_end(r->s, p, end);
		size_t n = (size_t)(to - p);

		if (n <= WORD_MAX)
			e = count_short(r, p, n);
		else if (n <= PLACE_MAX)
			e = count_long(r, p, n);
		else
			e = count_pieces(r, p, to);
		p = to;
	}
	return e;
}

/* The end of the line ends at ${p}, or of what is before the next ones. */
static const char *
line_end(const char *p, const char *end)
{
	const char *to;

	if (*p == '\n') {
		while (p < end && *p == '\n')
			p++;
		return p;
	}
	to = memchr(p, '\n', (size_t)(end - p));
	return to == NULL ? end : to;
}

/* With given merges, lines are counted apart. */
static enum err
count_lines(struct run *r, struct slice text)
{
	const char *p = text.p, *end = p + text.n;
	enum err e = OK;

	while (e == OK && p < end) {
		const char *to = line_end(p, end);

		e = count_words(r, slice_of(p, (size_t)(to - p)));
		p = to;
	}
	return e;
}

/* Any text, or where ids are wanted: merged, nothing remembered. */
static enum err
put_tokens(struct run *r, struct slice text, bool prefix, struct sink *out)
{
	size_t n = 0;
	const char *p, *line, *end;
	enum err e = reserve(r->k, (text.n + 1) * SPM_ESCAPE);

	if (e != OK)
		return e;
	if (prefix)
		n = escape(r->k->text, " ", 1);
	n += escape(r->k->text + n, text.p, text.n);
	p = line = r->k->text;
	end = p + n;
	while (e == OK && p < end) {
		const char *to;

		if (p == line)
			line = r->s->merges != NULL ? line_end(p, end) : end;
		to = spm_piece_end(r->s, p, line);
		e = spm_merge(
		    r->v, r->s, r->k, slice_of(p, (size_t)(to - p)), out);
		p = to;
	}
	return e;
}

static struct spm_scratch *
scratch_new(void)
{
	struct spm_scratch *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	k->places = calloc(PLACES, sizeof *k->places);
	if (k->places == NULL) {
		free(k);
		return NULL;
	}
	return k;
}

static void
close_counter(struct counter *c)
{
	struct spm_scratch *k = c->body;

	if (k == NULL)
		return;
	free(k->text);
	free(k->items);
	free(k->order);
	free(k->buckets);
	free(k->heap);
	free(k->places);
	free(k);
	c->body = NULL;
}

static enum err
count(struct run *r, struct slice text, bool prefix, struct sink *out)
{
	enum err e = reserve(r->k, text.n + 1 + COUNT_PAD);

	if (e != OK)
		return e;
	r->k->text[0] = ' ';
	memcpy(r->k->text + prefix, text.p, text.n);
	memset(r->k->text + prefix + text.n, 0, COUNT_PAD);
	text = slice_of(r->k->text, text.n + prefix);
	e = r->s->merges != NULL ? count_lines(r, text) : count_words(r, text);
	out->n += r->n;
	return e;
}

static enum err
tokens(struct counter *c, struct slice text, bool at_start, struct sink *out)
{
	bool prefix = at_start && c->vocab->add_space_prefix;
	bool is_good = text_is_utf8(text);
	struct run r = {.v = c->vocab, .s = c->vocab->body, .c = c};
	enum err e;

	if (!is_good && r.s->merges != NULL) { /* as for all kinds of BPE */
		text = counter_pad(c, text);
		if (text.p == NULL)
			return ERR_NOMEM;
		is_good = true;
	}
	if (c->body == NULL) {
		if ((c->body = scratch_new()) == NULL)
			return ERR_NOMEM;
		c->body_bytes = sizeof *r.k + PLACES * sizeof(struct spm_place);
	}
	r.k = c->body;
	e = out->ids != NULL || !is_good ? put_tokens(&r, text, prefix, out)
					 : count(&r, text, prefix, out);
	if (r.k->text_cap > KEEP_TEXT) {
		free(r.k->text);
		r.k->text = NULL;
		r.k->text_cap = 0;
	}
	return e;
}

static enum err
build_spm(struct vocab *v, const struct vocab_source *src)
{
	return spm_build(v, src, false);
}

static enum err
build_gemma4(struct vocab *v, const struct vocab_source *src)
{
	return spm_build(v, src, true);
}

const struct kind *
kind_spm(void)
{
	static const struct kind kind = {.kind = VOCAB_SPM,
	    .build = build_spm,
	    .destroy = spm_destroy,
	    .close = close_counter,
	    .tokens = tokens};

	return &kind;
}

const struct kind *
kind_gemma4(void)
{
	static const struct kind kind = {.kind = VOCAB_GEMMA4,
	    .build = build_gemma4,
	    .destroy = spm_destroy,
	    .close = close_counter,
	    .tokens = tokens};

	return &kind;
}
