/* How far models are that are to be preloaded. */
#include "engine/proof.h"
#include "os/clock.h"
#include <string.h>

/* The better of what is known of ${m}, on one engine, and ${out}. */
static void
improve(struct proof_state *out, const struct engine_model *m, int64_t now_us)
{
	if (m->is_proved) {
		out->state = "ready";
		out->why = NULL;
	} else if (strcmp(out->state, "ready") == 0) {
		return;
	} else if (m->retry_us > now_us || m->failures > 0) {
		out->state = "broken";
		out->why = m->reason;
	} else {
		out->state = m->is_loading ? "loading" : "waiting";
		out->why = NULL;
	}
}

bool
proof_state_at(const struct engine_set *s, size_t i, struct proof_state *out)
{
	int64_t now_us = os_now_us();
	bool any_up = false;
	size_t at = 0;

	for (; at < s->n_wanted; at++)
		if (s->wanted[at].is_preload && i-- == 0)
			break;
	if (at >= s->n_wanted)
		return false;
	*out = (struct proof_state){.name = s->wanted[at].name, .state = ""};
	LIST_EACH (it, &s->engines) {
		const struct engine *e = LIST_OF(it, struct engine, node);
		const struct engine_model *m = engine_model_of(e, out->name);

		any_up = any_up || (engine_is_up(e) && e->has_listing);
		if (engine_is_up(e) && m)
			improve(out, m, now_us);
	}
	if (out->state[0] == 0) {
		out->state = any_up ? "missing" : "waiting";
		if (any_up && s->wanted[at].why[0])
			out->why = s->wanted[at].why;
	}
	return true;
}
