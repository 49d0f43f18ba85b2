/*
 * The tokenizer keys of a GGUF file as a struct vocab_source.  The arrays of
 * strings become arrays of slices into the file's bytes; numbers are copied,
 * because the file does not align them.
 */
#include "token/gguf.h"
#include "token/vocab.h"
#include <stdlib.h>

#define KEY "tokenizer.ggml."

struct memory {
	struct slice *tokens, *merges;
	float *scores;
	int32_t *types;
	char *charsmap;
};

void
vocab_source_init(struct vocab_source *s)
{
	*s = (struct vocab_source){.bos = VOCAB_ABSENT,
	    .eos = VOCAB_ABSENT,
	    .eot = VOCAB_ABSENT,
	    .eom = VOCAB_ABSENT,
	    .unk = VOCAB_ABSENT,
	    .sep = VOCAB_ABSENT,
	    .pad = VOCAB_ABSENT,
	    .mask = VOCAB_ABSENT,
	    .fim_pre = VOCAB_ABSENT,
	    .fim_suf = VOCAB_ABSENT,
	    .fim_mid = VOCAB_ABSENT,
	    .fim_pad = VOCAB_ABSENT,
	    .fim_rep = VOCAB_ABSENT,
	    .fim_sep = VOCAB_ABSENT};
}

void
vocab_source_fini(struct vocab_source *s)
{
	struct memory *m = s->memory;

	if (m != NULL) {
		free(m->tokens);
		free(m->merges);
		free(m->scores);
		free(m->types);
		free(m->charsmap);
		free(m);
	}
	vocab_source_init(s);
}

/* An array of strings as slices; an absent one is empty. */
static enum err
strings(const struct gguf *g, const char *key, size_t max, struct slice **out,
    size_t *n)
{
	const struct gguf_value *v = gguf_find(g, key);
	size_t at = 0, i = 0;

	*n = 0;
	if (v == NULL)
		return OK;
	if (v->type != GGUF_ARRAY || v->item != GGUF_STRING)
		return ERR_SYNTAX;
	if (v->n > max)
		return ERR_FULL;
	*out = malloc((size_t)(v->n + 1) * sizeof **out);
	if (*out == NULL)
		return ERR_NOMEM;
	while (i < v->n && gguf_next_string(v, &at, &(*out)[i]))
		i++;
	*n = i;
	return OK;
}

/* An array of 4-byte numbers, at least ${n} of them; an absent one is NULL. */
static enum err
numbers(
    const struct gguf *g, const char *key, bool is_float, size_t n, void **out)
{
	const struct gguf_value *v = gguf_find(g, key);

	if (v == NULL)
		return OK;
	if (v->type != GGUF_ARRAY || v->n < n ||
	    (is_float ? v->item != GGUF_F32
		      : v->item != GGUF_I32 && v->item != GGUF_U32))
		return ERR_SYNTAX;
	*out = malloc(4 * n + 1);
	if (*out == NULL)
		return ERR_NOMEM;
	memcpy(*out, v->raw.p, 4 * n); /* little-endian, as all our hosts */
	return OK;
}

static enum err
arrays(const struct gguf *g, struct vocab_source *s, struct memory *m)
{
	void *scores = NULL, *types = NULL;
	enum err e;

	if ((e = strings(g, KEY "tokens", VOCAB_TOKENS_MAX, &m->tokens,
		 &s->n_tokens)) != OK ||
	    (e = strings(g, KEY "merges", VOCAB_MERGES_MAX, &m->merges,
		 &s->n_merges)) != OK)
		return e;
	e = numbers(g, KEY "scores", true, s->n_tokens, &scores);
	m->scores = scores;
	if (e != OK)
		return e;
	e = numbers(g, KEY "token_type", false, s->n_tokens, &types);
	m->types = types;
	s->tokens = m->tokens;
	s->merges = m->merges;
	s->scores = m->scores;
	s->types = m->types;
	return e;
}

