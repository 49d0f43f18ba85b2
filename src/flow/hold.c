/* See flow/hold.h. */
#include "flow/hold.h"
#include "os/clock.h"

static struct flow *
flow_of(struct list *n)
{
	struct queue_item *it = LIST_OF(n, struct queue_item, all);

	return (
	    struct flow *)(void *)((char *)it - offsetof(struct flow, item));
}

static int64_t
until(const struct flow_env *env)
{
	return engine_expected_until(&env->engines, env->conf->queue_hold_us);
}

/* The deadline of ${f} from now on. */
static int64_t
deadline_of(const struct flow *f, int64_t now_us)
{
	int64_t at_us;

	if (f->env->is_away)
		return f->own_deadline_us;
	at_us = now_us + f->wait_left_us;
	return at_us < f->own_deadline_us ? at_us : f->own_deadline_us;
}

static int64_t
rest(const struct flow *f, int64_t now_us)
{
	int64_t at_us = f->item.deadline_us;

	return at_us > now_us ? at_us - now_us : 0;
}

void
hold_enter(struct flow *f, int64_t wait_us, int64_t own_us)
{
	f->wait_left_us = wait_us;
	f->own_deadline_us = own_us;
	f->item.deadline_us = deadline_of(f, os_now_us());
}

void
hold_leave(struct flow *f, int64_t now_us)
{
	if (!f->env->is_away)
		f->wait_left_us = rest(f, now_us);
}

void
hold_return(struct flow *f)
{
	f->item.deadline_us = deadline_of(f, os_now_us());
}

bool
hold_look(struct flow_env *env, int64_t now_us)
{
	int64_t until_us = until(env);
	bool is_away = until_us != INT64_MAX;

	if (is_away == env->is_away)
		return now_us <= until_us;
	env->is_away = is_away;
	LIST_EACH (n, &env->queue.items) {
		struct flow *f = flow_of(n);

		if (is_away)
			f->wait_left_us = rest(f, now_us);
		/* Without memory it keeps the deadline that it has. */
		(void)!queue_set_deadline(
		    &env->queue, &f->item, deadline_of(f, now_us));
	}
	return now_us <= until_us;
}

int64_t
hold_due(const struct flow_env *env)
{
	int64_t until_us = until(env);

	return until_us == INT64_MAX ? QUEUE_NEVER : until_us + 1;
}
