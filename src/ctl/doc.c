#include "ctl/doc.h"
#include "json/value.h"

enum { DEPTH_MAX = 16 };

struct slice
doc_get(struct slice object, const char *key)
{
	struct json_reader r;

	json_reader_init(&r, object, DEPTH_MAX);
	if (object.n == 0 || json_next(&r) != JSON_OBJECT)
		return slice_of(NULL, 0);
	while (json_next(&r) == JSON_KEY) {
		bool is_it =
		    json_key_match(json_span(&r), slice_str(key)) == JSON_EXACT;

		if (json_skip(&r) == JSON_BAD)
			break;
		if (is_it)
			return json_span(&r);
	}
	return slice_of(NULL, 0);
}

int64_t
doc_int(struct slice object, const char *key)
{
	struct slice v = doc_get(object, key);
	int64_t n = 0;

	return v.n > 0 && json_i64(v, &n) == OK ? n : 0;
}

bool
doc_bool(struct slice object, const char *key)
{
	return slice_is(doc_get(object, key), "true");
}

bool
doc_has(struct slice object, const char *key)
{
	struct slice v = doc_get(object, key);

	return v.n > 0 && !slice_is(v, "null");
}

/*
 * How many bytes at ${p} a terminal would obey: control characters, also those
 * of ISO 6429 as UTF-8.
 */
static size_t
control_n(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;

	if (c == 0xc2 && left > 1 && (unsigned char)p[1] < 0xa0)
		return 2;
	return c < 0x20 || c == 0x7f;
}

enum err
doc_add_value(struct slice v, struct buf *out)
{
	size_t n = 0, at = out->n;
	enum err e;

	if (v.n < 2 || v.p[0] != '"')
		return OK;
	if ((e = buf_reserve(out, v.n)) != OK ||
	    (e = json_unescape(
		 slice_of(v.p + 1, v.n - 2), out->p + at, v.n, &n)) != OK)
		return e == ERR_SYNTAX ? OK : e;
	out->n += n;
	for (size_t i = at; i < out->n; i++)
		memset(out->p + i, '?', control_n(out->p + i, out->n - i));
	return OK;
}

enum err
doc_add_text(struct slice object, const char *key, struct buf *out)
{
	return doc_add_value(doc_get(object, key), out);
}

void
doc_begin(struct json_reader *r, struct slice array)
{
	json_reader_init(r, array, DEPTH_MAX);
	if (array.n > 0)
		(void)json_next(r);
}

bool
doc_next(struct json_reader *r, struct slice *value)
{
	enum json_kind k;

	if (r->depth != 1)
		return false;
	k = json_skip(r);
	*value = json_span(r);
	return k != JSON_ARRAY_END && k != JSON_OBJECT_END && k != JSON_BAD &&
	    k != JSON_END && k != JSON_KEY;
}
