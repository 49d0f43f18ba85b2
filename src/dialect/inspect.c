/*
 * A walk with a small stack: each open container that matters has a place,
 * each place has its fields, and a value that no field claims is passed over
 * by the reader without a look.
 */
#include "dialect/inspect.h"
#include "model/name.h"
#include "json/value.h"

enum role {
	ROLE_MODEL,
	ROLE_SWITCH,
	ROLE_NUMBER,
	ROLE_SPAN,
	ROLE_TEXT,
	ROLE_WALK,
	ROLE_TOOL_TYPE,
	ROLE_IMAGE
};

/* What the next event of the reader will be. */
enum mode {
	MODE_NEXT,
	MODE_SKIP, /* the end of a value that nobody looks at */
	MODE_LEAVE /* the end of a container of which the span is wanted */
};

enum { NUL = 1, BOOL = 2, NUM = 4, STR = 8, ARR = 16, OBJ = 32, ANY = 63 };

enum { TOOL_TYPE_MAX = 256 };

struct fact {
	struct slice key;
	uint8_t place;
	uint8_t types;
	uint8_t role;
	uint8_t inside;
	uint16_t shapes;
};

#define PLAIN (1U << SHAPE_PLAIN)
#define OLLAMA (1U << SHAPE_OLLAMA)
#define PROGRESS (1U << SHAPE_PROGRESS)
#define OPENAI (1U << SHAPE_OPENAI)
#define RESPONSES (1U << SHAPE_RESPONSES)
#define ANTHROPIC (1U << SHAPE_ANTHROPIC)
#define NATIVE (1U << SHAPE_NATIVE)
#define LMSTUDIO (1U << SHAPE_LMSTUDIO)
#define EMBED (1U << SHAPE_EMBED)
#define COUNT (1U << SHAPE_COUNT)
#define ALL 0xffffU

static const struct fact facts[FIELD_COUNT] = {
#define FIELD(name, plc, ky, shps, tps, rl, ins)                               \
	[FIELD_##name] = {.key = SLICE(ky),                                    \
	    .place = PLACE_##plc,                                              \
	    .types = (tps),                                                    \
	    .role = ROLE_##rl,                                                 \
	    .inside = PLACE_##ins,                                             \
	    .shapes = (shps)},
#include "facts/fields.def"
#undef FIELD
};

_Static_assert(FIELD_COUNT <= 64, "a bit for each field");

struct slice
inspect_key(enum field f)
{
	return facts[f].key;
}

void
inspect_init(struct inspect *in, const struct inspect_opt *opt)
{
	unsigned depth = opt->depth;

	*in = (struct inspect){
	    .opt = *opt,
	    .max_output_tok = -1,
	    .choices = 1,
	    .shape_bit = 1U << opt->route->shape,
	    .field = FIELD_NONE,
	};
	if (depth == 0 || depth > INSPECT_DEPTH_MAX)
		depth = INSPECT_DEPTH_MAX;
	in->is_stream = route_streams_by_default(opt->route->shape);
	json_reader_init(&in->reader, opt->body, depth);
	in->opt.depth = depth;
}

static bool
refuse(struct inspect *in, enum err e, struct slice what, const char *reason)
{
	in->why = (struct refusal){
	    .err = e,
	    .what = what,
	    .reason = slice_str(reason),
	    .model = in->model,
	};
	return false;
}

static unsigned
kind_bit(enum json_kind kind)
{
	switch (kind) {
	case JSON_OBJECT:
		return OBJ;
	case JSON_ARRAY:
		return ARR;
	case JSON_STRING:
		return STR;
	case JSON_NUMBER:
		return NUM;
	case JSON_TRUE:
	case JSON_FALSE:
		return BOOL;
	default:
		return NUL;
	}
}

static const char *
type_reason(unsigned types)
{
	switch (types & ~(unsigned)NUL) {
	case STR:
		return "it must be a string";
	case NUM:
		return "it must be a number";
	case BOOL:
		return "it must be true or false";
	case OBJ:
		return "it must be an object";
	case ARR:
		return "it must be an array";
	default:
		return "it must be a number or a string";
	}
}

