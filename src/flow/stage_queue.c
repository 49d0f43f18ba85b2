/*
 * queue: wait for a slot of an engine that serves the model.  Routes that take
 * no slot pass by.
 */
#include "conf/value.h"
#include "flow/flow.h"
#include "flow/heartbeat.h"
#include "flow/reserve.h"
#include <assert.h>

enum { GUESS_TOK_MAX = 32768 };

static struct flow *
flow_of(struct queue_item *it)
{
	return (
	    struct flow *)(void *)((char *)it - offsetof(struct flow, item));
}

static struct engine_want
want_of(const struct flow *f)
{
	return (struct engine_want){
	    .model = flow_model(f), .avoid = f->avoid, .alone = f->is_suspect};
}

static struct engine_want
want_of_item(const struct queue_item *it)
{
	return want_of((const struct flow *)(const void *)((const char *)it -
	    offsetof(struct flow, item)));
}

static bool
may_run(void *ctx, const struct queue_item *head)
{
	struct flow_env *env = ctx;
	struct engine_want want = want_of_item(head);

	return engine_has_slot(&env->engines, &want);
}

static void
arm_timer(struct flow_env *env)
{
	int64_t at_us = queue_next_deadline(&env->queue);

	if (at_us != QUEUE_NEVER)
		timer_set(&env->queue_timer, at_us);
}

/* No engine will come: nobody waits for one. */
static void
give_up(struct flow_env *env)
{
	LIST_EACH_SAFE (n, &env->queue.items) {
		struct queue_item *it = LIST_OF(n, struct queue_item, all);
		struct flow *f = flow_of(it);

		queue_del(&env->queue, it);
		f->is_expired = true;
		if (!f->is_running)
			flow_wake(f);
	}
}

static const struct engine_model *
broken_model(const struct flow *f)
{
	return engine_find_broken(&f->env->engines, flow_model(f), os_now_us());
}

/* A load failed: who waits for that model is told at once. */
static void
tell_broken(struct flow_env *env)
{
	env->engines.has_broken = false;
	LIST_EACH_SAFE (n, &env->queue.items) {
		struct queue_item *it = LIST_OF(n, struct queue_item, all);
		struct flow *f = flow_of(it);

		if (broken_model(f) == NULL)
			continue;
		queue_del(&env->queue, it);
		f->is_broken = true;
		if (!f->is_running)
			flow_wake(f);
	}
}

void
queue_dispatch(struct flow_env *env)
{
	struct queue_item *it;

	if (env->queue.n > 0 &&
	    !engine_is_expected(
		&env->engines, os_now_us(), env->conf->queue_hold_us))
		give_up(env);
	if (env->engines.has_broken)
		tell_broken(env);
	engine_load_next(&env->engines, &env->queue, want_of_item);

	while (
	    (it = queue_next(&env->queue, may_run, env, os_now_us())) != NULL) {
		struct flow *f = flow_of(it);
		struct engine_want want = want_of(f);

		f->engine = engine_try_slot(&env->engines, &want);
		assert(f->engine);
		f->has_slot = f->has_engine = true;
		f->dispatched_us = os_now_us();
		if (!f->is_running)
			flow_wake(f);
	}
	series_set(env->m_line, (int64_t)env->queue.n);
}

void
queue_expire(struct flow_env *env)
{
	struct queue_item *it;

	while ((it = queue_expired(&env->queue, os_now_us())) != NULL) {
		struct flow *f = flow_of(it);

		f->is_expired = true;
		flow_wake(f);
	}
	arm_timer(env);
	series_set(env->m_line, (int64_t)env->queue.n);
}

static int64_t
guess_wait_us(const struct flow *f)
{
	const struct queue *q = &f->env->queue;
	int64_t us = queue_wait_estimate(q, q->n + 1);

	return us > 0 ? us : 1000000;
}

static enum step
refuse_full(struct flow *f, enum err e)
{
	f->refusal.wait_us = guess_wait_us(f);
	f->refusal.limit = f->caller->line.most;
	return flow_refuse(f, e);
}

/*
 * Nobody answers.  Within queue.hold of the last sign of life it is worth to
 * wait; an engine that was never seen is a mistake to be told at once.
 */
static enum step
refuse_away(struct flow *f)
{
	f->refusal.wait_us = 2000000;
	return flow_refuse(f, ERR_ENGINE_AWAY);
}

