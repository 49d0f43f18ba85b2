#include "dialect/edit.h"

static const struct {
	const char *name, *why;
} facts[EDIT_COUNT] = {
#define EDIT(name, word, why) [EDIT_##name] = {word, why},
#include "facts/edits.def"
#undef EDIT
};

const char *
edit_name(enum edit e)
{
	return facts[e].name;
}

const char *
edit_why(enum edit e)
{
	return facts[e].why;
}

/* Routes whose streams tell usage only when they are asked. */
static bool
has_usage_option(const struct route *route)
{
	return route->id == ROUTE_V1_CHAT ||
	    route->id == ROUTE_V1_COMPLETIONS || route->id == ROUTE_LLAMA_CHAT;
}

static enum err
replace(struct edit_plan *p, const struct inspect *in, struct slice old,
    struct slice new)
{
	return json_edits_add(&p->splices, inspect_offset(in, old), old.n, new);
}

static enum err
add_member(struct edit_plan *p, const struct inspect *in, struct slice object,
    struct slice member)
{
	return json_edits_add_member(
	    &p->splices, inspect_offset(in, object), object.n, member);
}

static enum err
include_usage(struct edit_plan *p, const struct inspect *in)
{
	static const struct slice yes = SLICE("true");
	static const struct slice member = SLICE("\"include_usage\":true");
	static const struct slice object = SLICE("{\"include_usage\":true}");
	static const struct slice both =
	    SLICE("\"stream_options\":{\"include_usage\":true}");
	struct slice options = in->raw[FIELD_STREAM_OPTIONS];
	struct slice usage = in->raw[FIELD_INCLUDE_USAGE];

	if (usage.n > 0)
		return replace(p, in, usage, yes);
	if (options.n == 0)
		return add_member(p, in, in->root, both);
	if (options.p[0] == '{')
		return add_member(p, in, options, member);
	return replace(p, in, options, object);
}

/* Would Ollama cut the prompt, where the caller has not said that it may? */
static bool
may_cut(const struct inspect *in)
{
	switch (in->opt.route->id) {
	case ROUTE_API_CHAT:
	case ROUTE_API_GENERATE:
	case ROUTE_API_EMBED:
		return in->raw[FIELD_TRUNCATE].n == 0;
	default:
		return false;
	}
}

enum err
edit_plan(struct edit_plan *p, const struct inspect *in, unsigned allowed)
{
	static const struct slice refuses = SLICE("\"truncate\":false");

	json_edits_init(&p->splices, in->opt.body);
	p->made = 0;
	p->strip_usage = p->is_reload_avoided = false;
	p->context = 0;
	if ((allowed & 1U << EDIT_INCLUDE_USAGE) && in->is_stream &&
	    !in->wants_usage && has_usage_option(in->opt.route)) {
		if (include_usage(p, in) != OK)
			return ERR_INTERNAL;
		p->made |= 1U << EDIT_INCLUDE_USAGE;
		p->strip_usage = true;
	}
	if ((allowed & 1U << EDIT_TRUNCATE) && may_cut(in)) {
		if (add_member(p, in, in->root, refuses) != OK)
			return ERR_INTERNAL;
		p->made |= 1U << EDIT_TRUNCATE;
	}
	return OK;
}

enum err
edit_plan_model(
    struct edit_plan *p, const struct inspect *in, struct slice name)
{
	struct slice old = in->raw[FIELD_MODEL];
	struct slice new = name;

	if (name.n > MODEL_NAME_MAX)
		return ERR_MODEL_NAME;
	/* Names have no bytes that JSON escapes; a form has no quotes. */
	if (in->opt.route->body == BODY_JSON) {
		p->model[0] = p->model[1 + name.n] = '"';
		memcpy(p->model + 1, name.p, name.n);
		new = slice_of(p->model, name.n + 2);
	}
	p->made |= 1U << EDIT_ALIAS;
	return replace(p, in, old, new) == OK ? OK : ERR_INTERNAL;
}
