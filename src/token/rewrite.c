/*
 * One function for each architecture that has something to correct, named in a
 * table.  Conditions are those of Ollama's detect_ollama_*(), as far as they
 * decide over the tokenizer.
 */
#include "token/rewrite.h"
#include "base/base64.h"
#include "token/gguf.h"
#include <stdlib.h>

enum { LLAMA3_EOT = 128009, LLAMA3_HEADER = 128006, LLAMA3_END = 128001 };

void
rewrite_facts_gguf(const struct gguf *g, struct rewrite_facts *out)
{
	static const char *const keys[] = {"mistral3.rope.scaling.beta_fast",
	    "mistral3.rope.scaling.mscale_all_dim",
	    "mistral3.rope.scaling_beta"};
	struct gguf_tensor t;

	*out = (struct rewrite_facts){0};
	if (gguf_find_tensor(g, "token_embd.weight", &t))
		out->rows = (int64_t)t.dims[1];
	if (gguf_find_tensor(g, "per_layer_token_embd.weight", &t))
		out->layer_rows = (int64_t)t.dims[1];
	out->has_vision = gguf_has_tensor(g, "v.") || gguf_has_tensor(g, "mm.");
	out->has_dense = gguf_find_tensor(g, "dense.0.weight", &t);
	out->has_output_norm = gguf_find_tensor(g, "output_norm.weight", &t);
	out->has_embd_norm = gguf_find_tensor(g, "token_embd_norm.weight", &t);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		out->has_scaling_keys |= gguf_find(g, keys[i]) != NULL;
	out->chat_template = gguf_text(g, "tokenizer.chat_template");
}

static bool
has_no_pre(const struct vocab_source *s)
{
	return s->pre.n == 0 || slice_is(s->pre, "default");
}

static bool
is_token(const struct vocab_source *s, size_t id, const char *text)
{
	return id < s->n_tokens && slice_is(s->tokens[id], text);
}

static void
truncate(struct vocab_source *s, int64_t rows)
{
	if (rows > 0 && (uint64_t)rows < s->n_tokens)
		s->n_tokens = (size_t)rows;
}

/* More tokens than embeddings: the rest is for pictures. */
static enum err
gemma3(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)r;
	if (!f->has_dense)
		truncate(s, f->rows);
	return OK;
}

static bool
is_byte_name(struct slice t)
{
	return t.n == 6 && t.p[0] == '<' && t.p[1] == '0' && t.p[2] == 'x' &&
	    t.p[5] == '>';
}

static enum err
gemma3n(
    struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	if (f->rows == 0 || f->layer_rows == 0 || f->rows == f->layer_rows)
		return OK;
	s->model = slice_str("llama");
	truncate(s, f->layer_rows);
	if (s->types == NULL)
		return OK;
	free(r->types);
	r->types = malloc((s->n_tokens + 1) * sizeof *r->types);
	if (r->types == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->n_tokens; i++) {
		r->types[i] = s->types[i];
		if (is_byte_name(s->tokens[i]))
			r->types[i] = TOKEN_BYTE;
		else if (slice_starts(s->tokens[i], slice_str("<unused")))
			r->types[i] = TOKEN_NORMAL;
	}
	s->types = r->types;
	return OK;
}

/* It is BPE, whatever the file says. */
static enum err
gemma4(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)f;
	(void)r;
	if (slice_is(s->model, "llama"))
		s->model = slice_str("gemma4");
	return OK;
}

static enum err
gptoss(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)f;
	(void)r;
	s->pre = slice_str("gpt-4o");
	return OK;
}

static enum err
lfm2(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)r;
	if (f->has_output_norm && !f->has_embd_norm)
		s->pre = slice_str("lfm2");
	return OK;
}

static enum err
mistral3(
    struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)r;
	if ((f->has_vision || f->has_scaling_keys) && has_no_pre(s))
		s->pre = slice_str("tekken");
	return OK;
}

static enum err
glm4moelite(
    struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)f;
	(void)r;
	s->pre = slice_str("glm4");
	return OK;
}

static enum err
glmocr(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	(void)f;
	(void)r;
	if (s->pre.p != NULL)
		s->pre = slice_str("chatglm-bpe");
	return OK;
}

/* A Llama 3 that does not say so. */
static enum err
llama(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	struct slice eot = SLICE("<|eot_id|>");
	struct slice header = SLICE("<|start_header_id|>");
	bool has_markers = is_token(s, LLAMA3_HEADER, header.p) ||
	    slice_has(f->chat_template, header) ||
	    slice_has(f->chat_template, eot);

	(void)r;
	if (!is_token(s, LLAMA3_EOT, eot.p) || !has_markers)
		return OK;
	if (!has_no_pre(s) && s->eos != LLAMA3_END)
		return OK;
	if (has_no_pre(s))
		s->pre = slice_str("llama-bpe");
	if (s->eos == VOCAB_ABSENT || s->eos == LLAMA3_END)
		s->eos = LLAMA3_EOT;
	if (s->eot == VOCAB_ABSENT || s->eot == LLAMA3_END)
		s->eot = LLAMA3_EOT;
	return OK;
}

/* snowflake-arctic-embed2: its map of characters is written as text. */
static enum err
bert(struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	struct slice text = s->charsmap_base64;
	size_t n;

	(void)f;
	if (text.n == 0 || !slice_is(s->model, "t5"))
		return OK;
	free(r->charsmap);
	r->charsmap = malloc(text.n);
	if (r->charsmap == NULL)
		return ERR_NOMEM;
	if (base64_decode(text, r->charsmap, text.n, &n) && n > 0) {
		s->charsmap = slice_of(r->charsmap, n);
		s->charsmap_base64 = slice_of(NULL, 0);
	}
	return OK;
}

static const struct {
	const char *arch;
	enum err (*rewrite)(struct vocab_source *s,
	    const struct rewrite_facts *f, struct rewrite *r);
} rows[] = {
    {"gemma3", gemma3},
    {"gemma3n", gemma3n},
    {"gemma4", gemma4},
    {"gptoss", gptoss},
    {"lfm2", lfm2},
    {"mistral3", mistral3},
    {"glm4moelite", glm4moelite},
    {"glmocr", glmocr},
    {"llama", llama},
    {"bert", bert},
};

enum err
rewrite_apply(
    struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (slice_is(s->arch, rows[i].arch))
			return rows[i].rewrite(s, f, r);
	return OK;
}

void
rewrite_fini(struct rewrite *r)
{
	free(r->types);
	free(r->charsmap);
	*r = (struct rewrite){NULL, NULL};
}

enum err
rewrite_open(const char *path, struct vocab **out)
{
	struct rewrite_facts facts;
	struct rewrite r = {NULL, NULL};
	struct vocab_source s;
	struct gguf *g;
	enum err e = gguf_open(path, &g);

	if (e != OK)
		return e;
	if ((e = vocab_source_gguf(g, &s)) != OK)
		goto undo_gguf;
	rewrite_facts_gguf(g, &facts);
	e = rewrite_apply(&s, &facts, &r);
	if (e == OK)
		e = vocab_new(&s, out);
	rewrite_fini(&r);
	vocab_source_fini(&s);
undo_gguf:
	gguf_free(g);
	return e;
}
