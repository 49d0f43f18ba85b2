/*
 * The guard lays out a head while it comes in; llhttp reads it once, when it
 * is complete, and both must mean the same.  Sized bodies need only a counter;
 * chunks are llhttp's, which is paused behind each piece of data.  llhttp
 * never sees the bytes behind the head of a message without chunks, so its
 * own ideas of bodies, upgrades and keep-alive decide nothing.
 */
#include "http/parser.h"
#include <assert.h>

enum {
	INTERIM_MAX = 32 /* 1xx heads before one answer */
};

static enum http_event
bad(struct http_parser *p, enum err err, const char *reason)
{
	p->fault = (struct http_fault){.err = err, .reason = reason};
	p->state = HTTP_PARSER_BAD;
	return HTTP_EVENT_BAD;
}

/* The guard has set the fault. */
static enum http_event
bad_already(struct http_parser *p)
{
	p->state = HTTP_PARSER_BAD;
	return HTTP_EVENT_BAD;
}

/* llhttp refused; its reasons are literals. */
static enum http_event
bad_by_llhttp(struct http_parser *p, const char *otherwise)
{
	const char *reason = llhttp_get_error_reason(&p->llhttp);

	return bad(p, ERR_BAD_REQUEST, reason && *reason ? reason : otherwise);
}

/* --- what llhttp calls --- */

/* Does llhttp see the head that the guard saw? */
static int
on_headers_complete(llhttp_t *ll)
{
	struct http_parser *p = ll->data;
	const struct http_head *h = p->judged;
	bool is_chunked = (ll->flags & F_CHUNKED) != 0;
	bool has_length = (ll->flags & F_CONTENT_LENGTH) != 0;

	ll->upgrade = 0;
	if (ll->http_major != 1 || ll->http_minor != h->minor ||
	    is_chunked != h->chunked ||
	    has_length != (h->content_length >= 0) ||
	    (has_length && ll->content_length != (uint64_t)h->content_length))
		return -1;
	if (p->guard.side == HTTP_SIDE_RESPONSE)
		return ll->status_code == h->status ? 0 : -1;
	return slice_is(http_head_method(h), llhttp_method_name(ll->method))
	    ? 0
	    : -1;
}

static int
on_body(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;

	p->chunk = slice_of(at, n);
	return HPE_PAUSED;
}

/* The size line is complete.  Behind the last chunk we read on alone. */
static int
on_chunk_header(llhttp_t *ll)
{
	struct http_parser *p = ll->data;

	p->chunk_ext_n = 0;
	p->chunk_is_last = ll->content_length == 0;
	return p->chunk_is_last ? HPE_PAUSED : 0;
}

static int
on_chunk_ext(llhttp_t *ll, const char *at, size_t n)
{
	struct http_parser *p = ll->data;

	if (n > p->limits.chunk_ext_bytes - p->chunk_ext_n)
		return -1;
	p->chunk_ext_n += (uint32_t)n;
	return 0;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_chunk_ext,
    .on_chunk_extension_value = on_chunk_ext,
};

/* Feed the complete head ${h}; false if llhttp refuses or disagrees. */
static bool
llhttp_agrees(struct http_parser *p, const struct http_head *h)
{
	llhttp_errno_t e;

	llhttp_init(&p->llhttp,
	    p->guard.side == HTTP_SIDE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE,
	    &settings);
	p->llhttp.data = p;
	p->judged = h;
	e = llhttp_execute(&p->llhttp, h->base, h->n);
	p->judged = NULL;
	return e == HPE_OK;
}

/* --- the states --- */

static bool
is_without_body(const struct http_parser *p, const struct http_head *h)
{
	return p->guard.side == HTTP_SIDE_RESPONSE &&
	    (p->expect_head || h->status == 204 || h->status == 304);
}

/* RFC 9112 6.3: where does the body end? */
static void
begin_body(struct http_parser *p, struct http_head *h)
{
	if (is_without_body(p, h)) {
		p->state = HTTP_PARSER_END;
	} else if (h->chunked) {
		p->state = HTTP_PARSER_CHUNKS;
		p->chunk_is_last = false;
		p->chunk_ext_n = 0;
		p->trailer = (struct http_trailer){0};
	} else if (h->content_length >= 0) {
		p->left = (uint64_t)h->content_length;
		p->state = p->left ? HTTP_PARSER_LENGTH : HTTP_PARSER_END;
	} else if (p->guard.side == HTTP_SIDE_REQUEST) {
		p->state = HTTP_PARSER_END;
	} else {
		p->state = HTTP_PARSER_UNTIL_EOF;
		h->keep_alive = false;
	}
}

static enum http_event
next_head(
    struct http_parser *p, struct http_head *h, struct slice in, size_t *used)
{
	enum http_side side = p->guard.side;

	for (;;) {
		struct slice s = slice_from(in, p->skip);

		if (!http_guard_read(&p->guard, &p->limits, h, s, &p->fault))
			return p->fault.err == OK ? HTTP_EVENT_MORE
						  : bad_already(p);
		if (!http_guard_judge(side, h, &p->fault))
			return bad_already(p);
		if (h->status == 101)
			return bad(p, ERR_BAD_REQUEST, "an unasked 101");
		if (!llhttp_agrees(p, h))
			return bad_by_llhttp(p, "the head is malformed");
		*used = (size_t)(h->base - in.p) + h->n;
		http_guard_init(&p->guard, side);
		if (side == HTTP_SIDE_REQUEST || h->status >= 200)
			break;
		if (h->chunked || h->content_length > 0)
			return bad(p, ERR_BAD_REQUEST, "a 1xx with a body");
		if (++p->n_interim > INTERIM_MAX)
			return bad(p, ERR_BAD_REQUEST, "too many 1xx");
		p->skip = (uint32_t)*used;
		*used = 0;
	}
	p->skip = 0;
	begin_body(p, h);
	return HTTP_EVENT_HEAD;
}

