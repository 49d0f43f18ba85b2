#include "flow/env.h"
#include "flow/client.h"
#include "flow/flow.h"
#include "loop/job.h"
#include "flow/recall.h"
#include <unistd.h>

enum {
	SCRATCH_MAX = 128 * 1024,
	END_WAIT_US = 1000000, /* what is told when weir ends */
};

/* After each batch of events: who was woken, and requests that follow. */
static void
on_turn(struct loop_turn *t)
{
	struct flow_env *env = (struct flow_env *)(void *)((char *)t -
	    offsetof(struct flow_env, turn));
	struct list *n;

	while ((n = list_first(&env->later)) != NULL) {
		list_del(n);
		list_add(&env->ready, n);
	}
	do {
		while ((n = list_first(&env->ready)) != NULL) {
			list_del(n);
			flow_run(LIST_OF(n, struct flow, node));
		}
		client_run_woken(env);
		if (env->wants_dispatch) {
			env->wants_dispatch = false;
			queue_dispatch(env);
		}
	} while (list_first(&env->ready));
}

static void
on_engine_change(void *ctx)
{
	struct flow_env *env = ctx;

	env->wants_dispatch = true;
}

static void
on_queue_timer(struct timer *t)
{
	struct flow_env *env = (struct flow_env *)(void *)((char *)t -
	    offsetof(struct flow_env, queue_timer));

	queue_expire(env);
}

void
flow_env_init(struct flow_env *env, struct hash_key seed)
{
	const struct conf *conf = env->conf;

	list_init(&env->clients);
	list_init(&env->woken);
	list_init(&env->ready);
	list_init(&env->later);
	list_init(&env->spare);
	table_init(&env->addresses, (size_t)1 << 20, seed);
	buf_init(&env->scratch, SCRATCH_MAX);
	queue_init(&env->queue, (size_t)conf->queue_length,
	    (size_t)conf->queue_bodies);
	queue_set_counters(&env->queue, env->counters);
	timer_init(&env->queue_timer, env->loop, on_queue_timer);
	env->turn.fn = on_turn;
	loop_add_turn(env->loop, &env->turn);
	/* Without a name: only the others are ours. */
	if (gethostname(env->host_name, sizeof env->host_name - 1) != 0)
		env->host_name[0] = 0;
	engine_set_init(&env->engines, env->loop, env->metrics, seed);
	env->engines.on_change = on_engine_change;
	env->engines.ctx = env;
	env->m_connections =
	    metric_series(env->metrics, METRIC_CONNECTIONS, NULL);
	env->m_accepted =
	    metric_series(env->metrics, METRIC_CONNECTIONS_ACCEPTED, NULL);
	env->m_body_bytes =
	    metric_series(env->metrics, METRIC_BODY_BYTES, NULL);
	env->m_line = metric_series(env->metrics, METRIC_QUEUE_LENGTH, NULL);
}

void
flow_env_reload(struct flow_env *env)
{
	queue_set_bounds(&env->queue, (size_t)env->conf->queue_length,
	    (size_t)env->conf->queue_bodies);
	engine_set_update(&env->engines, env->conf);
	on_engine_change(env);
}

void
flow_env_leave(struct flow_env *env)
{
	env->is_leaving = true;
	/* The gate that serves writes them now. */
	queue_set_counters(&env->queue, NULL);
	if (env->n_clients == 0 && env->on_idle)
		env->on_idle(env);
}

void
flow_env_drain(struct flow_env *env)
{
	env->is_draining = true;
	/* The gate that follows writes them now. */
	queue_set_counters(&env->queue, NULL);
	LIST_EACH_SAFE (it, &env->clients) {
		struct client *c = LIST_OF(it, struct client, node);

		/* A last answer on its way out may arrive. */
		if (c->state == CLIENT_IDLE && conn_pending(&c->conn) == 0)
			conn_close(&c->conn);
	}
	if (env->n_clients == 0 && env->on_idle)
		env->on_idle(env);
}

void
flow_env_fini(struct flow_env *env)
{
	env->on_idle = NULL;
	env->is_draining = true;
	LIST_EACH_SAFE (it, &env->clients) {
		struct client *c = LIST_OF(it, struct client, node);

		if (c->flow)
			flow_end(c->flow, ERR_SHUTTING_DOWN, END_WAIT_US);
		else
			conn_close(&c->conn);
	}
	job_stop(env->loop);
	engine_set_fini(&env->engines);
	timer_stop(&env->queue_timer);
}

void
flow_env_free(struct flow_env *env)
{
	flow_free_spare(env);
	recall_free(env);
	queue_fini(&env->queue);
	table_fini(&env->addresses);
	buf_fini(&env->scratch);
}
