#include "gate/status.h"
#include "disk/report.h"
#include "flow/blocked.h"
#include "flow/client.h"
#include "flow/flow.h"
#include "gate/short.h"
#include "log/id.h"
#include "os/clock.h"
#include <unistd.h>

enum {
	ROW_MAX = 2048, /* bytes of a row at the worst: long names, escapes */
	/* Shares of GATE_ANSWER_MAX. */
	ENGINES_BYTES = 20 * 1024,
	RUNNING_BYTES = 26 * 1024,
	WAITING_BYTES = 34 * 1024,
	CALLERS_BYTES = 14 * 1024,
	BLOCKED_BYTES = 8 * 1024,
	DISKS_BYTES = 6 * 1024, /* DISK_PLACES of them at most */
};

_Static_assert(ENGINES_BYTES + RUNNING_BYTES + WAITING_BYTES + CALLERS_BYTES +
	    BLOCKED_BYTES + DISKS_BYTES + 4096 <=
	GATE_ANSWER_MAX,
    "all lists fit");

static const char *const stage_names[] = {
#define STAGE(name, help) #name,
#include "facts/stages.def"
#undef STAGE
    "settle"};

/* A list that is told as far as its share of bytes and its rows go. */
struct part {
	struct json_writer *w;
	size_t stop;  /* where in the buffer its share ends */
	size_t most;  /* rows */
	size_t count; /* there are */
	size_t shown;
};

static struct part
part_begin(struct json_writer *w, size_t bytes, size_t most)
{
	return (struct part){.w = w, .stop = w->b->n + bytes, .most = most};
}

/* Count one more; may its row be written? */
static bool
part_row(struct part *p)
{
	p->count++;
	if (p->shown >= p->most || p->w->b->n + ROW_MAX > p->stop)
		return false;
	p->shown++;
	return true;
}

static void
part_end(struct part *p)
{
	json_int(p->w, "count", (int64_t)p->count);
	json_int(p->w, "shown", (int64_t)p->shown);
}

static int64_t
ms(int64_t us)
{
	return us / 1000;
}

/* --- engines --- */

/* Some of the models that are in its memory, where that can be told. */
static void
write_loaded(struct json_writer *w, const struct engine *e)
{
	enum { LOADED_MAX = 4 };
	struct table_node *n = NULL;
	int left = LOADED_MAX;

	json_array_begin(w, "loaded");
	while (left > 0 && (n = table_next(&e->models, n)) != NULL) {
		if (!TABLE_OF(n, struct engine_model, node)->is_loaded)
			continue;
		json_str(w, NULL, slice_to(n->key, 200));
		left--;
	}
	json_array_end(w);
}

static void
write_engine(const struct gate *g, struct json_writer *w,
    const struct engine *e, int64_t now_us)
{
	json_object_begin(w, NULL);
	json_str(w, "name", slice_to(e->name, 200));
	json_str(w, "kind", slice_str(engine_kind_name(e->kind)));
	json_str(w, "url", slice_to(e->host, 300));
	json_str(w, "state", slice_str(engine_state_name(e->state)));
	json_int(w, "since_ms", ms(now_us - e->since_us));
	if (!engine_is_up(e))
		json_str(w, "why", slice_str(engine_why(e)));
	json_bool(w, "draining", e->is_draining);
	json_int(w, "slots", e->slots);
	json_int(w, "in_use", e->in_use);
	if (e->has_listing)
		json_int(w, "models", (int64_t)e->models.n);
	if (e->has_residents)
		write_loaded(w, e);
	if (e->lingering)
		json_int(w, "lingering", e->lingering);
	json_int(w, "failures", e->failures);
	json_str(w, "breaker",
	    slice_str(!e->is_open	       ? "closed"
		    : e->state == ENGINE_TRIAL ? "trial"
					       : "open"));
	runs_write(g, e->name, w);
	short_write(e, w);
	json_object_end(w);
}

/* "ok": all engines answer; "down": none does; "degraded": some do. */
static const char *
health(const struct gate *g)
{
	size_t n = 0, up = 0;

	LIST_EACH (it, &g->env.engines.engines) {
		n++;
		up += LIST_OF(it, struct engine, node)->state == ENGINE_UP;
	}
	return up == n && n > 0 ? "ok" : up == 0 ? "down" : "degraded";
}

