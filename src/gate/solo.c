#include "gate/solo.h"
#include "gate/command.h"
#include "ipc/control.h"
#include "os/clock.h"
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_AGAIN_US = 20 * 1000, WHY_MAX = 4096 };

struct solo {
	struct gate *gate;
	struct control control;
	uv_poll_t poll;
	struct timer timer;
};

static void
reload(struct solo *s, uint32_t client)
{
	struct buf why;
	bool ok;

	buf_init(&why, WHY_MAX);
	ok = reload_conf(s->gate, &why) == OK;
	control_answer(&s->control, client, ok,
	    ok ? slice_str("The configuration is in force.\n")
	       : buf_slice(&why));
	buf_fini(&why);
}

static void
look(struct solo *s)
{
	struct control_request r;
	struct buf answer;

	while (control_next(&s->control, os_now_us(), &r)) {
		if (slice_is(r.command, "reload")) {
			reload(s, r.client);
			continue;
		}
		buf_init(&answer, GATE_ANSWER_MAX);
		bool ok = command_run(s->gate, r.command, &answer);
		control_answer(&s->control, r.client, ok, buf_slice(&answer));
		buf_fini(&answer);
	}
	/* Whoever has not said or read all. */
	if (control_deadline(&s->control) != INT64_MAX)
		timer_set(&s->timer, os_now_us() + LOOK_AGAIN_US);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	look(poll->data);
}

static void
on_timer(struct timer *t)
{
	look((struct solo *)(void *)((char *)t - offsetof(struct solo, timer)));
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static enum err
open_socket(struct gate *g, struct control *c, struct buf *why)
{
	struct conf_env env = gate_conf_env();
	struct buf path;
	enum err e;

	buf_init(&path, GATE_PATH_MAX);
	if ((e = conf_control_path(g->env.conf, &env, &path)) == OK &&
	    (e = buf_add_char(&path, '\0')) == OK)
		e = control_open(c, path.p, why);
	buf_fini(&path);
	return e;
}

void
solo_open(struct gate *g)
{
	struct solo *s = calloc(1, sizeof *s);
	struct buf why;

	if (s == NULL)
		return;
	s->gate = g;
	control_init(&s->control);
	buf_init(&why, WHY_MAX);
	if (open_socket(g, &s->control, &why) == OK &&
	    uv_poll_init(&g->loop.uv, &s->poll, s->control.socket.fd) == 0) {
		s->poll.data = s;
		timer_init(&s->timer, &g->loop, on_timer);
		(void)uv_poll_start(&s->poll, UV_READABLE, on_poll);
		g->solo = s;
	} else {
		(void)fprintf(stderr,
		    "weir: no control socket: %.*s (set `control`)\n",
		    SLICE_ARG(buf_slice(&why)));
		control_close(&s->control);
		free(s);
	}
	buf_fini(&why);
}

void
solo_close(struct gate *g)
{
	struct solo *s = g->solo;

	g->solo = NULL;
	if (s == NULL)
		return;
	timer_stop(&s->timer);
	(void)uv_poll_stop(&s->poll);
	control_close(&s->control);
	uv_close((uv_handle_t *)&s->poll, on_closed);
}
