/*
 * The limit of an answer on the APIs of OpenAI and Anthropic: each engine
 * honours some of the fields that these have for it.
 */
#include "dialect/edit.h"
#include "json/value.h"
#include <stdio.h>

enum { FIELDS_MAX = 3 };

/* Fields that bound an answer of ${in}'s route; the first is added. */
static unsigned
fields_of(const struct inspect *in, enum edit_honours honours,
    enum field fields[FIELDS_MAX])
{
	switch (in->opt.route->id) {
	case ROUTE_V1_CHAT:
	case ROUTE_LLAMA_CHAT:
		fields[0] = FIELD_MAX_TOKENS;
		fields[1] = FIELD_MAX_COMPLETION_TOKENS;
		fields[2] = FIELD_N_PREDICT;
		return honours == EDIT_HONOURS_OLLAMA ? 1 : 3;
	case ROUTE_V1_COMPLETIONS:
	case ROUTE_V1_MESSAGES:
		fields[0] = FIELD_MAX_TOKENS;
		return 1;
	case ROUTE_V1_RESPONSES:
		fields[0] = FIELD_MAX_OUTPUT_TOKENS;
		return 1;
	default:
		return 0;
	}
}

static bool
is_number(struct slice raw, int64_t *v)
{
	double d;

	if (json_i64(raw, v) == OK)
		return true;
	if (json_f64(raw, &d) != OK || !(d > -9e18 && d < 9e18))
		return false;
	*v = (int64_t)d;
	return true;
}

enum err
edit_plan_output(struct edit_plan *p, const struct inspect *in,
    enum edit_honours honours, int64_t most)
{
	int64_t asked = in->max_output_tok, v;
	enum field fields[FIELDS_MAX];
	unsigned n = fields_of(in, honours, fields);
	bool is_bound = false;
	enum err e = OK;

	if (n == 0 || most <= 0 || in->choices > 1)
		return OK;
	/* One that the engine overlooks is put where it does not. */
	if (asked > 0 && asked < most)
		most = asked;
	(void)snprintf(p->output, sizeof p->output, "%lld", (long long)most);
	for (unsigned i = 0; i < n && e == OK; i++) {
		struct slice raw = in->raw[fields[i]];

		if (raw.n == 0 || slice_is(raw, "null") || !is_number(raw, &v))
			continue;
		is_bound = true;
		if (v >= 0 && v <= most)
			continue;
		e = json_edits_add(&p->splices, inspect_offset(in, raw), raw.n,
		    slice_str(p->output));
		p->made |= 1U << EDIT_OUTPUT;
	}
	if (e != OK || is_bound)
		return e == OK ? OK : ERR_INTERNAL;
	p->made |= 1U << EDIT_OUTPUT;
	if (in->raw[fields[0]].n > 0)
		e = json_edits_add(&p->splices,
		    inspect_offset(in, in->raw[fields[0]]),
		    in->raw[fields[0]].n, slice_str(p->output));
	else {
		(void)snprintf(p->member, sizeof p->member, "\"%.*s\":%lld",
		    SLICE_ARG(inspect_key(fields[0])), (long long)most);
		e = json_edits_add_member(&p->splices,
		    inspect_offset(in, in->root), in->root.n,
		    slice_str(p->member));
	}
	return e == OK ? OK : ERR_INTERNAL;
}