int64_t *
vocab_source_id(struct vocab_source *s, struct slice key)
{
	const struct {
		const char *key;
		int64_t *id;
	} rows[] = {
	    {KEY "bos_token_id", &s->bos},
	    {KEY "eos_token_id", &s->eos},
	    {KEY "eot_token_id", &s->eot},
	    {KEY "eom_token_id", &s->eom},
	    {KEY "unknown_token_id", &s->unk},
	    {KEY "seperator_token_id", &s->sep}, /* so it is spelled */
	    {KEY "padding_token_id", &s->pad},
	    {KEY "mask_token_id", &s->mask},
	    {KEY "fim_pre_token_id", &s->fim_pre},
	    {KEY "fim_suf_token_id", &s->fim_suf},
	    {KEY "fim_mid_token_id", &s->fim_mid},
	    {KEY "fim_pad_token_id", &s->fim_pad},
	    {KEY "fim_rep_token_id", &s->fim_rep},
	    {KEY "fim_sep_token_id", &s->fim_sep},
	    {KEY "prefix_token_id", &s->fim_pre},
	    {KEY "suffix_token_id", &s->fim_suf},
	    {KEY "middle_token_id", &s->fim_mid},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_is(key, rows[i].key))
			return rows[i].id;
	return NULL;
}

enum vocab_flag *
vocab_source_flag(struct vocab_source *s, struct slice key)
{
	const struct {
		const char *key;
		enum vocab_flag *flag;
	} rows[] = {
	    {KEY "add_bos_token", &s->add_bos},
	    {KEY "add_eos_token", &s->add_eos},
	    {KEY "add_sep_token", &s->add_sep},
	    {KEY "add_space_prefix", &s->add_space_prefix},
	    {KEY "remove_extra_whitespaces", &s->remove_extra_whitespaces},
	    {KEY "normalizer.lowercase", &s->lowercase},
	    {KEY "normalizer.strip_accents", &s->strip_accents},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_is(key, rows[i].key))
			return rows[i].flag;
	return NULL;
}

static void
ids_and_flags(const struct gguf *g, struct vocab_source *s)
{
	for (size_t i = 0; i < gguf_n_keys(g); i++) {
		struct slice key = gguf_get(g, i)->key;
		int64_t *id = vocab_source_id(s, key);
		enum vocab_flag *flag = vocab_source_flag(s, key);
		char name[64];
		bool on;

		if ((id == NULL && flag == NULL) || key.n >= sizeof name)
			continue;
		memcpy(name, key.p, key.n);
		name[key.n] = '\0';
		if (id != NULL)
			(void)gguf_i64(g, name, id);
		else if (gguf_bool(g, name, &on))
			*flag = on ? VOCAB_ON : VOCAB_OFF;
	}
}

/* The map of characters: bytes, or single letters of base 64. */
static enum err
charsmap(const struct gguf *g, struct vocab_source *s, struct memory *m)
{
	const struct gguf_value *v = gguf_find(g, KEY "precompiled_charsmap");
	struct slice letter;
	size_t at = 0, n = 0;

	if (v == NULL || !slice_is(s->model, "t5"))
		return OK; /* no other looks at it */
	if (v->type != GGUF_ARRAY)
		return ERR_SYNTAX;
	if (gguf_size(v->item) == 1) {
		s->charsmap = v->raw;
		return OK;
	}
	if (v->item != GGUF_STRING)
		return ERR_SYNTAX;
	m->charsmap = malloc((size_t)v->n + 1);
	if (m->charsmap == NULL)
		return ERR_NOMEM;
	while (gguf_next_string(v, &at, &letter)) {
		if (letter.n != 1)
			return ERR_SYNTAX;
		m->charsmap[n++] = letter.p[0];
	}
	s->charsmap_base64 = slice_of(m->charsmap, n);
	return OK;
}

enum err
vocab_source_gguf(const struct gguf *g, struct vocab_source *out)
{
	struct memory *m = calloc(1, sizeof *m);
	enum err e;

	if (m == NULL)
		return ERR_NOMEM;
	vocab_source_init(out);
	out->memory = m;
	out->model = gguf_text(g, KEY "model");
	out->pre = gguf_text(g, KEY "pre");
	out->arch = gguf_text(g, "general.architecture");
	out->name = gguf_text(g, "general.name");
	e = arrays(g, out, m);
	if (e == OK && out->n_tokens == 0)
		e = ERR_NOT_FOUND;
	if (e == OK)
		e = charsmap(g, out, m);
	if (e != OK) {
		vocab_source_fini(out);
		return e;
	}
	ids_and_flags(g, out);
	return OK;
}
