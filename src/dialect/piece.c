/*
 * A recursive walk, as deep as the table of places and no deeper: values that
 * no row names are passed over by the reader.
 */
#include "dialect/piece.h"
#include "json/reader.h"
#include "json/value.h"

enum place {
	PLACE_NOWHERE,
	PLACE_TOP,
	PLACE_USAGE,
	PLACE_DETAILS,
	PLACE_TIMINGS,
	PLACE_CHOICE,
	PLACE_MESSAGE,
	PLACE_DELTA
};

enum act {
	ACT_WALK,
	ACT_CHOICES, /* an array; empty, the piece has nothing but usage */
	/* Numbers. */
	ACT_INPUT,
	ACT_OUTPUT,
	ACT_CACHED,
	ACT_CACHE_READ,
	ACT_CACHE_MADE,
	ACT_T_CACHE,
	ACT_T_PROMPT,
	ACT_T_PREDICTED,
	/* Others. */
	ACT_TEXT,   /* generated, if it is not empty */
	ACT_DONE,   /* true is the end mark */
	ACT_STOP,   /* why the model stopped */
	ACT_STATUS, /* a word that can mean the end */
	ACT_TYPE,   /* the event's name again */
	ACT_OBJECT, /* "error" in old versions of vLLM */
	ACT_ERROR   /* anything but null */
};

struct rule {
	struct slice key;
	uint16_t shapes;
	uint8_t place;
	uint8_t act;
	uint8_t into;
};

#define OLLAMA (1U << SHAPE_OLLAMA)
#define PROGRESS (1U << SHAPE_PROGRESS)
#define OPENAI (1U << SHAPE_OPENAI)
#define RESPONSES (1U << SHAPE_RESPONSES)
#define ANTHROPIC (1U << SHAPE_ANTHROPIC)
#define NATIVE (1U << SHAPE_NATIVE)
#define LMSTUDIO (1U << SHAPE_LMSTUDIO)
#define AUDIO (1U << SHAPE_AUDIO)
#define EMBED (1U << SHAPE_EMBED)
#define ALL 0xffffU

