#include "flow/exact.h"
#include "dialect/render.h"
#include "engine/fetch.h"
#include "engine/listing.h"
#include "flow/count.h"
#include "flow/edits.h"
#include "json/value.h"
#include "loop/job.h"
#include <stdlib.h>

enum {
	ASK_US = 10 * 1000000,
	BODY_MAX = 32 * 1024 * 1024,
	ANSWER_MAX = 64 * 1024 * 1024,
	NEAR_BYTES = 32 * 1024, /* more is counted on the helper thread */
};

enum phase {
	PHASE_COUNT,	/* the count itself, or Ollama's text */
	PHASE_TEMPLATE, /* an older llama-server's text */
	PHASE_TOKENS,	/* and the tokens of that */
	PHASE_LOOK	/* which context was loaded */
};

struct exact {
	struct fetch fetch; /* first */
	struct job job;
	struct flow *flow;	     /* NULL: it has gone */
	struct engine *engine;	     /* held */
	struct tokenizer *tokenizer; /* held; NULL: none */
	enum phase phase;
	unsigned lack; /* what a 404 means: ENGINE_LACKS_* */
	int64_t bound_us;
	struct slice prompt; /* in the answer */
	struct counter *counter;
	enum err err;
	uint64_t tok;
	bool is_working; /* on the helper thread */
	bool only_look, was_refused;
	struct overflow over;
};

static void
end(struct exact *x)
{
	fetch_fini(&x->fetch);
	tokenizer_drop(x->tokenizer);
	engine_drop(x->engine);
	free(x);
}

/* --- what came of it --- */

static void
note(struct flow *f, const struct engine *e, const char *result)
{
	struct slice labels[2] = {e->name, slice_str(result)};

	series_add(
	    metric_series(f->env->metrics, METRIC_ENGINE_COUNTS, labels), 1);
}

void
exact_note_known(struct flow *f, const struct engine *engine)
{
	note(f, engine, "known");
}

static void
finish(struct exact *x)
{
	struct flow *f = x->flow;

	if (f == NULL) {
		end(x);
		return;
	}
	if (!x->only_look)
		note(f, x->engine,
		    x->err == OK || x->was_refused ? "asked"
			: x->err == ERR_NOT_FOUND  ? "unsupported"
						   : "failed");
	f->is_exact = !x->only_look && x->err == OK;
	f->exact_tok = (int64_t)x->tok;
	f->is_over = x->was_refused;
	f->over = x->over;
	f->exact = NULL;
	end(x);
	flow_run(f);
}

/* --- which context there is --- */

static struct engine_model *
model_of(struct exact *x)
{
	return count_model_at(x->flow, x->engine);
}

/* The count is there, or will not come: is the context known, too? */
static void
told(struct exact *x)
{
	struct engine_model *m = x->flow ? model_of(x) : NULL;

	if (m == NULL || x->engine->kind != ENGINE_OLLAMA || m->context > 0 ||
	    x->engine->lacks & ENGINE_LACKS_CONTEXT) {
		finish(x);
		return;
	}
	x->phase = PHASE_LOOK;
	fetch_start(&x->fetch, "GET", "/api/ps", (struct slice){0}, ASK_US);
}

static void
on_look(struct exact *x)
{
	struct engine_model *m;

	if (x->flow && x->fetch.err == OK && x->fetch.status == 200 &&
	    listing_loaded_from_ollama(
		x->engine, buf_slice(&x->fetch.answer)) == OK &&
	    (m = model_of(x)) != NULL && m->is_loaded && m->context == 0)
		x->engine->lacks |= ENGINE_LACKS_CONTEXT;
	finish(x);
}

/* --- counting a text --- */

/* BOS is added where the text does not begin with it already. */
static struct slice
without_bos(struct exact *x, struct slice text)
{
	struct vocab *v = counter_vocab(x->counter);
	int64_t bos = vocab_bos(v);
	struct slice begin;

	if (bos == VOCAB_ABSENT)
		return text;
	begin = vocab_text(v, (uint32_t)bos);
	return slice_starts(text, begin) ? slice_from(text, begin.n) : text;
}

static void
count(struct exact *x)
{
	struct buf room;
	size_t n = 0;

	buf_init(&room, ANSWER_MAX);
	x->err = buf_reserve(&room, x->prompt.n + 1);
	if (x->err == OK)
		x->err = json_unescape(x->prompt, room.p, x->prompt.n, &n);
	if (x->err == OK)
		x->err =
		    count_text(x->counter, without_bos(x, slice_of(room.p, n)),
			COUNT_AS_ENGINE, &x->tok);
	buf_fini(&room);
}

