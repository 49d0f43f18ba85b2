#include "flow/client.h"
#include "flow/flow.h"
#include "flow/relay.h"
#include "flow/reply.h"
#include "flow/upload.h"
#include "os/fd.h"
#include <stdlib.h>

enum {
	OUT_MAX = 32 * 1024 * 1024, /* the relay stops at a quarter */
	DISCARD_MAX = 1024 * 1024,
	LINGER_US = 2 * 1000000,
};

struct address_count {
	struct table_node node;
	size_t n;
	struct address group;
};

static struct slice
key_of(const struct address *a)
{
	return slice_of((const char *)a->ip, sizeof a->ip);
}

/* --- how many connections an address has --- */

static bool
count_address(struct client *c)
{
	struct flow_env *env = c->env;
	struct address group;
	struct address_count *ac;
	struct table_node *n;

	/* A proxy brings everybody's connections. */
	if (c->address.is_unix ||
	    conf_nets_have(&env->conf->trusted_proxies, c->address.ip))
		return true;
	group = address_group(&c->address);
	n = table_find(&env->addresses, key_of(&group));
	if (n) {
		ac = TABLE_OF(n, struct address_count, node);
	} else {
		if ((ac = calloc(1, sizeof *ac)) == NULL)
			return false;
		ac->group = group;
		ac->node.key = key_of(&ac->group);
		if (table_add(&env->addresses, &ac->node) != OK) {
			free(ac);
			return false;
		}
	}
	if (ac->n >= (size_t)env->conf->limits_connections_per_address)
		return false;
	ac->n++;
	c->count = ac;
	return true;
}

static void
uncount_address(struct client *c)
{
	struct address_count *ac = c->count;

	if (ac == NULL || --ac->n > 0)
		return;
	table_del(&c->env->addresses, &ac->node);
	free(ac);
}

/* --- the end --- */

static void
on_closed(struct conn *conn)
{
	struct client *c = (struct client *)(void *)conn;
	struct flow_env *env = c->env;

	uncount_address(c);
	list_del(&c->node);
	list_del(&c->wake);
	free(c->process);
	env->n_clients--;
	series_set(env->m_connections, (int64_t)env->n_clients);
	free(c);
	if ((env->is_draining || env->is_leaving) && env->n_clients == 0 &&
	    env->on_idle)
		env->on_idle(env);
}

void
client_close(struct client *c)
{
	if (c->flow)
		flow_abort(c->flow, ERR_CLIENT_GONE);
	conn_close(&c->conn);
}

static void
linger(struct client *c)
{
	c->state = CLIENT_LINGER;
	c->discarded = 0;
	conn_shutdown(&c->conn);
	conn_eat(&c->conn, conn_in(&c->conn).n);
	conn_set_deadline(&c->conn, os_now_us() + LINGER_US);
	conn_read_start(&c->conn);
}

/* The last answer is written: close as soon as the caller can have it. */
static void
finish(struct client *c)
{
	if (c->body_open || conn_in(&c->conn).n > 0) {
		linger(c);
	} else if (conn_pending(&c->conn)) {
		c->state = CLIENT_FLUSH;
		conn_set_deadline(
		    &c->conn, os_now_us() + c->env->conf->limits_stall_us);
	} else {
		conn_close(&c->conn);
	}
}

bool
client_must_close(const struct client *c)
{
	/* Whether a body still comes after a refusal nobody can tell. */
	if (c->body_open && c->holds_body)
		return true;
	return c->body_open &&
	    !(c->parser.state == HTTP_PARSER_LENGTH &&
		c->parser.left <= DISCARD_MAX);
}

/* --- who it is --- */

const struct process *
client_process(struct client *c)
{
	enum process_need need = caller_set_needs(c->env->callers);

	if (need == PROCESS_NONE || !address_is_local(&c->address))
		return NULL;
	if (c->asked >= need)
		return c->process;
	c->asked = need;
	free(c->process);
	c->process = calloc(1, sizeof *c->process);
	if (c->process == NULL ||
	    process_find(c->process, c->conn.fd, need, &c->env->peers) == OK)
		return c->process;
	free(c->process);
	c->process = NULL;
	return NULL;
}

/* --- requests --- */

/* Idle time begins when the last answer is out. */
static void
rest(struct client *c)
{
	const struct conf *conf = c->env->conf;

	c->state = CLIENT_IDLE;
	conn_set_deadline(&c->conn,
	    conn_pending(&c->conn) > 0
		? c->conn.wrote_us + conf->limits_stall_us
		: os_now_us() + conf->limits_idle_us);
	conn_read_start(&c->conn);
}

static void
begin_flow(struct client *c)
{
	c->flow = flow_new(c);
	if (c->flow == NULL) {
		conn_close(&c->conn);
		return;
	}
	c->state = CLIENT_FLOW;
	c->keep_alive = false;
	c->body_open = c->holds_body = false;
	conn_set_deadline(
	    &c->conn, os_now_us() + c->env->conf->limits_head_time_us);
	flow_run(c->flow);
}

static void
next_request(struct client *c)
{
	if (c->env->is_draining) {
		finish(c);
		return;
	}
	rest(c);
	if (conn_in(&c->conn).n > 0) {
		list_del(&c->wake);
		list_add(&c->env->woken, &c->wake);
	}
}

void
client_run_woken(struct flow_env *env)
{
	struct list *n;

	while ((n = list_first(&env->woken)) != NULL) {
		struct client *c = LIST_OF(n, struct client, wake);

		list_del(n);
		if (c->state == CLIENT_IDLE && !c->conn.is_closing &&
		    conn_in(&c->conn).n > 0)
			begin_flow(c);
	}
}

