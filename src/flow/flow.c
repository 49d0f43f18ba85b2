#include "flow/flow.h"
#include "flow/client.h"
#include "flow/heartbeat.h"
#include "flow/relay.h"
#include "flow/reply.h"
#include <assert.h>
#include <stdlib.h>

enum {
	SPARE_MAX = 512,
	ARENA_MAX = 256 * 1024, /* head, names, spans of texts */
	CARRY_MAX = 9 * 1024 * 1024,
	REPLY_MAX = 64 * 1024,
	SAVED_MAX = 8 * 1024 * 1024, /* a listing of thousands */
};

static enum step (*const stages[STAGE_settle])(struct flow *f) = {
#define STAGE(name, help) [STAGE_##name] = stage_##name,
#include "facts/stages.def"
#undef STAGE
};

static struct flow *
take_spare(struct flow_env *env)
{
	struct list *n = list_first(&env->spare);
	struct flow *f;

	if (n == NULL) {
		if ((f = calloc(1, sizeof *f)) == NULL)
			return NULL;
		arena_init(&f->arena, ARENA_MAX);
		buf_init(&f->carry, CARRY_MAX);
		buf_init(&f->reply, REPLY_MAX);
		buf_init(&f->saved, SAVED_MAX);
		return f;
	}
	list_del(n);
	env->n_spare--;
	return LIST_OF(n, struct flow, node);
}

static void
free_flow(struct flow *f)
{
	arena_fini(&f->arena);
	buf_fini(&f->carry);
	buf_fini(&f->reply);
	buf_fini(&f->saved);
	free(f);
}

/* Back to the spare ones; big buffers are not kept. */
static void
give_spare(struct flow *f)
{
	struct flow_env *env = f->env;

	arena_reset(&f->arena);
	if (f->carry.cap > REPLY_MAX)
		buf_fini(&f->carry);
	buf_fini(&f->saved);
	buf_clear(&f->carry);
	buf_clear(&f->reply);
	env->n_flows--;
	if (env->n_spare >= SPARE_MAX) {
		free_flow(f);
		return;
	}
	list_add_front(&env->spare, &f->node);
	env->n_spare++;
}

void
flow_free_spare(struct flow_env *env)
{
	struct list *n;

	while ((n = list_first(&env->spare)) != NULL) {
		list_del(n);
		free_flow(LIST_OF(n, struct flow, node));
	}
	env->n_spare = 0;
}

static void
on_delay(struct timer *t)
{
	struct flow *f =
	    (struct flow *)(void *)((char *)t - offsetof(struct flow, delay));

	f->is_delayed = false;
	flow_run(f);
}

struct flow *
flow_new(struct client *c)
{
	struct flow *f = take_spare(c->env);
	struct arena arena;
	struct buf carry, reply, saved;

	if (f == NULL)
		return NULL;
	arena = f->arena;
	carry = f->carry;
	reply = f->reply;
	saved = f->saved;
	memset(f, 0, offsetof(struct flow, head.fields));
	f->arena = arena;
	f->carry = carry;
	f->reply = reply;
	f->saved = saved;
	f->env = c->env;
	f->client = c;
	f->conf = conf_hold(c->env->conf);
	list_init(&f->node);
	f->start_us = os_now_us();
	timer_init(&f->delay, f->env->loop, on_delay);
	id_next(&f->env->ids, os_wall_us(), f->id);
	f->env->n_flows++;
	return f;
}

enum step
flow_refuse(struct flow *f, enum err e)
{
	f->refusal.err = e;
	return STEP_REFUSE;
}

static void
end(struct flow *f)
{
	struct client *c = f->client;

	timer_stop(&f->delay);
	heartbeat_stop(f);
	list_del(&f->node);
	settle(f);
	conf_drop(f->conf);
	give_spare(f);
	client_done(c);
}

void
flow_run(struct flow *f)
{
	assert(!f->is_running);
	f->is_running = true;
	while (f->stage < STAGE_settle && !f->is_aborted) {
		enum step step = stages[f->stage](f);

		if (step == STEP_WAIT && !f->is_aborted) {
			f->is_running = false;
			return;
		}
		switch (step) {
		case STEP_NEXT:
			f->stage++;
			break;
		case STEP_REFUSE:
			f->err = f->refusal.err;
			if (f->has_beaten)
				relay_refusal(f);
			else if (!f->is_aborted)
				reply_refusal(f);
			f->stage = STAGE_settle;
			break;
		case STEP_AGAIN:
			f->stage = STAGE_queue;
			break;
		case STEP_WAIT:
		case STEP_DONE:
			f->stage = STAGE_settle;
			break;
		}
	}
	end(f);
}

void
flow_wake(struct flow *f)
{
	if (list_is_empty(&f->node))
		list_add(&f->env->ready, &f->node);
}

void
flow_wake_later(struct flow *f)
{
	if (list_is_empty(&f->node))
		list_add(&f->env->later, &f->node);
	loop_again(f->env->loop);
}

void
flow_end(struct flow *f, enum err why, int64_t wait_us)
{
	f->refusal = (struct refusal){.wait_us = wait_us};
	flow_end_told(f, why);
}

void
flow_end_told(struct flow *f, enum err why)
{
	f->refusal.err = why;
	f->err = why;
	f->client->keep_alive = false;
	if (f->up && f->head_sent)
		(void)relay_broken(f, why);
	else if (f->has_beaten)
		relay_refusal(f);
	else if (!f->head_sent)
		reply_refusal(f);
	flow_abort(f, why);
}

void
flow_abort(struct flow *f, enum err why)
{
	if (f->is_aborted)
		return;
	f->is_aborted = true;
	f->err = why;
	if (!f->is_running)
		end(f);
}
