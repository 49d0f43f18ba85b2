#include "run/pass.h"

/* Larger than a record of the largest engine. */
enum { RECORD_MAX = 16 * 1024 };

/* --- out --- */

static void
put_i64(struct wire_out *w, int64_t v)
{
	wire_put_u64(w, (uint64_t)v);
}

static void
put_times(struct wire_out *w, const struct run *r)
{
	put_i64(w, r->oom_kills);
	put_i64(w, r->started_us);
	put_i64(w, r->start_at_us);
	put_i64(w, r->kill_at_us);
	put_i64(w, r->sweep_until_us);
	put_i64(w, r->free_since_us);
	put_i64(w, r->proved_us);
	wire_put_u32(w, r->is_unwanted);
	wire_put_u32(w, r->is_restart);
}

static void
put_backoff(struct wire_out *w, const struct backoff *b)
{
	for (size_t i = 0; i < BACKOFF_LOOP; i++)
		put_i64(w, b->ends_us[i]);
	wire_put_u32(w, b->n);
	put_i64(w, b->bound_us);
	wire_put_u32(w, b->is_looping);
}

static void
put_news(struct wire_out *w, const struct engine_news *n)
{
	wire_put_u32(w, n->is_fresh);
	wire_put_u32(w, n->exits);
	wire_put_u32(w, n->end);
	wire_put_u32(w, (uint32_t)n->code);
	put_i64(w, n->ran_us);
	put_i64(w, n->delay_us);
	wire_put_text(w, slice_str(n->note));
	wire_put_u32(w, n->tail.n > 0);
}

static void
put_run(struct wire_out *w, const struct run *r, int *fds, size_t *n_fds)
{
	char room[RECORD_MAX];
	struct wire_out one = {.p = room, .cap = sizeof room};

	wire_put_text(&one, slice_str(r->name));
	wire_put_u32(&one, r->phase);
	wire_put_u32(&one, (uint32_t)r->pid);
	wire_put_u32(&one, r->port);
	wire_put_u32(&one, (uint32_t)r->out.in);
	wire_put_text(&one, slice_of(r->out.tail, r->out.n));
	wire_put_text(&one, slice_str(r->cgroup.path));
	wire_put_u32(&one, r->cgroup.is_v1);
	put_times(&one, r);
	put_backoff(&one, &r->backoff);
	put_news(&one, &r->last);
	w->is_bad = w->is_bad || one.is_bad;
	wire_put_text(w, slice_of(one.p, one.n));
	if (r->out.in >= 0)
		fds[(*n_fds)++] = r->out.in;
}

void
pass_put(const struct crew *c, struct wire_out *w, int *fds, size_t *n_fds)
{
	put_i64(w, c->asked_us);
	wire_put_u32(w, (uint32_t)c->ports.n);
	for (size_t i = 0; i < c->ports.n; i++) {
		wire_put_text(w, slice_str(c->ports.v[i].name));
		wire_put_u32(w, c->ports.v[i].port);
	}
	wire_put_u32(w, (uint32_t)c->n);
	for (size_t i = 0; i < c->n; i++)
		put_run(w, c->runs[i], fds, n_fds);
}

/* --- in --- */

static int64_t
get_i64(struct wire_in *w)
{
	return (int64_t)wire_get_u64(w);
}

static void
get_times(struct wire_in *w, struct run *r)
{
	r->oom_kills = get_i64(w);
	r->started_us = get_i64(w);
	r->start_at_us = get_i64(w);
	r->kill_at_us = get_i64(w);
	r->sweep_until_us = get_i64(w);
	r->free_since_us = get_i64(w);
	r->proved_us = get_i64(w);
	r->is_unwanted = wire_get_u32(w) != 0;
	r->is_restart = wire_get_u32(w) != 0;
}

static void
get_backoff(struct wire_in *w, struct backoff *b)
{
	for (size_t i = 0; i < BACKOFF_LOOP; i++)
		b->ends_us[i] = get_i64(w);
	b->n = wire_get_u32(w);
	b->bound_us = get_i64(w);
	b->is_looping = wire_get_u32(w) != 0;
}

static void
get_news(struct wire_in *w, struct run *r)
{
	struct engine_news *n = &r->last;

	n->phase = r->phase;
	n->pid = r->pid;
	n->port = r->port;
	n->is_fresh = wire_get_u32(w) != 0;
	n->exits = wire_get_u32(w);
	n->end = (enum engine_end)wire_get_u32(w);
	n->code = (int)wire_get_u32(w);
	n->ran_us = get_i64(w);
	n->delay_us = get_i64(w);
	wire_get_string(w, n->note, sizeof n->note);
	if (wire_get_u32(w) != 0)
		n->tail = slice_of(r->out.tail, r->out.n);
	if (n->end >= ENGINE_ENDS)
		w->is_bad = true;
}

/* What goes on in ${r}, which is new, as ${w} has it behind the name. */
static void
get_state(struct wire_in *w, struct run *r)
{
	struct slice tail;
	int in;

	r->phase = (enum engine_phase)wire_get_u32(w);
	r->pid = (pid_t)wire_get_u32(w);
	r->port = (uint16_t)wire_get_u32(w);
	in = (int)wire_get_u32(w);
	tail = wire_get_text(w);
	wire_get_string(w, r->cgroup.path, sizeof r->cgroup.path);
	r->cgroup.is_v1 = wire_get_u32(w) != 0;
	if (r->phase >= ENGINE_PHASES || tail.n > sizeof r->out.tail)
		w->is_bad = true;
	if (!w->is_bad)
		output_adopt(&r->out, in, tail);
	get_times(w, r);
	get_backoff(w, &r->backoff);
	get_news(w, r);
}

static bool
get_run(struct crew *c, struct wire_in *all)
{
	struct wire_in w = {.rest = wire_get_text(all)};
	char name[ENGINE_NAME_MAX];
	struct run *r;

	wire_get_string(&w, name, sizeof name);
	if (w.is_bad || (r = crew_adopt(c, name)) == NULL)
		return false;
	get_state(&w, r);
	return !w.is_bad;
}

bool
pass_get(struct crew *c, const struct conf *conf, struct wire_in *w)
{
	uint32_t n;

	c->conf = conf_hold(conf);
	c->asked_us = get_i64(w);
	n = wire_get_u32(w);
	for (c->ports.n = 0; n <= ENGINES_RUN_MAX && c->ports.n < n;
	     c->ports.n++) {
		struct engine_port *p = &c->ports.v[c->ports.n];

		wire_get_string(w, p->name, sizeof p->name);
		p->port = (uint16_t)wire_get_u32(w);
	}
	n = wire_get_u32(w);
	for (uint32_t i = 0; !w->is_bad && i < n; i++)
		if (!get_run(c, w))
			return false;
	return !w->is_bad;
}
