#include "flow/exact.h"
#include "dialect/render.h"
#include "engine/fetch.h"
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

struct exact {
	struct fetch fetch; /* first */
	struct job job;
	struct flow *flow;	     /* NULL: it has gone */
	struct tokenizer *tokenizer; /* held */
	struct slice prompt;	     /* in the answer */
	struct counter *counter;
	enum err err;
	uint64_t tok;
	bool is_working; /* on the helper thread */
};

static void
end(struct exact *x)
{
	fetch_fini(&x->fetch);
	tokenizer_drop(x->tokenizer);
	free(x);
}

static void
finish(struct exact *x)
{
	struct flow *f = x->flow;

	if (f == NULL) {
		end(x);
		return;
	}
	f->is_exact = x->err == OK;
	f->exact_tok = (int64_t)x->tok;
	f->exact = NULL;
	end(x);
	flow_run(f);
}

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
	finish(
	    (struct exact *)(void *)((char *)j - offsetof(struct exact, job)));
}

static void
on_told(struct fetch *fetch)
{
	struct exact *x = (struct exact *)(void *)fetch;
	int64_t tok = -1;

	x->err = fetch->err;
	if (x->err == OK && fetch->status != 200)
		x->err = ERR_NOT_FOUND;
	if (x->err == OK)
		x->err =
		    render_read(buf_slice(&fetch->answer), &x->prompt, &tok);
	x->tok = tok > 0 ? (uint64_t)tok : 0;
	if (x->err != OK || tok >= 0) {
		finish(x);
		return;
	}
	if (x->prompt.n <= NEAR_BYTES) {
		x->counter = tokenizer_counter(x->tokenizer);
		count(x);
		finish(x);
		return;
	}
	x->counter = tokenizer_far_counter(x->tokenizer);
	x->job = (struct job){.work = work, .done = done};
	x->is_working = job_start(x->flow->env->loop, &x->job) == OK;
	if (!x->is_working) {
		x->err = ERR_NOMEM;
		finish(x);
	}
}

/* The body as the engine would get it. */
static enum err
edited(struct flow *f, struct buf *out)
{
	struct slice parts[JSON_EDITS_SLICES_MAX];
	enum err e = edits_plan(f);
	size_t n = 0;

	if (e == OK)
		n = json_edits_slices(&f->edits.splices, parts);
	for (size_t i = 0; i < n && e == OK; i++)
		e = buf_add(out, parts[i]);
	return e;
}

static enum err
ask(struct flow *f, struct exact *x, int64_t bound_us)
{
	struct slice model = f->alias ? f->alias->name : f->inspect.model;
	const char *path = NULL;
	struct buf own, body;
	enum err e;

	buf_init(&own, BODY_MAX);
	buf_init(&body, BODY_MAX);
	if ((e = edited(f, &own)) != OK)
		goto undo;
	switch (f->engine->kind) {
	case ENGINE_OLLAMA:
		e = render_ask_ollama(
		    &f->inspect, buf_slice(&own), model, &body, &path);
		break;
	case ENGINE_LLAMA:
		path = render_path_llama(f->match.route);
		e = path ? buf_add(&body, buf_slice(&own)) : ERR_NOT_FOUND;
		break;
	default:
		e = ERR_NOT_FOUND;
		break;
	}
	if (e == OK)
		fetch_start(
		    &x->fetch, "POST", path, buf_slice(&body), bound_us);
undo:
	buf_fini(&body);
	buf_fini(&own);
	return e;
}

enum step
exact_ask(struct flow *f, struct tokenizer *t, bool is_loaded)
{
	struct exact *x;

	if (f->exact)
		return STEP_WAIT;
	if (f->is_asked)
		return STEP_NEXT;
	f->is_asked = true;
	if ((x = calloc(1, sizeof *x)) == NULL)
		return STEP_NEXT;
	fetch_init(&x->fetch, f->engine, ANSWER_MAX, on_told);
	x->flow = f;
	x->tokenizer = tokenizer_hold(t);
	if (ask(f, x, is_loaded ? ASK_US : f->engine->first_byte_us) != OK) {
		end(x);
		return STEP_NEXT;
	}
	f->exact = x;
	return STEP_WAIT;
}

void
exact_leave(struct flow *f)
{
	struct exact *x = f->exact;

	f->is_asked = f->is_exact = false;
	if (x == NULL)
		return;
	f->exact = NULL;
	x->flow = NULL;
	if (!x->is_working)
		end(x);
}
