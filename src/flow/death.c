#include "flow/death.h"

enum {
	STALE_US = 250 * 1000, /* a pooled connection dies at once, or not */
	ALONE_MAX = 5,	       /* of unknown cause */
};

static bool
may_retry(const struct flow *f, int64_t now_us)
{
	int64_t most = f->conf->queue_retries;

	return f->match.route->class == CLASS_INFERENCE &&
	    (most == CONF_AUTO || f->retries < most) &&
	    now_us - f->away_us < f->conf->queue_hold_us;
}

static void
explain(struct flow *f, enum err why)
{
	f->refusal.wait_us = 2000000;
	f->refusal.limit = f->engine->first_byte_us / 1000000;
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
		f->refusal.err = f->alone_deaths >= ALONE_MAX
		    ? ERR_ENGINE_KILLER
		    : ERR_ENGINE_FAILED;
		break;
	}
}

enum verdict
death_judge(struct flow *f, const struct upstream *up, enum err why)
{
	int64_t now_us = os_now_us();
	bool is_fresh_end = up && up->reused && !up->got_bytes &&
	    why == ERR_EOF && now_us - f->sent_us < STALE_US;

	if (is_fresh_end)
		return VERDICT_AT_ONCE;
	if (f->away_us == 0)
		f->away_us = now_us;
	f->avoid = f->engine;
	switch (why) {
	case ERR_CONNECT:
		engine_note_dead(f->engine, why);
		break;
	case ERR_EOF:
		if (engine_note_death(f->engine) > 1)
			f->is_suspect = true;
		else
			f->alone_deaths++;
		break;
	default:
		engine_note_failure(f->engine);
		explain(f, why);
		return VERDICT_REFUSE;
	}
	if (f->alone_deaths < ALONE_MAX && may_retry(f, now_us))
		return VERDICT_AGAIN;
	explain(f, why);
	return VERDICT_REFUSE;
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
