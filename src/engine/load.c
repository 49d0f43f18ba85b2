#include "engine/load_part.h"
#include "engine/listing.h"
#include "engine/proof.h"
#include "engine/weigh.h"
#include "json/write.h"
#include <stdlib.h>

enum {
	ANSWER_MAX = 16 * 1024 * 1024,
	BODY_MAX = 8 * 1024,
	ASK_US = 10 * 1000000, /* for the small questions */
	POLL_FIRST_US = 50 * 1000,
	POLL_MAX_US = 1000 * 1000,
	UNLOAD_US = 10 * 1000000,
	SETTLE_US = 6 * 1000000, /* until GPUs have given memory back */
	BUSY_US = 1000 * 1000,
	DEATHS_MAX = 3, /* in a row, of an engine that loaded it */
	SMOOTH = 4,	/* weight of the past in the mean load */
};

struct engine_model *
load_model(const struct engine_load *l)
{
	struct table_node *n =
	    table_find(&l->engine->models, slice_of(l->key, l->key_n));

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

bool
load_is_busy(const struct engine *e)
{
	return e->load && e->load->step != STEP_IDLE;
}

bool
load_is_of(const struct engine *e, uint64_t hash)
{
	return load_is_busy(e) && e->load->hash == hash;
}

/* --- the end of a load --- */

void
load_over(struct engine_load *l, const char *result)
{
	struct engine *e = l->engine;
	struct slice labels[3] = {
	    e->name, slice_of(l->key, l->key_n), slice_str(result)};

	struct engine_model *m = load_model(l);

	l->step = STEP_IDLE;
	timer_stop(&l->poll);
	buf_fini(&l->fetch.answer);
	if (m)
		m->is_loading = false;
	series_add(metric_series(e->set->metrics, METRIC_LOADS, labels), 1);
	/* What was to give way may be there still. */
	load_sync(e);
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
	proof_soon(e, strcmp(result, "ok") == 0);
}

static void
broken(struct engine_load *l, const char *reason)
{
	struct engine_model *m = load_model(l);

	swap_gone(&l->engine->swap, l->hash);
	if (m)
		load_failed(l->engine, m, reason);
	if (m)
		proof_load_failed(l->engine, m);
	load_over(l, "failed");
}

static void
succeeded(struct engine_load *l)
{
	struct engine_model *m = load_model(l);
	struct engine *e = l->engine;
	int64_t now_us = os_now_us(), took_us = now_us - l->began_us;
	unsigned loaded;

	if (m == NULL) {
		swap_gone(&e->swap, l->hash);
		load_over(l, "failed");
		return;
	}
	m->is_loaded = true;
	m->is_too_large = false;
	m->failures = m->deaths = 0;
	m->retry_us = 0;
	m->load_us = m->load_us ? (m->load_us * (SMOOTH - 1) + took_us) / SMOOTH
				: took_us;
	swap_loaded(&e->swap, l->hash, took_us, now_us);
	/* Something else had to go that we thought would stay. */
	loaded = load_count(e);
	if (l->evict_n == 0 && loaded <= l->before)
		e->holds = loaded;
	load_over(l, "ok");
}

/* The engine did not answer: its fault or ours, not yet the model's. */
static void
lost(struct engine_load *l, enum err why)
{
	struct engine_model *m = load_model(l);
	struct engine *e = l->engine;

	if (why == ERR_TIMEOUT) {
		broken(l, "loading it took too long");
		return;
	}
	if (m && why == ERR_EOF && ++m->deaths >= DEATHS_MAX) {
		m->deaths = 0;
		broken(l, "the engine ended while it loaded");
	} else {
		swap_gone(&e->swap, l->hash);
		load_over(l, "lost");
	}
	if (why == ERR_CONNECT)
		engine_note_dead(e, why);
	else
		engine_note_suspect(e);
}

/* Too busy to load now: nothing is wrong with the model. */
static void
put_off(struct engine_load *l)
{
	swap_gone(&l->engine->swap, l->hash);
	load_wake_at(l->engine, os_now_us() + BUSY_US);
	load_over(l, "busy");
}

/* --- the steps --- */

static void
ask(struct engine_load *l, const char *path, struct slice model,
    const char *more, int64_t bound_us)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, BODY_MAX);
	json_writer_init(&w, &body);
	json_object_begin(&w, NULL);
	json_str(&w, "model", model);
	if (more)
		json_str(&w, more, slice_str(""));
	if (l->step == STEP_UNLOAD && l->engine->kind == ENGINE_OLLAMA)
		json_int(&w, "keep_alive", 0);
	if (l->step == STEP_LOAD && l->engine->kind == ENGINE_OLLAMA)
		proof_write_keep(
		    l->engine->set, slice_of(l->key, l->key_n), &w);
	json_object_end(&w);
	fetch_start(&l->fetch, "POST", path, buf_slice(&body), bound_us);
	buf_fini(&body);
}

