/*
 * What the next program must know, as it lies in nameless memory:
 *
 *   | magic, format | kind, text | kind, text | ...      a text: its fields
 *
 * Versions of weir must understand one another: kinds that are not known are
 * skipped, fields are only ever added at the end of a text, and what is absent
 * has its default.
 */
#include "keeper/inside.h"
#include "os/fd.h"
#include "os/share.h"
#include "run/pass.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAGIC UINT64_C(0x776569722d687631) /* "weir-hv1" */

enum {
	ALL_MAX = 4 * 1024 * 1024,
	FDS_MAX = 16 + 2 * GATE_LISTENERS_MAX + ENGINES_RUN_MAX + GATES_MAX,
};

/* Never another meaning for a number that was used. */
enum kind {
	KIND_PROGRAM = 1, /* version, layout of the state, fd of the program */
	KIND_CONFIG,	  /* path, fd */
	KIND_STATE,	  /* fd */
	KIND_CONTROL,	  /* a unix socket */
	KIND_CLIENT,	  /* fd, number, last number: who asked */
	KIND_LISTENERS,	  /* last id */
	KIND_LISTENER, /* id, is unix, address, key, a unix socket or an fd */
	KIND_GATE,     /* serves; pid, fd, generation ... see put_gate */
	KIND_OUTGOING, /* the same of one that leaves */
	KIND_CREW,     /* run/pass.h */
	KIND_BACK,     /* why it goes back */
	KIND_METRICS,  /* fd */
};

/* What stays open; of a keeper there is one. */
static int kept[FDS_MAX];
static size_t n_kept;

/* --- out --- */

struct out {
	struct wire_out all;
	struct wire_out one;
	char room[ALL_MAX / 2];
};

static struct wire_out *
begin(struct out *o)
{
	o->one = (struct wire_out){.p = o->room, .cap = sizeof o->room};
	return &o->one;
}

static void
end(struct out *o, enum kind kind)
{
	wire_put_u32(&o->all, kind);
	wire_put_text(&o->all, slice_of(o->one.p, o->one.n));
	o->all.is_bad = o->all.is_bad || o->one.is_bad;
}

static void
put_fd(struct wire_out *w, int fd)
{
	wire_put_u32(w, (uint32_t)fd);
	if (fd < 0)
		return;
	if (n_kept == FDS_MAX)
		w->is_bad = true;
	else
		kept[n_kept++] = fd;
}

static void
put_unix(struct wire_out *w, const struct unix_socket *s)
{
	put_fd(w, s->fd);
	wire_put_u64(w, (uint64_t)s->dev);
	wire_put_u64(w, (uint64_t)s->ino);
	wire_put_text(w, slice_str(s->path));
}

static void
put_listeners(struct out *o, const struct listener_set *s)
{
	wire_put_u32(begin(o), s->last_id);
	end(o, KIND_LISTENERS);
	for (size_t i = 0; i < s->n; i++) {
		const struct listener *l = &s->v[i];
		struct wire_out *w = begin(o);

		wire_put_u32(w, l->gate.id);
		wire_put_u32(w, l->gate.is_unix);
		wire_put_text(w, slice_str(l->gate.address));
		wire_put_text(w, slice_str(l->key));
		if (l->gate.is_unix)
			put_unix(w, &l->unix_end);
		else
			put_fd(w, l->gate.fd);
		end(o, KIND_LISTENER);
	}
}

static void
put_gate(struct out *o, const struct child *c, enum kind kind)
{
	struct wire_out *w = begin(o);

	wire_put_u32(w, (uint32_t)c->pid);
	put_fd(w, c->link.channel.fd);
	wire_put_u64(w, c->generation);
	wire_put_u64(w, c->last_generation);
	wire_put_u64(w, (uint64_t)c->started_us);
	wire_put_u64(w, (uint64_t)c->kill_at_us);
	wire_put_u32(w, c->is_ready);
	end(o, kind);
}

static void
put_control(struct out *o, const struct control *c, uint32_t client)
{
	put_unix(begin(o), &c->socket);
	end(o, KIND_CONTROL);
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct control_client *k = &c->clients[i];

		if (k->fd < 0 || k->number != client)
			continue;
		put_fd(begin(o), k->fd);
		wire_put_u32(&o->one, k->number);
		wire_put_u32(&o->one, c->last_number);
		end(o, KIND_CLIENT);
	}
}

