#include "gate/gate.h"
#include "flow/client.h"
#include <stdlib.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static struct gate_listener_slot *
slot_of(struct acceptor *a)
{
	return (struct gate_listener_slot *)(void *)((char *)a -
	    offsetof(struct gate_listener_slot, acceptor));
}

static void
on_connection(struct acceptor *a, int fd, const struct sockaddr *from)
{
	client_accept(&slot_of(a)->gate->env, fd, from);
}

static void
on_closed(struct acceptor *a)
{
	free(slot_of(a));
}

enum err
listener_open(struct gate *g, const struct gate_listener *l)
{
	struct gate_listener_slot *s = calloc(1, sizeof *s);
	enum err e;

	if (s == NULL) {
		(void)close(l->fd);
		return ERR_NOMEM;
	}
	s->gate = g;
	s->id = l->id;
	s->is_unix = l->is_unix;
	memcpy(s->address, l->address, sizeof s->address);
	s->acceptor.on_conn = on_connection;
	s->acceptor.on_closed = on_closed;
	e = acceptor_open(&s->acceptor, &g->loop, l->fd, BACKLOG);
	if (e != OK) {
		free(s);
		return e;
	}
	list_add(&g->listeners, &s->node);
	return OK;
}

struct gate_listener_slot *
listener_find(struct gate *g, uint32_t id)
{
	LIST_EACH (it, &g->listeners) {
		struct gate_listener_slot *s =
		    LIST_OF(it, struct gate_listener_slot, node);

		if (s->id == id)
			return s;
	}
	return NULL;
}

void
listener_close(struct gate_listener_slot *s)
{
	list_del(&s->node);
	acceptor_close(&s->acceptor);
}

void
listener_close_all(struct gate *g)
{
	LIST_EACH_SAFE (it, &g->listeners)
		listener_close(LIST_OF(it, struct gate_listener_slot, node));
}