/* In time again when the line has become shorter by what is too much now. */
static enum step
refuse_late(struct flow *f, int64_t now_us)
{
	f->refusal.wait_us =
	    f->item.expected_us - (f->item.deadline_us - now_us);
	return flow_refuse(f, ERR_DEADLINE_UNREACHABLE);
}

/*
 * Until the engine has counted: text is about 4 bytes a token.  Images come as
 * many bytes and few tokens, so what is large counts for no more than a prompt
 * can be.
 */
static int64_t
guess_input_tok(const struct flow *f)
{
	size_t tok = f->body_n / 4;

	return tok < GUESS_TOK_MAX ? (int64_t)tok : GUESS_TOK_MAX;
}

static enum queue_class
class_of(const struct flow *f)
{
	switch (f->caller->row->class) {
	case CONF_CLASS_INTERACTIVE:
		return QUEUE_INTERACTIVE;
	case CONF_CLASS_BATCH:
		return QUEUE_BATCH;
	case CONF_CLASS_AUTO:
		break;
	}
	return f->match.route->shape == SHAPE_EMBED ? QUEUE_BATCH
						    : QUEUE_INTERACTIVE;
}

/*
 * When ${f} has to leave the line: queue.wait from now, or the deadline that
 * its caller has set, counted from the request's arrival.
 */
static enum err
find_deadline(struct flow *f, int64_t now_us)
{
	struct slice own = http_head_find(&f->head, "x-weir-deadline");
	char meant[VALUE_MEANT_MAX];
	int64_t us;

	f->item.deadline_us = now_us + f->conf->queue_wait_us;
	if (own.n == 0)
		return OK;
	if (value_duration(own, &us, meant) != OK || us <= 0)
		return ERR_DEADLINE_SYNTAX;
	if (us < f->item.deadline_us - f->start_us)
		f->item.deadline_us = f->start_us + us;
	return OK;
}

static enum step
refuse_broken(struct flow *f)
{
	const struct engine_model *m = broken_model(f);

	f->in_line = false;
	f->refusal.model = f->inspect.model;
	f->refusal.reason =
	    slice_str(m ? m->reason : "the engine cannot load it");
	f->refusal.wait_us = m ? m->retry_us - os_now_us() : 1000000;
	return flow_refuse(f, ERR_MODEL_BROKEN);
}

static enum step
line_up(struct flow *f)
{
	struct flow_env *env = f->env;
	int64_t now_us = os_now_us();
	enum err e;

	if (!engine_is_expected(&env->engines, now_us, f->conf->queue_hold_us))
		return refuse_away(f);
	if (broken_model(f))
		return refuse_broken(f);
	queue_item_init(&f->item, &f->caller->line);
	f->item.model = hash_bytes(env->engines.seed, flow_model(f));
	f->item.class = class_of(f);
	f->item.bytes = f->body_n;
	f->item.input_tok = guess_input_tok(f);
	if ((e = find_deadline(f, now_us)) != OK)
		return flow_refuse(f, e);
	e = queue_try_add(&env->queue, &f->item, now_us);
	if (e == ERR_DEADLINE_UNREACHABLE)
		return refuse_late(f, now_us);
	if (e != OK)
		return refuse_full(f, e == ERR_NOMEM ? ERR_INTERNAL : e);
	f->in_line = true;
	f->queued_us = now_us;
	return STEP_NEXT;
}

enum step
stage_queue(struct flow *f)
{
	struct flow_env *env = f->env;
	enum step step;

	if (f->match.route->class != CLASS_INFERENCE)
		return STEP_NEXT;
	if (f->is_expired) {
		/* It may have been given out, to an engine that died. */
		queue_charge(&env->queue, &f->item, 0, 0);
		f->in_line = false;
		return refuse_full(f,
		    engine_slots_up(&env->engines) ? ERR_QUEUE_TIMEOUT
						   : ERR_ENGINE_AWAY);
	}
	if (f->is_broken)
		return refuse_broken(f);
	heartbeat_start(f);
	if (!f->in_line) {
		if ((step = line_up(f)) != STEP_NEXT)
			return step;
		queue_dispatch(env);
		if (f->is_expired || f->is_broken)
			return stage_queue(f);
		if (!f->has_slot)
			arm_timer(env);
	}
	return f->has_slot ? reserve_confirm(f) : STEP_WAIT;
}
