#include "gate/solo.h"
#include "gate/command.h"
#include "ipc/control.h"
#include "os/clock.h"
#include "run/crew.h"
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

/* --- engines --- */

enum { TURN_US = 20 * 1000, GRACE_US = 10 * 1000 * 1000 };

/* The crew and what turns it. */
struct hands {
	struct crew crew;
	struct timer timer;
	struct gate *gate;
};

static struct hands *
hands_of(struct gate *g)
{
	return (struct hands *)(void *)g->crew;
}

static void
on_turn(struct timer *t)
{
	struct hands *h =
	    (struct hands *)(void *)((char *)t - offsetof(struct hands, timer));
	int64_t now_us = os_now_us();

	crew_step(&h->crew, now_us);
	timer_set(t, now_us + TURN_US);
}

static bool
on_news(void *ctx, const struct engine_news *n)
{
	runs_heard(ctx, n);
	return true;
}

void
solo_begin_engines(struct gate *g)
{
	struct hands *h = calloc(1, sizeof *h);

	if (h == NULL)
		abort();
	h->gate = g;
	g->crew = &h->crew;
	timer_init(&h->timer, &g->loop, on_turn);
}

/* The state folder is known with the configuration only. */
void
solo_place_engines(struct gate *g, const struct conf *conf)
{
	struct conf_env env = gate_conf_env();
	char state[GATE_PATH_MAX] = "";
	struct buf path;

	buf_init(&path, sizeof state - 1);
	if (conf_state_path(conf, &env, &path) == OK)
		memcpy(state, path.p, path.n);
	buf_fini(&path);
	crew_init(g->crew, state, on_news, g);
	timer_set(&hands_of(g)->timer, os_now_us());
}

void
solo_end_engines(struct gate *g)
{
	if (g->crew == NULL)
		return;
	timer_stop(&hands_of(g)->timer);
	crew_end(g->crew, GRACE_US);
	crew_fini(g->crew);
	free(hands_of(g));
	g->crew = NULL;
}