static enum http_event
next_sized(
    struct http_parser *p, struct slice in, size_t *used, struct slice *body)
{
	if (in.n == 0)
		return HTTP_EVENT_MORE;
	*used = in.n < p->left ? in.n : (size_t)p->left;
	*body = slice_of(in.p, *used);
	p->left -= *used;
	if (p->left == 0)
		p->state = HTTP_PARSER_END;
	return HTTP_EVENT_BODY;
}

static enum http_event
next_until_eof(struct slice in, size_t *used, struct slice *body)
{
	if (in.n == 0)
		return HTTP_EVENT_MORE;
	*body = in;
	*used = in.n;
	return HTTP_EVENT_BODY;
}

static enum http_event
end(struct http_parser *p)
{
	p->state = HTTP_PARSER_HEAD;
	p->expect_head = false;
	p->n_interim = 0;
	return HTTP_EVENT_END;
}

static enum http_event
next_trailer(struct http_parser *p, struct slice in, size_t *used)
{
	if (http_trailer_read(&p->trailer, &p->limits, in, used, &p->fault))
		return end(p);
	return p->fault.err == OK ? HTTP_EVENT_MORE : bad_already(p);
}

static enum http_event
next_chunk(
    struct http_parser *p, struct slice in, size_t *used, struct slice *body)
{
	enum http_event event;
	llhttp_errno_t e;

	if (in.n == 0)
		return HTTP_EVENT_MORE;
	p->llhttp.data = p; /* the parser may have been moved */
	p->chunk = slice_of(NULL, 0);
	llhttp_resume(&p->llhttp);
	e = llhttp_execute(&p->llhttp, in.p, in.n);
	if (e != HPE_OK && e != HPE_PAUSED)
		return bad_by_llhttp(p, "a malformed chunk");
	*used = e == HPE_OK ? in.n
			    : (size_t)(llhttp_get_error_pos(&p->llhttp) - in.p);
	if (p->chunk.n) {
		*body = p->chunk;
		return HTTP_EVENT_BODY;
	}
	if (!p->chunk_is_last)
		return HTTP_EVENT_MORE;

	/* The size line of the last chunk went by: on with what is left. */
	size_t used_before = *used;
	p->state = HTTP_PARSER_TRAILERS;
	event = next_trailer(p, slice_from(in, used_before), used);
	*used += used_before;
	return event;
}

void
http_parser_init(
    struct http_parser *p, enum http_side side, const struct http_limits *l)
{
	*p = (struct http_parser){.state = HTTP_PARSER_HEAD, .limits = *l};
	http_guard_init(&p->guard, side);
}

void
http_parser_expect_head(struct http_parser *p)
{
	assert(p->guard.side == HTTP_SIDE_RESPONSE && http_parser_is_idle(p));
	p->expect_head = true;
}

enum http_event
http_parser_next(struct http_parser *p, struct http_head *h, struct slice in,
    size_t *used, struct slice *body)
{
	*used = 0;
	*body = slice_of(NULL, 0);
	switch (p->state) {
	case HTTP_PARSER_HEAD:
		return next_head(p, h, in, used);
	case HTTP_PARSER_LENGTH:
		return next_sized(p, in, used, body);
	case HTTP_PARSER_CHUNKS:
		return next_chunk(p, in, used, body);
	case HTTP_PARSER_TRAILERS:
		return next_trailer(p, in, used);
	case HTTP_PARSER_UNTIL_EOF:
		return next_until_eof(in, used, body);
	case HTTP_PARSER_END:
		return end(p);
	case HTTP_PARSER_BAD:
		break;
	}
	return HTTP_EVENT_BAD;
}

enum http_event
http_parser_eof(struct http_parser *p)
{
	if (p->state == HTTP_PARSER_BAD)
		return HTTP_EVENT_BAD;
	if (p->state == HTTP_PARSER_UNTIL_EOF || p->state == HTTP_PARSER_END)
		return end(p);
	if (http_parser_is_idle(p))
		return HTTP_EVENT_MORE;
	return bad(p, ERR_EOF, "the stream ended inside of a message");
}

struct refusal
http_parser_refusal(const struct http_parser *p)
{
	const struct http_fault *f = &p->fault;
	bool is_ours = p->guard.side == HTTP_SIDE_REQUEST || f->err == ERR_EOF;

	assert(p->state == HTTP_PARSER_BAD && f->err != OK);
	return (struct refusal){
	    .err = is_ours ? f->err : ERR_ENGINE_PROTOCOL,
	    .limit = f->limit,
	    .what = slice_str(f->what),
	    .reason = slice_str(f->reason),
	};
}

bool
http_parser_is_idle(const struct http_parser *p)
{
	return p->state == HTTP_PARSER_HEAD && p->skip == 0 &&
	    !p->guard.has_first && p->guard.scanned == p->guard.line_at;
}

bool
http_parser_has_body(const struct http_parser *p)
{
	return p->state != HTTP_PARSER_HEAD && p->state != HTTP_PARSER_END &&
	    p->state != HTTP_PARSER_BAD;
}
