#include "gate/pulls.h"
#include <stdio.h>
#include <unistd.h>
#include "disk/guard.h"
#include "engine/proof.h"
#include "gate/gate.h"
#include "json/write.h"
#include "log/event.h"
#include "model/name.h"

enum {
	LINE_MAX_BYTES = 64 * 1024,
	SILENCE_US = 300 * 1000000,
	TELL_US = 30 * 1000000,
	AGAIN_US = 30 * 1000000,
	AGAIN_MAX_US = 600 * 1000000,
	TELL_PERCENT = 5, /* on the terminal */
	BODY_MAX = 1024,
};

static void
event(struct gate *g, enum event_id id, const struct event_arg *args, size_t n)
{
	event_write(g->env.log, os_wall_us(), id, args, n);
}

/* --- what is missing --- */

static bool
has_model(const struct engine *e, struct slice canonical)
{
	return table_find(&e->models, canonical) != NULL;
}

/*
 * Who may fetch ${canonical}; NULL: an engine has it, or it is not known yet
 * whether one has.
 */
static struct engine *
find_fetcher(const struct engine_set *s, struct slice canonical)
{
	struct engine *found = NULL;

	LIST_EACH (it, &s->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (e->state == ENGINE_UNKNOWN ||
		    (engine_is_up(e) && !e->has_listing) ||
		    has_model(e, canonical))
			return NULL;
		if (found == NULL && e->kind == ENGINE_OLLAMA &&
		    engine_is_up(e) && !e->is_draining)
			found = e;
	}
	return found;
}

static bool
is_cloud(struct slice canonical)
{
	struct name name;

	return name_parse(canonical, &name) != OK || name_is_cloud(&name);
}

static struct proof_wanted *
find_wanted(struct gate *g, struct slice canonical)
{
	struct engine_set *s = &g->env.engines;

	for (size_t i = 0; i < s->n_wanted; i++)
		if (slice_eq(s->wanted[i].name, canonical))
			return &s->wanted[i];
	return NULL;
}

/* --- what is told --- */

static struct slice
model_of(const struct pulls *p)
{
	return slice_str(p->model);
}

static int
percent_of(const struct pulls *p)
{
	uint64_t total = pull_total(&p->progress);

	return total ? (int)((total - pull_left(&p->progress)) * 100 / total)
		     : 0;
}

static void
tell_terminal(struct pulls *p)
{
	int percent = percent_of(p);

	if (percent < p->told_percent + TELL_PERCENT || !isatty(STDERR_FILENO))
		return;
	p->told_percent = percent - percent % TELL_PERCENT;
	(void)fprintf(stderr, "weir: fetching %s: %d %% of %llu MiB\n",
	    p->model, percent,
	    (unsigned long long)(pull_total(&p->progress) >> 20));
}

static void
tell(struct pulls *p, int64_t now_us)
{
	uint64_t total = pull_total(&p->progress);
	struct proof_wanted *w = find_wanted(p->gate, model_of(p));

	if (w)
		(void)snprintf(w->why, sizeof w->why,
		    "it is being fetched, %d %% of %llu MiB", percent_of(p),
		    (unsigned long long)(total >> 20));
	tell_terminal(p);
	if (now_us - p->told_us < TELL_US)
		return;
	p->told_us = now_us;
	event(p->gate, EVENT_MODEL_PULL_PROGRESS,
	    EVENT_ARGS(event_slice("model", model_of(p)),
		event_slice("engine", p->engine->name),
		event_num("done_mib",
		    (int64_t)((total - pull_left(&p->progress)) >> 20)),
		event_num("total_mib", (int64_t)(total >> 20)),
		event_num("percent", percent_of(p))));
}

/* --- the answer --- */

/* Why, by the engine's error; none of its text goes on. */
static const char *
reason_of(struct slice line)
{
	static const struct {
		struct slice mark;
		const char *why;
	} reasons[] = {
	    {SLICE("does not exist"), "the registry does not have it"},
	    {SLICE("not found"), "the registry does not have it"},
	    {SLICE("no space left"), "the disk is full"},
	    {SLICE("requires a newer"), "it needs a newer Ollama"},
	    {SLICE("newer version"), "it needs a newer Ollama"},
	    {SLICE("nauthorized"), "the registry wants a login"},
	    {SLICE("dial tcp"), "the registry cannot be reached"},
	    {SLICE("lookup "), "the registry cannot be reached"},
	    {SLICE("timeout"), "the registry cannot be reached"},
	    {SLICE("invalid model name"), "its name is not one of a model"},
	};

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (slice_has(line, reasons[i].mark))
			return reasons[i].why;
	return "the engine could not";
}

static bool
fits(struct pulls *p)
{
	const struct disk_guard *g = &p->gate->disks;
	const struct disk *d = disk_guard_find(g, DISK_MODELS, p->engine->name);

	return d == NULL ||
	    pull_left(&p->progress) <=
	    disk_room(&g->marks, d->last.size_bytes, d->last.free_bytes);
}

