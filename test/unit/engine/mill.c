#include "mill.h"
#include "engine/probe.h"
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE_US = 20 * 1000000, IN_MAX = 64 << 20, OUT_MAX = 64 << 20 };

static int
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = -1; /* its own */

	if (d == NULL)
		return 0;
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* --- connections --- */

static void
on_closed(struct conn *conn)
{
	struct mill_conn *c = (struct mill_conn *)(void *)conn;

	list_del(&c->node);
	timer_stop(&c->drip);
	buf_fini(&c->in);
	c->mill->n_gone++;
	free(c);
}

static bool
cut_request(struct mill_conn *c, size_t *n)
{
	struct slice in = buf_slice(&c->in), head, line;
	const char *end = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;
	uint64_t length = 0;

	if (end == NULL)
		return false;
	head = slice_of(in.p, (size_t)(end - in.p) + 4);
	c->head = head;
	while (head.n > 0) {
		static const struct slice name = SLICE("Content-Length: ");

		line = slice_cut(&head, '\n');
		if (slice_starts(line, name))
			assert_true(
			    slice_u64(slice_trim(slice_from(line, name.n)),
				IN_MAX, &length));
	}
	if (in.n - c->head.n < length)
		return false;
	c->body = slice_of(in.p + c->head.n, (size_t)length);
	head = c->head;
	(void)slice_cut(&head, ' ');
	c->path = slice_cut(&head, ' ');
	*n = c->head.n + (size_t)length;
	return true;
}

static void
on_bytes(struct mill_conn *c)
{
	struct mill *m = c->mill;
	size_t n;

	assert_int_equal(buf_add(&c->in, conn_in(&c->conn)), OK);
	conn_eat(&c->conn, conn_in(&c->conn).n);
	while (!c->conn.is_closing && cut_request(c, &n)) {
		m->n_requests++;
		c->n_requests++;
		if (m->on_request)
			m->on_request(c);
		else
			mill_ollama(c);
		if (!c->conn.is_closing)
			buf_drop(&c->in, n);
	}
}

static void
on_event(struct conn *conn, enum conn_event ev)
{
	struct mill_conn *c = (struct mill_conn *)(void *)conn;

	if (ev == CONN_READ)
		on_bytes(c);
	if (ev == CONN_EOF || ev == CONN_FAIL)
		conn_close(conn);
}

static void
on_drip(struct timer *t)
{
	struct mill_conn *c = (struct mill_conn *)(void *)((char *)t -
	    offsetof(struct mill_conn, drip));

	mill_say_n(c, c->drip_p++, 1);
	if (--c->drip_n > 0)
		timer_set(t, os_now_us() + c->drip_us);
}

static void
on_connection(struct acceptor *a, int fd, const struct sockaddr *from)
{
	struct mill *m = (struct mill *)(void *)((char *)a -
	    offsetof(struct mill, listener));
	struct mill_conn *c = calloc(1, sizeof *c);

	(void)from;
	assert_non_null(c);
	c->mill = m;
	buf_init(&c->in, IN_MAX);
	list_init(&c->node);
	list_add(&m->conns, &c->node);
	conn_init(&c->conn, &m->loop, OUT_MAX);
	c->conn.on_event = on_event;
	c->conn.on_closed = on_closed;
	timer_init(&c->drip, &m->loop, on_drip);
	assert_int_equal(conn_accept(&c->conn, fd), OK);
	if (m->n_accepted < 64)
		m->accepted_us[m->n_accepted] = os_now_us();
	m->n_accepted++;
	if (!m->holds_requests)
		conn_read_start(&c->conn);
}

void
mill_say_n(struct mill_conn *c, const char *p, size_t n)
{
	struct slice s = slice_of(p, n);

	assert_int_equal(conn_write(&c->conn, &s, 1), OK);
}

void
mill_say(struct mill_conn *c, const char *text)
{
	mill_say_n(c, text, strlen(text));
}

void
mill_hang_up(struct mill_conn *c)
{
	conn_close(&c->conn);
}

void
mill_reset(struct mill_conn *c)
{
	conn_reset(&c->conn);
}

void
mill_drip(struct mill_conn *c, const char *text, int64_t us)
{
	c->drip_p = text;
	c->drip_n = strlen(text);
	c->drip_us = us;
	timer_set(&c->drip, os_now_us());
}

