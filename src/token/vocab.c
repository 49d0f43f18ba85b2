#include "token/vocab.h"
#include "os/random.h"
#include "token/gguf.h"
#include "token/kind.h"
#include "token/ucat.h"
#include <assert.h>
#include <stdlib.h>

void
vocab_clear(struct vocab *v)
{
	if (v->kind != NULL)
		v->kind->destroy(v);
	specials_fini(&v->specials);
	free(v->texts);
	free(v->text_at);
	free(v->attrs);
	free(v->scores);
	free(v->index.slots);
	free(v->pre);
}

enum err
vocab_new(const struct vocab_source *source, struct vocab **out)
{
	struct vocab *v = calloc(1, sizeof *v);
	enum err e;

	if (v == NULL)
		return ERR_NOMEM;
	ucat_init();
	atomic_init(&v->refs, 1);
	random_must_fill(&v->index.key, sizeof v->index.key);
	e = vocab_build(v, source);
	if (e != OK) {
		vocab_clear(v);
		free(v);
		return e;
	}
	*out = v;
	return OK;
}

enum err
vocab_open(const char *path, struct vocab **out)
{
	struct vocab_source source;
	struct gguf *g;
	enum err e = gguf_open(path, &g);

	if (e != OK)
		return e;
	e = vocab_source_gguf(g, &source);
	if (e == OK) {
		e = vocab_new(&source, out);
		vocab_source_fini(&source);
	}
	gguf_free(g);
	return e;
}

struct vocab *
vocab_hold(struct vocab *v)
{
	unsigned before = atomic_fetch_add(&v->refs, 1);

	assert(before > 0);
	return v;
}

void
vocab_drop(struct vocab *v)
{
	if (v == NULL || atomic_fetch_sub(&v->refs, 1) > 1)
		return;
	vocab_clear(v);
	free(v);
}

enum vocab_kind
vocab_kind(const struct vocab *v)
{
	return v->kind->kind;
}

size_t
vocab_n_tokens(const struct vocab *v)
{
	return v->n_tokens;
}

struct slice
vocab_pre(const struct vocab *v)
{
	return slice_str(v->pre);
}

size_t
vocab_bytes(const struct vocab *v)
{
	size_t n = sizeof *v + v->body_bytes + v->text_at[v->n_tokens];

	n += (v->n_tokens + 1) * sizeof *v->text_at + v->n_tokens;
	n += v->index.n_slots * sizeof *v->index.slots;
	n += v->specials.n_nodes * sizeof *v->specials.nodes;
	if (v->scores != NULL)
		n += v->n_tokens * sizeof *v->scores;
	return n;
}

int32_t
text_index_find(const struct vocab *v, struct slice text)
{
	const struct text_index *x = &v->index;
	size_t at = hash_bytes(x->key, text) & (x->n_slots - 1);

	for (; x->slots[at] != 0; at = (at + 1) & (x->n_slots - 1)) {
		uint32_t id = x->slots[at] - 1;

		if (slice_eq(vocab_token(v, id), text))
			return (int32_t)id;
	}
	return VOCAB_ABSENT;
}

int64_t
vocab_find(const struct vocab *v, struct slice text)
{
	return text_index_find(v, text);
}

struct slice
vocab_text(const struct vocab *v, uint32_t id)
{
	assert(id < v->n_tokens);
	return vocab_token(v, id);
}

int64_t
vocab_bos(const struct vocab *v)
{
	return v->add_bos ? v->bos : VOCAB_ABSENT;
}

int64_t
vocab_eos(const struct vocab *v)
{
	return v->add_eos ? v->eos : VOCAB_ABSENT;
}

size_t
vocab_poison_run(const struct vocab *v)
{
	return v->poison_run;
}
