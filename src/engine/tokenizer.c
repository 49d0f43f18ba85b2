#include "engine/tokenizer.h"
#include "engine/fetch.h"
#include "engine/shown.h"
#include "engine/where.h"
#include "json/write.h"
#include "loop/job.h"
#include "token/rewrite.h"
#include <limits.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = WHERE_ANSWER_MAX, /* a vocabulary as JSON */
	BODY_MAX = 4 * 1024,
	ASK_US = 10 * 1000000,
	RETRY_US = 300 * 1000000, /* after a failure */
	UNUSED_US = 900 * 1000000,
	EXTRAS = 32,	   /* numbers of messages told apart */
	FIRST_EXTRA = 256, /* what a template may begin with */
	MESSAGE_EXTRA = 16,
};

enum state {
	STATE_ASKING,  /* where the file is */
	STATE_SHOWING, /* the vocabulary itself */
	STATE_OPENING,
	STATE_READY,
	STATE_FAILED
};

struct learnt {
	int32_t least, most;
	bool is_known;
};

struct tokenizer {
	struct fetch fetch;
	struct job job;
	struct timer unused;
	unsigned refs;
	enum state state;
	struct engine_model *model; /* NULL: it has gone */
	struct engine *engine;	    /* held while asking */
	char path[PATH_MAX];
	struct buf shown; /* the job's: what the engine shows of it */
	bool is_ollama, has_shown;
	struct vocab *vocab; /* the job's until it is done */
	enum err err;
	const char *reason;
	int64_t used_us, retry_us;
	struct counter *near, *far;
	struct learnt extras[TOKENIZER_KINDS][EXTRAS];
};

static void
stop_asking(struct tokenizer *t)
{
	struct engine *e = t->engine;

	if (e == NULL)
		return;
	/* It may be the last to hold it: then its models go, and ask for this. */
	t->engine = NULL;
	fetch_fini(&t->fetch);
	engine_drop(e);
}

struct tokenizer *
tokenizer_hold(struct tokenizer *t)
{
	t->refs++;
	return t;
}

void
tokenizer_drop(struct tokenizer *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	counter_free(t->near);
	counter_free(t->far);
	vocab_drop(t->vocab);
	buf_fini(&t->shown);
	free(t);
}

void
tokenizer_forget(struct engine_model *m)
{
	struct tokenizer *t = m->tokenizer;

	if (t == NULL)
		return;
	m->tokenizer = NULL;
	t->model = NULL;
	timer_stop(&t->unused);
	stop_asking(t);
	tokenizer_drop(t);
}

static void
failed(struct tokenizer *t, const char *reason)
{
	t->state = STATE_FAILED;
	t->reason = reason;
	t->retry_us = os_now_us() + RETRY_US;
	timer_set(&t->unused, t->retry_us);
}

/* --- the file --- */

static void ask_to_show(struct tokenizer *t);

static void
open_vocab(struct job *j)
{
	struct tokenizer *t = (struct tokenizer *)(void *)((char *)j -
	    offsetof(struct tokenizer, job));

	if (t->has_shown)
		t->err = shown_vocab(buf_slice(&t->shown), &t->vocab);
	else if (t->is_ollama)
		t->err = rewrite_open(t->path, &t->vocab);
	else
		t->err = vocab_open(t->path, &t->vocab);
}

static const char *
reason_of(enum err e)
{
	switch (e) {
	case ERR_VOCAB_UNKNOWN:
		return "its tokenizer is not one that is known here";
	case ERR_IO:
	case ERR_NOT_FOUND:
		return "its file cannot be read";
	case ERR_NOMEM:
		return "memory ran out";
	default:
		return "its file is not understood";
	}
}

static void
on_opened(struct job *j)
{
	struct tokenizer *t = (struct tokenizer *)(void *)((char *)j -
	    offsetof(struct tokenizer, job));

	if (t->model == NULL) {
		tokenizer_drop(t);
		return;
	}
	buf_fini(&t->shown);
	if (t->vocab == NULL && t->is_ollama && !t->has_shown &&
	    (t->err == ERR_IO || t->err == ERR_NOT_FOUND))
		ask_to_show(t);
	else if (t->vocab == NULL)
		failed(t, reason_of(t->err));
	else if (counter_new(t->vocab, NULL, &t->near) != OK ||
	    counter_new(t->vocab, NULL, &t->far) != OK)
		failed(t, reason_of(ERR_NOMEM));
	else
		t->state = STATE_READY;
	if (t->state != STATE_SHOWING)
		stop_asking(t);
	tokenizer_drop(t);
}

static void
open_job(struct tokenizer *t)
{
	t->state = STATE_OPENING;
	t->job = (struct job){.work = open_vocab, .done = on_opened};
	(void)tokenizer_hold(t);
	if (job_start(t->engine->loop, &t->job) != OK) {
		stop_asking(t);
		failed(t, reason_of(ERR_NOMEM));
		tokenizer_drop(t);
	}
}

/* --- where it is --- */

/* The answer with the whole vocabulary. */
static void
on_shown(struct tokenizer *t)
{
	struct fetch *f = &t->fetch;

	if (f->err != OK || f->status != 200) {
		stop_asking(t);
		failed(t, "the engine does not show its vocabulary");
		return;
	}
	t->shown = f->answer;
	buf_init(&f->answer, ANSWER_MAX);
	t->has_shown = true;
	open_job(t);
}

