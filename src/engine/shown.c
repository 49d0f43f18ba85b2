/*
 * One pass over the text: strings are unescaped into one buffer of the text's
 * size, numbers go into arrays that grow to the maxima of a vocabulary.
 */
#include "engine/shown.h"
#include "base/base64.h"
#include "json/reader.h"
#include "json/value.h"
#include "token/rewrite.h"
#include <stdlib.h>

enum { DEPTH = 64 };

#define KEY "tokenizer.ggml."

struct strings {
	struct slice *all;
	size_t n, cap;
};

/* Scores or types, as doubles until all is read. */
struct numbers {
	double *all;
	size_t n, cap;
};

struct shown {
	struct json_reader r;
	struct vocab_source source;
	struct rewrite_facts facts;
	char *texts;
	size_t n_texts;
	struct strings tokens, merges;
	struct numbers scores, types;
	enum err err;
};

/* Room for one more of ${size} bytes; ERR_FULL at VOCAB_TOKENS_MAX. */
static enum err
grow(void **all, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap == 0 ? 1024 : *cap * 2;
	void *p;

	if (n < *cap)
		return OK;
	if (n >= VOCAB_TOKENS_MAX)
		return ERR_FULL;
	p = realloc(*all, more * size);
	if (p == NULL)
		return ERR_NOMEM;
	*all = p;
	*cap = more;
	return OK;
}

/* Pass over the container that was just opened. */
static void
leave(struct shown *s)
{
	if (json_leave(&s->r) == JSON_BAD)
		s->err = ERR_SYNTAX;
}

/* The string that was just read, unescaped. */
static struct slice
take_text(struct shown *s)
{
	struct slice raw = json_span(&s->r);
	char *to = s->texts + s->n_texts;
	size_t n;
	enum err e = json_unescape(raw, to, raw.n, &n);

	if (e != OK) {
		s->err = e;
		return slice_of(NULL, 0);
	}
	s->n_texts += n;
	return slice_of(to, n);
}

static void
read_strings(struct shown *s, struct strings *to)
{
	enum json_kind kind;
	void *all;

	while ((kind = json_next(&s->r)) == JSON_STRING && s->err == OK) {
		all = to->all;
		s->err = grow(&all, to->n, &to->cap, sizeof *to->all);
		to->all = all;
		if (s->err == OK)
			to->all[to->n++] = take_text(s);
	}
	if (s->err == OK && kind != JSON_ARRAY_END)
		s->err = ERR_SYNTAX;
}

static void
read_numbers(struct shown *s, struct numbers *to)
{
	enum json_kind kind;
	void *all;

	while ((kind = json_next(&s->r)) == JSON_NUMBER && s->err == OK) {
		all = to->all;
		s->err = grow(&all, to->n, &to->cap, sizeof *to->all);
		to->all = all;
		if (s->err == OK)
			s->err = json_f64(json_span(&s->r), &to->all[to->n++]);
	}
	if (s->err == OK && kind != JSON_ARRAY_END)
		s->err = ERR_SYNTAX;
}

/* Bytes are shown in base 64. */
static void
decode_charsmap(struct shown *s)
{
	struct slice text = s->source.charsmap;
	char *to = s->texts + s->n_texts;
	size_t n;

	if (base64_decode(text, to, text.n, &n))
		s->source.charsmap = slice_of(to, n);
	else /* as text it is refused, if it is needed */
		s->source.charsmap_base64 = text;
	s->n_texts += n;
}

/* An array of it: bytes that have signs, or letters of base 64. */
static void
read_charsmap(struct shown *s)
{
	char *to = s->texts + s->n_texts;
	enum json_kind kind;
	bool is_text = false;
	int64_t byte = 0;
	size_t n = 0;

	while (s->err == OK && (kind = json_next(&s->r)) != JSON_ARRAY_END) {
		struct slice span = json_span(&s->r);

		if (kind == JSON_NUMBER && json_i64(span, &byte) == OK) {
			to[n++] = (char)byte;
		} else if (kind == JSON_STRING) {
			to[n++] = span.n == 1 ? span.p[0] : '?';
			is_text = true;
		} else {
			s->err = ERR_SYNTAX;
		}
	}
	s->n_texts += n;
	if (is_text)
		s->source.charsmap_base64 = slice_of(to, n);
	else
		s->source.charsmap = slice_of(to, n);
}

static void
read_text_key(struct shown *s, struct slice key)
{
	const struct {
		const char *key;
		struct slice *to;
	} rows[] = {
	    {KEY "model", &s->source.model},
	    {KEY "pre", &s->source.pre},
	    {"general.architecture", &s->source.arch},
	    {"general.name", &s->source.name},
	    {KEY "precompiled_charsmap", &s->source.charsmap},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_is(key, rows[i].key))
			*rows[i].to = take_text(s);
	if (slice_is(key, KEY "precompiled_charsmap"))
		decode_charsmap(s);
}

static void
read_array_key(struct shown *s, struct slice key)
{
	if (slice_is(key, KEY "tokens"))
		read_strings(s, &s->tokens);
	else if (slice_is(key, KEY "merges"))
		read_strings(s, &s->merges);
	else if (slice_is(key, KEY "scores"))
		read_numbers(s, &s->scores);
	else if (slice_is(key, KEY "token_type"))
		read_numbers(s, &s->types);
	else if (slice_is(key, KEY "precompiled_charsmap"))
		read_charsmap(s);
	else
		leave(s);
}