static void
work(struct job *j)
{
	count(
	    (struct exact *)(void *)((char *)j - offsetof(struct exact, job)));
}

static void
done(struct job *j)
{
	struct exact *x =
	    (struct exact *)(void *)((char *)j - offsetof(struct exact, job));

	x->is_working = false;
	told(x);
}

static void
count_prompt(struct exact *x)
{
	if (x->prompt.n <= NEAR_BYTES) {
		x->counter = tokenizer_counter(x->tokenizer);
		count(x);
		told(x);
		return;
	}
	x->counter = tokenizer_far_counter(x->tokenizer);
	x->job = (struct job){.work = work, .done = done};
	x->is_working = job_start(x->engine->loop, &x->job) == OK;
	if (!x->is_working) {
		x->err = ERR_NOMEM;
		told(x);
	}
}

/* --- asking --- */

/* The body as the engine would get it. */
static enum err
edited(struct flow *f, struct buf *out)
{
	struct slice parts[JSON_EDITS_SLICES_MAX];
	enum err e;
	size_t n = 0;

	if (!f->has_slot)
		return buf_add(out, slice_of(f->body, f->body_n));
	e = edits_plan(f);
	if (e == OK)
		n = json_edits_slices(&f->edits.splices, parts);
	for (size_t i = 0; i < n && e == OK; i++)
		e = buf_add(out, parts[i]);
	return e;
}

static struct slice
model_name(const struct flow *f)
{
	return f->alias ? f->alias->name : f->inspect.model;
}

static enum err
ask_ollama(struct exact *x, struct slice body, struct render_question *q)
{
	struct flow *f = x->flow;
	bool counts_here = x->tokenizer && f->inspect.n_images == 0;
	const struct engine_model *m = model_of(x);
	enum render_want want = counts_here ? RENDER_TEXT : RENDER_ONE_TOKEN;
	enum err e = ERR_NOT_FOUND;

	/* That takes a slot. */
	if (!x->only_look && (counts_here || f->has_slot))
		e = render_ask_ollama(
		    &f->inspect, body, model_name(f), want, q);
	if (e != ERR_NOT_FOUND || !f->has_slot || m == NULL || m->context > 0)
		return e;
	x->only_look = true;
	buf_clear(&q->body);
	return render_ask_ollama(
	    &f->inspect, body, model_name(f), RENDER_LOAD, q);
}

static enum err
ask_llama(struct exact *x, struct slice body, struct render_question *q)
{
	const struct route *route = render_route(&x->flow->inspect);

	q->path = render_path_llama(route);
	x->lack = route->id == ROUTE_V1_MESSAGES ? ENGINE_LACKS_MESSAGES
						 : ENGINE_LACKS_COUNT;
	if (x->engine->lacks & x->lack) {
		x->phase = PHASE_TEMPLATE;
		x->lack = ENGINE_LACKS_TEMPLATE;
		q->path = render_path_template(route);
	}
	return q->path ? buf_add(&q->body, body) : ERR_NOT_FOUND;
}

static enum err
ask_openai(struct exact *x, struct slice body, struct render_question *q)
{
	struct flow *f = x->flow;

	x->lack = ENGINE_LACKS_COUNT;
	if (render_route(&f->inspect)->id != ROUTE_V1_MESSAGES)
		return render_ask_vllm(&f->inspect, model_name(f), q);
	x->lack = ENGINE_LACKS_MESSAGES;
	q->path = "/v1/messages/count_tokens";
	return f->inspect.n_images > 0 ? ERR_NOT_FOUND
				       : buf_add(&q->body, body);
}

static enum err
ask(struct exact *x)
{
	struct render_question q = {.path = NULL};
	struct flow *f = x->flow;
	struct buf own;
	enum err e;

	buf_init(&own, BODY_MAX);
	buf_init(&q.body, BODY_MAX);
	x->lack = 0;
	if ((e = edited(f, &own)) != OK)
		goto undo;
	if (x->engine->kind == ENGINE_OLLAMA)
		e = ask_ollama(x, buf_slice(&own), &q);
	else if (x->engine->kind == ENGINE_LLAMA)
		e = ask_llama(x, buf_slice(&own), &q);
	else
		e = ask_openai(x, buf_slice(&own), &q);
	if (e == OK && x->engine->lacks & x->lack)
		e = ERR_NOT_FOUND;
	if (e == OK)
		fetch_start(
		    &x->fetch, "POST", q.path, buf_slice(&q.body), x->bound_us);
undo:
	buf_fini(&q.body);
	buf_fini(&own);
	return e;
}