void
mill_status(struct mill_conn *c, int status, const char *json)
{
	char head[200];

	(void)snprintf(head, sizeof head,
	    "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    status, strlen(json));
	mill_say(c, head);
	mill_say(c, json);
}

void
mill_json(struct mill_conn *c, const char *json)
{
	mill_status(c, 200, json);
}

void
mill_say_it(struct mill_conn *c)
{
	mill_say(c, c->mill->say);
}

void
mill_ollama(struct mill_conn *c)
{
	if (slice_is(c->path, "/api/version"))
		mill_json(c, "{\"version\":\"0.6.1\"}");
	else if (slice_is(c->path, "/api/tags"))
		mill_json(c,
		    "{\"models\":[{\"name\":\"a:latest\"},"
		    "{\"name\":\"b:7b\",\"remote_host\":\"https://x\"}]}");
	else
		mill_status(c, 404, "{\"error\":\"no\"}");
}

/* --- the mill --- */

/* Listen at ${at}; false: it is taken. */
static bool
begin_listening(struct mill *m, const struct sockaddr *at, socklen_t n)
{
	int fd = socket(at->sa_family, SOCK_STREAM, 0), on = 1;

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
	if (bind(fd, at, n) != 0) {
		(void)close(fd);
		return false;
	}
	m->listener.on_conn = on_connection;
	m->is_open = acceptor_open(&m->listener, &m->loop, fd, 128) == OK;
	return m->is_open;
}

bool
mill_open(struct mill *m, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)port)};
	socklen_t n = sizeof at;

	m->path[0] = 0;
	if (!begin_listening(m, (struct sockaddr *)&at, sizeof at))
		return false;
	assert_int_equal(
	    getsockname(m->listener.fd, (struct sockaddr *)&at, &n), 0);
	m->port = ntohs(at.sin_port);
	return true;
}

void
mill_open_unix(struct mill *m)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)snprintf(
	    m->path, sizeof m->path, "/tmp/mill-%d.sock", (int)getpid());
	(void)unlink(m->path);
	memcpy(at.sun_path, m->path, sizeof m->path);
	assert_true(begin_listening(m, (struct sockaddr *)&at, sizeof at));
}

void
mill_close(struct mill *m)
{
	if (m->is_open)
		acceptor_close(&m->listener);
	m->is_open = false;
	LIST_EACH_SAFE (it, &m->conns)
		conn_close(&LIST_OF(it, struct mill_conn, node)->conn);
	mill_turn(m);
}

void
mill_init(struct mill *m)
{
	*m = (struct mill){.is_open = false};
	list_init(&m->conns);
	/* libuv keeps a pipe of its own from the first loop on. */
	assert_int_equal(loop_init(&m->loop), OK);
	assert_true(loop_fini(&m->loop));
	m->fds = count_fds();
	assert_int_equal(loop_init(&m->loop), OK);
	m->metrics = metrics_new((struct hash_key){1, 2});
	assert_non_null(m->metrics);
	engine_set_init(&m->set, &m->loop, m->metrics, (struct hash_key){3, 4});
	assert_true(mill_open(m, 0));
}

void
mill_fini(struct mill *m)
{
	engine_set_fini(&m->set);
	mill_close(m);
	mill_turn(m);
	assert_true(list_is_empty(&m->conns));
	assert_true(loop_fini(&m->loop));
	metrics_free(m->metrics);
	assert_int_equal(count_fds(), m->fds);
	if (m->path[0])
		(void)unlink(m->path);
}

void
mill_turn(struct mill *m)
{
	for (int i = 0; i < 5; i++)
		(void)uv_run(&m->loop.uv, UV_RUN_NOWAIT);
}

static void
on_tick(struct timer *t)
{
	(void)t;
}

void
mill_until(struct mill *m, bool (*fn)(void *ctx), void *ctx)
{
	int64_t begun_us = os_now_us();
	struct timer tick;

	while (!fn(ctx)) {
		timer_init(&tick, &m->loop, on_tick);
		timer_set(&tick, os_now_us() + 5000);
		(void)uv_run(&m->loop.uv, UV_RUN_ONCE);
		timer_stop(&tick);
		if (os_now_us() - begun_us > PATIENCE_US)
			fail_msg("it never happened");
	}
}

static bool
is_past(void *ctx)
{
	return os_now_us() >= *(int64_t *)ctx;
}

