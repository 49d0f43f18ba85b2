#include "engine/probe.h"
#include "engine/address.h"
#include "engine/fetch.h"
#include "engine/listing.h"
#include "engine/load.h"
#include "engine/proof.h"
#include "engine/slots.h"
#include "json/reader.h"
#include "json/value.h"
#include <stdlib.h>

enum {
	BEAT_US = 30 * 1000000,
	BACKOFF_FIRST_US = 100 * 1000,
	BACKOFF_MAX_US = 2 * 1000000,
	AFRESH_US = 20 * 1000,
	ANSWER_US = 5 * 1000000,
	ANSWER_MAX = 16 * 1024 * 1024, /* a listing of thousands of models */
	LOOK_US = 5 * 1000000,	       /* what is loaded, while strangers run */
};

/* Where engines listen when nobody said otherwise, most likely first. */
static const int usual_ports[] = {11434, 8080, 9931, 1234, 8000};

enum step { STEP_KIND, STEP_ALIVE, STEP_SLOTS, STEP_LISTING, STEP_LOADED };

struct engine_probe {
	struct fetch fetch;
	struct engine *engine;
	struct timer timer;
	enum step step;
	bool is_look;	 /* between two beats */
	int64_t beat_us; /* the next one */
	int64_t looked_us;
	int64_t backoff_us;
	unsigned port; /* index into usual_ports, where searching */
};

static void
go(struct engine_probe *p, enum step step)
{
	struct engine *e = p->engine;
	const char *path = "/v1/models";

	p->step = step;
	if (step == STEP_KIND)
		path = "/api/version";
	else if (step == STEP_SLOTS)
		path = "/props";
	else if (step == STEP_LOADED)
		path = "/api/ps";
	else if (step == STEP_ALIVE && e->kind == ENGINE_OLLAMA)
		path = "/api/tags";
	else if (step == STEP_ALIVE && e->kind == ENGINE_LLAMA)
		path = "/health";
	fetch_start(&p->fetch, "GET", path, (struct slice){0}, ANSWER_US);
}

static void
rest(struct engine_probe *p)
{
	int64_t now_us = os_now_us();

	p->backoff_us = BACKOFF_FIRST_US;
	if (!p->is_look)
		p->beat_us = now_us + BEAT_US;
	p->is_look = false;
	p->looked_us = now_us;
	timer_set(&p->timer, p->beat_us);
	probe_look(p->engine);
	proof_next(p->engine);
}

static void
next_port(struct engine_probe *p)
{
	p->port = (p->port + 1) % (sizeof usual_ports / sizeof *usual_ports);
	address_set_port(p->engine, usual_ports[p->port]);
}

static void
failed(struct engine_probe *p, enum err why)
{
	struct engine *e = p->engine;
	int64_t now_us = os_now_us();

	/* Slow to answer a probe, but traffic flows: it is busy, not dead. */
	if (why == ERR_TIMEOUT && e->state == ENGINE_UP &&
	    now_us - e->seen_us < BEAT_US) {
		rest(p);
		return;
	}
	engine_move(e, ENGINE_DOWN, why);
	e->kind = e->conf_kind;
	if (e->is_search)
		next_port(p);
	else
		address_refresh(e);
	timer_set(&p->timer, now_us + p->backoff_us);
	p->backoff_us *= 2;
	if (p->backoff_us > BACKOFF_MAX_US)
		p->backoff_us = BACKOFF_MAX_US;
}

static bool
is_json_with(struct slice body, const char *member)
{
	struct json_reader r;
	enum json_kind k;

	json_reader_init(&r, body, 64);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	while ((k = json_skip(&r)) == JSON_KEY) {
		if (slice_is(json_span(&r), member))
			return true;
		(void)json_skip(&r);
	}
	return false;
}

/* /api/version answered, somehow: what is it? */
static void
on_kind(struct engine_probe *p)
{
	struct engine *e = p->engine;
	struct fetch *f = &p->fetch;

	if (f->server == FETCH_LLAMA)
		e->kind = ENGINE_LLAMA;
	else if (f->status == 200 &&
	    is_json_with(buf_slice(&f->answer), "version"))
		e->kind = ENGINE_OLLAMA;
	else
		e->kind = ENGINE_OPENAI;
	go(p, STEP_ALIVE);
}

static void
on_alive(struct engine_probe *p)
{
	struct engine *e = p->engine;
	struct fetch *f = &p->fetch;
	enum err err;

	if (e->kind == ENGINE_LLAMA && f->status == 503) {
		failed(p, ERR_ENGINE_LOADING);
		return;
	}
	if (f->status == 401 || f->status == 403) {
		failed(p, ERR_ENGINE_KEY);
		return;
	}
	if (f->status != 200) {
		failed(p, ERR_ENGINE_PROTOCOL);
		return;
	}
	if (e->kind == ENGINE_LLAMA) {
		go(p, STEP_SLOTS);
		return;
	}
	err = e->kind == ENGINE_OLLAMA
	    ? listing_from_ollama(e, buf_slice(&f->answer))
	    : listing_from_openai(e, buf_slice(&f->answer));
	/*
	 * An unreadable listing says nothing against an engine whose kind is
	 * known; what was only guessed to be one may be any web server.
	 */
	if (err != OK && e->kind == ENGINE_OPENAI &&
	    e->conf_kind == ENGINE_AUTO) {
		failed(p, ERR_ENGINE_PROTOCOL);
		return;
	}
	if (e->kind == ENGINE_OLLAMA) {
		go(p, STEP_LOADED);
		return;
	}
	slots_watch(e);
	engine_note_alive(e);
	rest(p);
}