/* The tokens of a text, by the engine itself. */
static enum err
ask_tokens(struct exact *x)
{
	struct render_question q;
	enum err e;

	buf_init(&q.body, BODY_MAX);
	x->phase = PHASE_TOKENS;
	if ((e = render_ask_tokens(x->prompt, &q)) == OK)
		fetch_start(
		    &x->fetch, "POST", q.path, buf_slice(&q.body), x->bound_us);
	buf_fini(&q.body);
	return e;
}

/* --- answers --- */

/*
 * Does it not have the path at all?  A model that is missing is told by name
 * with the same status; LM Studio answers 200 to anything.
 */
static bool
is_unknown_path(const struct exact *x)
{
	static const struct slice model = SLICE("model");
	const struct fetch *f = &x->fetch;

	if (x->lack == 0 || f->err != OK)
		return false;
	if (f->status == 200)
		return x->engine->kind == ENGINE_OPENAI;
	return (f->status == 404 || f->status == 405 || f->status == 501) &&
	    !slice_has(buf_slice(&f->answer), model);
}

static void
on_count(struct exact *x)
{
	struct fetch *f = &x->fetch;
	struct slice answer = buf_slice(&f->answer);
	struct engine_model *m;
	struct render_told t;

	x->err = f->err;
	if (x->err == OK && f->status != 200) {
		x->err = ERR_ENGINE_STATUS;
		x->was_refused = overflow_read(f->status, answer, &x->over);
	}
	if (x->err == OK && x->only_look) {
		told(x);
		return;
	}
	if (x->err == OK && render_read(answer, &t) != OK)
		x->err = ERR_ENGINE_PROTOCOL;
	if (x->err != OK && is_unknown_path(x)) {
		x->err = ERR_NOT_FOUND;
		x->engine->lacks |= x->lack;
		/* An older llama-server is asked for the text instead. */
		if (x->phase == PHASE_COUNT &&
		    x->engine->kind == ENGINE_LLAMA && ask(x) == OK)
			return;
	}
	if (x->err != OK) {
		told(x);
		return;
	}
	if (t.context > 0 && (m = model_of(x)) != NULL)
		m->context =
		    (uint32_t)(t.context < UINT32_MAX ? t.context : UINT32_MAX);
	x->tok = t.tok > 0 ? (uint64_t)t.tok : 0;
	x->prompt = t.prompt;
	if (t.tok >= 0)
		told(x);
	else if (x->tokenizer)
		count_prompt(x);
	else if (ask_tokens(x) != OK) {
		x->err = ERR_NOMEM;
		told(x);
	}
}

static void
on_told(struct fetch *fetch)
{
	struct exact *x = (struct exact *)(void *)fetch;

	if (x->phase == PHASE_LOOK)
		on_look(x);
	else
		on_count(x);
}

/* --- from outside --- */

enum step
exact_ask(struct flow *f, const struct exact_opt *opt)
{
	struct exact *x;
	enum err e;

	if (f->exact)
		return STEP_WAIT;
	if (f->is_asked)
		return STEP_NEXT;
	f->is_asked = true;
	if ((x = calloc(1, sizeof *x)) == NULL)
		return STEP_NEXT;
	fetch_init(&x->fetch, opt->engine, ANSWER_MAX, on_told);
	x->flow = f;
	x->engine = engine_hold(opt->engine);
	x->tokenizer = opt->tokenizer ? tokenizer_hold(opt->tokenizer) : NULL;
	x->only_look = opt->only_look;
	x->bound_us = opt->is_loaded ? ASK_US : opt->engine->first_byte_us;
	if ((e = ask(x)) == OK) {
		f->exact = x;
		return STEP_WAIT;
	}
	note(f, opt->engine, e == ERR_NOT_FOUND ? "unsupported" : "failed");
	end(x);
	return STEP_NEXT;
}

void
exact_leave(struct flow *f)
{
	struct exact *x = f->exact;

	f->is_asked = f->is_exact = f->is_over = false;
	if (x == NULL)
		return;
	f->exact = NULL;
	x->flow = NULL;
	if (!x->is_working)
		end(x);
}
