/*
 * identify: who calls and what for, before the body is read; what a caller
 * may not reach is refused here.
 */
#include "flow/blocked.h"
#include "flow/client.h"
#include "flow/flow.h"

static enum err
find_caller(struct flow *f)
{
	struct caller_found found;
	enum err e;
	const struct caller_request r = {
	    .authorization = http_head_find(&f->head, "authorization"),
	    .x_api_key = http_head_find(&f->head, "x-api-key"),
	    .api_key = http_head_find(&f->head, "api-key"),
	    .in_path = f->path_key,
	    .peer = f->client->address,
	};

	if ((e = caller_identify(f->env->callers, &r, &found)) == OK)
		f->caller = found.caller;
	return e;
}

/* Is the caller kept out?  Then f->refusal says for how long. */
static bool
is_blocked(struct flow *f)
{
	int64_t now_us, until_us;

	if (f->env->blocked == NULL || f->env->blocked->n == 0)
		return false;
	now_us = os_now_us();
	until_us = blocked_until(f->env, f->caller, now_us);
	if (until_us == 0)
		return false;
	f->refusal.wait_us = until_us - now_us;
	return true;
}

enum step
stage_identify(struct flow *f)
{
	enum err e;

	e = route_find(f->head.method, f->target, &f->match);
	/* Who is wrong about himself is told that first. */
	if (f->match.route == NULL || f->match.route->class != CLASS_OWN) {
		enum err who = find_caller(f);

		if (who != OK)
			return flow_refuse(f, who);
		if (is_blocked(f))
			return flow_refuse(f, ERR_CALLER_BLOCKED);
	} else if (find_caller(f) != OK) {
		f->caller = NULL; /* /healthz needs no key */
	}
	if (e != OK) {
		f->refusal.what = route_allow(f->match.verbs, f->allow);
		return flow_refuse(f, e);
	}
	if (f->caller && f->caller->row->manage_models)
		f->is_trusted = true;
	switch (f->match.route->class) {
	case CLASS_FORBIDDEN:
		return flow_refuse(f, ERR_ROUTE_FORBIDDEN);
	case CLASS_MANAGE:
		if (!f->caller->row->manage_models)
			return flow_refuse(f, ERR_MANAGE_FORBIDDEN);
		break;
	case CLASS_INFERENCE:
	case CLASS_READ:
	case CLASS_OWN:
		break;
	}
	return STEP_NEXT;
}
