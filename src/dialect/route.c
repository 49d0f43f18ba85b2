/*
 * The table is small, so it is walked: a byte for each row's length tells
 * nearly all of them apart, and the busy paths stand first.
 */
#include "dialect/route.h"

#define GET (1U << HTTP_METHOD_GET | 1U << HTTP_METHOD_HEAD)
#define HEAD (1U << HTTP_METHOD_HEAD)
#define POST (1U << HTTP_METHOD_POST)
#define PUT (1U << HTTP_METHOD_PUT)
#define DELETE (1U << HTTP_METHOD_DELETE)
#define ANY 0xffU

#define ROW(nm, vs, full, prefix, is_under, dia, cls, shp, bod, mod)           \
	{.name = #nm,                                                          \
	    .path = SLICE(full),                                               \
	    .id = ROUTE_##nm,                                                  \
	    .verbs = (vs),                                                     \
	    .prefix_n = sizeof(prefix) - 1,                                    \
	    .under = (is_under),                                               \
	    .dialect = DIALECT_##dia,                                          \
	    .class = CLASS_##cls,                                              \
	    .shape = SHAPE_##shp,                                              \
	    .body = BODY_##bod,                                                \
	    .model = MODEL_##mod},

static const struct route rows[ROUTE_COUNT] = {
#define ROUTE(name, verbs, path, dialect, class, shape, body, model)           \
	ROW(name, verbs, path, path, false, dialect, class, shape, body, model)
#define ROUTE_UNDER(                                                           \
    name, verbs, path, rest, dialect, class, shape, body, model)               \
	ROW(name, verbs, path rest, path, true, dialect, class, shape, body,   \
	    model)
#include "facts/routes.def"
#undef ROUTE
#undef ROUTE_UNDER
};

/* Length of an exact row's path, 0 for the others. */
static const uint8_t exact_n[ROUTE_COUNT] = {
#define ROUTE(name, verbs, path, ...) sizeof(path) - 1,
#define ROUTE_UNDER(...) 0,
#include "facts/routes.def"
#undef ROUTE
#undef ROUTE_UNDER
};

/* The rows with a parameter. */
static const uint8_t unders[] = {
#define ROUTE(...)
#define ROUTE_UNDER(name, ...) ROUTE_##name,
#include "facts/routes.def"
#undef ROUTE
#undef ROUTE_UNDER
};

_Static_assert(ROUTE_COUNT <= UINT8_MAX, "unders has bytes");

/* May ${c} stand in a parameter?  Nothing that anybody would decode. */
static bool
is_param_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' ||
	    c == '@' || c == '-';
}

/* Segments of parameter bytes, none of them empty or only dots. */
static bool
is_param(struct slice s)
{
	size_t n = 0, dots = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '/') {
			if (n == dots)
				return false;
			n = dots = 0;
			continue;
		}
		if (!is_param_byte((unsigned char)s.p[i]))
			return false;
		n++;
		dots += s.p[i] == '.';
	}
	return n != dots;
}

/* Printable ASCII without the bytes that end or disguise a target. */
static bool
is_query(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#' ||
		    s.p[i] == '\\')
			return false;
	return true;
}

/* Take the row into ${out}; true if it is the one for ${bit}. */
static bool
meet(const struct route *r, unsigned bit, struct slice param,
    struct route_match *out)
{
	out->verbs |= r->verbs;
	if (out->route != NULL && (r->verbs & bit) == 0)
		return false;
	out->route = r;
	out->param = param;
	return (r->verbs & bit) != 0;
}

static bool
find_exact(struct slice path, unsigned bit, struct route_match *out)
{
	for (size_t i = 0; i < ROUTE_COUNT; i++)
		if (exact_n[i] == path.n &&
		    memcmp(rows[i].path.p, path.p, path.n) == 0 &&
		    meet(&rows[i], bit, slice_of(NULL, 0), out))
			return true;
	return false;
}

static bool
find_under(struct slice path, unsigned bit, struct route_match *out)
{
	for (size_t i = 0; i < sizeof unders; i++) {
		const struct route *r = &rows[unders[i]];

		if (path.n > r->prefix_n &&
		    memcmp(r->path.p, path.p, r->prefix_n) == 0 &&
		    is_param(slice_from(path, r->prefix_n)) &&
		    meet(r, bit, slice_from(path, r->prefix_n), out))
			return true;
	}
	return false;
}

enum err
route_find(
    enum http_method method, struct slice target, struct route_match *out)
{
	unsigned bit = 1U << method;
	struct slice path = target;

	*out = (struct route_match){0};
	if (target.n == 0 || target.p[0] != '/')
		return ERR_ROUTE_UNKNOWN;
	path = slice_cut(&target, '?');
	if (!is_query(target))
		return ERR_ROUTE_UNKNOWN;
	out->query = target;
	/* A row of its own comes before a parameter. */
	if (find_exact(path, bit, out))
		return OK;
	if (out->route == NULL && find_under(path, bit, out))
		return OK;
	return out->route == NULL ? ERR_ROUTE_UNKNOWN : ERR_METHOD_NOT_ALLOWED;
}

struct slice
route_allow(unsigned verbs, char *out)
{
	size_t n = 0;

	for (unsigned m = HTTP_METHOD_GET; m <= HTTP_METHOD_PATCH; m++) {
		struct slice name =
		    slice_str(http_method_name((enum http_method)m));

		if ((verbs & 1U << m) == 0)
			continue;
		if (n > 0) {
			memcpy(out + n, ", ", 2);
			n += 2;
		}
		memcpy(out + n, name.p, name.n);
		n += name.n;
	}
	return slice_of(out, n);
}

const struct route *
route_get(enum route_id id)
{
	return &rows[id];
}

enum dialect
route_dialect(struct slice target)
{
	if (slice_starts(target, (struct slice)SLICE("/v1/messages")))
		return DIALECT_ANTHROPIC;
	if (slice_starts(target, (struct slice)SLICE("/api/v0/")) ||
	    slice_starts(target, (struct slice)SLICE("/api/v1/")))
		return DIALECT_OPENAI;
	if (slice_starts(target, (struct slice)SLICE("/api/")))
		return DIALECT_OLLAMA;
	return DIALECT_OPENAI;
}

enum framing
route_framing(enum shape shape)
{
	static const enum framing framing[SHAPE_COUNT_OF] = {
	    [SHAPE_OLLAMA] = FRAMING_NDJSON,
	    [SHAPE_PROGRESS] = FRAMING_NDJSON,
	    [SHAPE_OPENAI] = FRAMING_SSE,
	    [SHAPE_RESPONSES] = FRAMING_SSE,
	    [SHAPE_ANTHROPIC] = FRAMING_SSE,
	    [SHAPE_NATIVE] = FRAMING_SSE,
	    [SHAPE_LMSTUDIO] = FRAMING_SSE,
	    [SHAPE_AUDIO] = FRAMING_SSE,
	};

	return framing[shape];
}

bool
route_streams_by_default(enum shape shape)
{
	return route_framing(shape) == FRAMING_NDJSON;
}

const char *
dialect_name(enum dialect d)
{
	static const char *const names[] = {
	    [DIALECT_OLLAMA] = "ollama",
	    [DIALECT_OPENAI] = "openai",
	    [DIALECT_ANTHROPIC] = "anthropic",
	    [DIALECT_WEIR] = "weir",
	};

	return names[d];
}