static void
write_engines(struct gate *g, struct json_writer *w, int64_t now_us)
{
	struct part p = part_begin(w, ENGINES_BYTES, SIZE_MAX);

	json_array_begin(w, "engines");
	LIST_EACH (it, &g->env.engines.engines)
		if (part_row(&p))
			write_engine(
			    g, w, LIST_OF(it, struct engine, node), now_us);
	json_array_end(w);
	if (p.shown < p.count)
		json_int(w, "engines_not_shown", (int64_t)(p.count - p.shown));
	short_write_gpus(g, w);
}

/* --- requests --- */

static void
write_request(struct json_writer *w, const struct flow *f, int64_t now_us)
{
	struct slice model = flow_model_shown(f);

	json_str(w, "id", slice_of(f->id, ID_LEN));
	if (f->caller)
		json_str(w, "caller", f->caller->shown);
	if (model.n > 0)
		json_str(w, "model", slice_to(model, 200));
	if (f->has_engine)
		json_str(w, "engine", slice_to(f->engine->name, 200));
	json_int(w, "age_ms", ms(now_us - f->start_us));
	if (f->retries)
		json_int(w, "retries", f->retries);
}

static void
write_waiting_row(
    struct gate *g, struct json_writer *w, const struct flow *f, int64_t now_us)
{
	const struct queue *q = &g->env.queue;
	int64_t wait_us = queue_wait_of(q, &f->item);

	json_object_begin(w, NULL);
	json_int(w, "place", (int64_t)queue_position(q, &f->item));
	write_request(w, f, now_us);
	json_str(w, "class",
	    slice_str(f->item.class == QUEUE_BATCH ? "batch" : "interactive"));
	json_int(w, "waited_ms", ms(now_us - f->queued_us));
	if (wait_us >= 0)
		json_int(w, "estimate_ms", ms(wait_us));
	else
		json_null(w, "estimate_ms");
	json_object_end(w);
}

static void
write_waiting(struct gate *g, struct json_writer *w, int64_t now_us)
{
	struct part p = part_begin(w, WAITING_BYTES, STATUS_WAITING_MAX);

	json_object_begin(w, "waiting");
	json_int(w, "max", (int64_t)g->env.queue.length);
	json_array_begin(w, "requests");
	LIST_EACH (it, &g->env.queue.items) {
		const struct queue_item *item =
		    LIST_OF(it, struct queue_item, all);

		if (!part_row(&p))
			break;
		write_waiting_row(g, w,
		    (const struct flow *)(const void *)((const char *)item -
			offsetof(struct flow, item)),
		    now_us);
	}
	p.count = g->env.queue.n;
	json_array_end(w);
	part_end(&p);
	json_object_end(w);
}

static void
write_running_row(struct json_writer *w, const struct flow *f, int64_t now_us)
{
	json_object_begin(w, NULL);
	write_request(w, f, now_us);
	json_str(w, "state", slice_str(stage_names[f->stage]));
	json_int(w, "sent_bytes", (int64_t)f->sent_bytes);
	if (f->has_answer) {
		json_int(w, "pieces", (int64_t)f->answer.pieces);
		if (f->answer.input_tok >= 0)
			json_int(w, "input_tokens", f->answer.input_tok);
		if (f->answer.output_tok >= 0)
			json_int(w, "output_tokens", f->answer.output_tok);
	}
	json_object_end(w);
}

/* Requests of others than weir itself that do not wait in the line. */
static bool
is_running(const struct flow *f)
{
	return f != NULL && f->has_head && f->match.route != NULL &&
	    f->match.route->class != CLASS_OWN &&
	    f->item.state != QUEUE_WAITING;
}

static void
write_running(struct gate *g, struct json_writer *w, int64_t now_us)
{
	struct part p = part_begin(w, RUNNING_BYTES, STATUS_RUNNING_MAX);

	json_object_begin(w, "in_flight");
	json_array_begin(w, "requests");
	LIST_EACH (it, &g->env.clients) {
		const struct flow *f = LIST_OF(it, struct client, node)->flow;

		if (is_running(f) && part_row(&p))
			write_running_row(w, f, now_us);
	}
	json_array_end(w);
	part_end(&p);
	json_object_end(w);
}

/* --- callers --- */

static bool
is_busy(const struct caller *c)
{
	return c->line.in_flight > 0 || c->line.waiting > 0;
}

