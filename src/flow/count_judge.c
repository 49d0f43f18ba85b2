/*
 * Does a prompt fit?  By the least that it can have while nothing is asked,
 * by the engine's own count near the limit.  What cannot be counted here at all
 * goes to count_guard.c, embeddings to count_embed.c.
 */
#include "dialect/render.h"
#include "engine/tokenizer.h"
#include "flow/count.h"
#include "flow/count_part.h"
#include "flow/exact.h"
#include "flow/fit.h"
#include "flow/models.h"

enum {
	MIN_OUTPUT_TOK = 256,
	/* How near to the limit the engine is asked. */
	NEAR_TOK = 64,
	NEAR_SHARE = 16, /* of the limit */
	TOOLS_SHARE = 4, /* of the count: templates write tools anew */
	/* Texts may be joined with what stands around them. */
	SLACK_TOK = 8,
	SLACK_TEXT_TOK = 4,
};

struct engine_model *
count_model_at(struct flow *f, struct engine *e)
{
	struct engine_model *m = engine_own_model(e, name_short(&f->name));

	/* A llama-server with one model has it under any name. */
	if (m == NULL && e->kind == ENGINE_LLAMA && !e->is_router &&
	    e->models.n == 1)
		m = TABLE_OF(
		    table_next(&e->models, NULL), struct engine_model, node);
	return m;
}

/*
 * The context of a request that says num_ctx itself: it has the model loaded
 * anew only where the edits let it (edit_loads.c).
 */
static int64_t
own_context(const struct flow *f, const struct conf_model *policy, int64_t have,
    int64_t most)
{
	int64_t own = f->inspect.num_ctx;

	if (!f->conf->edits_num_ctx ||
	    (policy && policy->num_ctx == CONF_NUM_CTX_KEEP))
		return own;
	if (own > have && most > have)
		return own < most ? own : most;
	return have;
}

struct count_limit
count_limit(
    const struct flow *f, const struct engine *e, const struct engine_model *m)
{
	const struct conf_model *policy = models_policy(f->conf, &f->name);
	int64_t most = policy && policy->context != CONF_AUTO
	    ? (int64_t)policy->context
	    : 0;
	struct count_limit l = {0, "", 0};

	if (m->is_loaded && m->context > 0)
		l = (struct count_limit){m->context, "as loaded", 0};
	else if (m->context_seen > 0)
		l = (struct count_limit){m->context_seen, "as loaded last", 0};
	else if (m->context_max > 0)
		l = (struct count_limit){
		    m->context_max, "as it was made for", 0};
	if (e->kind == ENGINE_OLLAMA && f->inspect.num_ctx > 0)
		l.tok = own_context(f, policy, l.tok, most);
	if (most > 0 && (l.tok == 0 || most < l.tok))
		l = (struct count_limit){most, "as configured", 0};
	if ((most = fit_most(f, e, m)) > l.tok)
		l = (struct count_limit){most, "as it may be loaded", l.tok};
	return l;
}

int64_t
count_needed_output(const struct flow *f)
{
	const struct conf_model *policy = models_policy(f->conf, &f->name);
	int64_t least = policy ? (int64_t)policy->min_output : MIN_OUTPUT_TOK;
	int64_t asked = f->inspect.max_output_tok;

	/* Engines make one token at the least. */
	if (asked >= 0 && asked < least)
		return asked > 0 ? asked : 1;
	return least > 0 ? least : 1;
}

/* Does a message call a tool, or tell what one said? */
static bool
has_calls(const struct flow *f)
{
	static const enum field fields[] = {FIELD_MSG_TOOL_CALLS,
	    FIELD_MSG_ARGUMENTS, FIELD_MSG_INPUT, FIELD_MSG_OUTPUT};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (f->inspect.raw[fields[i]].n > 0)
			return true;
	return false;
}

/*
 * May a text have the end of a thought, which templates drop?  Slashes are rare
 * in long prompts, so memchr is faster here than a search for the whole word;
 * some escape the brackets.
 */
static bool
has_thought(struct slice s)
{
	static const char word[] = "/think";
	const char *at = s.p, *end = s.p + s.n;

	while (end - at >= (ptrdiff_t)sizeof word - 1 &&
	    (at = memchr(at, '/', (size_t)(end - at))) != NULL) {
		if (end - at >= (ptrdiff_t)sizeof word - 1 &&
		    memcmp(at, word, sizeof word - 1) == 0)
			return true;
		at++;
	}
	return false;
}

