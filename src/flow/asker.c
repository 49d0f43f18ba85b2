#include "flow/asker.h"

static bool
is(const char *name, const char *lower, size_t n)
{
	return slice_eq_nocase(slice_of(name, n), slice_of(lower, n));
}

/* Where the value of field ${name} belongs; NULL: it tells nothing. */
static struct slice *
place(struct asker *a, const char *name, size_t n)
{
	switch (n) {
	case sizeof "via" - 1:
		a->is_proxied = a->is_proxied || is(name, "via", n);
		return NULL;
	case sizeof "host" - 1:
		return is(name, "host", n) ? &a->host : NULL;
	case sizeof "origin" - 1:
		return is(name, "origin", n) ? &a->origin : NULL;
	case sizeof "api-key" - 1:
		return is(name, "api-key", n) ? &a->api_key : NULL;
	case sizeof "x-api-key" - 1:
		if (is(name, "x-api-key", n))
			return &a->x_api_key;
		a->is_proxied = a->is_proxied || is(name, "x-real-ip", n) ||
		    is(name, "forwarded", n);
		return NULL;
	case sizeof "authorization" - 1:
		return is(name, "authorization", n) ? &a->authorization : NULL;
	case sizeof "sec-fetch-site" - 1:
		return is(name, "sec-fetch-site", n) ? &a->fetch_site : NULL;
	case sizeof "x-forwarded-for" - 1:
		a->is_proxied = a->is_proxied || is(name, "x-forwarded-for", n);
		return NULL;
	default:
		return NULL;
	}
}

void
asker_read(struct asker *a, const struct http_head *head)
{
	*a = (struct asker){0};
	for (unsigned i = 0; i < head->n_fields; i++) {
		const struct http_field *f = &head->fields[i];
		struct slice *to = place(a, head->base + f->name_at, f->name_n);

		if (to != NULL && to->p == NULL)
			*to = slice_of(head->base + f->value_at, f->value_n);
	}
}