static void
put_all(struct out *o, const struct keeper *k, const char *why_back)
{
	struct wire_out *w = begin(o);

	wire_put_text(w, slice_str(WEIR_VERSION));
	wire_put_u32(w, GATE_STATE_LAYOUT);
	put_fd(w, k->reexec.old_fd);
	end(o, KIND_PROGRAM);
	w = begin(o);
	wire_put_text(w, slice_str(k->setup.path));
	put_fd(w, k->setup.config_fd);
	end(o, KIND_CONFIG);
	put_fd(begin(o), k->state_fd);
	end(o, KIND_STATE);
	put_fd(begin(o), k->metrics_fd);
	end(o, KIND_METRICS);
	put_control(o, &k->control, k->reexec.client);
	put_listeners(o, &k->listeners);
	put_gate(o, &k->child, KIND_GATE);
	for (size_t i = 0; i < k->n_outgoing; i++)
		put_gate(o, &k->outgoing[i], KIND_OUTGOING);
	if (n_kept + ENGINES_RUN_MAX > FDS_MAX)
		o->all.is_bad = true;
	else
		pass_put(&k->crew, begin(o), kept, &n_kept);
	end(o, KIND_CREW);
	if (why_back == NULL)
		return;
	wire_put_text(begin(o), slice_str(why_back));
	end(o, KIND_BACK);
}

static void
let_stay(bool on)
{
	for (size_t i = 0; i < n_kept; i++)
		os_fd_cloexec(kept[i], !on);
}

static enum err
save(struct slice all, int *out)
{
	if (os_share_new("weir-handover", all.n, out) != OK)
		return ERR_IO;
	if (pwrite(*out, all.p, all.n, 0) == (ssize_t)all.n) {
		os_fd_cloexec(*out, false);
		return OK;
	}
	os_fd_close(out);
	return ERR_IO;
}

enum err
handover_write(struct keeper *k, const char *why_back, int *out)
{
	struct out *o = calloc(1, sizeof *o);
	enum err e = ERR_NOMEM;

	n_kept = 0;
	if (o == NULL || (o->all.p = malloc(ALL_MAX)) == NULL)
		goto free_out;
	o->all.cap = ALL_MAX;
	wire_put_u64(&o->all, MAGIC);
	put_all(o, k, why_back);
	e = o->all.is_bad ? ERR_FULL : save(slice_of(o->all.p, o->all.n), out);
	if (e == OK)
		let_stay(true);
	free(o->all.p);
free_out:
	free(o);
	return e;
}

void
handover_undo(struct keeper *k)
{
	(void)k;
	let_stay(false);
	n_kept = 0;
}

/* --- in --- */

struct in {
	struct keeper *k;
	bool is_trial;
	char config[GATE_PATH_MAX];
	int config_fd;
	uint32_t layout;
	struct slice crew;
};

/* A descriptor that came open; a trial has none of them. */
static int
get_fd(struct wire_in *w, const struct in *in)
{
	int fd = (int)wire_get_u32(w);

	if (w->is_bad || fd < 0)
		return -1;
	if (in->is_trial)
		return -1;
	if (fcntl(fd, F_GETFD) < 0) {
		w->is_bad = true;
		return -1;
	}
	os_fd_cloexec(fd, true);
	return fd;
}

static void
get_unix(struct wire_in *w, const struct in *in, struct unix_socket *s)
{
	s->fd = get_fd(w, in);
	s->dev = (dev_t)wire_get_u64(w);
	s->ino = (ino_t)wire_get_u64(w);
	wire_get_string(w, s->path, sizeof s->path);
}

static void
get_listener(struct wire_in *w, const struct in *in)
{
	struct listener_set *s = &in->k->listeners;
	struct listener l = {.gate.fd = -1, .unix_end.fd = -1};

	l.gate.id = wire_get_u32(w);
	l.gate.is_unix = wire_get_u32(w) != 0;
	wire_get_string(w, l.gate.address, sizeof l.gate.address);
	wire_get_string(w, l.key, sizeof l.key);
	if (l.gate.is_unix) {
		get_unix(w, in, &l.unix_end);
		l.gate.fd = l.unix_end.fd;
	} else {
		l.gate.fd = get_fd(w, in);
	}
	if (w->is_bad || s->n == GATE_LISTENERS_MAX)
		w->is_bad = true;
	else
		s->v[s->n++] = l;
}

static void
get_gate(struct wire_in *w, const struct in *in, struct child *c)
{
	int fd;

	child_init(c);
	c->pid = (pid_t)wire_get_u32(w);
	fd = get_fd(w, in);
	c->generation = wire_get_u64(w);
	c->last_generation = wire_get_u64(w);
	c->started_us = (int64_t)wire_get_u64(w);
	c->kill_at_us = (int64_t)wire_get_u64(w);
	c->is_ready = wire_get_u32(w) != 0;
	c->was_ever_ready = true;
	if (fd >= 0)
		channel_init(&c->link.channel, fd);
}

static void
get_client(struct wire_in *w, const struct in *in)
{
	struct control_client *c = &in->k->control.clients[0];

	c->fd = get_fd(w, in);
	c->number = wire_get_u32(w);
	c->has_asked = true;
	in->k->control.last_number = wire_get_u32(w);
	in->k->reexec.client = c->number;
}

static void
get_program(struct wire_in *w, struct in *in)
{
	struct reexec *r = &in->k->reexec;

	wire_get_string(w, r->old_version, sizeof r->old_version);
	in->layout = wire_get_u32(w);
	r->old_fd = get_fd(w, in);
}

