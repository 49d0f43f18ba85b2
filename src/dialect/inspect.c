/*
 * A walk with a small stack: each open container that matters has a place,
 * each place has its fields, and a value that no field claims is passed over
 * by the reader without a look.
 */
#include "dialect/field.h"
#include "dialect/form.h"
#include "json/value.h"

/* What the next event of the reader will be. */
enum mode {
	MODE_NEXT,
	MODE_SKIP, /* the end of a value that nobody looks at */
	MODE_LEAVE /* the end of a container of which the span is wanted */
};

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

/* Only what every field's key is made of: then nothing is to be folded. */
static bool
is_plain(struct slice key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		if ((c < 'a' || c > 'z') && c != '_' && (c < '0' || c > '9'))
			return false;
	}
	return true;
}

/* The field of ${place} that ${key} is, and how it is spelled. */
static enum field
find_field(const struct inspect *in, uint8_t place, struct slice key,
    enum json_match *match)
{
	const struct field_fact *fact = field_get(0);

	*match = JSON_EXACT;
	if (is_plain(key))
		return field_find(place, in->shape_bit, key);
	for (unsigned f = 0; f < FIELD_COUNT; f++, fact++) {
		if (fact->place != place || (fact->shapes & in->shape_bit) == 0)
			continue;
		*match = json_key_match(key, fact->key);
		if (*match != JSON_NO)
			return (enum field)f;
	}
	return FIELD_NONE;
}

static bool
on_key(struct inspect *in)
{
	struct inspect_frame *top = &in->frames[in->n_frames - 1];
	enum json_match match;
	enum field f =
	    find_field(in, top->place, json_span(&in->reader), &match);

	if (f == FIELD_NONE) {
		in->mode = MODE_SKIP;
		return true;
	}
	if (match == JSON_FOLDED)
		return field_refuse(in, ERR_FIELD_SPELLING, inspect_key(f), "");
	if (top->seen >> f & 1)
		return field_refuse(
		    in, ERR_FIELD_DUPLICATE, inspect_key(f), "");
	top->seen |= (uint64_t)1 << f;
	in->field = (uint8_t)f;
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
	const struct field_fact *fact = field_get(f);

	if ((fact->types & field_type(kind)) == 0)
		return field_refuse_type(in, f);
	if (kind != JSON_OBJECT && kind != JSON_ARRAY)
		return field_take(in, f, kind, scalar(in, kind), false);
	if (fact->inside != PLACE_NOWHERE &&
	    is_object_place(fact->inside) == (kind == JSON_OBJECT) &&
	    push(in, fact->inside, (uint8_t)f))
		return true;
	leave(in, (uint8_t)f, false);
	return true;
}

/* Is it one of the items of a response's input? */
static bool
is_item(const struct inspect *in, enum json_kind kind, uint8_t place)
{
	return place == PLACE_LIST && kind == JSON_OBJECT &&
	    in->frames[in->n_frames - 1].field == FIELD_INPUT;
}

/* A value, or the begin of one, in an array. */
static bool
on_element(struct inspect *in, enum json_kind kind, uint8_t place)
{
	bool is_container = kind == JSON_OBJECT || kind == JSON_ARRAY;
	uint8_t inside = PLACE_NOWHERE;

	in->n_messages += place == PLACE_MESSAGES || is_item(in, kind, place);
	in->n_images += place == PLACE_IMAGES;
	in->n_tools += place == PLACE_TOOLS;
	if (!is_container) {
		if (kind == JSON_STRING && place != PLACE_IMAGES)
			field_add_text(in, json_span(&in->reader));
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
		field_add_text(in, raw);
	else if (top->place == PLACE_ROOT)
		in->root = raw;
	if (top->field == FIELD_NONE)
		return true;
	return field_take(in, top->field,
	    kind == JSON_OBJECT_END ? JSON_OBJECT : JSON_ARRAY, raw, true);
}

/* A container that was passed over has ended. */
static bool
on_left(struct inspect *in, enum json_kind kind)
{
	struct slice raw = span_from(in, in->value_at);

	in->mode = MODE_NEXT;
	if (in->is_left_text)
		field_add_text(in, raw);
	if (in->field == FIELD_NONE)
		return true;
	return field_take(in, in->field,
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
		return field_refuse(
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
		(void)field_refuse(
		    in, ERR_MODEL_MISSING, inspect_key(FIELD_MODEL), "");
		return INSPECT_REFUSED;
	}
	return INSPECT_DONE;
}

enum inspect_step
inspect_run(struct inspect *in, size_t budget)
{
	struct json_reader *r = &in->reader;

	if (in->opt.route->body == BODY_FORM)
		return form_run(in, budget);
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