static void
write_caller(
    struct gate *g, struct json_writer *w, struct caller *c, int64_t now_us)
{
	json_object_begin(w, NULL);
	json_str(w, "caller", c->shown);
	json_int(w, "in_flight", c->line.in_flight);
	json_int(w, "waiting", c->line.waiting);
	json_int(w, "tokens_hour", (int64_t)recent_sum(&c->recent, now_us));
	json_bool(w, "blocked", blocked_until(&g->env, c, now_us) > 0);
	json_object_end(w);
}

/* Who has requests here now, then who used tokens within the last hour. */
static void
write_callers(struct gate *g, struct json_writer *w, int64_t now_us)
{
	struct part p = part_begin(w, CALLERS_BYTES, STATUS_CALLERS_MAX);

	json_object_begin(w, "callers");
	json_array_begin(w, "list");
	for (int idle = 0; idle < 2; idle++)
		for (struct caller *c = caller_next(g->env.callers, NULL);
		     c != NULL; c = caller_next(g->env.callers, c)) {
			if (is_busy(c) == (bool)idle ||
			    (idle && recent_sum(&c->recent, now_us) == 0))
				continue;
			if (part_row(&p))
				write_caller(g, w, c, now_us);
		}
	json_array_end(w);
	part_end(&p);
	json_object_end(w);
}

static void
write_blocked(struct gate *g, struct json_writer *w, int64_t now_us)
{
	struct part p = part_begin(w, BLOCKED_BYTES, SIZE_MAX);
	struct slice name;
	int64_t until_us;
	size_t i = 0;

	json_array_begin(w, "blocked");
	while (marks_next(&g->blocked, &i, now_us, &name, &until_us)) {
		if (!part_row(&p))
			continue;
		json_object_begin(w, NULL);
		json_str(w, "caller", name);
		json_int(w, "rest_ms", ms(until_us - now_us));
		json_object_end(w);
	}
	json_array_end(w);
	if (p.shown < p.count)
		json_int(w, "blocked_not_shown", (int64_t)(p.count - p.shown));
}

/* --- all --- */

static void
write_weir(struct gate *g, struct json_writer *w, int64_t now_us)
{
	json_str(w, "health", slice_str(health(g)));
	json_str(w, "version", slice_str(WEIR_VERSION));
	json_int(w, "pid", g->has_link ? getppid() : getpid());
	json_int(w, "gate_pid", getpid());
	json_int(w, "generation", (int64_t)g->generation);
	json_int(w, "uptime_ms", ms(now_us - state_born_us(&g->state)));
	json_int(w, "gate_uptime_ms", ms(now_us - g->admin.started_us));
	json_bool(w, "stopping", g->is_draining);
	json_object_begin(w, "connections");
	json_int(w, "count", (int64_t)g->env.n_clients);
	json_int(w, "max", g->env.conf->limits_connections);
	json_object_end(w);
	json_object_begin(w, "bodies");
	json_int(w, "bytes", (int64_t)g->env.body_bytes);
	json_int(w, "max", (int64_t)g->env.conf->limits_body_total);
	json_object_end(w);
	json_int(w, "log_lines_dropped", (int64_t)log_dropped(g->env.log));
}

/* Gates that finish what they have. */
static void
write_leaving(struct gate *g, struct json_writer *w)
{
	struct metrics *m = g->env.metrics;
	uint64_t others[METRICS_LANES];
	size_t all = metrics_others(m, others), n = 0;

	/* One that follows this one is not meant. */
	for (size_t i = 0; i < all; i++)
		if (others[i] < g->generation)
			others[n++] = others[i];
	if (n == 0)
		return;
	json_object_begin(w, "leaving");
	json_array_begin(w, "gates");
	for (size_t i = 0; i < n; i++)
		json_int(w, NULL, (int64_t)others[i]);
	json_array_end(w);
	json_int(w, "in_flight", metrics_of_others(m, METRIC_SLOTS_USED));
	json_int(w, "waiting", metrics_of_others(m, METRIC_QUEUE_LENGTH));
	json_object_end(w);
}

void
status_answer(struct gate *g, struct slice rest, struct command_answer *a)
{
	int64_t now_us = os_now_us();

	(void)rest;
	command_done(a, "%zu in flight, %zu waiting.", g->env.queue.in_flight,
	    g->env.queue.n);
	write_weir(g, &a->w, now_us);
	write_leaving(g, &a->w);
	disk_report(&a->w, &g->disks, now_us);
	write_engines(g, &a->w, now_us);
	write_running(g, &a->w, now_us);
	write_waiting(g, &a->w, now_us);
	write_callers(g, &a->w, now_us);
	write_blocked(g, &a->w, now_us);
}