/* Throw away the rest of a refused request's body. */
static void
discard(struct client *c)
{
	struct http_head head;
	struct slice body;

	for (;;) {
		size_t used = 0;
		enum http_event ev = http_parser_next(
		    &c->parser, &head, conn_in(&c->conn), &used, &body);

		conn_eat(&c->conn, used);
		c->discarded += used;
		if (ev == HTTP_EVENT_END) {
			c->body_open = false;
			next_request(c);
			return;
		}
		if (ev == HTTP_EVENT_BAD || c->discarded > DISCARD_MAX) {
			linger(c);
			return;
		}
		if (ev == HTTP_EVENT_MORE)
			return;
	}
}

void
client_done(struct client *c)
{
	c->flow = NULL;
	if (c->conn.is_closing)
		return;
	if (c->conn.failed || c->conn.is_eof) {
		conn_close(&c->conn);
		return;
	}
	conn_read_into(&c->conn, NULL, 0);
	if (!c->keep_alive) {
		finish(c);
		return;
	}
	if (c->body_open) {
		c->state = CLIENT_DISCARD;
		c->discarded = 0;
		conn_set_deadline(&c->conn, os_now_us() + LINGER_US);
		conn_read_start(&c->conn);
		discard(c);
		return;
	}
	next_request(c);
}

void
client_write(struct client *c, const struct slice *s, unsigned n)
{
	if (conn_write(&c->conn, s, n) != OK) {
		c->keep_alive = false;
		c->conn.failed = true;
	}
}

static void
on_bytes(struct client *c)
{
	switch (c->state) {
	case CLIENT_IDLE:
		begin_flow(c);
		break;
	case CLIENT_FLOW:
		if (c->flow->stage <= STAGE_body)
			flow_run(c->flow);
		else if (c->flow->uploads)
			upload_more(c->flow);
		break;
	case CLIENT_DISCARD:
		discard(c);
		break;
	case CLIENT_FLUSH:
	case CLIENT_LINGER:
		c->discarded += conn_in(&c->conn).n;
		conn_eat(&c->conn, conn_in(&c->conn).n);
		if (c->discarded > 64 * DISCARD_MAX)
			conn_close(&c->conn);
		break;
	}
}

/* All that was written is out. */
static void
on_drain(struct client *c)
{
	switch (c->state) {
	case CLIENT_FLOW:
		relay_drained(c->flow);
		break;
	case CLIENT_IDLE:
		if (c->env->is_draining)
			conn_close(&c->conn);
		else
			rest(c);
		break;
	case CLIENT_FLUSH:
		conn_close(&c->conn);
		break;
	case CLIENT_LINGER:
		conn_set_deadline(&c->conn, os_now_us() + LINGER_US);
		break;
	case CLIENT_DISCARD:
		break;
	}
}

static void
on_timeout(struct client *c)
{
	struct conn *conn = &c->conn;
	int64_t stall_us = conn->wrote_us + c->env->conf->limits_stall_us;
	bool moves = conn_pending(conn) > 0 && os_now_us() < stall_us;

	/* Who still takes the last answer may have the rest of it. */
	if (c->state != CLIENT_FLOW) {
		if (moves)
			conn_set_deadline(conn, stall_us);
		else
			conn_close(conn);
		return;
	}
	if (c->flow->stage <= STAGE_body) {
		c->flow->is_late = true;
		flow_run(c->flow);
		return;
	}
	if (upload_is_open(c->flow)) {
		upload_late(c->flow);
		return;
	}
	/* A reader that takes nothing holds a slot of the engine. */
	if (conn_pending(conn) == 0)
		return;
	if (moves) {
		conn_set_deadline(conn, stall_us);
		return;
	}
	flow_abort(c->flow, ERR_CLIENT_STALLED);
	conn_reset(conn);
}

static void
on_event(struct conn *conn, enum conn_event ev)
{
	struct client *c = (struct client *)(void *)conn;

	switch (ev) {
	case CONN_READ:
		on_bytes(c);
		break;
	case CONN_DRAIN:
		on_drain(c);
		break;
	case CONN_TIMEOUT:
		on_timeout(c);
		break;
	case CONN_EOF:
	case CONN_FAIL:
		if (c->state == CLIENT_FLUSH && ev == CONN_EOF &&
		    conn_pending(conn))
			break;
		client_close(c);
		break;
	case CONN_OPEN:
		break;
	}
}

void
client_accept(struct flow_env *env, int fd, const struct sockaddr *from)
{
	struct client *c = calloc(1, sizeof *c);
	const struct conf *conf = env->conf;
	const struct http_limits limits = {
	    .head_bytes = (uint32_t)conf->limits_head,
	    .fields = (uint32_t)conf->limits_fields,
	    .target_bytes = (uint32_t)conf->limits_target,
	    .chunk_ext_bytes = 256,
	};

	if (c == NULL) {
		os_fd_close(&fd);
		return;
	}
	c->env = env;
	list_init(&c->wake);
	list_init(&c->node);
	list_add(&env->clients, &c->node);
	env->n_clients++;
	conn_init(&c->conn, env->loop, OUT_MAX);
	c->conn.on_event = on_event;
	c->conn.on_closed = on_closed;
	http_parser_init(&c->parser, HTTP_SIDE_REQUEST, &limits);
	if (conn_accept(&c->conn, fd) != OK) {
		conn_close(&c->conn);
		return;
	}
	series_add(env->m_accepted, 1);
	series_set(env->m_connections, (int64_t)env->n_clients);
	c->address = address_of(from);
	if (env->n_clients > (size_t)conf->limits_connections ||
	    !count_address(c)) {
		reply_too_many(c);
		linger(c);
		return;
	}
	rest(c);
}