bool
count_is_plain(struct flow *f)
{
	if (f->inspect.n_tools > 0 || f->inspect.n_images > 0 || has_calls(f))
		return false;
	if (!f->is_searched)
		f->has_thought = has_thought(slice_of(f->body, f->body_n));
	f->is_searched = true;
	return !f->has_thought;
}

enum step
count_too_long(struct flow *f, int64_t tok, int64_t need, struct count_limit l)
{
	struct buf *b = &f->env->scratch;

	if (f->conf->dry_run) {
		f->dry_run = ERR_CONTEXT_EXCEEDED;
		return STEP_NEXT;
	}
	buf_clear(b);
	if (buf_printf(b,
		"it has %lld tokens, %lld more than fit; the context is %lld "
		"tokens (%s)",
		(long long)tok, (long long)(tok + need - l.tok),
		(long long)l.tok, l.source) != OK ||
	    (need > 0 &&
		buf_printf(b, ", of which %lld are kept for the answer",
		    (long long)need) != OK))
		return flow_refuse(f, ERR_INTERNAL);
	f->refusal.reason = arena_copy(&f->arena, buf_slice(b));
	f->refusal.value = tok;
	f->refusal.limit = l.tok > need ? l.tok - need : 1;
	return flow_refuse(f, ERR_CONTEXT_EXCEEDED);
}

unsigned
count_kind(const struct flow *f)
{
	return (render_has_system(&f->inspect) ? TOKENIZER_SYSTEM : 0U) |
	    (f->inspect.n_tools > 0 || has_calls(f) ? TOKENIZER_TOOLS : 0U);
}

/* Is guessing what the template adds not enough? */
static bool
is_near(const struct flow *f, const struct engine *e, struct tokenizer_extra x,
    struct count_limit l)
{
	int64_t margin = NEAR_TOK + l.tok / NEAR_SHARE;

	if (!x.is_known && e->kind == ENGINE_OLLAMA)
		return true;
	if (f->inspect.n_tools > 0 || has_calls(f))
		margin += NEAR_TOK + (int64_t)f->counted_tok / TOOLS_SHARE;
	return (int64_t)f->counted_tok + x.most + count_needed_output(f) +
	    margin >
	    l.tok;
}

void
count_learn(struct flow *f, struct tokenizer *t, int64_t told)
{
	if (f->body_n <= COUNT_LEARN_BYTES && f->inspect.n_images == 0)
		tokenizer_learn(t, count_kind(f), f->inspect.n_messages,
		    told - (int64_t)f->counted_tok);
}

/* How far off a count that was not asked for may be. */
static int64_t
slack_tok(const struct flow *f)
{
	return SLACK_TOK + (int64_t)f->inspect.n_texts * SLACK_TEXT_TOK;
}

/*
 * Must it be refused for what is known now?  Near the limit the engine is
 * asked; if it does not say, one that refuses by itself judges, and one that
 * would cut in silence does not get what may not fit.
 */
static bool
is_too_long(struct flow *f, const struct engine *e, struct tokenizer_extra x,
    int64_t room_tok)
{
	int64_t texts = (int64_t)f->counted_tok;

	if (f->is_exact)
		return f->exact_tok > room_tok;
	/* Templates leave some texts out: then the engine knows better. */
	if (!count_is_plain(f))
		return false;
	if (f->is_asked && x.is_known && e->kind == ENGINE_OLLAMA &&
	    f->match.route->dialect != DIALECT_OLLAMA)
		return texts + x.most > room_tok;
	return texts + x.least - slack_tok(f) > room_tok;
}

/* The engine's refusal of a prompt that is too long, in the caller's words. */
enum step
count_refuse_told(struct flow *f, const struct overflow *o)
{
	struct buf *b = &f->env->scratch;
	enum err e;

	buf_clear(b);
	if (o->prompt_tok > 0 && o->context_tok > 0)
		e = buf_printf(b,
		    "it has %lld tokens as the engine counts, %lld more than "
		    "the %lld of its context",
		    (long long)o->prompt_tok,
		    (long long)(o->prompt_tok - o->context_tok),
		    (long long)o->context_tok);
	else if (o->context_tok > 0)
		e = buf_printf(b, "the engine says that only %lld tokens fit",
		    (long long)o->context_tok);
	else
		e = buf_add_str(
		    b, "the engine refused it and does not say by how much");
	if (e != OK)
		return flow_refuse(f, ERR_INTERNAL);
	f->refusal.reason = arena_copy(&f->arena, buf_slice(b));
	f->refusal.value = o->prompt_tok;
	f->refusal.limit = o->prompt_tok > 0 ? o->context_tok : 0;
	return flow_refuse(f, ERR_CONTEXT_EXCEEDED);
}

