#include "ipc/link.h"
#include "os/fd.h"

void
link_put_setup(
    struct wire_out *w, struct link_fds *fds, const struct gate_start *s)
{
	wire_put_u32(w, (uint32_t)s->n_listeners);
	for (size_t i = 0; i < s->n_listeners; i++) {
		const struct gate_listener *l = &s->listeners[i];

		wire_put_u32(w, l->id);
		wire_put_u32(w, l->is_unix);
		wire_put_u32(w, l->fd >= 0);
		wire_put_text(w, slice_str(l->address));
		if (l->fd >= 0)
			fds->v[fds->n++] = l->fd;
	}
	wire_put_u32(w, (uint32_t)s->ports.n);
	for (size_t i = 0; i < s->ports.n; i++) {
		wire_put_text(w, slice_str(s->ports.v[i].name));
		wire_put_u32(w, s->ports.v[i].port);
	}
	wire_put_u32(w, s->config_fd >= 0);
	wire_put_text(w, slice_str(s->config));
	if (s->config_fd >= 0)
		fds->v[fds->n++] = s->config_fd;
}

int
link_take_fd(struct message *m, size_t *next)
{
	int fd;

	if (*next >= m->n_fds)
		return -1;
	fd = m->fds[*next];
	m->fds[*next] = -1;
	++*next;
	return fd;
}

/* A descriptor if ${there} says so; bad if it does and there is none. */
static int
get_fd(struct wire_in *w, struct message *m, size_t *next, uint32_t there)
{
	int fd = -1;

	if (there > 1)
		w->is_bad = true;
	if (there == 1 && !w->is_bad && (fd = link_take_fd(m, next)) < 0)
		w->is_bad = true;
	return fd;
}

static void
get_listeners(
    struct wire_in *w, struct message *m, size_t *next, struct gate_start *s)
{
	uint32_t n = wire_get_u32(w);

	s->n_listeners = 0;
	if (n > GATE_LISTENERS_MAX)
		w->is_bad = true;
	while (!w->is_bad && s->n_listeners < n) {
		struct gate_listener *l = &s->listeners[s->n_listeners++];

		l->id = wire_get_u32(w);
		l->is_unix = wire_get_u32(w) != 0;
		l->fd = get_fd(w, m, next, wire_get_u32(w));
		wire_get_string(w, l->address, sizeof l->address);
	}
}

/* A number that fits its type; bad if it is above ${max}. */
static uint32_t
get_bounded(struct wire_in *w, uint32_t max)
{
	uint32_t v = wire_get_u32(w);

	if (v > max) {
		w->is_bad = true;
		return 0;
	}
	return v;
}

static void
get_ports(struct wire_in *w, struct engine_ports *p)
{
	uint32_t n = get_bounded(w, ENGINES_RUN_MAX);

	for (p->n = 0; !w->is_bad && p->n < n; p->n++) {
		wire_get_string(w, p->v[p->n].name, ENGINE_NAME_MAX);
		p->v[p->n].port = (uint16_t)get_bounded(w, UINT16_MAX);
	}
}

void
link_put_news(struct wire_out *w, const struct engine_news *n)
{
	wire_put_text(w, slice_str(n->name));
	wire_put_u32(w, n->phase);
	wire_put_u32(w, n->is_fresh);
	wire_put_u32(w, (uint32_t)n->pid);
	wire_put_u32(w, n->port);
	wire_put_u32(w, n->exits);
	wire_put_u32(w, n->end);
	wire_put_u32(w, (uint32_t)n->code);
	wire_put_u64(w, (uint64_t)n->ran_us);
	wire_put_u64(w, (uint64_t)n->delay_us);
	wire_put_text(w, slice_str(n->note));
	wire_put_text(w, n->tail);
}

void
link_get_news(struct wire_in *w, struct engine_news *n)
{
	wire_get_string(w, n->name, sizeof n->name);
	n->phase = (enum engine_phase)get_bounded(w, ENGINE_PHASES - 1);
	n->is_fresh = get_bounded(w, 1) == 1;
	n->pid = (pid_t)get_bounded(w, INT32_MAX);
	n->port = (uint16_t)get_bounded(w, UINT16_MAX);
	n->exits = wire_get_u32(w);
	n->end = (enum engine_end)get_bounded(w, ENGINE_ENDS - 1);
	n->code = (int)get_bounded(w, INT32_MAX);
	n->ran_us = (int64_t)wire_get_u64(w);
	n->delay_us = (int64_t)wire_get_u64(w);
	wire_get_string(w, n->note, sizeof n->note);
	n->tail = wire_get_text(w);
}

void
link_get_setup(
    struct wire_in *w, struct message *m, size_t *next, struct gate_start *s)
{
	get_listeners(w, m, next, s);
	get_ports(w, &s->ports);
	s->config_fd = get_fd(w, m, next, wire_get_u32(w));
	wire_get_string(w, s->config, sizeof s->config);
}

void
link_close_setup(struct gate_start *s)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		os_fd_close(&s->listeners[i].fd);
	s->n_listeners = 0;
	os_fd_close(&s->config_fd);
	os_fd_close(&s->state_fd);
	os_fd_close(&s->metrics_fd);
}