/* Keep ${text} in the list. */
static void
list_text(struct inspect *in, struct slice text)
{
	struct inspect_chunk *c = in->last;

	if (in->texts_cut)
		return;
	if (c == NULL || c->n == INSPECT_CHUNK) {
		c = in->opt.arena ? arena_alloc(in->opt.arena, sizeof *c)
				  : NULL;
		if (c == NULL) {
			in->texts_cut = true;
			return;
		}
		c->next = NULL;
		c->n = 0;
		if (in->last)
			in->last->next = c;
		else
			in->texts = c;
		in->last = c;
	}
	c->texts[c->n++] = text;
}

static void
add_text(struct inspect *in, struct slice text)
{
	if (text.n == 0)
		return;
	in->n_texts++;
	in->text_bytes += text.n;
	if (in->opt.wants_texts)
		list_text(in, text);
}

/* --- what fields mean --- */

static bool
take_model(struct inspect *in, struct slice raw)
{
	enum { ESCAPED_MAX = 6 }; /* bytes of \u0041 for one of the name */
	char *copy;
	size_t n;

	if (raw.n == 0 || (in->field == FIELD_NAME && in->model.n > 0))
		return true;
	if (raw.n > (size_t)MODEL_NAME_MAX * ESCAPED_MAX)
		return refuse(in, ERR_MODEL_NAME, inspect_key(FIELD_MODEL), "");
	if (memchr(raw.p, '\\', raw.n)) {
		if (in->opt.arena == NULL ||
		    (copy = arena_alloc(in->opt.arena, raw.n)) == NULL ||
		    json_unescape(raw, copy, raw.n, &n) != OK)
			return refuse(
			    in, ERR_INTERNAL, inspect_key(FIELD_MODEL), "");
		raw = slice_of(copy, n);
	}
	if (raw.n > MODEL_NAME_MAX)
		return refuse(in, ERR_MODEL_NAME, inspect_key(FIELD_MODEL), "");
	in->model = raw;
	return true;
}

/* A whole number; 256.0 is one too, because some engines say so. */
static bool
read_number(struct slice raw, int64_t *out)
{
	double d;

	if (json_i64(raw, out) == OK)
		return true;
	if (json_f64(raw, &d) != OK || !(d > -9e18 && d < 9e18))
		return false;
	*out = (int64_t)d;
	return true;
}

static bool
take_number(struct inspect *in, enum field f, struct slice raw)
{
	int64_t v;

	if (!read_number(raw, &v))
		return refuse(in, ERR_FIELD_TYPE, facts[f].key,
		    "the number is out of range");
	switch (f) {
	case FIELD_NUM_CTX:
		in->num_ctx = v > 0 ? v : 0;
		break;
	case FIELD_N:
		in->choices = v > 0 ? v : 1;
		break;
	default:
		/* Ollama's -1 and -2 are no limit. */
		if (v >= 0 &&
		    (in->max_output_tok < 0 || v < in->max_output_tok))
			in->max_output_tok = v;
		break;
	}
	return true;
}

/* Tools that the engine itself would run on somebody else's server. */
static bool
take_tool_type(struct inspect *in, struct slice raw)
{
	static const struct slice webs[] = {
	    SLICE("web_search"), SLICE("web_fetch")};
	char text[TOOL_TYPE_MAX];
	struct slice type;
	size_t n;

	if (json_unescape(raw, text, sizeof text, &n) != OK)
		return refuse(in, ERR_FIELD_TYPE, facts[FIELD_TOOL_TYPE].key,
		    "it is too long");
	type = slice_of(text, n);
	for (size_t i = 0; i < sizeof webs / sizeof webs[0]; i++)
		if (slice_eq_nocase(slice_to(type, webs[i].n), webs[i]))
			return refuse(in, ERR_CLOUD_FORBIDDEN,
			    facts[FIELD_TOOLS].key, "");
	return true;
}

static void
take_switch(struct inspect *in, enum field f, enum json_kind kind)
{
	if (kind == JSON_NULL)
		return;
	if (f == FIELD_STREAM) {
		in->has_stream = true;
		in->is_stream = kind == JSON_TRUE;
	} else if (f == FIELD_INCLUDE_USAGE) {
		in->wants_usage = kind == JSON_TRUE;
	}
}

/*
 * The value of field ${f} is complete: ${raw} is its JSON, of a string with
 * the quotes.  ${is_walked}: its inside has been looked at.
 */