void
mill_for(struct mill *m, int64_t us)
{
	int64_t until_us = os_now_us() + us;

	mill_until(m, is_past, &until_us);
}

struct wanted_state {
	struct engine *e;
	enum engine_state s;
};

static bool
is_in_state(void *ctx)
{
	struct wanted_state *x = ctx;

	return x->e->state == x->s;
}

void
mill_until_state(struct mill *m, struct engine *e, enum engine_state s)
{
	struct wanted_state x = {e, s};

	mill_until(m, is_in_state, &x);
}

struct conf_engine
mill_conf(struct mill *m, const char *name)
{
	struct conf_engine ce = {.name = slice_str(name),
	    .slots = CONF_AUTO,
	    .connect_us = 10 * CONF_SECOND,
	    .first_byte_us = 10 * CONF_SECOND,
	    .between_bytes_us = 10 * CONF_SECOND};

	if (m->path[0]) {
		ce.url.path = slice_str(m->path);
	} else {
		ce.url.host = slice_str("127.0.0.1");
		ce.url.port = (uint16_t)m->port;
	}
	return ce;
}

void
mill_configure(struct mill *m, struct conf_engine *engines, size_t n_engines)
{
	struct conf *conf = calloc(1, sizeof *conf);

	assert_non_null(conf);
	conf->engines = engines;
	conf->n_engines = n_engines;
	engine_set_update(&m->set, conf);
	free(conf);
}

struct engine *
mill_engine(struct mill *m, const char *name)
{
	LIST_EACH (it, &m->set.engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (slice_is(e->name, name))
			return e;
	}
	return NULL;
}

struct engine *
mill_quiet_engine(struct mill *m)
{
	struct conf_engine ce = mill_conf(m, "quiet");
	struct engine *e;

	ce.kind = CONF_ENGINE_KIND_OPENAI;
	mill_configure(m, &ce, 1);
	e = mill_engine(m, "quiet");
	assert_non_null(e);
	probe_stop(e);
	engine_note_alive(e);
	return e;
}

/* --- talks --- */

static void
leave(struct talk *t)
{
	struct upstream *up = t->up;

	t->up = NULL;
	if (up == NULL)
		return;
	t->in_call = true;
	if (up->ended)
		upstream_release(up);
	else
		upstream_close(up);
	t->in_call = false;
}

static void
on_upstream(struct upstream_user *user, enum upstream_event ev)
{
	struct talk *t = (struct talk *)(void *)user;
	struct upstream *up = t->up;

	/* The promises of the header. */
	assert_non_null(up);
	assert_false(t->in_call);
	assert_int_equal(t->ends + t->fails, 0);
	switch (ev) {
	case UPSTREAM_HEAD:
		assert_int_equal(t->heads, 0);
		t->heads++;
		t->status = up->head.status;
		break;
	case UPSTREAM_BODY:
		assert_int_equal(t->heads, 1);
		assert_true(up->n_parts > 0 || up->ended);
		for (unsigned i = 0; i < up->n_parts; i++)
			assert_int_equal(buf_add(&t->body, up->parts[i]), OK);
		t->parts += (int)up->n_parts;
		t->ends += up->ended;
		break;
	case UPSTREAM_SENT:
		t->sents++;
		break;
	case UPSTREAM_FAIL:
		t->fails++;
		t->err = up->err;
		break;
	}
	t->was_reused = up->reused;
	t->got_bytes = up->got_bytes;
	if (t->hook) {
		t->n_hook++;
		t->hook(t, ev);
	}
	if (t->up && !t->keep && t->ends + t->fails > 0)
		leave(t);
}

void
talk_begin(struct talk *t, struct mill *m, struct engine *e, const char *text)
{
	struct slice s = slice_str(text);

	t->user.on_event = on_upstream;
	t->mill = m;
	buf_init(&t->body, IN_MAX);
	t->up = upstream_open(e, &t->user, false);
	assert_non_null(t->up);
	t->in_call = true;
	upstream_send(t->up, &s, 1, strncmp(text, "HEAD ", 5) == 0);
	t->in_call = false;
}

static bool
is_over(void *ctx)
{
	struct talk *t = ctx;

	return t->ends + t->fails > 0 || t->up == NULL;
}

void
talk_wait(struct talk *t)
{
	mill_until(t->mill, is_over, t);
}

void
talk_fini(struct talk *t)
{
	leave(t);
	buf_fini(&t->body);
}
