/* See flow/fit.h. */
#include "flow/fit.h"
#include "flow/models.h"
#include "os/clock.h"

/* So long after a request on /v1 a model does not grow. */
#define ELSEWHERE_US (INT64_C(10) * 60 * 1000000)

static bool
can_say(const struct flow *f, const struct engine *e)
{
	return e->kind == ENGINE_OLLAMA &&
	    f->match.route->dialect == DIALECT_OLLAMA;
}

uint32_t
fit_most(
    const struct flow *f, const struct engine *e, const struct engine_model *m)
{
	const struct conf_model *policy = models_policy(f->conf, &f->name);
	uint32_t most = m->context_max;

	if (policy == NULL || policy->overflow != CONF_OVERFLOW_FIT ||
	    policy->num_ctx == CONF_NUM_CTX_KEEP || !f->conf->edits_num_ctx ||
	    !can_say(f, e) || !m->is_loaded || m->context == 0)
		return 0;
	if (m->elsewhere_us && os_now_us() - m->elsewhere_us < ELSEWHERE_US)
		return 0;
	if (policy->context != CONF_AUTO &&
	    (most == 0 || policy->context < most))
		most = (uint32_t)policy->context;
	/* As far as memory goes. */
	while (most > m->context && e->set->may_load &&
	    !e->set->may_load(e->set->ctx_state, e, m, most))
		most /= 2;
	return most > m->context ? most : 0;
}

uint32_t
fit_step(uint32_t have, int64_t need, uint32_t most)
{
	int64_t step = have;

	while (step < need && step < most)
		step *= 2;
	return step < most ? (uint32_t)step : most;
}

void
fit_note_use(struct flow *f)
{
	struct engine_model *m =
	    engine_own_model(f->engine, name_short(&f->name));

	if (m && f->match.route->class == CLASS_INFERENCE &&
	    !can_say(f, f->engine))
		m->elsewhere_us = os_now_us();
}
