/*
 * Each field is taken once, when its value is complete; the order in which
 * fields come means nothing.
 */
#include "dialect/field.h"
#include "model/name.h"
#include "json/value.h"

enum { TOOL_TYPE_MAX = 256 };

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

static const struct field_fact facts[FIELD_COUNT] = {
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

/* Place and length of a key in one byte, which tells nearly all rows apart. */
#define TAG(place, n) ((place) << 5 | (n))

static const uint8_t tags[FIELD_COUNT] = {
#define FIELD(name, plc, ky, shps, tps, rl, ins)                               \
	[FIELD_##name] = TAG(PLACE_##plc, sizeof(ky) - 1),
#include "facts/fields.def"
#undef FIELD
};

/* All fit. */
#define FIELD(name, plc, ky, shps, tps, rl, ins)                               \
	_Static_assert(PLACE_##plc < 8 && sizeof(ky) - 1 < 32, ky);
#include "facts/fields.def"
#undef FIELD

const struct field_fact *
field_get(enum field f)
{
	return &facts[f];
}

enum field
field_find(uint8_t place, unsigned shape_bit, struct slice key)
{
	const uint8_t *at = tags, *end = tags + FIELD_COUNT;

	if (place >= 8 || key.n >= 32)
		return FIELD_NONE;
	while ((at = memchr(at, TAG(place, (int)key.n), (size_t)(end - at))) !=
	    NULL) {
		const struct field_fact *fact = &facts[at++ - tags];

		if (fact->shapes & shape_bit &&
		    memcmp(fact->key.p, key.p, key.n) == 0)
			return (enum field)(fact - facts);
	}
	return FIELD_NONE;
}

struct slice
inspect_key(enum field f)
{
	return facts[f].key;
}

bool
field_refuse(
    struct inspect *in, enum err e, struct slice what, const char *reason)
{
	in->why = (struct refusal){
	    .err = e,
	    .what = what,
	    .reason = slice_str(reason),
	    .model = in->model,
	};
	return false;
}

unsigned
field_type(enum json_kind kind)
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

bool
field_refuse_type(struct inspect *in, enum field f)
{
	return field_refuse(
	    in, ERR_FIELD_TYPE, facts[f].key, type_reason(facts[f].types));
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

void
field_add_text(struct inspect *in, struct slice text)
{
	if (text.n == 0)
		return;
	in->n_texts++;
	in->text_bytes += text.n;
	if (in->opt.wants_texts)
		list_text(in, text);
}

static bool
take_model(struct inspect *in, struct slice raw)
{
	enum { ESCAPED_MAX = 6 }; /* bytes of \u0041 for one of the name */
	char *copy;
	size_t n;

	if (raw.n == 0 || (in->field == FIELD_NAME && in->model.n > 0))
		return true;
	if (raw.n > (size_t)MODEL_NAME_MAX * ESCAPED_MAX)
		return field_refuse(
		    in, ERR_MODEL_NAME, inspect_key(FIELD_MODEL), "");
	if (memchr(raw.p, '\\', raw.n)) {
		if (in->opt.arena == NULL ||
		    (copy = arena_alloc(in->opt.arena, raw.n)) == NULL ||
		    json_unescape(raw, copy, raw.n, &n) != OK)
			return field_refuse(
			    in, ERR_INTERNAL, inspect_key(FIELD_MODEL), "");
		raw = slice_of(copy, n);
	}
	if (raw.n > MODEL_NAME_MAX)
		return field_refuse(
		    in, ERR_MODEL_NAME, inspect_key(FIELD_MODEL), "");
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
		return field_refuse(in, ERR_FIELD_TYPE, facts[f].key,
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
		return field_refuse(in, ERR_FIELD_TYPE,
		    facts[FIELD_TOOL_TYPE].key, "it is too long");
	type = slice_of(text, n);
	for (size_t i = 0; i < sizeof webs / sizeof webs[0]; i++)
		if (slice_eq_nocase(slice_to(type, webs[i].n), webs[i]))
			return field_refuse(in, ERR_CLOUD_FORBIDDEN,
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

bool
field_take(struct inspect *in, enum field f, enum json_kind kind,
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
		    (kind == JSON_STRING || field_type(kind) & (ARR | OBJ)))
			field_add_text(in, text);
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