/* One key of model_info and its value. */
static void
read_info(struct shown *s, struct slice key)
{
	enum json_kind kind = json_next(&s->r);
	int64_t *id = vocab_source_id(&s->source, key);
	enum vocab_flag *flag = vocab_source_flag(&s->source, key);

	if (kind == JSON_STRING)
		read_text_key(s, key);
	else if (kind == JSON_ARRAY)
		read_array_key(s, key);
	else if (kind == JSON_OBJECT)
		leave(s);
	else if (kind == JSON_NUMBER && id != NULL)
		s->err = json_i64(json_span(&s->r), id);
	else if ((kind == JSON_TRUE || kind == JSON_FALSE) && flag != NULL)
		*flag = kind == JSON_TRUE ? VOCAB_ON : VOCAB_OFF;
	if (slice_starts(key, slice_str("mistral3.rope.scaling")) &&
	    (slice_ends(key, slice_str(".beta_fast")) ||
		slice_ends(key, slice_str(".mscale_all_dim")) ||
		slice_ends(key, slice_str(".scaling_beta"))))
		s->facts.has_scaling_keys = true;
}

/* The number of rows: the larger of two, whichever stands first. */
static int64_t
read_shape(struct shown *s)
{
	int64_t most = 0, one;
	enum json_kind kind;

	while ((kind = json_next(&s->r)) == JSON_NUMBER)
		if (json_i64(json_span(&s->r), &one) == OK && one > most)
			most = one;
	if (kind != JSON_ARRAY_END)
		s->err = ERR_SYNTAX;
	return most;
}

/* One tensor, its brace read. */
static void
read_tensor(struct shown *s)
{
	struct slice name = {0};
	int64_t rows = 0;

	while (s->err == OK && json_next(&s->r) == JSON_KEY) {
		struct slice key = json_span(&s->r);
		enum json_kind kind = json_next(&s->r);

		if (kind == JSON_ARRAY && slice_is(key, "shape"))
			rows = read_shape(s);
		else if (kind == JSON_ARRAY || kind == JSON_OBJECT)
			leave(s);
		else if (kind == JSON_STRING && slice_is(key, "name"))
			name = json_span(&s->r);
	}
	if (slice_is(name, "token_embd.weight"))
		s->facts.rows = rows;
	else if (slice_is(name, "per_layer_token_embd.weight"))
		s->facts.layer_rows = rows;
	else if (slice_is(name, "dense.0.weight"))
		s->facts.has_dense = true;
	else if (slice_is(name, "output_norm.weight"))
		s->facts.has_output_norm = true;
	else if (slice_is(name, "token_embd_norm.weight"))
		s->facts.has_embd_norm = true;
	else if (slice_starts(name, slice_str("v.")) ||
	    slice_starts(name, slice_str("mm.")))
		s->facts.has_vision = true;
}

/* One key of the answer and its value. */
static void
read_member(struct shown *s, struct slice key)
{
	enum json_kind kind = json_next(&s->r);

	if (kind == JSON_OBJECT && slice_is(key, "model_info")) {
		while (s->err == OK && json_next(&s->r) == JSON_KEY)
			read_info(s, json_span(&s->r));
	} else if (kind == JSON_ARRAY && slice_is(key, "tensors")) {
		while (s->err == OK && json_next(&s->r) == JSON_OBJECT)
			read_tensor(s);
	} else if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
		leave(s);
	}
}

static enum err
read_all(struct shown *s)
{
	enum json_kind kind;

	if (json_next(&s->r) != JSON_OBJECT)
		return ERR_SYNTAX;
	while ((kind = json_next(&s->r)) == JSON_KEY) {
		read_member(s, json_span(&s->r));
		if (s->err != OK)
			return s->err;
	}
	return kind == JSON_OBJECT_END && json_next(&s->r) == JSON_END
	    ? OK
	    : ERR_SYNTAX;
}

/* Numbers as the source has them; ${scores} and ${types} are freed by us. */
static enum err
convert(struct shown *s, float **scores, int32_t **types)
{
	if (s->tokens.n == 0)
		return ERR_NOT_FOUND;
	if ((s->scores.n > 0 && s->scores.n < s->tokens.n) ||
	    (s->types.n > 0 && s->types.n < s->tokens.n))
		return ERR_SYNTAX;
	*scores = malloc((s->scores.n + 1) * sizeof **scores);
	*types = malloc((s->types.n + 1) * sizeof **types);
	if (*scores == NULL || *types == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->scores.n; i++)
		(*scores)[i] = (float)s->scores.all[i];
	for (size_t i = 0; i < s->types.n; i++) {
		double t = s->types.all[i];

		(*types)[i] =
		    t >= 0 && t <= TOKEN_BYTE ? (int32_t)t : TOKEN_UNDEFINED;
	}
	s->source.tokens = s->tokens.all;
	s->source.n_tokens = s->tokens.n;
	s->source.merges = s->merges.all;
	s->source.n_merges = s->merges.n;
	s->source.scores = s->scores.n > 0 ? *scores : NULL;
	s->source.types = s->types.n > 0 ? *types : NULL;
	return OK;
}

enum err
shown_vocab(struct slice text, struct vocab **out)
{
	struct shown s = {.err = OK};
	struct rewrite changed = {NULL, NULL};
	float *scores = NULL;
	int32_t *types = NULL;
	enum err e;

	/* What is shown in base 64 is there in both ways. */
	s.texts = malloc(2 * text.n + 1);
	if (s.texts == NULL)
		return ERR_NOMEM;
	vocab_source_init(&s.source);
	json_reader_init(&s.r, text, DEPTH);
	e = read_all(&s);
	if (e == OK)
		e = convert(&s, &scores, &types);
	if (e == OK)
		e = rewrite_apply(&s.source, &s.facts, &changed);
	if (e == OK)
		e = vocab_new(&s.source, out);
	rewrite_fini(&changed);
	free(scores);
	free(types);
	free(s.tokens.all);
	free(s.merges.all);
	free(s.scores.all);
	free(s.types.all);
	free(s.texts);
	return e;
}
