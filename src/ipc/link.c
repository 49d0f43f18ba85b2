#include "ipc/link.h"
#include "os/fd.h"
#include <assert.h>

void
link_put_listeners(
    struct wire_out *w, struct link_fds *fds, const struct gate_listeners *l)
{
	wire_put_u32(w, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct gate_listener *g = &l->v[i];

		wire_put_u32(w, g->id);
		wire_put_u32(w, g->is_unix);
		wire_put_u32(w, g->fd >= 0);
		wire_put_text(w, slice_str(g->address));
		if (g->fd >= 0)
			fds->v[fds->n++] = g->fd;
	}
}

void
link_put_config(
    struct wire_out *w, struct link_fds *fds, const struct gate_config *c)
{
	wire_put_u32(w, c->fd >= 0);
	wire_put_text(w, slice_str(c->path));
	if (c->fd >= 0)
		fds->v[fds->n++] = c->fd;
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

void
link_get_listeners(struct wire_in *w, struct message *m, size_t *next,
    struct gate_listeners *l)
{
	uint32_t n = wire_get_u32(w);

	l->n = 0;
	if (n > GATE_LISTENERS_MAX)
		w->is_bad = true;
	while (!w->is_bad && l->n < n) {
		struct gate_listener *g = &l->v[l->n++];

		g->id = wire_get_u32(w);
		g->is_unix = wire_get_u32(w) != 0;
		g->fd = get_fd(w, m, next, wire_get_u32(w));
		wire_get_string(w, g->address, sizeof g->address);
	}
}

void
link_get_config(
    struct wire_in *w, struct message *m, size_t *next, struct gate_config *c)
{
	c->fd = get_fd(w, m, next, wire_get_u32(w));
	wire_get_string(w, c->path, sizeof c->path);
}

void
link_close_listeners(struct gate_listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		os_fd_close(&l->v[i].fd);
	l->n = 0;
}
