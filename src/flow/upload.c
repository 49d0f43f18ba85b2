#include "flow/upload.h"
#include "flow/client.h"
#include "http/write.h"

static bool
is_chunked(const struct flow *f)
{
	return f->head.content_length < 0;
}

bool
upload_is_open(const struct flow *f)
{
	return f->uploads && !f->body_done && !f->up_head && !f->up_failed &&
	    f->refusal.err == OK;
}

enum err
upload_add_fields(const struct flow *f, struct buf *b)
{
	if (is_chunked(f))
		return buf_add_str(b, "Transfer-Encoding: chunked\r\n");
	return http_write_field_u64(
	    b, "Content-Length", (uint64_t)f->head.content_length);
}

static void
pass(struct flow *f, struct slice part)
{
	char size[HTTP_CHUNK_HEAD_MAX];
	struct slice out[3] = {part};

	if (!is_chunked(f)) {
		upstream_write(f->up, out, 1);
		return;
	}
	out[0] = slice_of(size, http_chunk_head(size, part.n));
	out[1] = part;
	out[2] = (struct slice)SLICE("\r\n");
	upstream_write(f->up, out, 3);
}

static void
finish(struct flow *f)
{
	struct slice last = http_chunk_last();

	f->body_done = true;
	f->client->body_open = false;
	conn_set_deadline(&f->client->conn, INT64_MAX);
	if (is_chunked(f))
		upstream_write(f->up, &last, 1);
	f->up->is_sending = false;
}

/* One step of the parser; false when nothing more can be done now. */
static bool
pass_next(struct flow *f)
{
	struct client *c = f->client;
	struct slice part;
	size_t used = 0;
	enum http_event ev = http_parser_next(
	    &c->parser, &f->env->scrap, conn_in(&c->conn), &used, &part);

	if (ev == HTTP_EVENT_BODY)
		pass(f, part);
	conn_eat(&c->conn, used);
	switch (ev) {
	case HTTP_EVENT_BODY:
		return true;
	case HTTP_EVENT_END:
		finish(f);
		return false;
	case HTTP_EVENT_MORE:
		conn_read_start(&c->conn);
		conn_set_deadline(
		    &c->conn, os_now_us() + f->conf->limits_stall_us);
		return false;
	default:
		c->keep_alive = false;
		f->refusal = http_parser_refusal(&c->parser);
		flow_wake(f);
		return false;
	}
}

static bool
engine_is_ready(const struct flow *f)
{
	return f->up != NULL && f->up->opened && !f->up->conn.failed &&
	    conn_pending(&f->up->conn) == 0;
}

void
upload_more(struct flow *f)
{
	static const struct slice go_on =
	    SLICE("HTTP/1.1 100 Continue\r\n\r\n");
	struct client *c = f->client;

	/* Who waits for the engine is not late himself. */
	conn_set_deadline(&c->conn, INT64_MAX);
	if (upload_is_open(f) && engine_is_ready(f) && c->holds_body) {
		c->holds_body = false;
		client_write(c, &go_on, 1);
	}
	while (upload_is_open(f) && engine_is_ready(f) && pass_next(f))
		continue;
}

void
upload_begin(struct flow *f)
{
	f->up->is_sending = true;
	upload_more(f);
}

void
upload_late(struct flow *f)
{
	f->refusal.err = ERR_BODY_TIMEOUT;
	flow_wake(f);
}
