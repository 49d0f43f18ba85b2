/*
 * rewrite: what Ollama changes in a model's tokenizer before llama.cpp sees
 * it.
 *
 * Models that were published for Ollama's own engine say things that mean
 * something else to llama.cpp; since 0.30 Ollama corrects them in memory, at
 * load.  Neither the file nor /api/show tells, so it is done here again.  Only
 * for models that an Ollama serves: a bare llama-server takes files as they
 * are, and so does an Ollama with OLLAMA_LLAMA_CPP_COMPAT=0.
 *
 * Source: translate_metadata() in Ollama's
 * llama/compat/llama-ollama-compat.cpp.
 */
#pragma once
#include "token/vocab.h"

/* What else a model says, besides its vocabulary.  All zero: nothing. */
struct rewrite_facts {
	int64_t rows;	    /* of token_embd.weight; 0: not known */
	int64_t layer_rows; /* of per_layer_token_embd.weight */
	bool has_vision;    /* tensors "v." or "mm.": all in one file */
	bool has_dense;	    /* dense.0.weight: an embedding model */
	bool has_output_norm, has_embd_norm; /* tensors of lfm2 */
	bool has_scaling_keys; /* mistral3's old names for rope scaling */
	struct slice chat_template;
};

/* What was allocated; all zero at first. */
struct rewrite {
	int32_t *types;
	char *charsmap;
};

/* The facts that ${g} tells; the slice lives as long as ${g}. */
void rewrite_facts_gguf(const struct gguf *g, struct rewrite_facts *out);

/*
 * Change ${s} as Ollama would.  What it must allocate for that is ${r}'s; free
 * it with rewrite_fini when ${s} is not used any more.  ERR_NOMEM.
 */
MUST_CHECK enum err rewrite_apply(
    struct vocab_source *s, const struct rewrite_facts *f, struct rewrite *r);

/* Free. */
void rewrite_fini(struct rewrite *r);

/* The vocabulary of the GGUF file ${path}, as Ollama has it.  As vocab_open. */
MUST_CHECK enum err rewrite_open(const char *path, struct vocab **out);