/* What is loaded.  Without an answer it is not known, and no harm done. */
static void
on_loaded(struct engine_probe *p)
{
	struct engine *e = p->engine;
	struct fetch *f = &p->fetch;

	if (f->status != 200 ||
	    listing_loaded_from_ollama(e, buf_slice(&f->answer)) != OK)
		e->has_residents = false;
	if (e->in_use == 0)
		e->wants_look = false;
	if (!p->is_look)
		slots_find_ollama(e);
	load_sync(e);
	engine_note_alive(e);
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
	rest(p);
}

/* /props of a llama-server: slots, and whether it starts others. */
static void
on_slots(struct engine_probe *p)
{
	struct engine *e = p->engine;
	struct fetch *f = &p->fetch;
	int64_t slots = 0, holds = 0;
	struct json_reader r;

	e->is_router = false;
	json_reader_init(&r, buf_slice(&f->answer), 64);
	if (f->status == 200 && json_next(&r) == JSON_OBJECT) {
		while (json_skip(&r) == JSON_KEY) {
			struct slice key = json_span(&r);
			enum json_kind k = json_skip(&r);

			if (k == JSON_NUMBER && slice_is(key, "total_slots"))
				(void)!json_i64(json_span(&r), &slots);
			if (k == JSON_NUMBER && slice_is(key, "max_instances"))
				(void)!json_i64(json_span(&r), &holds);
			if (k == JSON_STRING && slice_is(key, "role"))
				e->is_router =
				    slice_is(json_span(&r), "\"router\"");
		}
	}
	if (slots > 0 && slots <= SLOTS_MAX)
		engine_found_slots(e, (unsigned)slots);
	if (e->is_router && e->holds == 0)
		e->holds = holds > 0 && holds <= SLOTS_MAX ? (unsigned)holds
							   : ENGINE_HOLDS;
	go(p, STEP_LISTING);
}

static void
on_listing(struct engine_probe *p)
{
	struct engine *e = p->engine;

	if (p->fetch.status == 200)
		(void)!listing_from_openai(e, buf_slice(&p->fetch.answer));
	load_sync(e);
	engine_note_alive(e);
	rest(p);
}

static void
on_done(struct fetch *f)
{
	struct engine_probe *p = (struct engine_probe *)(void *)f;

	if (f->err != OK || f->server == FETCH_WEIR) {
		failed(p, f->err != OK ? f->err : ERR_LOOP);
		buf_fini(&f->answer);
		return;
	}
	switch (p->step) {
	case STEP_KIND:
		on_kind(p);
		break;
	case STEP_ALIVE:
		on_alive(p);
		break;
	case STEP_SLOTS:
		on_slots(p);
		break;
	case STEP_LISTING:
		on_listing(p);
		break;
	case STEP_LOADED:
		on_loaded(p);
		break;
	}
	buf_fini(&f->answer);
}

static void
on_timer(struct timer *t)
{
	struct engine_probe *p = (struct engine_probe *)(void *)((char *)t -
	    offsetof(struct engine_probe, timer));

	struct engine *e = p->engine;

	if (engine_is_up(e) && os_now_us() < p->beat_us) {
		p->is_look = e->wants_look;
		if (e->wants_look)
			go(p, STEP_LOADED);
		else
			timer_set(&p->timer, p->beat_us);
		return;
	}
	p->is_look = false;
	go(p, e->kind == ENGINE_AUTO ? STEP_KIND : STEP_ALIVE);
}

void
probe_start(struct engine *e)
{
	struct engine_probe *p = calloc(1, sizeof *p);

	if (p == NULL)
		abort();
	p->engine = engine_hold(e);
	p->backoff_us = BACKOFF_FIRST_US;
	fetch_init(&p->fetch, e, ANSWER_MAX, on_done);
	timer_init(&p->timer, e->loop, on_timer);
	e->probe = p;
	timer_set(&p->timer, os_now_us());
}

void
probe_soon(struct engine *e)
{
	struct engine_probe *p = e->probe;

	if (p == NULL || p->fetch.up || p->backoff_us > BACKOFF_FIRST_US)
		return;
	p->beat_us = 0;
	timer_set(&p->timer, os_now_us() + p->backoff_us);
}

void
probe_look(struct engine *e)
{
	struct engine_probe *p = e->probe;
	int64_t at_us;

	if (p == NULL || p->fetch.up || !e->wants_look ||
	    e->kind != ENGINE_OLLAMA || !engine_is_up(e))
		return;
	at_us = p->looked_us + LOOK_US;
	if (at_us < p->timer.at_us)
		timer_set(&p->timer, at_us);
}

void
probe_at(struct engine *e, int64_t at_us)
{
	struct engine_probe *p = e->probe;

	if (p == NULL)
		return;
	fetch_cancel(&p->fetch);
	timer_stop(&p->timer);
	p->beat_us = 0;
	timer_set(&p->timer, at_us);
}

void
probe_afresh(struct engine *e)
{
	if (e->probe == NULL)
		return;
	e->probe->backoff_us = BACKOFF_FIRST_US;
	probe_at(e, os_now_us() + AFRESH_US);
}

void
probe_stop(struct engine *e)
{
	struct engine_probe *p = e->probe;

	if (p == NULL)
		return;
	e->probe = NULL;
	timer_stop(&p->timer);
	fetch_fini(&p->fetch);
	free(p);
	engine_drop(e);
}
