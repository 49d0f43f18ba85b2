#include "ipc/gate_link.h"
#include "base/utf8.h"
#include "ipc/link.h"
#include "os/fd.h"
#include <assert.h>
#include <unistd.h>

static bool
read_start(struct message *m, struct gate_start *s)
{
	struct wire_in w = {.rest = m->payload};
	size_t next = 0;

	if (m->type != LINK_START)
		return false;
	s->generation = wire_get_u64(&w);
	s->n_live = wire_get_u32(&w);
	if (s->n_live > GATES_MAX)
		return false;
	for (size_t i = 0; i < s->n_live; i++)
		s->live[i] = wire_get_u64(&w);
	link_get_setup(&w, m, &next, s);
	s->state_fd = link_take_fd(m, &next);
	s->metrics_fd = link_take_fd(m, &next);
	if (wire_is_done(&w) && s->metrics_fd >= 0 && next == m->n_fds)
		return true;
	link_close_setup(s);
	return false;
}

static enum err
wait_for_start(struct channel *c, int64_t timeout_us, struct gate_start *start)
{
	struct message m;

	for (;;) {
		enum channel_got got = channel_next(c, &m);

		if (got == CHANNEL_LOST)
			return ERR_EOF;
		if (got == CHANNEL_MESSAGE)
			return read_start(&m, start) ? OK : ERR_SYNTAX;
		/* Each wait is whole, but START comes in one piece or two. */
		if (!channel_wait(c, timeout_us))
			return ERR_TIMEOUT;
	}
}

enum err
gate_link_open(
    struct gate_link *l, int fd, int64_t timeout_us, struct gate_start *start)
{
	enum err e;

	*start = (struct gate_start){
	    .config_fd = -1, .state_fd = -1, .metrics_fd = -1, .link_fd = fd};
	channel_init(&l->channel, fd);
	l->fd = fd;
	if ((e = wait_for_start(&l->channel, timeout_us, start)) != OK)
		gate_link_close(l);
	return e;
}

void
gate_link_close(struct gate_link *l)
{
	channel_fini(&l->channel);
	l->fd = -1;
}

enum err
gate_config_read(int config_fd, struct buf *out)
{
	char part[16384];
	off_t at = 0;
	enum err e = OK;

	while (config_fd >= 0 && e == OK) {
		ssize_t r = pread(config_fd, part, sizeof part, at);

		if (r < 0)
			return ERR_IO;
		if (r == 0)
			break;
		e = buf_add(out, slice_of(part, (size_t)r));
		at += r;
	}
	return e;
}

static enum order_kind
read_reload(struct message *m, struct order *o)
{
	struct wire_in w = {.rest = m->payload};
	struct gate_start s = {
	    .config_fd = -1, .state_fd = -1, .metrics_fd = -1};
	size_t next = 0;

	o->seq = wire_get_u32(&w);
	link_get_setup(&w, m, &next, &s);
	if (!wire_is_done(&w) || next != m->n_fds) {
		link_close_setup(&s);
		return ORDER_LOST;
	}
	memcpy(o->listeners, s.listeners, sizeof o->listeners);
	memcpy(o->config, s.config, sizeof o->config);
	o->n_listeners = s.n_listeners;
	o->config_fd = s.config_fd;
	o->ports = s.ports;
	return ORDER_RELOAD;
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
	case LINK_RETIRE:
		o->grace_us = (int64_t)wire_get_u64(&w);
		return wire_is_done(&w) && o->grace_us >= 0 ? ORDER_RETIRE
							    : ORDER_LOST;
	case LINK_GONE:
		o->generation = wire_get_u64(&w);
		return wire_is_done(&w) ? ORDER_GONE : ORDER_LOST;
	case LINK_QUIT:
		return ORDER_QUIT;
	case LINK_REOPEN_LOG:
		return ORDER_REOPEN_LOG;
	case LINK_LOG_LINE:
		o->line = m->payload;
		return ORDER_LOG_LINE;
	case LINK_COMMAND:
		o->seq = wire_get_u32(&w);
		o->line = wire_get_text(&w);
		return wire_is_done(&w) && o->line.n <= GATE_COMMAND_MAX
		    ? ORDER_COMMAND
		    : ORDER_LOST;
	case LINK_ENGINE:
		link_get_news(&w, &o->news);
		return wire_is_done(&w) ? ORDER_ENGINE : ORDER_LOST;
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
	o->n_listeners = 0;
	o->config_fd = -1;
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
gate_link_well(struct gate_link *l)
{
	return channel_send(&l->channel, LINK_WELL, slice_of(NULL, 0), NULL, 0);
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
gate_link_answer(struct gate_link *l, uint32_t seq, bool ok, struct slice text)
{
	char room[LINK_PART_MAX + 16];
	enum err e;

	assert(text.n <= GATE_ANSWER_MAX);
	do {
		struct wire_out w = {.p = room, .cap = sizeof room};
		struct slice part = slice_to(text, LINK_PART_MAX);

		text = slice_from(text, part.n);
		wire_put_u32(&w, seq);
		wire_put_u32(&w, ok);
		wire_put_u32(&w, text.n > 0);
		wire_put_text(&w, part);
		e = channel_send(
		    &l->channel, LINK_ANSWER, slice_of(w.p, w.n), NULL, 0);
	} while (e == OK && text.n > 0);
	return e;
}

enum err
gate_link_wish(struct gate_link *l, enum engine_wish wish, struct slice name)
{
	char room[ENGINE_NAME_MAX + 16];
	struct wire_out w = {.p = room, .cap = sizeof room};

	wire_put_u32(&w, wish);
	wire_put_text(&w, slice_to(name, ENGINE_NAME_MAX - 1));
	return channel_send(
	    &l->channel, LINK_WISH, slice_of(w.p, w.n), NULL, 0);
}

enum err
gate_link_drained(struct gate_link *l)
{
	return channel_send(
	    &l->channel, LINK_DRAINED, slice_of(NULL, 0), NULL, 0);
}
