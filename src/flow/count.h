/*
 * count: how many tokens the prompt has, and whether it fits.
 *
 *   before the line:   clearly too long --> refused here
 *   an engine chosen:  the context that it really has --> judged again
 *   answered:          what the engine counted --> learnt, or a cut noticed
 *
 * The count of the texts is exact; what the template adds is learnt (see
 * engine/tokenizer.h), so there is a least and a most.  Refused is only what
 * cannot fit at the least; what may not fit at the most is left to the engine,
 * which is told not to cut.
 */
#pragma once
#include "flow/flow.h"
#include "log/access.h"

struct overflow;
struct tokenizer;

/* A context, and where the number comes from. */
struct count_limit {
	int64_t tok; /* 0: not known */
	const char *source;
	int64_t grows_from; /* what is loaded, where that may grow; 0 */
};

/* The context that the request will have at ${e}, whose model is ${m}. */
struct count_limit count_limit(
    const struct flow *f, const struct engine *e, const struct engine_model *m);

/* Is the count itself what is asked for, and weir to answer, not ${e}? */
bool count_is_answered(const struct flow *f, const struct engine *e);

/* Answer it; the prompt has been counted with the model ${m} of ${e}. */
enum step count_answer(
    struct flow *f, struct engine *e, struct engine_model *m);

/* Larger requests teach nothing more. */
enum { COUNT_LEARN_BYTES = 64 * 1024 };

/* The row of the model that ${f} would reach at ${e}; NULL: it has none. */
struct engine_model *count_model_at(struct flow *f, struct engine *e);

/* Did the engine see all the texts that were counted? */
bool count_is_plain(struct flow *f);

/* The engine has ${told} tokens in ${f}'s prompt; ${t} is its tokenizer. */
void count_learn(struct flow *f, struct tokenizer *t, int64_t told);

/* What kind of conversation it is: TOKENIZER_* bits. */
unsigned count_kind(const struct flow *f);

/* Wait for the vocabulary of ${m}, or refuse. */
enum step count_await(struct flow *f, const struct engine_model *m);

/*
 * Does it fit into what ${e} has?  STEP_NEXT or STEP_REFUSE; with its slot
 * held near the limit also STEP_WAIT: ${e} is asked, then the flow runs again.
 */
enum step count_judge(struct flow *f, struct engine *e);

/* Refuse it in the caller's words, as the engine did. */
enum step count_refuse_told(struct flow *f, const struct overflow *o);

/* Tokens of the prompt as far as is known here, -1: it was not counted. */
int64_t count_prompt_tok(const struct flow *f);

/* The flow ends: compare with what the engine says, learn, fill ${a} in. */
void count_settle(struct flow *f, struct access *a);

/* The flow goes while the helper counts its body, which is then the job's. */
void count_leave(struct flow *f);
