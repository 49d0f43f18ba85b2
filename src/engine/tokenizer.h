/*
 * tokenizer: what it takes to count a model's prompts here, as its engine
 * counts them.
 *
 *   first request --> ask the engine where the model's file is
 *                 --> read its vocabulary on the helper thread
 *                 --> ready: a counter for the loop, one for the helper
 *
 * Nobody waits for it: until it is ready, and for models whose file cannot be
 * read or whose tokenizer is not known, nothing is counted and the engine
 * judges.  What has not been used for a while is dropped.
 *
 * What a template adds to the texts is learnt from what the engine reports.
 */
#pragma once
#include "engine/engine.h"
#include "token/count.h"

struct tokenizer;

/* What a template adds to the texts of a request, in tokens. */
struct tokenizer_extra {
	int64_t least, most;
	bool is_learnt; /* from requests of the same number of messages */
	bool is_known;	/* from requests of that kind at all */
};

/*
 * The tokenizer of ${m}, a model of ${e}, if it is ready; lent until the turn
 * ends.  NULL: not yet (asking for it begins it) or never.
 */
struct tokenizer *tokenizer_get(struct engine *e, struct engine_model *m);

/* The counter for the loop's thread, and that for the helper's; lent. */
struct counter *tokenizer_counter(struct tokenizer *t);
struct counter *tokenizer_far_counter(struct tokenizer *t);

/* One holder more; returns ${t}.  For jobs of the helper thread. */
struct tokenizer *tokenizer_hold(struct tokenizer *t);

/* One holder less; the last frees it.  NULL is fine. */
void tokenizer_drop(struct tokenizer *t);

/* Templates add other things to conversations of other kinds: bits. */
enum {
	TOKENIZER_SYSTEM = 1, /* begins with the caller's own system message */
	TOKENIZER_TOOLS = 2,
	TOKENIZER_KINDS = 4
};

/*
 * What the template adds to ${n} messages of ${kind} (TOKENIZER_* bits), as
 * far as is known.
 */
struct tokenizer_extra tokenizer_extra(
    const struct tokenizer *t, unsigned kind, unsigned n);

/* The engine has counted ${tok} more than the texts of such have. */
void tokenizer_learn(
    struct tokenizer *t, unsigned kind, unsigned n, int64_t tok);

/* ${m} goes, or its file has changed: the next use begins anew. */
void tokenizer_forget(struct engine_model *m);

/* Is it on its way: asked for, and neither ready nor given up? */
bool tokenizer_is_coming(const struct engine_model *m);

/* Why there is none for ${m}, as part of a sentence; "" where there is one. */
const char *tokenizer_reason(const struct engine_model *m);

/* Bytes that ${m}'s takes, 0: none. */
size_t tokenizer_bytes(const struct engine_model *m);
