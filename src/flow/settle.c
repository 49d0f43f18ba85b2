/*
 * settle: the end of every flow, whatever happened, once.
 *
 * Gives back the connection to the engine, the slot, the place in the line and
 * the body; writes the one log line; counts.  No other file does these.
 */
#include "flow/client.h"
#include "flow/count.h"
#include "flow/exact.h"
#include "flow/flow.h"
#include "engine/linger.h"
#include "flow/reserve.h"
#include "log/access.h"
#include "os/clock.h"

enum {
	LINGER_MIN_US = 2 * 1000000,
	LINGER_MAX_US = 300 * 1000000,
	LINGER_TOK_US = 100 * 1000, /* a token of a slow engine */
};

/* How long can the engine go on with a request whose caller is gone? */
static int64_t
linger_bound_us(const struct flow *f)
{
	int64_t most_tok = f->has_inspect ? f->inspect.max_output_tok : -1;

	if (most_tok < 0 ||
	    most_tok > (LINGER_MAX_US - LINGER_MIN_US) / LINGER_TOK_US)
		return LINGER_MAX_US;
	return LINGER_MIN_US + most_tok * LINGER_TOK_US;
}

/*
 * The slot, unless the engine goes on: it has the request, has not ended its
 * answer, and notices no hang-up while it does not stream.
 */
static void
give_slot(struct flow *f, bool was_cut)
{
	bool is_stream = f->has_inspect && f->inspect.is_stream;

	if (was_cut && !is_stream && linger_is_needed(f->engine))
		linger_take(f->engine, flow_model(f), linger_bound_us(f));
	else
		engine_give_slot(f->engine, flow_model(f));
}

static void
give_back(struct flow *f, int64_t now_us)
{
	struct flow_env *env = f->env;
	bool was_cut = f->up != NULL && !f->up->ended;

	/* A caller that is gone has its engine told within this turn. */
	if (f->up)
		upstream_close(f->up);
	f->up = NULL;
	exact_leave(f);
	if (f->in_line) {
		/* Without usage the guess stands for what was generated. */
		if (f->has_answer)
			queue_charge(&env->queue, &f->item, f->answer.input_tok,
			    f->answer.output_tok >= 0
				? f->answer.output_tok
				: (int64_t)f->answer.pieces);
		else if (f->status >= 400)
			queue_charge(&env->queue, &f->item, 0, 0);
		if (f->has_slot && f->status == 200 && f->answer_ended)
			queue_note_service(
			    &env->queue, &f->item, now_us - f->dispatched_us);
		queue_del(&env->queue, &f->item);
		f->in_line = false;
		series_set(env->m_line, (int64_t)env->queue.n);
	}
	if (f->has_slot)
		give_slot(f, was_cut);
	else if (f->has_engine)
		engine_drop(f->engine);
	count_leave(f);
	body_release(f);
	if (f->caller)
		caller_drop(env->callers, f->caller);
}

struct slice
flow_model_shown(const struct flow *f)
{
	static const struct slice unknown = SLICE("?");
	struct slice canonical;

	if (!f->has_name)
		return f->has_inspect && f->inspect.model.n ? unknown
							    : (struct slice){0};
	canonical = name_short(&f->name);
	if (engine_find_model(&f->env->engines, canonical))
		return canonical;
	return unknown;
}

static void
count(struct flow *f, const struct access *a, struct slice model)
{
	struct metrics *m = f->env->metrics;
	struct slice engine = a->engine;
	struct slice who =
	    f->caller ? f->caller->name : (struct slice)SLICE("-");
	char status[20];
	struct slice requests[3] = {
	    who, model, slice_of(status, fmt_u64(status, (uint64_t)a->status))};
	struct slice pair[2] = {who, model};
	struct slice code[2] = {who, slice_str(err_get(f->err)->code)};
	struct slice where[2] = {model, engine};

	series_add(metric_series(m, METRIC_REQUESTS, requests), 1);
	if (f->err != OK)
		series_add(metric_series(m, METRIC_ERRORS, code), 1);
	if (a->input_tokens > 0)
		series_add(metric_series(m, METRIC_INPUT_TOKENS, pair),
		    a->input_tokens);
	if (a->output_tokens > 0)
		series_add(metric_series(m, METRIC_OUTPUT_TOKENS, pair),
		    a->output_tokens);
	if (a->cached_tokens > 0)
		series_add(metric_series(m, METRIC_CACHED_TOKENS, pair),
		    a->cached_tokens);
	if (f->retries)
		series_add(
		    metric_series(m, METRIC_RETRIES, &engine), f->retries);
	if (f->edits.is_reload_avoided)
		series_add(metric_series(m, METRIC_RELOADS_AVOIDED, &model), 1);
	for (size_t i = 0; i < a->edits.n; i++) {
		struct slice name = slice_str(a->edits.name[i]);

		series_add(metric_series(m, METRIC_EDITS, &name), 1);
	}
	if (!f->has_answer || f->match.route->class != CLASS_INFERENCE)
		return;
	if (a->ttft_us >= 0)
		series_observe(
		    metric_series(m, METRIC_TTFT, where), a->ttft_us);
	series_observe(metric_series(m, METRIC_LATENCY, where), a->latency_us);
	if (a->queue_us >= 0)
		series_observe(
		    metric_series(m, METRIC_QUEUE_WAIT, &engine), a->queue_us);
}

static void
fill(struct flow *f, struct access *a, int64_t now_us)
{
	access_init(a);
	a->ts_us = os_wall_us();
	a->id = slice_of(f->id, ID_LEN);
	if (f->caller)
		a->caller = f->caller->shown;
	a->model = flow_model_shown(f);
	if (f->has_engine)
		a->engine = f->engine->name;
	if (f->match.route) {
		a->api = slice_str(dialect_name(f->match.route->dialect));
		a->path = f->match.route->path;
	}
	if (f->has_inspect)
		a->stream = f->inspect.is_stream;
	if (f->has_answer) {
		a->input_tokens = f->answer.input_tok;
		a->output_tokens = f->answer.output_tok;
		a->cached_tokens = f->answer.cached_tok;
	}
	if (f->queued_us)
		a->queue_us = (f->dispatched_us ? f->dispatched_us : now_us) -
		    f->queued_us;
	if (f->first_us)
		a->ttft_us = f->first_us - f->start_us;
	a->latency_us = now_us - f->start_us;
	/* Gone before it had an answer: nginx's status for that. */
	a->status = f->status ? f->status : 499;
	a->err = f->err;
	a->dry_run = f->dry_run;
	if (f->retries)
		a->retries = f->retries;
	for (unsigned e = 0; e < EDIT_COUNT; e++)
		if (f->edits.made & 1u << e)
			a->edits.name[a->edits.n++] = edit_name((enum edit)e);
}

void
settle(struct flow *f)
{
	char line[ACCESS_LINE_MAX];
	int64_t now_us = os_now_us();
	struct access a;

	/* A connection that closed before a byte of a request was none. */
	if (f->has_head || f->status) {
		fill(f, &a, now_us);
		count_settle(f, &a);
		count(f, &a, a.model);
		reserve_settle(f, &a);
		(void)log_write(f->env->log,
		    slice_of(line, access_format(&a, &f->env->stamp, line)));
	}
	give_back(f, now_us);
}
