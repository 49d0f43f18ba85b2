/* head: read and judge the request's head. */
#include "flow/client.h"
#include "flow/flow.h"

/*
 * The origin form of ${t}: proxies' clients send "http://host/path", which
 * means the same here (RFC 9112 3.2.2).
 */
static struct slice
origin_form(struct slice t)
{
	static const struct slice scheme = SLICE("http://");
	static const struct slice root = SLICE("/");
	struct slice rest = slice_from(t, scheme.n);
	size_t at = slice_find(rest, '/');

	if (!slice_starts(t, scheme))
		return t;
	return at < rest.n ? slice_from(rest, at) : root;
}

/*
 * For clients that take only a URL the key may stand before the path,
 * /k/KEY/api/chat: it is taken out before anybody looks at the target.
 */
static void
take_key(struct flow *f)
{
	static const struct slice prefix = SLICE("/k/");
	static const struct slice root = SLICE("/");
	struct slice rest = slice_from(f->target, prefix.n);
	size_t n = slice_find(rest, '/');

	if (!slice_starts(f->target, prefix) || n == 0)
		return;
	f->path_key = slice_to(rest, n);
	f->target = n < rest.n ? slice_from(rest, n) : root;
}

enum step
stage_head(struct flow *f)
{
	struct client *c = f->client;
	struct slice in = conn_in(&c->conn), body;
	size_t used = 0;
	char *copy;

	if (f->is_late) {
		f->refusal.limit = f->conf->limits_head_time_us / 1000000;
		return flow_refuse(f, ERR_HEAD_TIMEOUT);
	}
	switch (http_parser_next(&c->parser, &f->head, in, &used, &body)) {
	case HTTP_EVENT_MORE:
		conn_eat(&c->conn, used);
		return STEP_WAIT;
	case HTTP_EVENT_HEAD:
		break;
	default:
		f->refusal = http_parser_refusal(&c->parser);
		return STEP_REFUSE;
	}
	/* The bytes leave the window; what the walk needs stays with it. */
	copy = arena_alloc(&f->arena, f->head.n);
	if (copy == NULL)
		return flow_refuse(f, ERR_INTERNAL);
	memcpy(copy, f->head.base, f->head.n);
	http_head_move(&f->head, copy);
	f->has_head = true;
	f->target = origin_form(http_head_target(&f->head));
	take_key(f);
	c->keep_alive = f->head.keep_alive;
	c->body_open = true;
	c->holds_body = f->head.expect_continue;
	conn_eat(&c->conn, used);
	conn_set_deadline(&c->conn, INT64_MAX);
	if (!http_parser_has_body(&c->parser) &&
	    http_parser_next(&c->parser, &f->env->scrap, conn_in(&c->conn),
		&used, &body) == HTTP_EVENT_END) {
		c->body_open = false;
		f->body_done = true;
	}
	return STEP_NEXT;
}
