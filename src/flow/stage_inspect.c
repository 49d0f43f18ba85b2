/*
 * inspect: what is asked for, in turns of 256 KiB; which models may be used.
 */
#include "flow/flow.h"
#include "flow/models.h"

enum { TURN_BYTES = 256 * 1024 };

/*
 * The policy of models; ${raw} is the name as the caller wrote it, and stays
 * what it is told.
 */
static enum step
judge_model(struct flow *f, struct slice raw)
{
	enum err e;

	if ((e = name_parse(raw, &f->name)) != OK)
		return flow_refuse(f, e);
	f->refusal.model = raw;
	f->has_name = true;
	if (f->conf->edits_aliases)
		f->alias = models_alias(f);
	if (f->alias && (e = name_parse(f->alias->name, &f->name)) != OK)
		return flow_refuse(f, e);
	e = models_judge(f, &f->name);
	return e == OK ? STEP_NEXT : flow_refuse(f, e);
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
	    .wants_texts = f->match.route->class == CLASS_INFERENCE,
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
