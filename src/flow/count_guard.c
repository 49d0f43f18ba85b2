/*
 * A token is a byte at the least, so what has few bytes fits whatever its
 * tokenizer is; all else is asked for where it matters.
 */
#include "flow/count_part.h"
#include "flow/exact.h"

enum {
	TEMPLATE_TOK = 256, /* what a template may begin with */
	MESSAGE_TOK = 16,
	IMAGE_TOK = 768,   /* as Ollama guesses when it drops messages */
	UNSEEN_TOK = 1024, /* contexts that nobody has seen hold as much */
	VLLM_BYTES = 2	   /* it refuses by itself: what is likely is enough */
};

/* Tokens that it has at most. */
static int64_t
bound_tok(const struct flow *f, const struct engine *e)
{
	const struct inspect *in = &f->inspect;
	int64_t bytes = (int64_t)in->text_bytes;

	if (e->kind == ENGINE_OPENAI)
		bytes /= VLLM_BYTES;
	return bytes + (int64_t)in->token_ids + TEMPLATE_TOK +
	    (int64_t)in->n_messages * MESSAGE_TOK +
	    (int64_t)in->n_images * IMAGE_TOK;
}

/* vLLM wants room for all that is asked for. */
static int64_t
wanted_output(const struct flow *f)
{
	int64_t need = count_needed_output(f),
		asked = f->inspect.max_output_tok;

	return asked > need ? asked : need;
}

static bool
is_worth_asking(
    const struct flow *f, const struct engine *e, const struct engine_model *m)
{
	int64_t bound = bound_tok(f, e);
	struct count_limit l = count_limit(f, e, m);

	switch (e->kind) {
	case ENGINE_OLLAMA:
		if (!count_may_cut(f, e))
			return false;
		if (l.tok == 0 || count_is_unseen(f, e, m))
			return bound > UNSEEN_TOK;
		return bound + count_needed_output(f) > l.tok;
	case ENGINE_OPENAI:
		return l.tok == 0 || bound + wanted_output(f) > l.tok;
	default:
		return false;
	}
}

static bool
is_prompt(const struct flow *f)
{
	switch (f->match.route->shape) {
	case SHAPE_OPENAI:
	case SHAPE_ANTHROPIC:
	case SHAPE_RESPONSES:
		return true;
	default:
		return false;
	}
}

enum step
count_guard(struct flow *f, struct engine *e, const struct engine_model *m)
{
	struct exact_opt opt = {.engine = e, .is_loaded = m->is_loaded};
	struct tokenizer_extra none = {.least = 0};
	struct count_limit l;

	if (!f->has_slot || !is_prompt(f))
		return STEP_NEXT;
	if (!f->is_exact && !f->is_over && is_worth_asking(f, e, m) &&
	    exact_ask(f, &opt) == STEP_WAIT)
		return STEP_WAIT;
	if (f->is_over)
		return count_judge_over(f);
	l = count_limit(f, e, m);
	if (!f->is_exact || l.tok == 0)
		return STEP_NEXT;
	return count_judge_known(f, e, none, l);
}
