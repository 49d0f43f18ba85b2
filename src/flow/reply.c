#include "flow/reply.h"
#include "flow/browser.h"
#include "flow/client.h"
#include "http/write.h"
#include "limit/quota.h"
#include "os/clock.h"
#include <stdio.h>

static struct slice
flow_id(const struct flow *f)
{
	return slice_of(f->id, ID_LEN);
}

/* HTTP/1.0 keeps a connection only where both say so. */
static enum err
add_connection(struct flow *f, struct buf *b)
{
	struct client *c = f->client;

	if (client_must_close(c) || f->env->is_draining || f->env->is_leaving)
		c->keep_alive = false;
	if (f->delimit == DELIMIT_CLOSE)
		c->keep_alive = false;
	if (!c->keep_alive)
		return buf_add_str(b, "Connection: close\r\n");
	if (f->has_head && f->head.minor == 0)
		return buf_add_str(b, "Connection: keep-alive\r\n");
	return OK;
}

static enum err
add_quota(struct flow *f, struct buf *b)
{
	struct quota q = {.rate = f->has_quota ? &f->caller->rate : NULL,
	    .requests = &f->quota,
	    .rule = f->has_tokens ? &f->caller->tokens : NULL,
	    .tokens = &f->tokens};

	return quota_add_fields(b, &q);
}

enum err
reply_head(struct flow *f, int status, struct buf *b)
{
	struct slice date =
	    http_date_get(&f->env->date, os_wall_us() / 1000000);
	enum err e;

	f->status = status;
	if ((e = http_write_status(b, status)) != OK ||
	    (e = buf_add_str(b, "Date: ")) != OK ||
	    (e = buf_add(b, date)) != OK ||
	    (e = buf_add_str(b, "\r\nServer: weir\r\nX-Request-Id: ")) != OK ||
	    (e = buf_add(b, flow_id(f))) != OK ||
	    (e = buf_add_str(b, "\r\n")) != OK)
		return e;
	if ((f->has_quota || f->has_tokens) && (e = add_quota(f, b)) != OK)
		return e;
	if ((e = browser_add_fields(f, b)) != OK)
		return e;
	return add_connection(f, b);
}

static bool
is_head_request(const struct flow *f)
{
	return f->has_head && f->head.method == HTTP_METHOD_HEAD;
}

void
reply_whole(struct flow *f, int status, const char *type, struct slice body)
{
	struct buf *b = &f->reply;
	struct slice out[2];
	enum err e;

	buf_clear(b);
	e = reply_head(f, status, b);
	if (e == OK && status == 405)
		e = http_write_field(b, slice_str("Allow"), f->refusal.what);
	if (e == OK && status == 401)
		e = buf_add_str(b, "WWW-Authenticate: Bearer\r\n");
	if (e == OK && f->err != OK && f->refusal.wait_us > 0 &&
	    err_get(f->err)->retry)
		e = http_write_field_u64(b, "Retry-After",
		    (uint64_t)error_wait_s(f->refusal.wait_us));
	if (e == OK)
		e = buf_printf(b, "Content-Type: %s\r\n", type);
	if (e == OK)
		e = http_write_field_u64(b, "Content-Length", body.n);
	if (e == OK)
		e = http_write_end(b);
	if (e != OK) {
		f->client->keep_alive = false;
		return;
	}
	out[0] = buf_slice(b);
	out[1] = body;
	f->first_us = os_now_us();
	client_write(f->client, out, is_head_request(f) ? 1 : 2);
	f->head_sent = true;
	f->answer_ended = true;
}

void
reply_empty(struct flow *f, int status)
{
	struct buf *b = &f->reply;
	struct slice out;

	buf_clear(b);
	f->first_us = os_now_us();
	f->head_sent = f->answer_ended = true;
	if (reply_head(f, status, b) != OK || http_write_end(b) != OK) {
		f->client->keep_alive = false;
		return;
	}
	out = buf_slice(b);
	client_write(f->client, &out, 1);
}

/* Before the route is known, the shape of the error is guessed by the path. */
static enum dialect
dialect_of(const struct flow *f)
{
	if (f->match.route)
		return f->match.route->dialect;
	if (f->has_head)
		return route_dialect(f->target);
	return DIALECT_OLLAMA;
}

void
reply_refusal(struct flow *f)
{
	struct buf *body = &f->env->scratch;
	int status = err_get(f->refusal.err)->status;

	buf_clear(body);
	/* A head that cannot be read leaves the connection out of step. */
	if (!f->has_head)
		f->client->keep_alive = false;
	if (status == 0 ||
	    error_write(body, dialect_of(f), &f->refusal, flow_id(f)) != OK) {
		f->client->keep_alive = false;
		status = status ? status : 500;
	}
	reply_whole(f, status, "application/json", buf_slice(body));
}

void
reply_too_many(struct client *c)
{
	struct buf *body = &c->env->scratch;
	const struct refusal why = {
	    .err = ERR_TOO_MANY_CONNECTIONS, .wait_us = 1000000};
	struct slice out[2];
	char head[256];
	int n;

	buf_clear(body);
	/* Whoever it is has not said a word yet: Ollama's form is short. */
	if (error_write(body, DIALECT_OLLAMA, &why, (struct slice){0}) != OK)
		return;
	n = snprintf(head, sizeof head,
	    "HTTP/1.1 503 Service Unavailable\r\nServer: weir\r\n"
	    "Content-Type: application/json\r\nRetry-After: 1\r\n"
	    "Connection: close\r\nContent-Length: %zu\r\n\r\n",
	    body->n);
	out[0] = slice_of(head, (size_t)n);
	out[1] = buf_slice(body);
	(void)!conn_write(&c->conn, out, 2);
}
