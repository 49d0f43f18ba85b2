#include "engine/upstream.h"
#include "engine/engine.h"
#include "engine/fetch.h"
#include <stdlib.h>

enum {
	IDLE_US = 60 * 1000000, /* engines close idle connections themselves */
	OUT_MAX = 128 * 1024,	/* of bodies that go through, else kept */
	JOIN_MAX = 2048,	/* copying less is cheaper than a slice more */
};

static const struct http_limits limits = {
    .head_bytes = 64 * 1024,
    .fields = HTTP_FIELDS_MAX,
    .target_bytes = 8192,
    .chunk_ext_bytes = 1024,
};

static void
free_upstream(struct conn *c)
{
	struct upstream *u = (struct upstream *)(void *)c;

	engine_drop(u->engine);
	free(u);
}

static void
unlink_and_close(struct upstream *u)
{
	u->user = NULL;
	list_del(&u->node);
	conn_close(&u->conn);
}

static void
fail(struct upstream *u, enum err e)
{
	struct upstream_user *user = u->user;

	if (user == NULL) {
		unlink_and_close(u);
		return;
	}
	u->err = e;
	conn_set_deadline(&u->conn, INT64_MAX);
	conn_read_stop(&u->conn);
	user->on_event(user, UPSTREAM_FAIL);
}

static void
emit(struct upstream *u, enum upstream_event ev)
{
	u->user->on_event(u->user, ev);
}

/*
 * Add ${part} of the window to the batch.  A small one moves to the left, over
 * the head of its chunk, next to the one before it: an engine's tokens come as
 * a chunk each and go on as one piece.
 */
static void
add_part(struct upstream *u, struct slice part)
{
	struct slice *last;
	char *to;

	if (u->n_parts == 0 || part.n > JOIN_MAX) {
		u->parts[u->n_parts++] = part;
		return;
	}
	last = &u->parts[u->n_parts - 1];
	to = u->conn.window + (last->p - u->conn.window) + last->n;
	memmove(to, part.p, part.n);
	last->n += part.n;
}

/* Take the next batch of parts out of the window; what came last. */
static enum http_event
take_parts(struct upstream *u)
{
	struct slice in = conn_in(&u->conn), part;
	enum http_event ev = HTTP_EVENT_MORE;
	size_t eaten = 0;

	u->n_parts = 0;
	while (u->n_parts < UPSTREAM_PARTS) {
		size_t used = 0;

		ev = http_parser_next(
		    &u->parser, &u->head, slice_from(in, eaten), &used, &part);
		eaten += used;
		if (ev != HTTP_EVENT_BODY)
			break;
		add_part(u, part);
	}
	/* The bytes stay where they are until the next read. */
	conn_eat(&u->conn, eaten);
	return ev;
}

/*
 * Hand over what the parser finds in the window.  The user may close or
 * release the connection in any of its events.
 */
static void
parse(struct upstream *u)
{
	struct upstream_user *user = u->user;
	enum http_event ev;

	do {
		ev = take_parts(u);
		if (ev == HTTP_EVENT_BAD) {
			fail(u, ERR_SYNTAX);
			return;
		}
		if (ev == HTTP_EVENT_HEAD) {
			u->can_reuse = u->head.keep_alive;
			emit(u, UPSTREAM_HEAD);
			continue;
		}
		if (ev == HTTP_EVENT_END) {
			u->ended = true;
			conn_set_deadline(&u->conn, INT64_MAX);
			emit(u, UPSTREAM_BODY);
			return;
		}
		if (u->n_parts > 0)
			emit(u, UPSTREAM_BODY);
	} while (ev != HTTP_EVENT_MORE && u->user == user &&
	    !u->conn.is_closing && !u->is_paused);
}

static void
on_bytes(struct upstream *u)
{
	/* Bytes that nobody asked for: the engine is out of step. */
	if (u->user == NULL || u->ended) {
		u->can_reuse = false;
		if (u->user == NULL)
			unlink_and_close(u);
		return;
	}
	u->got_bytes = true;
	conn_set_deadline(&u->conn, os_now_us() + u->between_bytes_us);
	parse(u);
}

static void
on_end_of_stream(struct upstream *u)
{
	if (u->user == NULL) {
		unlink_and_close(u);
		return;
	}
	u->can_reuse = false;
	if (u->ended)
		return;
	/* A body without a length ends with its connection. */
	if (u->got_bytes && http_parser_eof(&u->parser) == HTTP_EVENT_END) {
		u->n_parts = 0;
		u->ended = true;
		conn_set_deadline(&u->conn, INT64_MAX);
		emit(u, UPSTREAM_BODY);
		return;
	}
	fail(u, ERR_EOF);
}

