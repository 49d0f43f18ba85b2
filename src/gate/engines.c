#include "gate/engines.h"
#include "gate/short.h"
#include "gate/summary.h"
#include "log/event.h"
#include "os/clock.h"

static void
event(struct gate *g, enum event_id id, const struct event_arg *args, size_t n)
{
	event_write(g->env.log, os_wall_us(), id, args, n);
}

static void
on_proved(void *ctx, struct engine *e)
{
	runs_wish(ctx, e->name, ENGINE_IS_PROVED);
	runs_proved(ctx, e);
}

static void
on_model(void *ctx, struct engine *e, struct engine_model *m, int64_t took_us)
{
	struct event_arg engine = event_slice("engine", e->name);
	struct event_arg model = event_slice("model", m->node.key);

	if (!m->is_proved) {
		event(ctx, EVENT_MODEL_BROKEN,
		    EVENT_ARGS(engine, model, event_str("reason", m->reason),
			event_num(
			    "retry_s", (m->retry_us - os_now_us()) / 1000000)));
		return;
	}
	event(ctx, EVENT_MODEL_READY,
	    EVENT_ARGS(engine, model, event_num("took_ms", took_us / 1000)));
}

static void
on_engine_state(void *ctx, struct engine *e)
{
	struct gate *g = ctx;

	if (e->state == ENGINE_UP)
		event(g, EVENT_ENGINE_UP,
		    EVENT_ARGS(event_slice("engine", e->name),
			event_slice("url", e->host)));
	else if (e->life[0] == 0) /* else what ended it has been told */
		summary_down(g, e);
}

static void
on_slots_guessed(void *ctx, struct engine *e)
{
	event(ctx, EVENT_SLOTS_GUESSED,
	    EVENT_ARGS(event_slice("engine", e->name)));
}

void
engines_hear(struct gate *g)
{
	g->env.engines.on_state = on_engine_state;
	g->env.engines.on_guess = on_slots_guessed;
	g->env.engines.on_proved = on_proved;
	g->env.engines.on_model = on_model;
	g->env.engines.on_cure = runs_cured;
	short_watch(g);
	g->env.engines.ctx_state = g;
}
