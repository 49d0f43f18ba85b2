#include "dialect/catalog.h"
#include "json/reader.h"
#include "json/value.h"
#include "model/name.h"

enum { DEPTH = 64 };

struct cut {
	struct json_reader r;
	struct slice json;
	catalog_may *may;
	void *ctx;
	struct buf *out;
	size_t at; /* json up to here is in out, or dropped */
	unsigned dropped;
};

static const struct slice names[] = {
    SLICE("name"),
    SLICE("model"),
    SLICE("id"),
    SLICE("key"),
};

bool
catalog_is_listing(const struct route *route)
{
	switch (route->id) {
	case ROUTE_API_TAGS:
	case ROUTE_API_PS:
	case ROUTE_V1_MODELS:
	case ROUTE_MODELS:
	case ROUTE_LMS0_MODELS:
	case ROUTE_LMS_MODELS:
		return true;
	default:
		return false;
	}
}

static bool
is_name(struct slice key)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (json_key_match(key, names[i]) != JSON_NO)
			return true;
	return false;
}

/* May the model be seen whose name is the JSON string ${span}? */
static bool
allows(const struct cut *c, struct slice span)
{
	char name[MODEL_NAME_MAX];
	size_t n;

	if (json_unescape(
		slice_of(span.p + 1, span.n - 2), name, sizeof name, &n) != OK)
		return false;
	return c->may(c->ctx, slice_of(name, n));
}

/* Is ${row} an object that names a model, by no name that is not allowed? */
static bool
is_kept(const struct cut *c, struct slice row)
{
	struct json_reader r;
	bool has_name = false, takes = false;
	enum json_kind k;

	json_reader_init(&r, row, DEPTH);
	if (json_next(&r) != JSON_OBJECT)
		return false;
	while ((k = json_skip(&r)) != JSON_OBJECT_END) {
		if (k == JSON_KEY) {
			takes = is_name(json_span(&r));
			continue;
		}
		if (k == JSON_BAD || k == JSON_END)
			return false;
		if (!takes || k != JSON_STRING)
			continue;
		if (!allows(c, json_span(&r)))
			return false;
		has_name = true;
	}
	return has_name;
}

/* Copy the text up to ${end}. */
static enum err
copy(struct cut *c, size_t end)
{
	size_t at = c->at;

	c->at = end;
	return buf_add(c->out, slice_of(c->json.p + at, end - at));
}

/* The rows of an array whose bracket was read last. */
static enum err
cut_rows(struct cut *c)
{
	unsigned kept = 0;
	enum err e = copy(c, c->r.at + 1);
	enum json_kind k;

	while (e == OK && (k = json_skip(&c->r)) != JSON_ARRAY_END) {
		if (k == JSON_BAD)
			return ERR_SYNTAX;
		if (!is_kept(c, json_span(&c->r))) {
			c->dropped++;
			continue;
		}
		if (kept++ > 0)
			e = buf_add_char(c->out, ',');
		if (e == OK)
			e = buf_add(c->out, json_span(&c->r));
	}
	c->at = c->r.at;
	return e;
}

enum err
catalog_cut(struct slice json, catalog_may *may, void *ctx, struct buf *out)
{
	struct cut c = {.json = json, .may = may, .ctx = ctx, .out = out};
	size_t before = out->n;
	enum json_kind k;
	enum err e = OK;

	json_reader_init(&c.r, json, DEPTH);
	if (json_next(&c.r) != JSON_OBJECT)
		return ERR_SYNTAX;
	while (e == OK && (k = json_next(&c.r)) != JSON_END) {
		if (k == JSON_BAD)
			return ERR_SYNTAX;
		if (k == JSON_ARRAY)
			e = cut_rows(&c);
		else if (k == JSON_OBJECT && json_leave(&c.r) == JSON_BAD)
			return ERR_SYNTAX;
	}
	if (e != OK)
		return e;
	if (c.dropped > 0)
		return copy(&c, json.n);
	out->n = before;
	return buf_add(out, json);
}
