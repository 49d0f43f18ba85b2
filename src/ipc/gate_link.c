#include "ipc/gate_link.h"
#include "base/utf8.h"
#include "ipc/link.h"
#include "os/fd.h"
#include <unistd.h>

static bool
read_start(struct message *m, struct gate_start *s)
{
	struct wire_in w = {.rest = m->payload};
	size_t next = 0;

	if (m->type != LINK_START)
		return false;
	s->generation = wire_get_u64(&w);
	link_get_listeners(&w, m, &next, &s->listeners);
	link_get_config(&w, m, &next, &s->config);
	s->state_fd = link_take_fd(m, &next);
	if (wire_is_done(&w) && s->state_fd >= 0 && next == m->n_fds)
		return true;
	link_close_listeners(&s->listeners);
	os_fd_close(&s->config.fd);
	os_fd_close(&s->state_fd);
	return false;
}

enum err
gate_start_receive(int fd, int64_t timeout_us, struct gate_start *start)
{
	struct channel c;
	struct message m;
	enum err e = ERR_EOF;

	*start =
	    (struct gate_start){.config.fd = -1, .state_fd = -1, .link_fd = fd};
	channel_init(&c, fd);
	for (;;) {
		enum channel_got got = channel_next(&c, &m);

		if (got == CHANNEL_LOST)
			break;
		if (got == CHANNEL_MESSAGE) {
			e = read_start(&m, start) ? OK : ERR_SYNTAX;
			break;
		}
		/* Each wait is whole, but START comes in one piece or two. */
		if (!channel_wait(&c, timeout_us)) {
			e = ERR_TIMEOUT;
			break;
		}
	}
	/* The socket stays, its channel does not: no byte is read ahead. */
	c.fd = -1;
	channel_fini(&c);
	return e;
}

enum err
gate_config_read(const struct gate_config *c, struct buf *out)
{
	char part[16384];
	off_t at = 0;
	enum err e = OK;

	while (c->fd >= 0 && e == OK) {
		ssize_t r = pread(c->fd, part, sizeof part, at);

		if (r < 0)
			return ERR_IO;
		if (r == 0)
			break;
		e = buf_add(out, slice_of(part, (size_t)r));
		at += r;
	}
	return e;
}

void
gate_link_init(struct gate_link *l, int fd)
{
	channel_init(&l->channel, fd);
	l->fd = fd;
}

void
gate_link_fini(struct gate_link *l)
{
	channel_fini(&l->channel);
	l->fd = -1;
}

static enum order_kind
read_reload(struct message *m, struct order *o)
{
	struct wire_in w = {.rest = m->payload};
	size_t next = 0;

	o->seq = wire_get_u32(&w);
	link_get_listeners(&w, m, &next, &o->listeners);
	link_get_config(&w, m, &next, &o->config);
	if (wire_is_done(&w) && next == m->n_fds)
		return ORDER_RELOAD;
	link_close_listeners(&o->listeners);
	os_fd_close(&o->config.fd);
	return ORDER_LOST;
}

static enum order_kind
read_order(struct message *m, struct order *o)
{
	struct wire_in w = {.rest = m->payload};

	switch (m->type) {
	case LINK_RELOAD:
		return read_reload(m, o);
	case LINK_DRAIN:
		o->grace_us = (int64_t)wire_get_u64(&w);
		return wire_is_done(&w) && o->grace_us >= 0 ? ORDER_DRAIN
							    : ORDER_LOST;
	case LINK_QUIT:
		return ORDER_QUIT;
	case LINK_REOPEN_LOG:
		return ORDER_REOPEN_LOG;
	case LINK_LOG_LINE:
		o->line = m->payload;
		return ORDER_LOG_LINE;
	default:
		return ORDER_LOST;
	}
}

enum order_kind
gate_link_next(struct gate_link *l, struct order *o)
{
	enum channel_got got;
	struct message m;

	o->kind = ORDER_NONE;
	o->listeners.n = 0;
	o->config.fd = -1;
	got = channel_next(&l->channel, &m);
	if (got == CHANNEL_LOST)
		o->kind = ORDER_LOST;
	if (got == CHANNEL_MESSAGE)
		o->kind = read_order(&m, o);
	if (o->kind == ORDER_LOST) {
		l->channel.is_lost = true;
		l->fd = -1;
	}
	return o->kind;
}

enum err
gate_link_ready(struct gate_link *l)
{
	return channel_send(
	    &l->channel, LINK_READY, slice_of(NULL, 0), NULL, 0);
}

enum err
gate_link_reloaded(
    struct gate_link *l, uint32_t seq, bool ok, struct slice text)
{
	char room[LINK_TEXT_MAX + 16];
	struct wire_out w = {.p = room, .cap = sizeof room};

	wire_put_u32(&w, seq);
	wire_put_u32(&w, ok);
	wire_put_text(&w, utf8_cut(text, LINK_TEXT_MAX));
	return channel_send(
	    &l->channel, LINK_RELOADED, slice_of(w.p, w.n), NULL, 0);
}

enum err
gate_link_drained(struct gate_link *l)
{
	return channel_send(
	    &l->channel, LINK_DRAINED, slice_of(NULL, 0), NULL, 0);
}
