/*
 * identify: who calls and what for, before the body is read; what a caller
 * may not reach is refused here.
 */
#include "caller/forwarded.h"
#include "caller/people.h"
#include "flow/asker.h"
#include "flow/blocked.h"
#include "flow/browser.h"
#include "flow/client.h"
#include "flow/flow.h"

/* Where it comes from.  Who comes through a proxy is not on this machine. */
static void
find_address(struct flow *f, const struct asker *a)
{
	f->from = f->client->address;
	f->is_trusted = address_is_local(&f->from) && !a->is_proxied;
	if (a->is_proxied)
		f->from = forwarded_address(
		    &f->head, &f->from, &f->conf->trusted_proxies);
}

/* The person whom an app names, where its header is believed. */
static struct caller *
find_person(struct flow *f, struct caller *app)
{
	struct slice field = app->row->user_header;

	for (unsigned i = 0; field.n > 0 && i < f->head.n_fields; i++)
		if (slice_eq_nocase(http_head_name(&f->head, i), field))
			return people_find(
			    f->env->callers, app, http_head_value(&f->head, i));
	return app;
}

/* Who it is, and whether that page, if it is one, may ask. */
static enum err
find_caller(struct flow *f, const struct asker *a, bool is_own)
{
	struct caller_found found;
	enum err e;
	const struct caller_request r = {
	    .authorization = a->authorization,
	    .x_api_key = a->x_api_key,
	    .api_key = a->api_key,
	    .in_path = f->path_key,
	    .peer = f->from,
	    .process = a->is_proxied ? NULL : client_process(f->client),
	};

	e = caller_identify(f->env->callers, &r, &found);
	if (e == OK)
		f->caller = find_person(f, found.caller);
	else if (!is_own)
		return e; /* /healthz and the like need no key */
	return browser_judge(f, a, e == OK && found.by_key);
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
	struct asker asker;
	enum err e, who;
	bool is_own;

	asker_read(&asker, &f->head);
	find_address(f, &asker);
	browser_note(f, &asker);
	e = route_find(f->head.method, f->target, &f->match);
	if (browser_is_preflight(f, &asker))
		return browser_preflight(f);
	/* Who is wrong about himself is told that first. */
	is_own = f->match.route && f->match.route->class == CLASS_OWN;
	if ((who = find_caller(f, &asker, is_own)) != OK)
		return flow_refuse(f, who);
	if (!is_own && is_blocked(f))
		return flow_refuse(f, ERR_CALLER_BLOCKED);
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