static void
on_told(struct fetch *f)
{
	struct tokenizer *t = (struct tokenizer *)(void *)f;
	bool is_found;

	if (t->state == STATE_SHOWING) {
		on_shown(t);
		return;
	}
	is_found = f->err == OK && f->status == 200 &&
	    where_is(t->engine, buf_slice(&f->answer), t->path, sizeof t->path);
	if (is_found) {
		open_job(t);
	} else if (t->is_ollama) {
		ask_to_show(t);
	} else {
		stop_asking(t);
		failed(t, "the engine does not say where its file is");
	}
}

static void
show(struct tokenizer *t, bool verbose)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, BODY_MAX);
	json_writer_init(&w, &b);
	json_object_begin(&w, NULL);
	json_str(&w, "model", t->model->raw);
	json_bool(&w, "verbose", verbose);
	json_object_end(&w);
	fetch_start(&t->fetch, "POST", "/api/show",
	    w.err == OK ? buf_slice(&b) : (struct slice){0}, ASK_US);
	buf_fini(&b);
}

/* Its file cannot be read from here. */
static void
ask_to_show(struct tokenizer *t)
{
	t->state = STATE_SHOWING;
	show(t, true);
}

static void
ask(struct tokenizer *t, struct engine *e)
{
	t->state = STATE_ASKING;
	t->engine = engine_hold(e);
	t->is_ollama = e->kind == ENGINE_OLLAMA;
	fetch_init(&t->fetch, e, ANSWER_MAX, on_told);
	if (e->kind == ENGINE_LLAMA) {
		fetch_start(
		    &t->fetch, "GET", "/props", (struct slice){0}, ASK_US);
		return;
	}
	show(t, false);
}

static void
on_unused(struct timer *timer)
{
	struct tokenizer *t = (struct tokenizer *)(void *)((char *)timer -
	    offsetof(struct tokenizer, unused));
	int64_t at_us = t->used_us + UNUSED_US;

	if (t->state != STATE_FAILED && at_us > os_now_us())
		timer_set(timer, at_us);
	else
		tokenizer_forget(t->model);
}

static void
begin(struct engine *e, struct engine_model *m)
{
	struct tokenizer *t = calloc(1, sizeof *t);

	if (t == NULL)
		return;
	t->refs = 1;
	t->model = m;
	t->used_us = os_now_us();
	t->reason = "it is being read";
	m->tokenizer = t;
	timer_init(&t->unused, e->loop, on_unused);
	timer_set(&t->unused, t->used_us + UNUSED_US);
	if (e->kind == ENGINE_OPENAI || e->kind == ENGINE_AUTO)
		failed(t, "this kind of engine does not say where its file is");
	else if (e->is_router)
		failed(t, "a router does not say where its file is");
	else if (!engine_is_loopback(e) && e->kind != ENGINE_OLLAMA)
		failed(t, "its engine is on another machine");
	else
		ask(t, e);
}

struct tokenizer *
tokenizer_get(struct engine *e, struct engine_model *m)
{
	struct tokenizer *t = m->tokenizer;

	if (t == NULL) {
		if (!e->is_retired)
			begin(e, m);
		return NULL;
	}
	t->used_us = os_now_us();
	return t->state == STATE_READY ? t : NULL;
}

struct counter *
tokenizer_counter(struct tokenizer *t)
{
	return t->near;
}

struct counter *
tokenizer_far_counter(struct tokenizer *t)
{
	return t->far;
}

bool
tokenizer_is_coming(const struct engine_model *m)
{
	const struct tokenizer *t = m->tokenizer;

	return t != NULL &&
	    (t->state == STATE_ASKING || t->state == STATE_SHOWING ||
		t->state == STATE_OPENING);
}

const char *
tokenizer_reason(const struct engine_model *m)
{
	const struct tokenizer *t = m->tokenizer;

	if (t == NULL)
		return "it was not used";
	return t->state == STATE_READY ? "" : t->reason;
}

size_t
tokenizer_bytes(const struct engine_model *m)
{
	const struct tokenizer *t = m->tokenizer;

	if (t == NULL || t->state != STATE_READY)
		return 0;
	return vocab_bytes(t->vocab) + counter_bytes(t->near) +
	    counter_bytes(t->far);
}

/* --- what templates add --- */

static unsigned
row_of(unsigned n)
{
	return n < EXTRAS ? n : EXTRAS - 1;
}

struct tokenizer_extra
tokenizer_extra(const struct tokenizer *t, unsigned kind, unsigned n)
{
	const struct learnt *rows = t->extras[kind];
	unsigned row = row_of(n), below = row;
	struct tokenizer_extra x = {.least = 0};

	/* Without messages there is no template, or another. */
	while (below > 1 && !rows[below].is_known)
		below--;
	if (!rows[below].is_known) {
		x.most = FIRST_EXTRA + (int64_t)n * MESSAGE_EXTRA;
		return x;
	}
	x.is_known = true;
	x.is_learnt = below == n;
	x.least = rows[below].least;
	x.most = rows[below].most + (int64_t)(n - below) * MESSAGE_EXTRA;
	return x;
}

void
tokenizer_learn(struct tokenizer *t, unsigned kind, unsigned n, int64_t tok)
{
	struct learnt *l = &t->extras[kind][row_of(n)];

	if (tok < INT16_MIN || tok > INT16_MAX)
		return;
	if (!l->is_known || tok < l->least)
		l->least = (int32_t)tok;
	if (!l->is_known || tok > l->most)
		l->most = (int32_t)tok;
	l->is_known = true;
}
