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

void
link_get_setup(
    struct wire_in *w, struct message *m, size_t *next, struct gate_start *s)
{
	get_listeners(w, m, next, s);
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
}
