#include "gate/gate.h"
#include "flow/client.h"
#include <stdlib.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static void
on_connection(uv_stream_t *stream, int status)
{
	struct gate_listener_slot *s = stream->data;

	if (status == 0)
		client_accept(&s->gate->env, stream, s->is_unix);
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

enum err
listener_open(struct gate *g, const struct gate_listener *l)
{
	struct gate_listener_slot *s = calloc(1, sizeof *s);
	int e;

	if (s == NULL) {
		(void)close(l->fd);
		return ERR_NOMEM;
	}
	s->gate = g;
	s->id = l->id;
	s->is_unix = l->is_unix;
	memcpy(s->address, l->address, sizeof s->address);
	if (l->is_unix) {
		(void)uv_pipe_init(&g->loop.uv, &s->uv.pipe, 0);
		e = uv_pipe_open(&s->uv.pipe, l->fd);
	} else {
		(void)uv_tcp_init(&g->loop.uv, &s->uv.tcp);
		e = uv_tcp_open(&s->uv.tcp, l->fd);
	}
	s->uv.handle.data = s;
	list_add(&g->listeners, &s->node);
	if (e != 0) {
		(void)close(l->fd);
		listener_close(s);
		return ERR_IO;
	}
	if (uv_listen(&s->uv.stream, BACKLOG, on_connection) != 0) {
		listener_close(s);
		return ERR_IO;
	}
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
	uv_close(&s->uv.handle, on_closed);
}

void
listener_close_all(struct gate *g)
{
	LIST_EACH_SAFE (it, &g->listeners)
		listener_close(LIST_OF(it, struct gate_listener_slot, node));
}
