#include "flow/death.h"

enum {
	STALE_US = 250 * 1000, /* a pooled connection dies at once, or not */
	SAME_DEATH_US = 1000 * 1000,
	STALE_AND_GONE_US = 1000 * 1000,
	TOLD_US = 3 * 1000000, /* from an end until its cause is known */
	ALONE_MAX = 5,	       /* of unknown cause */
	CRASHES_MAX = 2,
};

static bool
may_retry(const struct flow *f, int64_t now_us)
{
	int64_t most = f->conf->queue_retries;

	return f->match.route->class == CLASS_INFERENCE &&
	    (most == CONF_AUTO || f->retries < most) &&
	    now_us - f->away_us < f->conf->queue_hold_us;
}

static bool
is_killer(const struct flow *f)
{
	return f->deaths >= ALONE_MAX || f->crashes >= CRASHES_MAX;
}

/* The engine that failed it last, if it is there still. */
static const struct engine *
last_engine(const struct flow *f)
{
	LIST_EACH (it, &f->env->engines.engines) {
		const struct engine *e = LIST_OF(it, struct engine, node);

		if (e == f->avoid)
			return e;
	}
	return NULL;
}

/*
 * If the end of the engine's process was seen by now: what was counted since
 * the last one was one death, and its cause is known.
 */
static void
look_back(struct flow *f)
{
	const struct engine *e = f->untold ? last_engine(f) : NULL;

	if (e == NULL || e->ended_us <= f->told_us ||
	    e->ended_us < f->death_us - TOLD_US ||
	    e->ended_us > f->death_us + TOLD_US)
		return;
	f->deaths -= f->untold;
	f->untold = 0;
	f->told_us = e->ended_us;
	f->deaths += e->blame == BLAME_UNKNOWN;
	f->crashes += e->blame == BLAME_REQUEST;
}

/* The engine ended with ${f} in flight. */
static void
note_death(struct flow *f, int64_t now_us)
{
	if (engine_note_death(f->engine) > 1) {
		f->is_suspect = true;
		return;
	}
	f->deaths++;
	f->untold++;
	f->death_us = now_us;
}

/*
 * A pooled connection was at its end and no new one can be made: the engine
 * died, unless that has been counted and it was not seen to be back since.
 */
static bool
is_death(const struct flow *f, int64_t now_us)
{
	if (f->stale_us == 0 || now_us - f->stale_us > STALE_AND_GONE_US)
		return false;
	return f->death_us == 0 || f->engine->since_us > f->death_us ||
	    now_us - f->death_us > SAME_DEATH_US;
}

static void
explain(struct flow *f, enum err why)
{
	f->refusal.wait_us = 2000000;
	f->refusal.limit = f->engine->first_byte_us / 1000000;
	/* It may be told late, when a next try has met nobody. */
	if (is_killer(f)) {
		f->refusal.err = ERR_ENGINE_KILLER;
		return;
	}
	switch (why) {
	case ERR_TIMEOUT:
		f->refusal.err = ERR_ENGINE_TIMEOUT;
		break;
	case ERR_SYNTAX:
		f->refusal.err = ERR_ENGINE_PROTOCOL;
		break;
	case ERR_CONNECT:
		f->refusal.err = ERR_ENGINE_AWAY;
		break;
	default:
		f->refusal.err = ERR_ENGINE_FAILED;
		break;
	}
}

enum verdict
death_judge(struct flow *f, const struct upstream *up, enum err why)
{
	int64_t now_us = os_now_us();
	bool is_fresh_end = up && up->reused && !up->got_bytes &&
	    why == ERR_EOF && now_us - f->sent_us < STALE_US;

	if (is_fresh_end) {
		f->stale_us = now_us;
		return VERDICT_AT_ONCE;
	}
	look_back(f);
	if (f->away_us == 0)
		f->away_us = now_us;
	f->avoid = f->engine;
	switch (why) {
	case ERR_CONNECT:
		if (is_death(f, now_us))
			note_death(f, now_us);
		engine_note_dead(f->engine, why);
		break;
	case ERR_EOF:
		note_death(f, now_us);
		break;
	default:
		engine_note_failure(f->engine);
		explain(f, why);
		return VERDICT_REFUSE;
	}
	f->stale_us = 0;
	if (!is_killer(f) && may_retry(f, now_us))
		return VERDICT_AGAIN;
	explain(f, why);
	return VERDICT_REFUSE;
}

bool
death_is_proved(struct flow *f)
{
	look_back(f);
	if (!is_killer(f))
		return false;
	explain(f, ERR_EOF);
	return true;
}

bool
death_is_suspicious(const struct flow *f, int status)
{
	return f->match.route->class == CLASS_INFERENCE &&
	    (status == 500 || status == 502 || status == 503);
}

/* What engines say of themselves, in protocols' words. */
static const struct {
	int status;
	struct slice text;
	enum err why;
} told[] = {
    {500, SLICE("model runner has unexpectedly stopped"), ERR_EOF},
    {500, SLICE("llama-server process has terminated"), ERR_EOF},
    {500, SLICE("llama-server process no longer running"), ERR_EOF},
    {500, SLICE("error reading llama-server"), ERR_EOF},
    /* In the middle of an answer that is not streamed. */
    {500, SLICE("error was encountered while running the model"), ERR_EOF},
    /* Its questions to the runner, which told nobody's answer yet. */
    {500, SLICE("Post \\\"http://127.0.0.1:"), ERR_EOF},
    {500, SLICE("Get \\\"http://127.0.0.1:"), ERR_EOF},
    {500, SLICE("\"connection refused\""), ERR_EOF},
    {500, SLICE("llama runner process has terminated"), ERR_EOF},
    {503, SLICE("Loading model"), ERR_CONNECT},
};

bool
death_is_told(int status, struct slice body, enum err *why)
{
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (status == told[i].status && slice_has(body, told[i].text)) {
			*why = told[i].why;
			return true;
		}
	return false;
}