/* False: it must end. */
static bool
read_line(struct pulls *p, struct slice line)
{
	static const struct slice error = SLICE("\"error\"");
	static const struct slice success = SLICE("\"success\"");

	switch (pull_read(&p->progress, line)) {
	case PULL_LAYER:
		if (!fits(p)) {
			p->why = "it does not fit on the disk of the models";
			return false;
		}
		break;
	case PULL_PROGRESS:
		break;
	case PULL_NOTHING:
		p->is_success = p->is_success || slice_has(line, success);
		if (slice_has(line, error))
			p->why = reason_of(line);
		break;
	}
	return true;
}

static bool
on_part(struct fetch *f, struct slice part)
{
	struct pulls *p = (struct pulls *)(void *)f;
	struct ndjson_item item;
	size_t used;

	if (buf_add(&p->rest, part) != OK)
		return false;
	for (;;) {
		switch (
		    ndjson_next(&p->lines, buf_slice(&p->rest), &used, &item)) {
		case NDJSON_LINE:
			if (!read_line(p, item.value))
				return false;
			break;
		case NDJSON_BLANK:
			break;
		case NDJSON_MORE:
			return true;
		case NDJSON_BAD:
			return false;
		}
		buf_drop(&p->rest, used);
	}
}

static void
finish(struct pulls *p)
{
	fetch_fini(&p->fetch);
	buf_fini(&p->rest);
	engine_drop(p->engine);
	p->engine = NULL;
}

static void
fail(struct pulls *p, struct proof_wanted *w)
{
	int64_t wait_us = AGAIN_US;

	if (p->why == NULL)
		p->why = p->fetch.err == ERR_TIMEOUT
		    ? "nothing came for five minutes"
		    : "the engine ended the fetch";
	for (unsigned i = 0; w && i < w->failures && wait_us < AGAIN_MAX_US;
	     i++)
		wait_us *= 2;
	if (wait_us > AGAIN_MAX_US)
		wait_us = AGAIN_MAX_US;
	if (w) {
		w->failures++;
		w->retry_us = os_now_us() + wait_us;
		(void)snprintf(w->why, sizeof w->why,
		    "it could not be fetched: %s", p->why);
	}
	event(p->gate, EVENT_MODEL_PULL_FAILED,
	    EVENT_ARGS(event_slice("model", model_of(p)),
		event_slice("engine", p->engine->name),
		event_str("reason", p->why),
		event_num("retry_s", wait_us / 1000000)));
}

static void
on_done(struct fetch *f)
{
	struct pulls *p = (struct pulls *)(void *)f;
	struct proof_wanted *w = find_wanted(p->gate, model_of(p));

	/* The last line may have no end. */
	if (p->rest.n > 0)
		(void)read_line(p, buf_slice(&p->rest));
	if (f->err == OK && f->status == 200 && p->is_success &&
	    p->why == NULL) {
		if (w) {
			w->failures = 0;
			/* Should it be missing still, under this name. */
			w->retry_us = os_now_us() + AGAIN_MAX_US;
			w->why[0] = 0;
		}
		event(p->gate, EVENT_MODEL_PULLED,
		    EVENT_ARGS(event_slice("model", model_of(p)),
			event_slice("engine", p->engine->name),
			event_num("total_mib",
			    (int64_t)(pull_total(&p->progress) >> 20)),
			event_num(
			    "took_s", (os_now_us() - p->began_us) / 1000000)));
		engine_note_changed(p->engine);
	} else {
		fail(p, w);
	}
	finish(p);
}

static void
start(struct gate *g, struct engine *e, struct slice canonical, int64_t now_us)
{
	struct pulls *p = &g->pulls;
	struct json_writer w;
	struct buf body;

	*p = (struct pulls){.gate = g, .engine = engine_hold(e)};
	p->began_us = p->told_us = now_us;
	(void)snprintf(p->model, sizeof p->model, "%.*s", SLICE_ARG(canonical));
	buf_init(&p->rest, LINE_MAX_BYTES);
	ndjson_init(&p->lines, LINE_MAX_BYTES);
	event(g, EVENT_MODEL_PULL,
	    EVENT_ARGS(event_slice("model", canonical),
		event_slice("engine", e->name)));
	buf_init(&body, BODY_MAX);
	json_writer_init(&w, &body);
	json_object_begin(&w, NULL);
	json_str(&w, "model", canonical);
	json_bool(&w, "stream", true);
	json_object_end(&w);
	fetch_init(&p->fetch, e, 0, on_done);
	p->fetch.on_part = on_part;
	fetch_start(
	    &p->fetch, "POST", "/api/pull", buf_slice(&body), SILENCE_US);
	buf_fini(&body);
}

void
pulls_look(struct gate *g, int64_t now_us)
{
	struct engine_set *s = &g->env.engines;

	if (g->pulls.engine) {
		tell(&g->pulls, now_us);
		return;
	}
	for (size_t i = 0; i < s->n_wanted && !g->is_draining; i++) {
		const struct proof_wanted *w = &s->wanted[i];
		struct engine *e;

		if (!w->is_pull || w->retry_us > now_us || is_cloud(w->name) ||
		    (e = find_fetcher(s, w->name)) == NULL)
			continue;
		start(g, e, w->name, now_us);
		return;
	}
}

void
pulls_end(struct gate *g)
{
	if (g->pulls.engine)
		finish(&g->pulls);
}