/* The configuration is needed by a trial, too. */
static void
get_config(struct wire_in *w, struct in *in)
{
	wire_get_string(w, in->config, sizeof in->config);
	in->config_fd = (int)wire_get_u32(w);
	if (w->is_bad || in->config_fd < 0 ||
	    fcntl(in->config_fd, F_GETFD) >= 0)
		return;
	w->is_bad = true;
	in->config_fd = -1;
}

static void
get_outgoing(struct wire_in *w, const struct in *in)
{
	struct keeper *k = in->k;

	if (k->n_outgoing == GATES_MAX)
		w->is_bad = true;
	else
		get_gate(w, in, &k->outgoing[k->n_outgoing++]);
}

static void
get_record(struct in *in, enum kind kind, struct wire_in *w)
{
	struct keeper *k = in->k;

	switch (kind) {
	case KIND_PROGRAM:
		get_program(w, in);
		break;
	case KIND_CONFIG:
		get_config(w, in);
		break;
	case KIND_STATE:
		k->state_fd = get_fd(w, in);
		break;
	case KIND_METRICS:
		k->metrics_fd = get_fd(w, in);
		break;
	case KIND_CONTROL:
		get_unix(w, in, &k->control.socket);
		break;
	case KIND_CLIENT:
		get_client(w, in);
		break;
	case KIND_LISTENERS:
		k->listeners.last_id = wire_get_u32(w);
		break;
	case KIND_LISTENER:
		get_listener(w, in);
		break;
	case KIND_GATE:
		get_gate(w, in, &k->child);
		break;
	case KIND_OUTGOING:
		get_outgoing(w, in);
		break;
	case KIND_CREW:
		in->crew = w->rest;
		break;
	case KIND_BACK:
		wire_get_string(
		    w, k->reexec.returned, sizeof k->reexec.returned);
		break;
	}
}

static bool
get_all(struct in *in, struct slice all)
{
	struct wire_in w = {.rest = all};

	if (wire_get_u64(&w) != MAGIC)
		return false;
	while (!w.is_bad && w.rest.n > 0) {
		enum kind kind = (enum kind)wire_get_u32(&w);
		struct wire_in one = {.rest = wire_get_text(&w)};

		if (!w.is_bad)
			get_record(in, kind, &one);
		w.is_bad = w.is_bad || one.is_bad;
	}
	return !w.is_bad;
}

/* Another layout: what was limited is forgotten, but nothing is misread. */
static enum err
take_state(const struct in *in)
{
	struct keeper *k = in->k;

	if (in->layout != GATE_STATE_LAYOUT)
		os_fd_close(&k->state_fd);
	return keeper_open_memory(k);
}

static enum err
take_crew(const struct in *in)
{
	struct wire_in w = {.rest = in->crew};

	if (in->crew.n == 0 || pass_get(&in->k->crew, in->k->setup.conf, &w))
		return OK;
	return ERR_SYNTAX;
}

static enum err
take_all(struct in *in, struct slice all, struct buf *why)
{
	enum err e;

	if (!get_all(in, all)) {
		(void)!buf_add_str(
		    why, "what the running weir hands over is not understood");
		return ERR_SYNTAX;
	}
	e = setup_take(&in->k->setup, in->config, in->config_fd, why);
	if (e != OK || in->is_trial)
		return e;
	os_fd_cloexec(
	    in->config_fd < 0 ? in->k->state_fd : in->config_fd, true);
	keeper_open_crew(in->k);
	e = take_crew(in);
	if (e == OK)
		e = take_state(in);
	if (e != OK)
		(void)!buf_add_str(why, "what runs could not be taken over");
	return e;
}

enum err
handover_read(struct keeper *k, int fd, bool is_trial, struct buf *why)
{
	struct in in = {.k = k, .is_trial = is_trial, .config_fd = -1};
	struct buf all;
	enum err e;

	buf_init(&all, ALL_MAX);
	e = gate_config_read(fd, &all);
	if (e == OK)
		e = take_all(&in, buf_slice(&all), why);
	else
		(void)!buf_add_str(why, "nothing was handed over");
	buf_fini(&all);
	return e;
}

int
keeper_heir(void)
{
	const char *number = getenv(KEEPER_HANDOVER_ENV);
	struct keeper *k = calloc(1, sizeof *k);
	struct buf why;
	uint64_t fd;
	enum err e = ERR_NOT_FOUND;

	buf_init(&why, ALL_MAX);
	if (k == NULL)
		return 1;
	control_init(&k->control);
	k->setup.config_fd = k->metrics_fd = -1;
	if (number != NULL && slice_u64(slice_str(number), INT32_MAX, &fd))
		e = handover_read(k, (int)fd, true, &why);
	else
		(void)!buf_add_str(
		    &why, "`weir heir` is run by `weir reexec`, not by hand");
	(void)printf("%.*s%s%s\n", SLICE_ARG(buf_slice(&why)),
	    why.n > 0 ? "\n" : "", e == OK ? KEEPER_HEIR_OK : "");
	setup_fini(&k->setup);
	buf_fini(&why);
	free(k);
	return e == OK && fflush(stdout) == 0 ? 0 : 1;
}
