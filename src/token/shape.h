/*
 * shape: how much memory a model takes, by its metadata alone.
 *
 *   weights  the file without its metadata
 *   context  keys and values of each token of context (less within sliding
 *            windows, one latent key with MLA), and a state for each slot of
 *            recurrent layers
 *   work     what one batch needs on its way through the layers
 *
 * Weights and context are what llama.cpp allocates, to the byte but for
 * padding (test/spec/memory_test.py compares them with what it logs); work is
 * a rule of thumb.  Sources: llama.cpp's llama_kv_cache, llama_kv_cache_iswa,
 * llama_memory_recurrent and llama_model::create_memory.
 */
#pragma once
#include "token/gguf.h"

enum {
	SHAPE_BATCH = 512, /* tokens of a batch, where nobody says otherwise */
	SHAPE_CONTEXT_MAX = 1 << 28, /* tokens */
	SHAPE_SLOTS_MAX = 4096,
};

/* How keys and values are kept. */
enum shape_type {
	SHAPE_F16,
	SHAPE_F32,
	SHAPE_BF16,
	SHAPE_Q8_0,
	SHAPE_Q5_1,
	SHAPE_Q5_0,
	SHAPE_Q4_1,
	SHAPE_Q4_0,
	SHAPE_IQ4_NL,
	SHAPE_TYPES
};

/* What the metadata says; numbers of all layers together. */
struct shape {
	int64_t weights_bytes;	    /* 0: unknown */
	int64_t k_values, v_values; /* for each token of context */
	int64_t k_window, v_window; /* the same, of layers with a window */
	int64_t window_tok;
	int64_t state_bytes;	 /* for each slot */
	int64_t work_values;	 /* for each token of a batch */
	int64_t context_max_tok; /* that it was made for; 0: unknown */
	unsigned layers;
};

/* How it is to be loaded. */
struct shape_use {
	int64_t context_tok; /* of each slot; 0: what it was made for */
	int64_t slots;	     /* 0: 1 */
	bool is_shared;	     /* the slots share the context of one */
	enum shape_type k_type, v_type;
	int64_t batch_tok; /* 0: SHAPE_BATCH */
};

/* What that takes. */
struct shape_need {
	int64_t weights_bytes, context_bytes, work_bytes;
	int64_t total_bytes;
};

/*
 * Read the shape of the model ${g}, whose file has ${file_bytes} (0: not
 * known).  ERR_SYNTAX: it lacks what each model has; ERR_RANGE: a number is
 * beyond all reason.
 */
MUST_CHECK enum err shape_read(
    const struct gguf *g, int64_t file_bytes, struct shape *out);

/*
 * The same of the file ${path}; of one that is split, all of its parts count.
 * Blocking.  Errors as gguf_open and shape_read.
 */
MUST_CHECK enum err shape_open(const char *path, struct shape *out);

/* What ${s} takes if it is loaded as ${u} says, whose numbers are clamped. */
struct shape_need shape_need(const struct shape *s, const struct shape_use *u);

/*
 * The largest context of each slot, in whole thousands (1024) or less than
 * one, with which ${s} takes at most ${bytes}; other fields as in ${u}.  0:
 * none does.
 */
int64_t shape_fitting_context(
    const struct shape *s, const struct shape_use *u, int64_t bytes);

/* The type of that name, as in --cache-type-k; false: there is none. */
bool shape_type_find(struct slice name, enum shape_type *out);
