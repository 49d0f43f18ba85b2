#include "flow/relay.h"
#include "dialect/catalog.h"
#include "flow/client.h"
#include "flow/heartbeat.h"
#include "flow/models.h"
#include "flow/recall.h"
#include "flow/reply.h"
#include "flow/reserve.h"
#include "flow/space.h"
#include "http/write.h"

enum {
	PAUSE_BYTES = 8 * 1024 * 1024, /* waiting for a slow reader */
	OUT_SLICES = CONN_SLICES - 6,  /* head, chunk head and tails besides */
};

/* Fields of the engine that go on to the caller; all others do not. */
static const struct {
	const char *lower;
	const char *line;
} passed[] = {
    {"content-type", "Content-Type: "},
    {"cache-control", "Cache-Control: "},
    {"retry-after", "Retry-After: "},
};

/* What goes out with one write. */
struct out {
	struct slice parts[OUT_SLICES];
	unsigned n;
	size_t bytes;
};

static void
add(struct out *o, struct slice s)
{
	struct slice *last = o->n ? &o->parts[o->n - 1] : NULL;

	o->bytes += s.n;
	/* Neighbours in memory are one slice. */
	if (last && last->p + last->n == s.p)
		last->n += s.n;
	else
		o->parts[o->n++] = s;
}

/* Write ${o}, framed, behind the head if that is still held. */
static void
flush(struct flow *f, struct out *o, bool last)
{
	static const struct slice crlf = SLICE("\r\n");
	struct slice s[CONN_SLICES];
	char size[HTTP_CHUNK_HEAD_MAX];
	bool chunks = f->delimit == DELIMIT_CHUNKS;
	unsigned n = 0;

	if (o->bytes == 0 && !last)
		return;
	if (!f->head_sent)
		s[n++] = buf_slice(&f->reply);
	f->head_sent = true;
	if (f->beat_set || f->first_us == 0)
		f->last_us = os_now_us();
	f->sent_bytes += o->bytes;
	if (o->bytes > 0 && f->first_us == 0)
		f->first_us = f->last_us;
	if (chunks && o->bytes > 0)
		s[n++] = slice_of(size, http_chunk_head(size, o->bytes));
	for (unsigned i = 0; i < o->n; i++)
		s[n++] = o->parts[i];
	if (chunks && o->bytes > 0)
		s[n++] = crlf;
	if (chunks && last)
		s[n++] = http_chunk_last();
	client_write(f->client, s, n);
	o->n = 0;
	o->bytes = 0;
}

/* --- the head --- */

static enum framing
framing_of(const struct http_head *h)
{
	struct slice type = http_head_find(h, "content-type");

	type = slice_trim(slice_to(type, slice_find(type, ';')));
	if (slice_eq_nocase(type, (struct slice)SLICE("text/event-stream")))
		return FRAMING_SSE;
	if (slice_eq_nocase(type, (struct slice)SLICE("application/x-ndjson")))
		return FRAMING_NDJSON;
	return FRAMING_WHOLE;
}

static enum delimit
delimit_of(const struct flow *f, const struct http_head *h)
{
	if (f->head.method == HTTP_METHOD_HEAD || h->status == 204 ||
	    h->status == 304)
		return DELIMIT_NONE;
	if (h->content_length >= 0 && !h->chunked &&
	    f->framing == FRAMING_WHOLE)
		return DELIMIT_LENGTH;
	return f->head.minor == 1 ? DELIMIT_CHUNKS : DELIMIT_CLOSE;
}

/* Its length would tell how much the caller does not see. */
static bool
is_head_of_listing(const struct flow *f)
{
	return f->head.method == HTTP_METHOD_HEAD &&
	    catalog_is_listing(f->match.route);
}

static enum err
write_head(struct flow *f, const struct http_head *h)
{
	struct buf *b = &f->reply;
	enum err e;

	buf_clear(b);
	if ((e = reply_head(f, h->status, b)) != OK)
		return e;
	for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
		struct slice value = http_head_find(h, passed[i].lower);

		/* The parser has found its bytes fit for a field. */
		if (value.n &&
		    ((e = buf_add_str(b, passed[i].line)) != OK ||
			(e = buf_add(b, value)) != OK ||
			(e = http_write_end(b)) != OK))
			return e;
	}
	if (f->delimit == DELIMIT_CHUNKS)
		e = buf_add_str(b, "Transfer-Encoding: chunked\r\n");
	else if (f->delimit != DELIMIT_CLOSE && h->content_length >= 0 &&
	    !is_head_of_listing(f))
		e = http_write_field_u64(
		    b, "Content-Length", (uint64_t)h->content_length);
	if (e != OK)
		return e;
	return http_write_end(b);
}

