#include "http/head.h"
#include <assert.h>

static const char *const method_names[] = {
    [HTTP_METHOD_OTHER] = "",
    [HTTP_METHOD_GET] = "GET",
    [HTTP_METHOD_HEAD] = "HEAD",
    [HTTP_METHOD_POST] = "POST",
    [HTTP_METHOD_PUT] = "PUT",
    [HTTP_METHOD_DELETE] = "DELETE",
    [HTTP_METHOD_OPTIONS] = "OPTIONS",
    [HTTP_METHOD_PATCH] = "PATCH",
};

enum { N_METHODS = sizeof method_names / sizeof method_names[0] };

void
http_head_move(struct http_head *h, const char *base)
{
	h->base = base;
}

struct slice
http_head_target(const struct http_head *h)
{
	return slice_of(h->base + h->target_at, h->target_n);
}

struct slice
http_head_method(const struct http_head *h)
{
	return slice_of(h->base, h->method_n);
}

struct slice
http_head_name(const struct http_head *h, unsigned i)
{
	assert(i < h->n_fields);
	return slice_of(h->base + h->fields[i].name_at, h->fields[i].name_n);
}

struct slice
http_head_value(const struct http_head *h, unsigned i)
{
	assert(i < h->n_fields);
	return slice_of(h->base + h->fields[i].value_at, h->fields[i].value_n);
}

/* The first field from ${i} on with that name, or n_fields. */
static unsigned
find_from(const struct http_head *h, unsigned i, struct slice lower_name)
{
	for (; i < h->n_fields; i++)
		if (h->fields[i].name_n == lower_name.n &&
		    slice_eq_nocase(http_head_name(h, i), lower_name))
			break;
	return i;
}

struct slice
http_head_find(const struct http_head *h, const char *lower_name)
{
	unsigned i = find_from(h, 0, slice_str(lower_name));

	return i < h->n_fields ? http_head_value(h, i) : slice_of(NULL, 0);
}

unsigned
http_head_count(const struct http_head *h, const char *lower_name)
{
	struct slice name = slice_str(lower_name);
	unsigned n = 0;

	for (unsigned i = find_from(h, 0, name); i < h->n_fields;
	     i = find_from(h, i + 1, name))
		n++;
	return n;
}

bool
http_list_has(struct slice list, const char *lower_token)
{
	struct slice want = slice_str(lower_token);

	while (list.n)
		if (slice_eq_nocase(slice_trim(slice_cut(&list, ',')), want))
			return true;
	return false;
}

bool
http_head_has_token(
    const struct http_head *h, const char *lower_name, const char *lower_token)
{
	struct slice name = slice_str(lower_name);

	for (unsigned i = find_from(h, 0, name); i < h->n_fields;
	     i = find_from(h, i + 1, name))
		if (http_list_has(http_head_value(h, i), lower_token))
			return true;
	return false;
}

const char *
http_method_name(enum http_method m)
{
	assert((unsigned)m < N_METHODS);
	return method_names[m];
}

enum http_method
http_method_find(struct slice name)
{
	for (unsigned i = HTTP_METHOD_OTHER + 1; i < N_METHODS; i++)
		if (slice_is(name, method_names[i]))
			return (enum http_method)i;
	return HTTP_METHOD_OTHER;
}