void
load_request(struct engine_load *l)
{
	const struct engine_model *m = load_model(l);
	struct slice name = slice_of(l->model, l->model_n);
	struct engine *e = l->engine;

	l->step = STEP_LOAD;
	if (e->kind == ENGINE_LLAMA)
		ask(l, "/models/load", name, NULL, ASK_US);
	else if (m && m->is_embedder)
		ask(l, "/api/embed", name, "input", e->first_byte_us);
	else
		ask(l, "/api/generate", name, NULL, e->first_byte_us);
}

void
load_unload(struct engine_load *l)
{
	struct table_node *n =
	    table_find(&l->engine->models, slice_of(l->evict, l->evict_n));
	struct slice name = n ? TABLE_OF(n, struct engine_model, node)->raw
			      : slice_of(l->evict, l->evict_n);

	l->step = STEP_UNLOAD;
	ask(l,
	    l->engine->kind == ENGINE_OLLAMA ? "/api/generate"
					     : "/models/unload",
	    name, NULL, ASK_US);
}

static void
look(struct engine_load *l)
{
	bool is_ollama = l->engine->kind == ENGINE_OLLAMA;

	if (is_ollama && l->step == STEP_LOAD)
		l->step = STEP_LOOK;
	fetch_start(&l->fetch, "GET", is_ollama ? "/api/ps" : "/models",
	    (struct slice){0}, ASK_US);
}

static void
poll_later(struct engine_load *l)
{
	timer_set(&l->poll, os_now_us() + l->poll_us);
	l->poll_us *= 2;
	if (l->poll_us > POLL_MAX_US)
		l->poll_us = POLL_MAX_US;
}

static void
on_poll(struct timer *t)
{
	struct engine_load *l = (struct engine_load *)(void *)((char *)t -
	    offsetof(struct engine_load, poll));

	if (l->step == STEP_WEIGH)
		load_weigh(l);
	else
		look(l);
}

static void
begin_polls(struct engine_load *l, enum load_step step)
{
	l->step = step;
	l->poll_us = POLL_FIRST_US;
	poll_later(l);
}

static void
on_loaded(struct engine_load *l)
{
	struct slice body = buf_slice(&l->fetch.answer);
	struct engine_model *m = load_model(l);
	int status = l->fetch.status;

	if (status == 200 && l->engine->kind == ENGINE_LLAMA) {
		begin_polls(l, STEP_POLL);
	} else if (status == 200) {
		look(l);
	} else if (status == 503) {
		put_off(l);
	} else if (status == 400 && m && !m->is_embedder &&
	    slice_has(body, (struct slice)SLICE("does not support"))) {
		m->is_embedder = true;
		load_request(l);
	} else if (slice_has(body, (struct slice)SLICE("already"))) {
		begin_polls(l, STEP_POLL);
	} else {
		broken(l, load_reason(status, body));
	}
}

static enum err
take_listing(struct engine_load *l)
{
	struct slice answer = buf_slice(&l->fetch.answer);

	return l->engine->kind == ENGINE_OLLAMA
	    ? listing_loaded_from_ollama(l->engine, answer)
	    : listing_from_openai(l->engine, answer);
}