enum step
relay_begin(struct flow *f)
{
	const struct http_head *h = &f->up->head;
	const struct route *route = f->match.route;
	enum framing framing = framing_of(h);

	engine_note_alive(f->engine);
	f->wraps = !heartbeat_fits(f, framing, h->status);
	if (!f->has_beaten) {
		f->framing = framing;
		f->delimit = delimit_of(f, h);
	}
	f->has_answer = h->status == 200 && !f->wraps &&
	    (route->class == CLASS_INFERENCE || route->shape == SHAPE_PROGRESS);
	if (f->has_answer) {
		answer_init(
		    &f->answer, route, f->framing != FRAMING_WHOLE, &f->arena);
		sse_init(&f->sse, SSE_EVENT_MAX);
		ndjson_init(&f->ndjson, NDJSON_LINE_MAX);
	} else if (h->status >= 400) {
		f->err = ERR_ENGINE_STATUS;
	}
	f->cuts = !f->wraps && models_cuts(f, h);
	f->saves = recall_wants(f, h) || f->wraps || f->cuts;
	if (!f->has_beaten && !f->cuts && write_head(f, h) != OK) {
		upstream_close(f->up);
		f->up = NULL;
		return flow_refuse(f, ERR_ENGINE_PROTOCOL);
	}
	return STEP_WAIT;
}

/* --- the body --- */

/* The next piece of ${in} and what it was. */
static bool
next_piece(struct flow *f, struct slice in, size_t *used, unsigned *marks)
{
	*marks = 0;
	if (f->framing == FRAMING_SSE) {
		struct sse_item item;

		switch (sse_next(&f->sse, in, used, &item)) {
		case SSE_EVENT:
			*marks =
			    answer_event(&f->answer, item.event, item.data);
			return true;
		case SSE_COMMENT:
			return true;
		case SSE_MORE:
			return false;
		case SSE_BAD:
			break;
		}
	} else {
		struct ndjson_item item;

		switch (ndjson_next(&f->ndjson, in, used, &item)) {
		case NDJSON_LINE:
			*marks = answer_line(&f->answer, item.value);
			if (f->match.route->shape == SHAPE_PROGRESS &&
			    space_note(f, item.value))
				f->is_too_large = true;
			return true;
		case NDJSON_BLANK:
			return true;
		case NDJSON_MORE:
			return false;
		case NDJSON_BAD:
			break;
		}
	}
	/* A piece past all bounds: relay, read no more. */
	f->is_unread = true;
	return false;
}

/* Cut ${part} into pieces, read them, and relay them where that waits. */
static void
read_pieces(struct flow *f, struct slice part, struct out *o)
{
	bool strips = f->edits.strip_usage;
	struct slice in = part;
	size_t eaten = 0, used;
	unsigned marks;

	if (f->carry.n > 0) {
		/* Slices of the carry must be written before it changes. */
		if (strips)
			flush(f, o, false);
		if (buf_add(&f->carry, part) != OK)
			f->is_unread = true;
		in = buf_slice(&f->carry);
	}
	while (!f->is_unread &&
	    next_piece(f, slice_from(in, eaten), &used, &marks)) {
		if (strips && !(marks & ANSWER_USAGE_ONLY)) {
			if (o->n == OUT_SLICES)
				flush(f, o, false);
			add(o, slice_of(in.p + eaten, used));
		}
		eaten += used;
	}
	if (strips && f->is_unread) {
		add(o, slice_from(in, eaten));
		flush(f, o, false);
		buf_clear(&f->carry);
	} else if (f->carry.n > 0) {
		if (strips)
			flush(f, o, false);
		buf_drop(&f->carry, eaten);
	} else if (buf_add(&f->carry, slice_from(in, eaten)) != OK) {
		f->is_unread = true;
	}
}

static void
take_part(struct flow *f, struct slice part, struct out *o)
{
	bool strips = false;

	if (f->has_answer && f->framing == FRAMING_WHOLE) {
		answer_part(&f->answer, part);
	} else if (f->has_answer && !f->is_unread) {
		strips = f->edits.strip_usage;
		read_pieces(f, part, o);
	}
	if (!strips && !f->wraps && !f->cuts) {
		if (o->n == OUT_SLICES)
			flush(f, o, false);
		add(o, part);
	}
	if (f->saves && buf_add(&f->saved, part) != OK)
		f->saves = false;
}

/* Bytes of an error inside of the stream, in the arena; empty: none. */
static struct slice
error_piece(struct flow *f, enum err e)
{
	struct error_place at = {.route = f->match.route,
	    .request_id = slice_of(f->id, ID_LEN),
	    .is_inside = f->carry.n > 0};
	struct refusal why = {.err = e,
	    .limit = f->engine->between_bytes_us / 1000000,
	    .wait_us = f->refusal.wait_us,
	    .reason = f->refusal.reason};
	struct buf *b = &f->env->scratch;

	buf_clear(b);
	if (error_write_in_stream(b, &at, &why) != OK)
		return (struct slice){0};
	return buf_slice(b);
}

