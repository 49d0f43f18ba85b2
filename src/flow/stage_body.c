/*
 * body: hold the request's body in one piece, within the bounds of one
 * request, of its caller and of all.
 */
#include "flow/client.h"
#include "flow/flow.h"
#include <stdlib.h>

enum {
	FREE_US = 10 * 1000000, /* the rate is not asked for before that */
	FIRST_CHUNK = 16 * 1024,
};

static bool
is_encoded(const struct flow *f)
{
	struct slice s = http_head_find(&f->head, "content-encoding");

	return s.n > 0 && !slice_eq_nocase(s, (struct slice)SLICE("identity"));
}

/* Count ${n} more bytes against this caller and all; false: too many. */
static bool
reserve(struct flow *f, uint64_t n)
{
	struct flow_env *env = f->env;
	uint64_t total = f->conf->limits_body_total;
	uint64_t *of_caller = &f->caller->body_bytes;

	if (n > total - (env->body_bytes < total ? env->body_bytes : total) ||
	    (*of_caller > 0 && *of_caller + n > total / 4))
		return false;
	env->body_bytes += n;
	*of_caller += n;
	f->body_reserved += n;
	series_set(env->m_body_bytes, (int64_t)env->body_bytes);
	return true;
}

void
body_release(struct flow *f)
{
	free(f->body);
	f->body = NULL;
	if (f->body_reserved == 0)
		return;
	f->env->body_bytes -= f->body_reserved;
	f->caller->body_bytes -= f->body_reserved;
	f->body_reserved = 0;
	series_set(f->env->m_body_bytes, (int64_t)f->env->body_bytes);
}

static enum step
too_large(struct flow *f)
{
	f->refusal.limit = (int64_t)f->conf->limits_body;
	return flow_refuse(f, ERR_BODY_TOO_LARGE);
}

static enum step
no_room(struct flow *f)
{
	f->refusal.wait_us = 1000000;
	return flow_refuse(f, ERR_BODY_BUFFER_FULL);
}

/* Room for ${n} more bytes of a body of unknown length. */
static enum step
grow(struct flow *f, size_t n)
{
	size_t cap = f->body_cap ? f->body_cap : FIRST_CHUNK;
	char *p;

	if (f->body_n + n > f->conf->limits_body)
		return too_large(f);
	if (f->body_n + n <= f->body_cap)
		return STEP_NEXT;
	while (cap < f->body_n + n)
		cap *= 2;
	if (!reserve(f, cap - f->body_cap))
		return no_room(f);
	if ((p = realloc(f->body, cap)) == NULL)
		return flow_refuse(f, ERR_INTERNAL);
	f->body = p;
	f->body_cap = cap;
	return STEP_NEXT;
}

/*
 * When to look again: at the end of all time, or when the bytes so far are
 * too few, at the earliest after a second.
 */
static void
set_deadline(struct flow *f, int64_t now_us)
{
	uint64_t rate = f->conf->limits_body_rate;
	int64_t at_us = f->body_from_us + f->conf->limits_body_time_us;

	if (rate > 0) {
		int64_t due_us = f->body_from_us + FREE_US +
		    (int64_t)((double)f->body_n * 1e6 / (double)rate);

		if (due_us < now_us + 1000000)
			due_us = now_us + 1000000;
		if (due_us < at_us)
			at_us = due_us;
	}
	conn_set_deadline(&f->client->conn, at_us);
}

/* The deadline has come: too slow, or just time to look again? */
static bool
is_too_slow(struct flow *f, int64_t now_us)
{
	int64_t spent_us = now_us - f->body_from_us;
	double least = (double)f->conf->limits_body_rate *
	    (double)(spent_us - FREE_US) / 1e6;

	return spent_us >= f->conf->limits_body_time_us ||
	    (spent_us > FREE_US && (double)f->body_n < least);
}

static enum step
begin(struct flow *f)
{
	struct client *c = f->client;
	int64_t length = f->head.content_length;
	static const struct slice go_on =
	    SLICE("HTTP/1.1 100 Continue\r\n\r\n");

	f->body_begun = true;
	f->body_from_us = os_now_us();
	if (is_encoded(f))
		return flow_refuse(f, ERR_BODY_ENCODED);
	if (length > 0) {
		if ((uint64_t)length > f->conf->limits_body)
			return too_large(f);
		if (!reserve(f, (uint64_t)length))
			return no_room(f);
		if ((f->body = malloc((size_t)length)) == NULL)
			return flow_refuse(f, ERR_INTERNAL);
		f->body_cap = (size_t)length;
	}
	if (c->holds_body)
		client_write(c, &go_on, 1);
	c->holds_body = false;
	set_deadline(f, f->body_from_us);
	return STEP_NEXT;
}

/* Take what the parser finds in ${in}; whether the body is complete. */
static enum step
take(struct flow *f, struct slice in, size_t *eaten)
{
	struct client *c = f->client;
	struct slice part;

	*eaten = 0;
	for (;;) {
		size_t used = 0;
		enum step step;

		switch (http_parser_next(&c->parser, &f->env->scrap,
		    slice_from(in, *eaten), &used, &part)) {
		case HTTP_EVENT_BODY:
			if ((step = grow(f, part.n)) != STEP_NEXT)
				return step;
			/* Already there when it was read in place. */
			if (part.p != f->body + f->body_n)
				memcpy(f->body + f->body_n, part.p, part.n);
			f->body_n += part.n;
			*eaten += used;
			continue;
		case HTTP_EVENT_END:
			*eaten += used;
			f->body_done = true;
			c->body_open = false;
			return STEP_NEXT;
		case HTTP_EVENT_MORE:
			*eaten += used;
			return STEP_WAIT;
		default:
			c->keep_alive = false;
			f->refusal = http_parser_refusal(&c->parser);
			return STEP_REFUSE;
		}
	}
}

enum step
stage_body(struct flow *f)
{
	struct client *c = f->client;
	struct conn *conn = &c->conn;
	size_t eaten;
	enum step step;

	if (f->body_done || f->caller == NULL)
		return STEP_NEXT;
	if (f->match.route->body == BODY_BLOB) {
		f->uploads = true;
		return is_encoded(f) ? flow_refuse(f, ERR_BODY_ENCODED)
				     : STEP_NEXT;
	}
	if (!f->body_begun && (step = begin(f)) != STEP_NEXT)
		return step;
	if (f->is_late) {
		f->is_late = false;
		if (is_too_slow(f, os_now_us()))
			return flow_refuse(f, ERR_BODY_TIMEOUT);
		set_deadline(f, os_now_us());
	}
	if (conn->direct) {
		size_t n = conn->direct_n - f->direct_seen;

		f->direct_seen = conn->direct_n;
		step = take(f, slice_of(f->body + f->body_n, n), &eaten);
	} else {
		step = take(f, conn_in(conn), &eaten);
		conn_eat(conn, eaten);
	}
	if (step == STEP_NEXT) {
		conn_read_into(conn, NULL, 0);
		conn_set_deadline(conn, INT64_MAX);
	}
	/* The rest of a body of known length is read into its place. */
	if (step == STEP_WAIT && f->head.content_length > 0 &&
	    conn->direct == NULL)
		conn_read_into(
		    conn, f->body + f->body_n, f->body_cap - f->body_n);
	return step;
}