static bool
take_field(struct inspect *in, enum field f, enum json_kind kind,
    struct slice raw, bool is_walked)
{
	struct slice text = raw;

	if (kind == JSON_STRING)
		text = slice_of(raw.p + 1, raw.n - 2);
	in->raw[f] = raw;
	switch ((enum role)facts[f].role) {
	case ROLE_MODEL:
		return kind != JSON_STRING || take_model(in, text);
	case ROLE_SWITCH:
		take_switch(in, f, kind);
		return true;
	case ROLE_NUMBER:
		return kind != JSON_NUMBER || take_number(in, f, raw);
	case ROLE_TEXT:
		if (!is_walked &&
		    (kind == JSON_STRING || kind_bit(kind) & (ARR | OBJ)))
			add_text(in, text);
		return true;
	case ROLE_TOOL_TYPE:
		return kind != JSON_STRING || take_tool_type(in, text);
	case ROLE_IMAGE:
		in->n_images += kind != JSON_NULL;
		return true;
	default:
		return true;
	}
}

/* --- the walk --- */

static bool
is_object_place(uint8_t place)
{
	return place >= PLACE_ROOT && place <= PLACE_TOOL;
}

static bool
push(struct inspect *in, uint8_t place, uint8_t field)
{
	if (in->n_frames == INSPECT_WALK_MAX)
		return false;
	in->frames[in->n_frames++] = (struct inspect_frame){
	    .place = place, .field = field, .at = in->reader.at};
	return true;
}

/* Let the reader pass over the container that has just begun. */
static void
leave(struct inspect *in, uint8_t field, bool is_text)
{
	in->mode = MODE_LEAVE;
	in->field = field;
	in->is_left_text = is_text;
	in->value_at = in->reader.at;
}

static bool
on_key(struct inspect *in)
{
	struct inspect_frame *top = &in->frames[in->n_frames - 1];
	struct slice raw = json_span(&in->reader);

	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		const struct fact *fact = &facts[f];
		enum json_match m;

		if (fact->place != top->place ||
		    (fact->shapes & in->shape_bit) == 0)
			continue;
		if ((m = json_key_match(raw, fact->key)) == JSON_NO)
			continue;
		if (m == JSON_FOLDED)
			return refuse(in, ERR_FIELD_SPELLING, fact->key, "");
		if (top->seen >> f & 1)
			return refuse(in, ERR_FIELD_DUPLICATE, fact->key, "");
		top->seen |= (uint64_t)1 << f;
		in->field = (uint8_t)f;
		return true;
	}
	in->mode = MODE_SKIP;
	return true;
}

/* The JSON of the scalar that has just been read. */
static struct slice
scalar(const struct inspect *in, enum json_kind kind)
{
	struct slice s = json_span(&in->reader);

	return kind == JSON_STRING ? slice_of(s.p - 1, s.n + 2) : s;
}

/* A value, or the begin of one, of field in->field. */
static bool
on_member(struct inspect *in, enum json_kind kind)
{
	enum field f = in->field;
	const struct fact *fact = &facts[f];

	if ((fact->types & kind_bit(kind)) == 0)
		return refuse(
		    in, ERR_FIELD_TYPE, fact->key, type_reason(fact->types));
	if (kind != JSON_OBJECT && kind != JSON_ARRAY)
		return take_field(in, f, kind, scalar(in, kind), false);
	if (fact->inside != PLACE_NOWHERE &&
	    is_object_place(fact->inside) == (kind == JSON_OBJECT) &&
	    push(in, fact->inside, (uint8_t)f))
		return true;
	leave(in, (uint8_t)f, false);
	return true;
}