static const struct rule rules[] = {
#define ANSWER(plc, ky, shps, ac, in)                                          \
	{.key = SLICE(ky),                                                     \
	    .shapes = (shps),                                                  \
	    .place = PLACE_##plc,                                              \
	    .act = ACT_##ac,                                                   \
	    .into = PLACE_##in},
#include "facts/answers.def"
#undef ANSWER
};

/* Place and length of a key in one byte, which tells nearly all rows apart. */
#define TAG(place, n) ((place) << 5 | (n))

static const uint8_t tags[] = {
#define ANSWER(plc, key, shapes, act, into) TAG(PLACE_##plc, sizeof(key) - 1),
#include "facts/answers.def"
#undef ANSWER
};

/* All fit. */
#define ANSWER(plc, key, shapes, act, into)                                    \
	_Static_assert(PLACE_##plc < 8 && sizeof(key) - 1 < 32, key);
#include "facts/answers.def"
#undef ANSWER

enum { RULES = sizeof rules / sizeof rules[0], DEPTH_MAX = JSON_DEPTH_MAX };

/* A walk under way. */
struct walk {
	struct piece *p;
	unsigned shape_bit;
	struct json_reader r;
};

/* Words of the dialects, told apart by what they are good for. */
struct word {
	struct slice text;
	int means;
};

static const struct word stops[] = {
    {SLICE("stop"), STOP_END},
    {SLICE("end_turn"), STOP_END},
    {SLICE("stop_sequence"), STOP_END},
    {SLICE("eos"), STOP_END},
    {SLICE("word"), STOP_END},
    {SLICE("length"), STOP_LENGTH},
    {SLICE("max_tokens"), STOP_LENGTH},
    {SLICE("limit"), STOP_LENGTH},
    {SLICE("tool_calls"), STOP_TOOL},
    {SLICE("tool_use"), STOP_TOOL},
    {SLICE("function_call"), STOP_TOOL},
    {SLICE("content_filter"), STOP_FILTER},
    {SLICE("refusal"), STOP_FILTER},
    {SLICE("load"), STOP_LOAD},
    {SLICE("unload"), STOP_LOAD},
    {SLICE(""), 0},
};

static const struct word types[] = {
    {SLICE("message_stop"), ANSWER_END},
    {SLICE("response.completed"), ANSWER_END},
    {SLICE("response.incomplete"), ANSWER_END},
    {SLICE("response.failed"), ANSWER_END | ANSWER_ERROR},
    {SLICE("transcript.text.done"), ANSWER_END},
    {SLICE("chat.end"), ANSWER_END},
    {SLICE("error"), ANSWER_ERROR},
    {SLICE(""), 0},
};

static int
word_find(const struct word *w, struct slice s)
{
	while (w->text.n > 0 && !slice_eq(w->text, s))
		w++;
	return w->means;
}

void
piece_init(struct piece *p)
{
	*p = (struct piece){
	    .input = -1,
	    .output = -1,
	    .cached = -1,
	    .cache_read = -1,
	    .cache_made = -1,
	    .t_cache = -1,
	    .t_prompt = -1,
	    .t_predicted = -1,
	};
}

static const struct rule *
rule_find(enum place place, unsigned shape_bit, struct slice key)
{
	const uint8_t *at = tags, *end = tags + RULES;
	int tag = TAG((int)place, (int)key.n);

	if (key.n >= 32)
		return NULL;
	while ((at = memchr(at, tag, (size_t)(end - at))) != NULL) {
		const struct rule *rule = &rules[at++ - tags];

		if (rule->shapes & shape_bit &&
		    memcmp(rule->key.p, key.p, key.n) == 0)
			return rule;
	}
	return NULL;
}

static int64_t *
number_of(struct piece *p, enum act act)
{
	switch (act) {
	case ACT_INPUT:
		return &p->input;
	case ACT_OUTPUT:
		return &p->output;
	case ACT_CACHED:
		return &p->cached;
	case ACT_CACHE_READ:
		return &p->cache_read;
	case ACT_CACHE_MADE:
		return &p->cache_made;
	case ACT_T_CACHE:
		return &p->t_cache;
	case ACT_T_PROMPT:
		return &p->t_prompt;
	case ACT_T_PREDICTED:
		return &p->t_predicted;
	default:
		return NULL;
	}
}

static void
take_number(struct piece *p, enum act act, struct slice raw)
{
	int64_t v, *at = number_of(p, act);

	if (at == NULL || json_i64(raw, &v) != OK || v < 0)
		return;
	*at = v;
	if (act == ACT_INPUT || act == ACT_OUTPUT)
		p->marks |= ANSWER_USAGE;
}

static void
take_string(struct piece *p, enum act act, struct slice s)
{
	switch (act) {
	case ACT_TEXT:
		if (s.n > 0) {
			p->marks |= ANSWER_CONTENT;
			p->n_texts++;
			p->text = s;
		}
		break;
	case ACT_STOP:
		p->stop = (enum answer_stop)word_find(stops, s);
		break;
	case ACT_STATUS:
		if (slice_is(s, "success"))
			p->marks |= ANSWER_END;
		else if (slice_is(s, "completed"))
			p->stop = STOP_END;
		else if (slice_is(s, "incomplete"))
			p->stop = STOP_LENGTH;
		else if (slice_is(s, "failed"))
			p->marks |= ANSWER_ERROR;
		break;
	case ACT_TYPE:
		p->marks |= (unsigned)word_find(types, s);
		break;
	case ACT_OBJECT:
		if (slice_is(s, "error"))
			p->marks |= ANSWER_ERROR;
		break;
	default:
		break;
	}
}

/* A value that is not walked; ${s}: its span, a string's without quotes. */
static void
take(struct piece *p, enum act act, enum json_kind kind, struct slice s)
{
	if (act == ACT_ERROR && kind != JSON_NULL)
		p->marks |= ANSWER_ERROR;
	switch (kind) {
	case JSON_NUMBER:
		take_number(p, act, s);
		break;
	case JSON_STRING:
		take_string(p, act, s);
		break;
	case JSON_TRUE:
		if (act == ACT_DONE)
			p->marks |= ANSWER_END;
		break;
	case JSON_FALSE:
		if (act == ACT_DONE)
			p->is_undone = true;
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		/* Brackets and something between them. */
		if (act == ACT_TEXT && s.n > 2)
			p->marks |= ANSWER_CONTENT;
		break;
	default:
		break;
	}
}

static bool walk_value(struct walk *w, const struct rule *rule);

/* The members of an object of which the bracket was read. */
static bool
walk_object(struct walk *w, enum place place)
{
	enum json_kind kind;

	while ((kind = json_next(&w->r)) == JSON_KEY) {
		const struct rule *rule =
		    rule_find(place, w->shape_bit, json_span(&w->r));

		if (rule == NULL) {
			if (json_skip(&w->r) <= JSON_BAD)
				return false;
		} else if (!walk_value(w, rule)) {
			return false;
		}
	}
	return kind == JSON_OBJECT_END;
}

static bool
walk_array(struct walk *w, enum place place)
{
	enum json_kind kind;
	bool is_empty = true;

	while ((kind = json_next(&w->r)) != JSON_ARRAY_END) {
		is_empty = false;
		if (kind <= JSON_BAD)
			return false;
		if (kind == JSON_OBJECT && !walk_object(w, place))
			return false;
		if (kind == JSON_ARRAY && json_leave(&w->r) <= JSON_BAD)
			return false;
	}
	if (is_empty)
		w->p->marks |= ANSWER_USAGE_ONLY;
	return true;
}

static bool
walk_value(struct walk *w, const struct rule *rule)
{
	enum json_kind kind = json_next(&w->r);
	size_t at = w->r.at;

	if (kind <= JSON_BAD)
		return false;
	if (kind == JSON_OBJECT && rule->act == ACT_WALK)
		return walk_object(w, rule->into);
	if (kind == JSON_ARRAY && rule->act == ACT_CHOICES)
		return walk_array(w, rule->into);
	if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
		if (json_leave(&w->r) <= JSON_BAD)
			return false;
		take(w->p, rule->act, kind,
		    slice_of(w->r.text.p + at, w->r.at + w->r.n - at));
		return true;
	}
	take(w->p, rule->act, kind, json_span(&w->r));
	return true;
}

void
piece_read(struct piece *p, enum shape shape, struct slice json)
{
	struct walk w = {.p = p, .shape_bit = 1U << shape};
	enum json_kind kind;
	bool is_good = true;

	json_reader_init(&w.r, json, DEPTH_MAX);
	kind = json_next(&w.r);
	if (kind == JSON_OBJECT)
		is_good = walk_object(&w, PLACE_TOP);
	else if (kind == JSON_ARRAY)
		is_good = json_leave(&w.r) > JSON_BAD;
	if (kind <= JSON_BAD || !is_good || json_next(&w.r) != JSON_END)
		p->marks |= ANSWER_BAD;
	if ((p->marks & ANSWER_USAGE) == 0)
		p->marks &= ~(unsigned)ANSWER_USAGE_ONLY;
}

/* The last member ${key} in ${window}: what stands behind its colon. */
static bool
scan_member(struct slice window, struct slice key, struct slice *value)
{
	bool found = false;

	for (;;) {
		const char *at = memmem(window.p, window.n, key.p, key.n);
		size_t i;

		if (at == NULL)
			return found;
		i = (size_t)(at - window.p);
		/* In quotes of which the first one is none of a string's. */
		if (i >= 2 && window.p[i - 1] == '"' &&
		    window.p[i - 2] != '\\' && i + key.n < window.n &&
		    window.p[i + key.n] == '"') {
			struct slice rest = slice_from(window, i + key.n + 1);

			while (rest.n > 0 &&
			    (rest.p[0] == ' ' || rest.p[0] == '\n'))
				rest = slice_from(rest, 1);
			if (rest.n > 0 && rest.p[0] == ':') {
				*value = slice_from(rest, 1);
				found = true;
			}
		}
		window = slice_from(window, i + key.n);
	}
}

/* Acts that a scan may trust: numbers, and what has its place to itself. */
static bool
is_scanned(const struct rule *rule)
{
	switch ((enum act)rule->act) {
	case ACT_INPUT:
	case ACT_OUTPUT:
	case ACT_DONE:
	case ACT_STOP:
		return rule->place == PLACE_TOP;
	case ACT_WALK:
		return rule->into == PLACE_USAGE || rule->into == PLACE_TIMINGS;
	default:
		return false;
	}
}

void
piece_scan(struct piece *p, enum shape shape, struct slice window)
{
	struct walk w = {.p = p, .shape_bit = 1U << shape};
	struct slice value;

	/* A number that is cut would be another number. */
	while (window.n > 0 && window.p[window.n - 1] >= '0' &&
	    window.p[window.n - 1] <= '9')
		window.n--;
	for (size_t i = 0; i < RULES; i++) {
		if (!is_scanned(&rules[i]) ||
		    (rules[i].shapes & w.shape_bit) == 0 ||
		    !scan_member(window, rules[i].key, &value))
			continue;
		json_reader_init(&w.r, value, DEPTH_MAX);
		(void)walk_value(&w, &rules[i]);
	}
}