static void
on_conn(struct conn *c, enum conn_event ev)
{
	struct upstream *u = (struct upstream *)(void *)c;

	switch (ev) {
	case CONN_OPEN:
		u->opened = true;
		conn_set_deadline(c, os_now_us() + u->first_byte_us);
		conn_read_start(c);
		break;
	case CONN_READ:
		on_bytes(u);
		break;
	case CONN_EOF:
		on_end_of_stream(u);
		break;
	case CONN_FAIL:
		if (u->ended && u->user)
			u->can_reuse = false;
		else
			fail(u, u->opened ? ERR_EOF : ERR_CONNECT);
		break;
	case CONN_DRAIN:
		if (u->user)
			emit(u, UPSTREAM_SENT);
		break;
	case CONN_TIMEOUT:
		fail(u,
		    !u->opened		 ? ERR_CONNECT
			: u->is_given_up ? ERR_EOF
					 : ERR_TIMEOUT);
		break;
	}
}

static struct upstream *
connect_new(struct engine *e)
{
	const struct engine_address *to = engine_address(e);
	struct upstream *u;
	enum err err;

	if (to == NULL || (u = calloc(1, sizeof *u)) == NULL)
		return NULL;
	u->engine = engine_hold(e);
	list_init(&u->node);
	conn_init(&u->conn, e->loop, OUT_MAX);
	u->conn.on_event = on_conn;
	u->conn.on_closed = free_upstream;
	http_parser_init(&u->parser, HTTP_SIDE_RESPONSE, &limits);
	conn_set_deadline(&u->conn, os_now_us() + e->connect_us);
	err = to->is_unix ? conn_connect_unix(&u->conn, to->path)
			  : conn_connect(&u->conn, &to->sa);
	if (err != OK) {
		conn_close(&u->conn);
		return NULL;
	}
	return u;
}

struct upstream *
upstream_open(struct engine *e, struct upstream_user *user, bool fresh)
{
	struct list *spare = fresh ? NULL : list_first(&e->idle);
	struct upstream *u;

	if (spare) {
		u = LIST_OF(spare, struct upstream, node);
		list_del(&u->node);
		u->reused = true;
	} else if ((u = connect_new(e)) == NULL) {
		return NULL;
	}
	list_add(&e->busy, &u->node);
	u->user = user;
	u->ended = u->got_bytes = u->is_paused = u->is_sending = false;
	u->is_given_up = false;
	u->first_byte_us = e->first_byte_us;
	u->between_bytes_us = e->between_bytes_us;
	return u;
}

void
upstream_send(
    struct upstream *u, const struct slice *s, unsigned n, bool is_head)
{
	if (is_head)
		http_parser_expect_head(&u->parser);
	if (u->opened)
		conn_set_deadline(&u->conn, os_now_us() + u->first_byte_us);
	if (conn_write_kept(&u->conn, s, n) != OK)
		u->conn.failed = true;
}

void
upstream_write(struct upstream *u, const struct slice *s, unsigned n)
{
	conn_set_deadline(&u->conn, os_now_us() + u->first_byte_us);
	if (conn_write(&u->conn, s, n) != OK)
		u->conn.failed = true;
}

void
upstream_pause(struct upstream *u)
{
	u->is_paused = true;
	conn_set_deadline(&u->conn, INT64_MAX);
	conn_read_stop(&u->conn);
}

void
upstream_resume(struct upstream *u)
{
	if (!u->is_paused)
		return;
	u->is_paused = false;
	conn_read_start(&u->conn);
	if (u->ended)
		return;
	conn_set_deadline(&u->conn, os_now_us() + u->between_bytes_us);
	/* Also where no bytes wait: an end may follow without any. */
	parse(u);
}

void
upstream_close(struct upstream *u)
{
	unlink_and_close(u);
}

void
upstream_release(struct upstream *u)
{
	struct engine *e = u->engine;

	/* Bytes behind the answer would be taken for the next one's. */
	if (!u->ended || !u->can_reuse || u->is_sending || u->conn.failed ||
	    conn_pending(&u->conn) || conn_in(&u->conn).n > 0 ||
	    e->is_retired) {
		unlink_and_close(u);
		return;
	}
	u->user = NULL;
	list_del(&u->node);
	list_add_front(&e->idle, &u->node);
	conn_read_start(&u->conn);
	conn_set_deadline(&u->conn, os_now_us() + IDLE_US);
}

void
upstream_give_up(struct engine *e)
{
	LIST_EACH (it, &e->busy) {
		struct upstream *u = LIST_OF(it, struct upstream, node);

		if (u->ended || u->user == NULL || fetch_is(u->user))
			continue;
		u->is_given_up = true;
		conn_set_deadline(&u->conn, os_now_us());
	}
}

void
upstream_close_idle(struct engine *e)
{
	LIST_EACH_SAFE (it, &e->idle)
		unlink_and_close(LIST_OF(it, struct upstream, node));
}
