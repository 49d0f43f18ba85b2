/*
 * Edits against reload storms: on Ollama any caller's load-time options reload
 * a model for everybody (needsReload in its server/sched.go), in turns where
 * two callers differ.  Values are replaced by null instead of being cut out:
 * Ollama skips a null option, and no comma is left over.
 */
#include "dialect/edit.h"
#include "json/value.h"
#include <math.h>
#include <stdio.h>

#define SECOND_US INT64_C(1000000)

enum { DEFAULT_KEEP_S = 300, DAY_S = 86400 };

static const struct slice null_text = SLICE("null");

static bool
is_given(struct slice raw)
{
	return raw.n > 0 && !slice_eq(raw, null_text);
}

static enum err
replace(struct edit_plan *p, const struct inspect *in, struct slice old,
    struct slice new)
{
	return json_edits_add(&p->splices, inspect_offset(in, old), old.n, new);
}

static bool
is_allowed(unsigned allowed, enum edit e)
{
	return allowed >> e & 1;
}

/* --- keep_alive --- */

static const struct {
	struct slice text;
	double us;
} units[] = {
    {SLICE("ns"), 1e-3},
    {SLICE("us"), 1},
    {SLICE("\xc2\xb5s"), 1},
    {SLICE("\xce\xbcs"), 1},
    {SLICE("ms"), 1e3},
    {SLICE("s"), 1e6},
    {SLICE("m"), 60e6},
    {SLICE("h"), 3600e6},
};

static bool
is_number_byte(char c)
{
	return (c >= '0' && c <= '9') || c == '.';
}

/* Go's time.ParseDuration: [+-] then numbers with a unit each, or 0. */
static enum err
parse_duration(struct slice s, double *us)
{
	double sum = 0;

	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		s = slice_from(s, 1);
	if (slice_is(s, "0")) {
		*us = 0;
		return OK;
	}
	if (s.n == 0)
		return ERR_SYNTAX;
	while (s.n > 0) {
		size_t i = 0, u, k = 0;
		double v;

		while (i < s.n && is_number_byte(s.p[i]))
			i++;
		u = i;
		while (u < s.n && !is_number_byte(s.p[u]))
			u++;
		if (i == 0 || json_f64(slice_to(s, i), &v) != OK)
			return ERR_SYNTAX;
		while (k < sizeof units / sizeof *units &&
		    !slice_eq(units[k].text, slice_of(s.p + i, u - i)))
			k++;
		if (k == sizeof units / sizeof *units)
			return ERR_SYNTAX;
		sum += v * units[k].us;
		s = slice_from(s, u);
	}
	*us = sum;
	return OK;
}

enum err
edit_keep_alive(struct slice raw, int64_t *us)
{
	bool is_negative;
	enum err e;
	double v;

	if (raw.n >= 2 && raw.p[0] == '"') {
		raw = slice_of(raw.p + 1, raw.n - 2);
		is_negative = raw.n > 0 && raw.p[0] == '-';
		e = parse_duration(raw, &v);
	} else {
		is_negative = raw.n > 0 && raw.p[0] == '-';
		e = json_f64(raw, &v);
		v = fabs(v) * 1e6;
	}
	if (e != OK)
		return ERR_SYNTAX;
	if (is_negative && v > 0)
		*us = -1;
	else
		*us = v > 9e18 ? INT64_MAX : (int64_t)v;
	return OK;
}

static enum err
plan_keep_alive(struct edit_plan *p, const struct inspect *in,
    const struct edit_loaded *now)
{
	struct slice raw = in->raw[FIELD_KEEP_ALIVE];
	int64_t have_us =
	    now->keep_us ? now->keep_us : DEFAULT_KEEP_S * SECOND_US;
	int64_t us;
	bool stays;

	/* What is no duration the engine refuses itself. */
	if (!is_given(raw) || edit_keep_alive(raw, &us) != OK)
		return OK;
	stays = us < 0 || us > DAY_S * SECOND_US;
	if (stays ? now->may_stay : us > have_us)
		return OK;
	p->made |= 1U << EDIT_KEEP_ALIVE;
	if (us == 0)
		p->is_reload_avoided = true;
	return replace(p, in, raw, null_text);
}

/* --- num_ctx --- */

/* Members of options to be set; 0: not this one. */
struct set {
	uint32_t num_ctx;
	int64_t num_predict;
};

/* As the value of a member that is there, even null. */
static enum err
set_old(struct edit_plan *p, const struct inspect *in, struct set *set)
{
	struct slice ctx = in->raw[FIELD_NUM_CTX];
	struct slice predict = in->raw[FIELD_NUM_PREDICT];
	enum err e = OK;

	if (set->num_ctx && ctx.n > 0) {
		(void)snprintf(p->number, sizeof p->number, "%u", set->num_ctx);
		e = replace(p, in, ctx, slice_str(p->number));
		set->num_ctx = 0;
	}
	if (e == OK && set->num_predict && predict.n > 0) {
		(void)snprintf(p->output, sizeof p->output, "%lld",
		    (long long)set->num_predict);
		e = replace(p, in, predict, slice_str(p->output));
		set->num_predict = 0;
	}
	return e;
}

/*
 * Set members of options, which may not be there.  num_ctx is set in requests
 * without one too, for they must ride where the context was made larger.
 */
