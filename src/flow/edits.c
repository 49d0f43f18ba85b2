#include "flow/edits.h"
#include "engine/weigh.h"
#include "flow/fit.h"
#include "flow/models.h"

static unsigned
allowed_by(const struct conf *c, const struct conf_model *m)
{
	unsigned allowed = 0;

	allowed |= (unsigned)c->edits_include_usage << EDIT_INCLUDE_USAGE;
	allowed |= (unsigned)c->edits_keep_alive << EDIT_KEEP_ALIVE;
	allowed |= (unsigned)c->edits_output << EDIT_OUTPUT;
	if (m == NULL || m->overflow != CONF_OVERFLOW_PASS)
		allowed |= (unsigned)c->edits_truncate << EDIT_TRUNCATE;
	if (m && m->num_ctx == CONF_NUM_CTX_KEEP)
		return allowed;
	allowed |= (unsigned)c->edits_num_ctx << EDIT_NUM_CTX;
	allowed |= (unsigned)c->edits_load_options << EDIT_LOAD_OPTIONS;
	allowed |= (unsigned)c->edits_shift << EDIT_SHIFT;
	return allowed;
}

static void
look_up(const struct flow *f, const struct conf_model *policy,
    struct edit_loaded *now)
{
	const struct engine_model *m = f->has_name
	    ? engine_model_of(f->engine, name_short(&f->name))
	    : NULL;

	*now = (struct edit_loaded){
	    .may_stay = f->caller && f->caller->row->manage_models,
	    .output_most = f->left_tok};
	if (policy && policy->context != CONF_AUTO)
		now->context_most = (uint32_t)policy->context;
	if (m == NULL)
		return;
	now->context = m->is_loaded ? m->context : 0;
	now->keep_us = m->keep_us;
	now->context_need = f->fit_tok;
	/* All must ride on what was made larger for one. */
	if (policy && policy->overflow == CONF_OVERFLOW_FIT &&
	    now->context_most == 0)
		now->context_most = m->context_max;
	if (m->context_max && now->context_most > m->context_max)
		now->context_most = m->context_max;
	/* A larger one only where memory holds it. */
	if (f->inspect.num_ctx > now->context && now->context > 0 &&
	    now->context_most > now->context) {
		uint32_t held = weigh_context_most(f->engine, m);

		if (now->context_most > held)
			now->context_most = held;
	}
}

enum err
edits_plan(struct flow *f)
{
	const struct conf_model *policy =
	    f->has_name ? models_policy(f->conf, &f->name) : NULL;
	unsigned allowed = allowed_by(f->conf, policy);
	struct edit_loaded now;
	enum err e;

	e = edit_plan(&f->edits, &f->inspect, allowed);
	if (e == OK && f->alias)
		e = edit_plan_model(&f->edits, &f->inspect, f->alias->name);
	if (e == OK && allowed >> EDIT_OUTPUT & 1)
		e = edit_plan_output(&f->edits, &f->inspect,
		    f->engine->kind == ENGINE_OLLAMA ? EDIT_HONOURS_OLLAMA
						     : EDIT_HONOURS_ALL,
		    f->left_tok);
	if (e != OK || f->engine->kind != ENGINE_OLLAMA)
		return e;
	if (policy && policy->overflow == CONF_OVERFLOW_FIT)
		fit_note_use(f);
	look_up(f, policy, &now);
	e = edit_plan_loads(&f->edits, &f->inspect, &now, allowed);
	if (e == OK && f->edits.context)
		engine_note_context(
		    f->engine, name_short(&f->name), f->edits.context);
	return e;
}