/* Is what was to give way still there? */
static void
on_left(struct engine_load *l, int64_t took_us)
{
	struct engine *e = l->engine;
	struct table_node *n =
	    table_find(&e->models, slice_of(l->evict, l->evict_n));

	if (n && TABLE_OF(n, struct engine_model, node)->is_loaded &&
	    took_us < UNLOAD_US) {
		poll_later(l);
	} else if (e->kind == ENGINE_LLAMA) {
		load_request(l);
	} else {
		l->evict_n = 0;
		l->settled_us = os_now_us() + SETTLE_US;
		load_weigh(l);
	}
}

/* A listing: is the model up, or the other one down? */
static void
on_polled(struct engine_load *l)
{
	struct engine *e = l->engine;
	struct engine_model *m;
	int64_t took_us = os_now_us() - l->began_us;

	if (l->fetch.status == 200 && take_listing(l) == OK)
		load_sync(e);
	m = load_model(l);
	if (l->step == STEP_LEAVE) {
		on_left(l, took_us);
	} else if (m && m->is_loaded) {
		succeeded(l);
	} else if (m && m->is_loading && took_us < e->first_byte_us) {
		poll_later(l);
	} else {
		broken(l,
		    m && !m->is_loading ? "the engine cannot load it"
					: "loading it took too long");
	}
}

static void
on_done(struct fetch *f)
{
	struct engine_load *l = (struct engine_load *)(void *)f;

	if (f->err != OK && l->step != STEP_UNLOAD) {
		lost(l, f->err);
		return;
	}
	switch (l->step) {
	case STEP_UNLOAD:
		begin_polls(l, STEP_LEAVE);
		break;
	case STEP_LOAD:
		on_loaded(l);
		break;
	case STEP_LEAVE:
	case STEP_POLL:
		on_polled(l);
		break;
	case STEP_LOOK:
		if (f->status == 200)
			(void)!listing_loaded_from_ollama(
			    l->engine, buf_slice(&f->answer));
		succeeded(l);
		break;
	case STEP_WEIGH:
	case STEP_IDLE:
		break;
	}
}

static void
on_due(struct timer *t)
{
	struct engine *e = ((struct engine_load *)(void *)((char *)t -
				offsetof(struct engine_load, due)))
			       ->engine;

	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

struct engine_load *
load_need(struct engine *e)
{
	struct engine_load *l = e->load;

	if (l)
		return l;
	if ((l = calloc(1, sizeof *l)) == NULL)
		abort();
	l->engine = engine_hold(e);
	fetch_init(&l->fetch, e, ANSWER_MAX, on_done);
	timer_init(&l->poll, e->loop, on_poll);
	timer_init(&l->due, e->loop, on_due);
	e->load = l;
	return l;
}

void
load_wake_at(struct engine *e, int64_t at_us)
{
	timer_set(&load_need(e)->due, at_us);
}

void
load_forget(struct engine *e)
{
	struct table_node *n = NULL;
	struct engine_load *l = e->load;

	if (l) {
		fetch_cancel(&l->fetch);
		weigh_cancel(e);
		timer_stop(&l->poll);
		timer_stop(&l->due);
		buf_fini(&l->fetch.answer);
		l->step = STEP_IDLE;
	}
	while ((n = table_next(&e->models, n)) != NULL) {
		struct engine_model *m = TABLE_OF(n, struct engine_model, node);

		m->is_loaded = m->is_loading = false;
		m->context = 0;
		m->keep_us = 0;
	}
	e->has_residents = false;
	swap_init(&e->swap, e->holds ? e->holds : ENGINE_HOLDS, e->slots);
}

void
load_fini(struct engine *e)
{
	struct engine_load *l = e->load;

	if (l == NULL)
		return;
	e->load = NULL;
	weigh_fini(e);
	timer_stop(&l->poll);
	timer_stop(&l->due);
	fetch_fini(&l->fetch);
	free(l);
	engine_drop(e);
}