static enum err
set_options(struct edit_plan *p, const struct inspect *in, struct set set)
{
	struct slice options = in->raw[FIELD_OPTIONS];
	char both[64] = "";
	int n = 0;
	enum err e;

	if ((e = set_old(p, in, &set)) != OK)
		return e;
	if (set.num_ctx)
		n = snprintf(both, sizeof both, "\"num_ctx\":%u", set.num_ctx);
	if (set.num_predict)
		n += snprintf(both + n, sizeof both - (size_t)n,
		    "%s\"num_predict\":%lld", n > 0 ? "," : "",
		    (long long)set.num_predict);
	if (n == 0)
		return OK;
	if (is_given(options)) {
		(void)snprintf(p->member, sizeof p->member, "%s", both);
		return json_edits_add_member(&p->splices,
		    inspect_offset(in, options), options.n,
		    slice_str(p->member));
	}
	(void)snprintf(p->member, sizeof p->member,
	    options.n ? "{%s}" : "\"options\":{%s}", both);
	if (options.n)
		return replace(p, in, options, slice_str(p->member));
	return json_edits_add_member(&p->splices, inspect_offset(in, in->root),
	    in->root.n, slice_str(p->member));
}

static enum err
plan_num_ctx(struct edit_plan *p, const struct inspect *in,
    const struct edit_loaded *now, struct set *set)
{
	struct slice raw = in->raw[FIELD_NUM_CTX];
	int64_t most = now->context_most;

	/* Without the loaded one there is nothing to ride on. */
	if (now->context == 0)
		return OK;
	if (now->context_need > now->context &&
	    (!is_given(raw) || in->num_ctx < now->context_need)) {
		p->context = now->context_need;
		p->made |= 1U << EDIT_NUM_CTX;
		set->num_ctx = p->context;
		return OK;
	}
	if (!is_given(raw) && most == 0)
		return OK;
	if (is_given(raw) && in->num_ctx > now->context &&
	    most > now->context) {
		p->context =
		    (uint32_t)(in->num_ctx < most ? in->num_ctx : most);
		if (in->num_ctx <= most)
			return OK;
		p->made |= 1U << EDIT_NUM_CTX;
		set->num_ctx = p->context;
		return OK;
	}
	if (is_given(raw) && in->num_ctx == now->context)
		return OK;
	p->is_reload_avoided = p->is_reload_avoided || is_given(raw);
	p->made |= 1U << EDIT_NUM_CTX;
	set->num_ctx = now->context;
	return OK;
}

/* --- num_predict --- */

static void
plan_output(struct edit_plan *p, const struct inspect *in,
    const struct edit_loaded *now, struct set *set)
{
	/* Ollama's -1 and -2 are no limit. */
	if (now->output_most <= 0 ||
	    (in->max_output_tok >= 0 && in->max_output_tok <= now->output_most))
		return;
	p->made |= 1U << EDIT_OUTPUT;
	set->num_predict = now->output_most;
}

/* --- the others --- */

static enum err
plan_options(struct edit_plan *p, const struct inspect *in)
{
	static const enum field fields[] = {
	    FIELD_NUM_BATCH,
	    FIELD_NUM_GPU,
	    FIELD_MAIN_GPU,
	    FIELD_USE_MMAP,
	    FIELD_NUM_THREAD,
	    FIELD_DRAFT_NUM_PREDICT,
	};

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct slice raw = in->raw[fields[i]];

		if (!is_given(raw))
			continue;
		if (replace(p, in, raw, null_text) != OK)
			return ERR_INTERNAL;
		p->made |= 1U << EDIT_LOAD_OPTIONS;
	}
	return OK;
}

static enum err
plan_shift(struct edit_plan *p, const struct inspect *in,
    const struct edit_loaded *now)
{
	struct slice raw = in->raw[FIELD_SHIFT];

	if (!is_given(raw))
		return OK;
	p->made |= 1U << EDIT_SHIFT;
	/* True is the default. */
	if (now->context > 0 && slice_is(raw, "false"))
		p->is_reload_avoided = true;
	return replace(p, in, raw, null_text);
}

enum err
edit_plan_loads(struct edit_plan *p, const struct inspect *in,
    const struct edit_loaded *now, unsigned allowed)
{
	struct set set = {0, 0};
	enum err e = OK;

	if (in->opt.route->dialect != DIALECT_OLLAMA ||
	    in->opt.route->class != CLASS_INFERENCE)
		return OK;
	if (is_allowed(allowed, EDIT_KEEP_ALIVE))
		e = plan_keep_alive(p, in, now);
	if (e == OK && is_allowed(allowed, EDIT_NUM_CTX))
		e = plan_num_ctx(p, in, now, &set);
	if (e == OK && is_allowed(allowed, EDIT_OUTPUT) &&
	    in->opt.route->shape == SHAPE_OLLAMA)
		plan_output(p, in, now, &set);
	if (e == OK)
		e = set_options(p, in, set);
	if (e == OK && is_allowed(allowed, EDIT_LOAD_OPTIONS))
		e = plan_options(p, in);
	if (e == OK && is_allowed(allowed, EDIT_SHIFT))
		e = plan_shift(p, in, now);
	return e == OK ? OK : ERR_INTERNAL;
}
