/* reserve: the caller's token budget; see flow/reserve.h. */
#include "flow/reserve.h"
#include "flow/count.h"
#include "os/clock.h"

enum {
	BYTES_A_TOKEN = 4,
	IMAGE_TOK = 768,
	/* What a template puts around each message, at most. */
	MESSAGE_TOK = 16,
};

/* Does it use tokens at all? */
static bool
is_metered(const struct flow *f)
{
	const struct route *r = f->match.route;

	return r != NULL && r->class == CLASS_INFERENCE &&
	    r->shape != SHAPE_COUNT && f->caller != NULL;
}

static uint64_t
guess_tok(const struct flow *f)
{
	const struct inspect *in = &f->inspect;

	if (!f->has_inspect)
		return 0;
	if (count_prompt_tok(f) >= 0)
		return (uint64_t)count_prompt_tok(f);
	return (in->text_bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN +
	    in->token_ids + (uint64_t)in->n_images * IMAGE_TOK;
}

/* No prompt has more: for `strict`. */
static uint64_t
bound_tok(const struct flow *f)
{
	const struct inspect *in = &f->inspect;

	if (!f->has_inspect)
		return 0;
	return in->text_bytes + in->token_ids +
	    ((uint64_t)in->n_messages + 1) * MESSAGE_TOK +
	    (uint64_t)in->n_images * IMAGE_TOK;
}

static int64_t
output_most(const struct flow *f)
{
	const struct inspect *in = &f->inspect;
	int64_t most;

	if (f->match.route->shape == SHAPE_EMBED)
		return 0;
	if (!f->has_inspect || in->max_output_tok < 0)
		return -1;
	if (in->choices <= 1)
		return in->max_output_tok;
	if (__builtin_mul_overflow(in->max_output_tok, in->choices, &most))
		return INT64_MAX;
	return most;
}

/* Not enough is there: refuse, or, on a dry run, count what would be. */
static enum step
over(struct flow *f, enum err e)
{
	const struct budgets_answer *a = &f->tokens;
	struct metrics *m = f->env->metrics;
	struct slice labels[2] = {f->caller->name, slice_str(err_get(e)->code)};

	if (f->conf->dry_run) {
		f->dry_run = e;
		series_add(metric_series(m, METRIC_DRY_RUN_REFUSED, labels), 1);
		return STEP_NEXT;
	}
	series_add(metric_series(m, METRIC_TOKENS_LIMITED, labels), 1);
	f->has_tokens = true;
	f->refusal.limit = (int64_t)f->caller->tokens.limits[a->which].tokens;
	f->refusal.value = (int64_t)a->left_tok;
	if (e == ERR_TOKENS_BEYOND)
		f->refusal.value = (int64_t)a->wanted_tok;
	else
		f->refusal.wait_us = (a->wait_ns + 999) / 1000;
	if (e == ERR_TOKENS_EXHAUSTED && f->env->on_spent != NULL)
		f->env->on_spent(
		    f->env->spent_ctx, f->caller, f->refusal.wait_us);
	return flow_refuse(f, e);
}

enum step
stage_reserve(struct flow *f)
{
	const struct budgets_rule *rule;
	struct budgets_ask ask;

	if (!is_metered(f))
		return STEP_NEXT;
	f->guess_tok = guess_tok(f);
	rule = &f->caller->tokens;
	if (rule->n == 0)
		return STEP_NEXT;
	ask.input_tok = rule->strict ? bound_tok(f) : f->guess_tok;
	ask.output_most_tok = output_most(f);
	f->has_tokens = budgets_reserve(f->env->budgets, f->caller->tokens_key,
	    rule, &ask, os_now_us() * 1000, &f->hold, &f->tokens);
	if (!f->has_tokens)
		return over(f,
		    f->tokens.is_hopeless ? ERR_TOKENS_BEYOND
					  : ERR_TOKENS_EXHAUSTED);
	return STEP_NEXT;
}

enum step
reserve_confirm(struct flow *f)
{
	struct budgets_answer now;

	if (!f->hold.is_open ||
	    budgets_confirm(f->env->budgets, &f->caller->tokens, &f->hold,
		os_now_us() * 1000, &now))
		return STEP_NEXT;
	f->tokens = now;
	if (!f->conf->dry_run)
		queue_charge(&f->env->queue, &f->item, 0, 0);
	return over(f, ERR_TOKENS_EXHAUSTED);
}

/* --- what was used --- */

struct used {
	int64_t input, output, cached;
	bool is_whole; /* the engine has told the length of a whole answer */
};

static struct used
used_by(const struct flow *f)
{
	const struct answer *a = &f->answer;
	struct used u = {0, 0, 0, false};
	bool is_over = f->answer_ended && f->err == OK;

	if (!is_metered(f))
		return u;
	if (!f->has_answer) {
		/* At an engine, and its caller went away. */
		if (f->up != NULL && f->up->opened)
			u.input = (int64_t)f->guess_tok;
		return u;
	}
	u.input = a->input_tok >= 0 ? a->input_tok : (int64_t)f->guess_tok;
	u.cached = a->cached_tok > 0 ? a->cached_tok : 0;
	u.output = a->output_tok;
	/* Anthropic's streams begin with a count of 1. */
	if (u.output < 0 || (!is_over && (int64_t)a->pieces > u.output))
		u.output = f->match.route->shape == SHAPE_EMBED
		    ? 0
		    : (int64_t)a->pieces;
	u.is_whole = is_over && a->output_tok > 0;
	return u;
}

void
reserve_note(struct flow *f)
{
	struct used u;

	if (!f->hold.is_open)
		return;
	u = used_by(f);
	budgets_note(f->env->budgets, &f->hold, (uint64_t)(u.input + u.output));
}

static void
note_in_ledger(struct flow *f, const struct access *a, const struct used *u,
    struct ledger_use *use)
{
	use->wall_us = a->ts_us;
	use->caller = f->caller->shown;
	use->model = a->model;
	use->input_tok = (uint64_t)u->input;
	use->output_tok = (uint64_t)u->output;
	use->cached_tok = (uint64_t)u->cached;
	use->is_error = f->err != OK;
	(void)ledger_note(f->env->ledger, use);
}

void
reserve_settle(struct flow *f, const struct access *a)
{
	struct used u = used_by(f);
	struct budgets_use charge = {
	    (uint64_t)(u.input + u.output), u.is_whole ? u.output : -1};
	struct ledger_use use = {.n_budgets = 0};
	int64_t now_us = os_now_us();
	struct budgets_answer left;

	if (f->caller == NULL)
		return;
	recent_add(&f->caller->recent, charge.used_tok, now_us);
	if (budgets_settle(f->env->budgets, &f->caller->tokens, &charge,
		now_us * 1000, &f->hold, &left)) {
		use.n_budgets = f->caller->tokens.n;
		use.budget = f->caller->tokens_key;
		for (unsigned i = 0; i < use.n_budgets; i++)
			use.full_us[i] =
			    a->ts_us + (left.full_ns[i] / 1000 + 1 - now_us);
	}
	if (f->env->ledger != NULL && is_metered(f))
		note_in_ledger(f, a, &u, &use);
}
