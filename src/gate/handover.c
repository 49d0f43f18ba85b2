/*
 * Gates that follow one another, other than by a crash: the one that leaves
 * finishes what it has, the one that serves leaves it room at the engines.
 */
#include "engine/linger.h"
#include "gate/gate.h"
#include "log/event.h"
#include "os/clock.h"

enum {
	LOOK_US = 20 * 1000,
};

/* Nobody tells when a slot of another gate comes free: look. */
static void
on_share_timer(struct timer *t)
{
	struct gate *g = (struct gate *)(void *)((char *)t -
	    offsetof(struct gate, share_timer));

	if (g->env.engines.on_change)
		g->env.engines.on_change(g->env.engines.ctx);
	if (tally_has_others(&g->tally))
		timer_set(&g->share_timer, os_now_us() + LOOK_US);
}

void
handover_tell_well(struct gate *g)
{
	if (g->told_well || !g->has_link || !admin_is_ready(&g->admin))
		return;
	g->told_well = true;
	if (gate_link_well(&g->link) != OK)
		g->link_lost = true;
}

enum err
handover_begin(struct gate *g, const struct gate_start *start)
{
	enum err e;
	size_t n;
	void *p = state_get(&g->state, STATE_TALLY, &n);

	g->generation = start->generation;
	g->n_live = start->n_live;
	memcpy(g->live, start->live, sizeof g->live);
	timer_init(&g->share_timer, &g->loop, on_share_timer);
	e = tally_attach(&g->tally, p, n, g->generation ? g->generation : 1,
	    g->live, g->n_live);
	if (e == OK && g->n_live > 0)
		timer_set(&g->share_timer, os_now_us() + LOOK_US);
	return e;
}

static void
on_idle(struct flow_env *env)
{
	loop_stop(env->loop);
}

void
handover_leave(struct gate *g, int64_t grace_us)
{
	if (g->is_leaving || g->is_draining)
		return;
	g->is_leaving = true;
	alerts_leave(g);
	event_write(g->env.log, os_wall_us(), EVENT_GATE_LEAVES,
	    EVENT_ARGS(event_num("connections", (int64_t)g->env.n_clients),
		event_num("grace_s", grace_us / 1000000)));
	listener_close_all(g);
	timer_set(&g->grace, os_now_us() + grace_us);
	timer_set(&g->share_timer, os_now_us() + LOOK_US);
	g->env.on_idle = on_idle;
	flow_env_leave(&g->env);
}

void
handover_gone(struct gate *g, uint64_t generation)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_live; i++)
		if (g->live[i] != generation)
			g->live[n++] = g->live[i];
	g->n_live = n;
	tally_bury(&g->tally, generation);
	metrics_gone(g->env.metrics, generation);
	budgets_reap(&g->budgets, generation, os_now_us() * 1000);
	LIST_EACH (it, &g->env.engines.engines)
		linger_take_left(LIST_OF(it, struct engine, node));
	g->env.engines.on_change(g->env.engines.ctx);
}

void
handover_end(struct gate *g)
{
	timer_stop(&g->share_timer);
	if (g->tally.header != NULL)
		tally_forget(&g->tally, g->tally.generation);
}