/* The engine's own answer inside of a stream that was promised before. */
static struct slice
wrapped(struct flow *f)
{
	struct buf *b = &f->env->scratch;

	buf_clear(b);
	if (f->saves &&
	    heartbeat_wrap(
		f, buf_slice(&f->saved), f->up->head.status != 200, b) == OK)
		return buf_slice(b);
	return error_piece(f, ERR_ENGINE_FAILED);
}

/* The listing is whole, unless it was larger than any. */
static void
reply_listing(struct flow *f)
{
	char type[sizeof f->up_type + 1];

	memcpy(type, f->up_type, f->up_type_n);
	type[f->up_type_n] = 0;
	models_reply(f, f->up_type_n ? type : "application/json",
	    f->saves ? buf_slice(&f->saved) : (struct slice){0});
}

/* The engine's answer is whole, as HTTP sees it; is it, as its API does? */
static void
finish(struct flow *f, struct out *o)
{
	enum err e = OK;

	if (f->has_answer && !f->is_unread) {
		if (f->framing == FRAMING_WHOLE)
			(void)answer_parts_end(&f->answer);
		e = answer_end(&f->answer);
	}
	/* What waits for its end goes as it is. */
	if (f->edits.strip_usage && f->carry.n > 0) {
		if (o->n == OUT_SLICES)
			flush(f, o, false);
		add(o, buf_slice(&f->carry));
	}
	if (e != OK)
		f->err = e;
	if (e == ERR_UPSTREAM_INCOMPLETE && f->framing != FRAMING_WHOLE) {
		flush(f, o, false);
		add(o, error_piece(f, e));
	}
	if (f->wraps)
		add(o, wrapped(f));
	if (f->cuts)
		reply_listing(f);
	else
		flush(f, o, true);
	f->answer_ended = true;
	if (f->match.route->class == CLASS_MANAGE && f->status == 200)
		engine_note_changed(f->engine);
	upstream_release(f->up);
	f->up = NULL;
	if (f->saves && !f->wraps)
		recall_save(f);
}

bool
relay_body(struct flow *f)
{
	struct upstream *up = f->up;
	struct client *c = f->client;
	struct out o = {.n = 0};

	for (unsigned i = 0; i < up->n_parts; i++)
		take_part(f, up->parts[i], &o);
	if (up->ended) {
		finish(f, &o);
		return true;
	}
	reserve_note(f);
	flush(f, &o, false);
	if (f->is_too_large) {
		f->up_failed = true;
		f->up_err = ERR_DISK_FULL;
		return true;
	}
	if (conn_pending(&c->conn) > 0)
		conn_set_deadline(
		    &c->conn, c->conn.wrote_us + f->env->conf->limits_stall_us);
	if (conn_pending(&c->conn) > PAUSE_BYTES)
		upstream_pause(up);
	return false;
}

void
relay_wrapped(struct flow *f)
{
	struct out o = {.n = 0};
	struct buf *b = &f->env->scratch;

	buf_clear(b);
	if (heartbeat_wrap(f, buf_slice(&f->saved), true, b) == OK)
		add(&o, buf_slice(b));
	flush(f, &o, true);
	f->answer_ended = true;
}

void
relay_refusal(struct flow *f)
{
	struct out o = {.n = 0};
	struct error_place at = {
	    .route = f->match.route, .request_id = slice_of(f->id, ID_LEN)};
	struct buf *b = &f->env->scratch;

	buf_clear(b);
	if (error_write_in_stream(b, &at, &f->refusal) == OK)
		add(&o, buf_slice(b));
	flush(f, &o, true);
	f->answer_ended = true;
}

enum step
relay_broken(struct flow *f, enum err why)
{
	struct out o = {.n = 0};
	enum err e = ERR_UPSTREAM_INCOMPLETE;

	upstream_close(f->up);
	f->up = NULL;
	if (why == ERR_TIMEOUT)
		e = ERR_ENGINE_TIMEOUT;
	else if (why == ERR_SYNTAX)
		e = ERR_ENGINE_PROTOCOL;
	else if (err_get(why)->status > 0)
		e = why;
	f->err = e;
	if (!f->head_sent) {
		f->refusal.limit = f->engine->between_bytes_us / 1000000;
		return flow_refuse(f, e);
	}
	if ((f->has_answer || f->has_beaten) && f->framing != FRAMING_WHOLE) {
		if (f->edits.strip_usage && f->carry.n > 0)
			add(&o, buf_slice(&f->carry));
		add(&o, error_piece(f, e));
		flush(f, &o, true);
		f->answer_ended = true;
		return STEP_DONE;
	}
	/* Half a document: only a broken connection says so. */
	conn_reset(&f->client->conn);
	return STEP_DONE;
}

void
relay_drained(struct flow *f)
{
	if (f->up)
		upstream_resume(f->up);
}
