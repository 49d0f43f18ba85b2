/* admit: the caller's rate; a refused request costs nothing. */
#include "flow/flow.h"
#include "os/clock.h"

static struct series *
counter(struct flow *f, enum metric_id id, enum err code)
{
	struct slice labels[2] = {
	    f->caller->name, slice_str(err_get(code)->code)};

	return metric_series(f->env->metrics, id, labels);
}

/* Over the limit: refuse, or, on a dry run, count what would be refused. */
static enum step
over(struct flow *f, enum err e)
{
	f->refusal.wait_us = (f->quota.wait_ns + 999) / 1000;
	if (f->conf->dry_run) {
		f->dry_run = e;
		f->has_quota = false;
		series_add(counter(f, METRIC_DRY_RUN_REFUSED, e), 1);
		return STEP_NEXT;
	}
	series_add(counter(f, METRIC_RATE_LIMITED, e), 1);
	return flow_refuse(f, e);
}

enum step
stage_admit(struct flow *f)
{
	enum route_class class = f->match.route->class;
	struct caller *caller = f->caller;
	int64_t now_ns = os_now_us() * 1000;

	if (f->is_admitted)
		return f->is_delayed ? STEP_WAIT : STEP_NEXT;
	f->is_admitted = true;
	if (class == CLASS_READ) {
		if (caller->listing.count > 0 &&
		    !cells_take(f->env->cells, caller->listing_key,
			&caller->listing, now_ns, &f->quota))
			return over(f, ERR_RATE_LISTING);
		return STEP_NEXT;
	}
	if (class != CLASS_INFERENCE || caller->rate.count == 0)
		return STEP_NEXT;
	f->has_quota = true;
	if (!cells_take(f->env->cells, caller->rate_key, &caller->rate, now_ns,
		&f->quota))
		return over(f, ERR_RATE_LIMITED);
	if (caller->row->over == CONF_OVER_WAIT && f->quota.delay_ns > 0 &&
	    !f->conf->dry_run) {
		f->is_delayed = true;
		timer_set(
		    &f->delay, os_now_us() + (f->quota.delay_ns + 999) / 1000);
		return STEP_WAIT;
	}
	return STEP_NEXT;
}
