/*
 * The JSON reader on any bytes.  Whole and in turns it says the same; passing
 * over accepts what reading does; spans lie in the text; strings unescape and
 * are written back; a member added to a valid object leaves it valid.
 */
#include "json/edit.h"
#include "json/reader.h"
#include "json/value.h"
#include "json/write.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { DEPTH = 40, BUF_MAX = 1 << 24 };

/* Budgets drawn from the input itself. */
static size_t
draw(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 30 ? *seed >> 29 : *seed >> 24 & 63;
}

static enum json_kind
event(struct json_reader *r, uint32_t *seed,
    enum json_kind (*step)(struct json_reader *))
{
	enum json_kind kind;

	while ((kind = step(r)) == JSON_MORE)
		json_reader_budget(r, draw(seed) + 1);
	assert(r->at <= r->text.n && r->n <= r->text.n - r->at);
	return kind;
}

/* The text of a string survives: unescape, write, read, unescape. */
static void
round_trip(struct slice raw)
{
	char *a = malloc(raw.n + 1), *b = malloc(raw.n + 1);
	struct json_reader r;
	struct buf out;
	size_t na, nb;

	assert(a && b);
	buf_init(&out, BUF_MAX);
	if (json_unescape(raw, a, raw.n, &na) != OK)
		abort();
	if (json_write_string(&out, slice_of(a, na)) != OK)
		abort();
	json_reader_init(&r, buf_slice(&out), 1);
	assert(json_next(&r) == JSON_STRING);
	if (json_unescape(json_span(&r), b, raw.n, &nb) != OK)
		abort();
	assert(slice_eq(slice_of(a, na), slice_of(b, nb)));
	assert(json_next(&r) == JSON_END);
	buf_fini(&out);
	free(a);
	free(b);
}

static void
look(enum json_kind kind, struct slice span)
{
	static const struct slice model = SLICE("model"), keep = SLICE("keep");
	int64_t i;
	double d;

	if (kind == JSON_STRING || kind == JSON_KEY)
		round_trip(span);
	if (kind == JSON_KEY) {
		enum json_match m = json_key_match(span, model);

		assert((m == JSON_EXACT) == slice_eq(span, model));
		(void)json_key_match(span, keep);
	}
	if (kind == JSON_NUMBER && json_i64(span, &i) == OK)
		assert(json_f64(span, &d) == OK && d >= -0x1p63 && d <= 0x1p63);
}

/* Reads ${text} whole beside a reader in turns; is it valid? */
static bool
read_both(struct slice text, uint32_t seed)
{
	struct json_reader whole, turns;
	enum json_kind kind;

	json_reader_init(&whole, text, DEPTH);
	json_reader_init(&turns, text, DEPTH);
	json_reader_budget(&turns, draw(&seed));
	do {
		kind = json_next(&whole);
		assert(event(&turns, &seed, json_next) == kind);
		assert(whole.at == turns.at && whole.n == turns.n);
		assert(whole.depth == turns.depth && whole.depth <= DEPTH);
		assert(whole.too_deep == turns.too_deep);
		assert(
		    json_reader_reason(&whole) == json_reader_reason(&turns));
		assert(kind != JSON_MORE);
		look(kind, json_span(&whole));
	} while (kind > JSON_BAD);
	return kind == JSON_END;
}

static bool
read_skipping(struct slice text, uint32_t seed, struct slice *value)
{
	struct json_reader r;
	enum json_kind kind;

	json_reader_init(&r, text, DEPTH);
	json_reader_budget(&r, draw(&seed));
	kind = event(&r, &seed, json_skip);
	if (kind == JSON_BAD)
		return false;
	*value = json_span(&r);
	return event(&r, &seed, json_skip) == JSON_END;
}

static bool
read_leaving(struct slice text, uint32_t seed)
{
	struct json_reader r;
	enum json_kind kind;

	json_reader_init(&r, text, DEPTH);
	json_reader_budget(&r, draw(&seed));
	do
		kind = r.depth > 0 && draw(&seed) % 8 == 0
		    ? event(&r, &seed, json_leave)
		    : event(&r, &seed, json_next);
	while (kind > JSON_BAD);
	return kind == JSON_END;
}

/* Two members more: still valid, and as long as was said. */
static void
edit(struct slice text, struct slice object, uint32_t seed)
{
	static const struct slice member = SLICE("\"added\":[true]");
	size_t at = (size_t)(object.p - text.p);
	struct slice out[JSON_EDITS_SLICES_MAX];
	struct json_edits e;
	struct buf b;
	size_t n;

	json_edits_init(&e, text);
	for (int i = 0; i < 2; i++)
		if (json_edits_add_member(&e, at, object.n, member) != OK)
			abort();
	n = json_edits_slices(&e, out);
	buf_init(&b, BUF_MAX);
	for (size_t i = 0; i < n; i++)
		if (buf_add(&b, out[i]) != OK)
			abort();
	assert(b.n == json_edits_total(&e));
	assert(read_both(buf_slice(&b), seed));
	buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice text = {(const char *)data, n}, value = {NULL, 0};
	uint32_t seed = (uint32_t)n;
	bool valid;

	for (size_t i = 0; i < n; i++)
		seed = seed * 31 + data[i];
	valid = read_both(text, seed);
	assert(read_skipping(text, seed, &value) == valid);
	assert(read_leaving(text, seed) == valid);
	if (valid && value.p[0] == '{')
		edit(text, value, seed);
	return 0;
}