/* A value, or the begin of one, in an array. */
static bool
on_element(struct inspect *in, enum json_kind kind, uint8_t place)
{
	bool is_container = kind == JSON_OBJECT || kind == JSON_ARRAY;
	uint8_t inside = PLACE_NOWHERE;

	in->n_messages += place == PLACE_MESSAGES;
	in->n_images += place == PLACE_IMAGES;
	in->n_tools += place == PLACE_TOOLS;
	if (!is_container) {
		if (kind == JSON_STRING && place != PLACE_IMAGES)
			add_text(in, json_span(&in->reader));
		in->token_ids += kind == JSON_NUMBER && place == PLACE_LIST;
		return true;
	}
	if (place == PLACE_TOOLS)
		inside = kind == JSON_OBJECT ? PLACE_TOOL : PLACE_NOWHERE;
	else if (place != PLACE_IMAGES)
		inside = kind == JSON_OBJECT ? PLACE_MESSAGE : PLACE_LIST;
	if (inside == PLACE_NOWHERE || !push(in, inside, FIELD_NONE))
		leave(in, FIELD_NONE, place != PLACE_IMAGES);
	return true;
}

static struct slice
span_from(const struct inspect *in, size_t at)
{
	return slice_of(in->opt.body.p + at, in->reader.at + in->reader.n - at);
}

/* A walked container has ended. */
static bool
on_end(struct inspect *in, enum json_kind kind)
{
	const struct inspect_frame *top = &in->frames[--in->n_frames];
	struct slice raw = span_from(in, top->at);

	if (top->place == PLACE_TOOL)
		add_text(in, raw);
	if (top->field == FIELD_NONE)
		return true;
	return take_field(in, top->field,
	    kind == JSON_OBJECT_END ? JSON_OBJECT : JSON_ARRAY, raw, true);
}

/* A container that was passed over has ended. */
static bool
on_left(struct inspect *in, enum json_kind kind)
{
	struct slice raw = span_from(in, in->value_at);

	in->mode = MODE_NEXT;
	if (in->is_left_text)
		add_text(in, raw);
	if (in->field == FIELD_NONE)
		return true;
	return take_field(in, in->field,
	    kind == JSON_OBJECT_END ? JSON_OBJECT : JSON_ARRAY, raw, false);
}

static bool
on_event(struct inspect *in, enum json_kind kind)
{
	uint8_t place;

	if (in->mode == MODE_LEAVE)
		return on_left(in, kind);
	if (in->mode == MODE_SKIP) {
		in->mode = MODE_NEXT;
		return true;
	}
	if (in->n_frames == 0) {
		if (kind == JSON_OBJECT)
			return push(in, PLACE_ROOT, FIELD_NONE);
		return refuse(
		    in, ERR_BODY_NOT_JSON, in->why.what, "there is no object");
	}
	if (kind == JSON_KEY)
		return on_key(in);
	if (kind == JSON_OBJECT_END || kind == JSON_ARRAY_END)
		return on_end(in, kind);
	place = in->frames[in->n_frames - 1].place;
	return is_object_place(place) ? on_member(in, kind)
				      : on_element(in, kind, place);
}

static enum inspect_step
on_bad(struct inspect *in)
{
	struct json_reader *r = &in->reader;

	if (in->opt.body.n == 0)
		in->why.err = ERR_BODY_MISSING;
	else
		in->why.err =
		    r->too_deep ? ERR_BODY_TOO_DEEP : ERR_BODY_NOT_JSON;
	in->why.limit = in->opt.depth;
	in->why.value = (int64_t)json_reader_at(r);
	in->why.reason = slice_str(json_reader_reason(r));
	return INSPECT_REFUSED;
}

static enum inspect_step
on_done(struct inspect *in)
{
	if (route_framing(in->opt.route->shape) == FRAMING_WHOLE)
		in->is_stream = false;
	if (in->model.n == 0 && in->opt.route->model == MODEL_BODY &&
	    !in->opt.is_model_optional) {
		(void)refuse(
		    in, ERR_MODEL_MISSING, inspect_key(FIELD_MODEL), "");
		return INSPECT_REFUSED;
	}
	return INSPECT_DONE;
}

enum inspect_step
inspect_run(struct inspect *in, size_t budget)
{
	struct json_reader *r = &in->reader;

	json_reader_budget(r, budget);
	for (;;) {
		enum json_kind kind = in->mode == MODE_NEXT ? json_next(r)
		    : in->mode == MODE_SKIP		    ? json_skip(r)
							    : json_leave(r);

		if (kind == JSON_MORE)
			return INSPECT_MORE;
		if (kind == JSON_END)
			return on_done(in);
		if (kind == JSON_BAD)
			return on_bad(in);
		if (!on_event(in, kind))
			return INSPECT_REFUSED;
	}
}