enum step
count_judge_over(struct flow *f)
{
	if (!f->conf->dry_run)
		return count_refuse_told(f, &f->over);
	f->dry_run = ERR_CONTEXT_EXCEEDED;
	return STEP_NEXT;
}

enum step
count_judge_known(struct flow *f, struct engine *e, struct tokenizer_extra x,
    struct count_limit l)
{
	int64_t need = count_needed_output(f), tok = count_prompt_tok(f);
	int64_t most = (int64_t)f->counted_tok + x.most + slack_tok(f);
	int64_t have = l.grows_from > 0 ? l.grows_from : l.tok;

	if (f->is_exact)
		most = f->exact_tok;
	f->left_tok = 0;
	f->fit_tok = 0;
	if (l.grows_from > 0 && most + need > have)
		have = f->fit_tok =
		    fit_step((uint32_t)have, most + need, (uint32_t)l.tok);
	if ((f->is_exact || (x.is_known && count_is_plain(f))) && most < have)
		f->left_tok = have - most;
	if (!is_too_long(f, e, x, l.tok - need))
		return STEP_NEXT;
	return count_too_long(f, tok, need, l);
}

bool
count_may_cut(const struct flow *f, const struct engine *e)
{
	const struct route *r = f->match.route;

	return e->kind == ENGINE_OLLAMA && r->dialect != DIALECT_OLLAMA &&
	    r->class == CLASS_INFERENCE && r->shape != SHAPE_COUNT;
}

bool
count_is_unseen(
    const struct flow *f, const struct engine *e, const struct engine_model *m)
{
	return f->has_slot && count_may_cut(f, e) && m->context == 0 &&
	    (e->lacks & ENGINE_LACKS_CONTEXT) == 0;
}

/* Ask, unless what is known here is enough. */
static enum step
ask_if_near(struct flow *f, struct engine *e, const struct engine_model *m,
    struct tokenizer *t, struct tokenizer_extra x)
{
	struct exact_opt opt = {
	    .engine = e, .tokenizer = t, .is_loaded = m->is_loaded};

	if (!f->has_slot || f->is_exact)
		return STEP_NEXT;
	if (count_is_unseen(f, e, m) || is_near(f, e, x, count_limit(f, e, m)))
		return exact_ask(f, &opt);
	exact_note_known(f, e);
	return STEP_NEXT;
}

enum step
count_judge(struct flow *f, struct engine *e)
{
	const struct conf_model *policy = models_policy(f->conf, &f->name);
	bool was_asked = f->is_asked;
	struct tokenizer *t = NULL;
	struct tokenizer_extra x;
	struct engine_model *m;
	struct count_limit l;

	f->fit_tok = 0;
	if (!f->has_inspect || !f->has_name ||
	    f->match.route->class != CLASS_INFERENCE ||
	    (policy && policy->overflow == CONF_OVERFLOW_PASS) ||
	    (m = count_model_at(f, e)) == NULL)
		return STEP_NEXT;
	if (f->is_counted)
		t = tokenizer_get(e, m);
	if (f->match.route->shape == SHAPE_EMBED)
		return count_judge_embed(f, e, m);
	if (t == NULL)
		return count_guard(f, e, m);
	x = tokenizer_extra(t, count_kind(f), f->inspect.n_messages);
	f->count_extra = x.least;
	if (ask_if_near(f, e, m, t, x) == STEP_WAIT)
		return STEP_WAIT;
	if (f->is_over)
		return count_judge_over(f);
	/* It may be loaded, and be seen, by now. */
	l = count_limit(f, e, m);
	if (l.tok == 0)
		return STEP_NEXT;
	if (f->is_exact && was_asked) {
		f->count_extra = f->exact_tok - (int64_t)f->counted_tok;
		count_learn(f, t, f->exact_tok);
	}
	return count_judge_known(f, e, x, l);
}
