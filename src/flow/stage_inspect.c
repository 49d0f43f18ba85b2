/*
 * inspect: what is asked for, in turns of 256 KiB; which models may be used.
 */
#include "flow/flow.h"

enum { TURN_BYTES = 256 * 1024 };

static enum step
no_such_model(struct flow *f, struct slice as_written)
{
	f->refusal.model = as_written;
	return flow_refuse(f, ERR_MODEL_NOT_FOUND);
}

/* Is the canonical name in the caller's list, if it has one? */
static bool
may_use(const struct caller *c, const struct name *name)
{
	const struct conf_texts *models = &c->row->models;
	struct name_pattern p;

	for (size_t i = 0; i < models->n; i++)
		if (name_pattern_parse(models->v[i], &p) == OK &&
		    name_match(&p, name))
			return true;
	return models->n == 0;
}

/* The policy of models; ${raw} is the name as the caller wrote it. */
static enum step
judge_model(struct flow *f, struct slice raw)
{
	const struct engine_model *known;
	struct slice canonical;
	enum err e;

	if ((e = name_parse(raw, &f->name)) != OK)
		return flow_refuse(f, e);
	f->has_name = true;
	canonical = name_short(&f->name);
	known = engine_find_model(&f->env->engines, canonical);
	/* What the caller may not use does not exist for it. */
	if (!may_use(f->caller, &f->name))
		return no_such_model(f, raw);
	if (name_is_cloud(&f->name) || (known && known->is_remote))
		return flow_refuse(f, ERR_CLOUD_FORBIDDEN);
	return STEP_NEXT;
}

static bool
wants_body(const struct flow *f)
{
	switch (f->match.route->body) {
	case BODY_JSON:
	case BODY_FORM:
		return f->match.route->class == CLASS_INFERENCE ||
		    f->match.route->model != MODEL_NONE;
	default:
		return false;
	}
}

static void
begin(struct flow *f)
{
	struct inspect_opt opt = {
	    .route = f->match.route,
	    .body = slice_of(f->body, f->body_n),
	    .arena = &f->arena,
	    .content_type = http_head_find(&f->head, "content-type"),
	    .is_model_optional = f->match.route->model == MODEL_MAYBE,
	};

	f->inspect_begun = true;
	inspect_init(&f->inspect, &opt);
}

enum step
stage_inspect(struct flow *f)
{
	const struct route *route = f->match.route;

	if (route->class == CLASS_OWN || route->class == CLASS_MANAGE)
		return STEP_NEXT;
	if (route->model == MODEL_PATH)
		return judge_model(f, f->match.param);
	if (!wants_body(f))
		return STEP_NEXT;
	if (!f->inspect_begun)
		begin(f);
	switch (inspect_run(&f->inspect, TURN_BYTES)) {
	case INSPECT_MORE:
		flow_wake_later(f);
		return STEP_WAIT;
	case INSPECT_REFUSED:
		f->refusal = f->inspect.why;
		return STEP_REFUSE;
	case INSPECT_DONE:
		break;
	}
	f->has_inspect = true;
	if (f->inspect.model.n > 0)
		return judge_model(f, f->inspect.model);
	return STEP_NEXT;
}
