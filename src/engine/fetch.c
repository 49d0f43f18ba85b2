#include "engine/fetch.h"
#include <assert.h>

/* A whole prompt, at most. */
enum { REQUEST_MAX = 32 * 1024 * 1024 };

static void
done(struct fetch *f, enum err e)
{
	timer_stop(&f->bound);
	if (f->up) {
		/* It was opened anew: more than one at rest would pile up. */
		if (e == OK && list_is_empty(&f->engine->idle))
			upstream_release(f->up);
		else
			upstream_close(f->up);
		f->up = NULL;
	}
	f->err = e;
	f->on_done(f);
}

static void
on_bound(struct timer *t)
{
	struct fetch *f =
	    (struct fetch *)(void *)((char *)t - offsetof(struct fetch, bound));

	done(f, f->up == NULL ? ERR_CONNECT : ERR_TIMEOUT);
}

static enum fetch_server
server_of(const struct http_head *h)
{
	struct slice s = http_head_find(h, "server");

	s = slice_to(s, slice_find(s, '/'));
	if (slice_is(s, "weir"))
		return FETCH_WEIR;
	if (slice_is(s, "llama.cpp"))
		return FETCH_LLAMA;
	return FETCH_OTHER;
}

static enum err
take(struct fetch *f)
{
	if (f->on_part)
		timer_set(&f->bound, os_now_us() + f->bound_us);
	for (unsigned i = 0; i < f->up->n_parts; i++)
		if (f->on_part ? !f->on_part(f, f->up->parts[i])
			       : buf_add(&f->answer, f->up->parts[i]) != OK)
			return ERR_FULL;
	return OK;
}

static void
on_event(struct upstream_user *user, enum upstream_event ev)
{
	struct fetch *f = (struct fetch *)(void *)user;

	switch (ev) {
	case UPSTREAM_HEAD:
		f->status = f->up->head.status;
		f->server = server_of(&f->up->head);
		break;
	case UPSTREAM_BODY:
		if (take(f) != OK)
			done(f, ERR_FULL);
		else if (f->up->ended)
			done(f, OK);
		break;
	case UPSTREAM_SENT:
		break;
	case UPSTREAM_FAIL:
		done(f, f->up->err);
		break;
	}
}

bool
fetch_is(const struct upstream_user *user)
{
	return user->on_event == on_event;
}

void
fetch_init(struct fetch *f, struct engine *e, size_t max,
    void (*on_done)(struct fetch *f))
{
	*f = (struct fetch){
	    .user.on_event = on_event, .engine = e, .on_done = on_done};
	buf_init(&f->request, REQUEST_MAX);
	buf_init(&f->answer, max);
	timer_init(&f->bound, e->loop, on_bound);
}

void
fetch_start(struct fetch *f, const char *method, const char *path,
    struct slice body, int64_t bound_us)
{
	struct slice host = f->engine->host, key = f->engine->key;
	struct slice s;
	enum err e;

	assert(f->up == NULL);
	f->status = 0;
	f->bound_us = bound_us;
	f->server = FETCH_OTHER;
	buf_clear(&f->request);
	buf_clear(&f->answer);
	e = buf_printf(&f->request,
	    "%s %s HTTP/1.1\r\nHost: %.*s\r\nAccept: application/json\r\n"
	    "Accept-Encoding: identity\r\nUser-Agent: weir/" WEIR_VERSION
	    "\r\n",
	    method, path, SLICE_ARG(host));
	if (e == OK && key.n)
		e = buf_printf(&f->request, "Authorization: Bearer %.*s\r\n",
		    SLICE_ARG(key));
	if (e == OK && body.n)
		e = buf_printf(&f->request,
		    "Content-Type: application/json\r\n"
		    "Content-Length: %zu\r\n",
		    body.n);
	if (e == OK)
		e = buf_add_str(&f->request, "\r\n");
	if (e == OK)
		e = buf_add(&f->request, body);
	if (e == OK)
		f->up = upstream_open(f->engine, &f->user, true);
	/* No address yet: the bound tells it, a short while later. */
	timer_set(&f->bound, os_now_us() + (f->up ? bound_us : 1000));
	if (f->up == NULL)
		return;
	s = buf_slice(&f->request);
	upstream_send(f->up, &s, 1, slice_is(slice_str(method), "HEAD"));
}

void
fetch_cancel(struct fetch *f)
{
	timer_stop(&f->bound);
	if (f->up)
		upstream_close(f->up);
	f->up = NULL;
}

void
fetch_fini(struct fetch *f)
{
	fetch_cancel(f);
	buf_fini(&f->request);
	buf_fini(&f->answer);
}
