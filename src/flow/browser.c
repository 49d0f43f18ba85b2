#include "flow/browser.h"
#include "caller/page.h"
#include "flow/client.h"
#include "flow/reply.h"
#include "http/write.h"

static bool
host_is_ours(const struct flow *f, struct slice host)
{
	const struct page_names names = {
	    .own = slice_str(f->env->host_name),
	    .more = &f->conf->hosts,
	    .is_far = !address_is_local(&f->client->address),
	};

	return page_host_is_ours(host, &names);
}

void
browser_note(struct flow *f, const struct asker *a)
{
	if (a->origin.n == 0)
		return;
	if (page_origin_is_allowed(a->origin, &f->conf->origins) ||
	    (page_is_of(a->origin, a->host) && host_is_ours(f, a->host)))
		f->page = a->origin;
}

bool
browser_is_preflight(const struct flow *f, const struct asker *a)
{
	return f->head.method == HTTP_METHOD_OPTIONS && a->origin.n > 0 &&
	    http_head_find(&f->head, "access-control-request-method").n > 0;
}

enum step
browser_preflight(struct flow *f)
{
	if (f->page.n == 0)
		return flow_refuse(f, ERR_ORIGIN_FORBIDDEN);
	reply_empty(f, 204);
	return STEP_DONE;
}

enum err
browser_judge(const struct flow *f, const struct asker *a, bool by_key)
{
	static const struct slice cross = SLICE("cross-site");

	if (!by_key && !f->client->address.is_unix && !host_is_ours(f, a->host))
		return ERR_HOST_FORBIDDEN;
	if (a->origin.n > 0)
		return f->page.n > 0 ? OK : ERR_ORIGIN_FORBIDDEN;
	/* Images, scripts and links of a page have no Origin. */
	return slice_eq_nocase(a->fetch_site, cross) ? ERR_ORIGIN_FORBIDDEN
						     : OK;
}

/* What a page may send is what it asked for: the origin is trusted or not. */
static enum err
add_preflight_fields(const struct flow *f, struct buf *b)
{
	struct slice wanted =
	    http_head_find(&f->head, "access-control-request-headers");
	enum err e = buf_add_str(b,
	    "Access-Control-Allow-Methods: "
	    "GET, HEAD, POST, PUT, DELETE\r\n"
	    "Access-Control-Max-Age: 7200\r\n");

	if (e == OK && wanted.n > 0)
		e = http_write_field(
		    b, slice_str("Access-Control-Allow-Headers"), wanted);
	if (e == OK &&
	    http_head_find(&f->head, "access-control-request-private-network")
		    .n > 0)
		e = buf_add_str(
		    b, "Access-Control-Allow-Private-Network: true\r\n");
	return e;
}

enum err
browser_add_fields(const struct flow *f, struct buf *b)
{
	enum err e;

	if (f->page.n == 0)
		return OK;
	if ((e = http_write_field(
		 b, slice_str("Access-Control-Allow-Origin"), f->page)) != OK ||
	    (e = buf_add_str(b,
		 "Vary: Origin\r\n"
		 "Access-Control-Expose-Headers: *\r\n")) != OK)
		return e;
	return f->status == 204 && f->head.method == HTTP_METHOD_OPTIONS
	    ? add_preflight_fields(f, b)
	    : OK;
}
