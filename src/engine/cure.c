#include "engine/cure.h"
#include "engine/fetch.h"
#include "engine/load.h"
#include "engine/proof.h"
#include "engine/server.h"
#include "json/write.h"
#include <signal.h>
#include <stdlib.h>

enum {
	ANSWER_MAX = 4 * 1024 * 1024,
	BODY_MAX = 8 * 1024,
	ANSWER_US = 5 * 1000000, /* a token, of a model that is loaded */
	UNLOAD_US = 5 * 1000000,
	END_US = 3 * 1000000,
	RESTART_US = 30 * 1000000,
	AGAIN_US = 120 * 1000000, /* a step that helped so short did not */
};

struct cure {
	struct fetch fetch;
	struct engine *engine;
	enum cure_step step, helped;
	int64_t until_us, helped_us;
	pid_t pid, server; /* what hangs, and what has started it */
	uint64_t began;	   /* of ${pid}, so that it is no other */
	bool has_answered; /* since the step began */
};

/* --- what is asked --- */

/* The model that its requests were for; NULL: it is not known. */
static struct engine_model *
find_stuck(struct engine *e)
{
	struct engine_model *loaded = NULL;
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL) {
		struct engine_model *m = TABLE_OF(n, struct engine_model, node);

		if (m->is_remote)
			continue;
		if (uses_of(&e->uses, n->hash) > 0)
			return m;
		if (m->is_loaded || !load_is_ours(e))
			loaded = m;
	}
	return loaded;
}

static void
on_done(struct fetch *f)
{
	struct cure *c = (struct cure *)(void *)f;

	c->has_answered = f->err == OK && f->status == 200 &&
	    !slice_has(buf_slice(&f->answer), (struct slice)SLICE("\"error\""));
	buf_fini(&f->answer);
	cure_look(c->engine, os_now_us());
}

static void
unload(struct cure *c, const struct engine_model *m)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, BODY_MAX);
	json_writer_init(&w, &body);
	json_object_begin(&w, NULL);
	json_str(&w, "model", m->raw);
	json_int(&w, "keep_alive", 0);
	json_object_end(&w);
	fetch_start(
	    &c->fetch, "POST", "/api/generate", buf_slice(&body), UNLOAD_US);
	buf_fini(&body);
}

/* --- the steps --- */

static void
tell(struct cure *c, enum cure_step step, enum cure_result result)
{
	struct engine *e = c->engine;

	if (e->set->on_cure)
		e->set->on_cure(e->set->ctx_state, e, step, result, c->pid);
}

enum cure_step
cure_next(enum cure_step step, enum engine_kind kind, bool has_runner)
{
	switch (step) {
	case CURE_NONE:
		return CURE_CLOSE;
	case CURE_CLOSE:
		if (kind == ENGINE_OLLAMA && has_runner)
			return CURE_UNLOAD;
		return CURE_RESTART;
	case CURE_UNLOAD:
		return CURE_END;
	case CURE_END:
		return CURE_RESTART;
	case CURE_RESTART:
	case CURE_STEPS:
		break;
	}
	return CURE_NONE;
}

static enum cure_step
next(const struct cure *c, enum cure_step step)
{
	return cure_next(step, c->engine->kind, c->pid != c->server);
}

static void
start(struct cure *c, enum cure_step step, int64_t now_us)
{
	static const int64_t bound_us[CURE_STEPS] = {[CURE_CLOSE] = ANSWER_US,
	    [CURE_UNLOAD] = UNLOAD_US,
	    [CURE_END] = END_US,
	    [CURE_RESTART] = RESTART_US};
	struct engine_model *m = find_stuck(c->engine);

	fetch_cancel(&c->fetch);
	c->step = step;
	c->has_answered = false;
	c->until_us = now_us + bound_us[step];
	tell(c, step, CURE_BEGINS);
	if (step == CURE_CLOSE) {
		upstream_give_up(c->engine);
		if (m)
			proof_ask(&c->fetch, m, ANSWER_US);
	} else if (step == CURE_UNLOAD) {
		if (m)
			unload(c, m);
	} else if (step == CURE_END) {
		/* Another user's is not ours to end: its server's unit is. */
		if (!server_has_runner(c->server, c->pid) ||
		    os_proc_began(c->pid) != c->began ||
		    kill(c->pid, SIGKILL) != 0)
			c->until_us = now_us;
	}
}

static void
end(struct cure *c, enum cure_result result, int64_t now_us)
{
	enum cure_step step = c->step;
	struct engine *e = c->engine;

	fetch_cancel(&c->fetch);
	c->step = CURE_NONE;
	c->helped = step;
	c->helped_us = now_us;
	tell(c, step, result);
	if (e->set->on_change)
		e->set->on_change(e->set->ctx);
}

static bool
has_helped(const struct cure *c)
{
	return c->step == CURE_CLOSE ? c->has_answered
				     : os_proc_began(c->pid) != c->began;
}

void
cure_look(struct engine *e, int64_t now_us)
{
	struct cure *c = e->cure;
	enum cure_step then;

	if (!cure_is_busy(e))
		return;
	if (has_helped(c)) {
		end(c, CURE_HELPED, now_us);
		return;
	}
	if (now_us < c->until_us && !(c->step == CURE_CLOSE && !c->fetch.up))
		return;
	if ((then = next(c, c->step)) == CURE_NONE) {
		end(c, CURE_FAILED, now_us);
		return;
	}
	tell(c, c->step, CURE_FAILED);
	start(c, then, now_us);
}

void
cure_begin(struct engine *e, enum hang_is is, pid_t pid)
{
	int64_t now_us = os_now_us();
	enum cure_step step = CURE_CLOSE;
	struct cure *c = e->cure;

	if (cure_is_busy(e))
		return;
	if (c == NULL) {
		if ((c = calloc(1, sizeof *c)) == NULL)
			abort();
		c->engine = engine_hold(e);
		fetch_init(&c->fetch, e, ANSWER_MAX, on_done);
		e->cure = c;
	}
	c->pid = pid;
	c->server = server_find(e);
	c->began = os_proc_began(pid);
	if (is == HANG_STOPPED)
		step = pid == c->server ? CURE_RESTART : CURE_END;
	else if (c->helped != CURE_NONE && now_us - c->helped_us < AGAIN_US)
		step = next(c, c->helped);
	start(c, step == CURE_NONE ? CURE_RESTART : step, now_us);
}

bool
cure_is_busy(const struct engine *e)
{
	return e->cure && e->cure->step != CURE_NONE;
}

void
cure_forget(struct engine *e)
{
	if (cure_is_busy(e))
		end(e->cure, CURE_HELPED, os_now_us());
}

void
cure_fini(struct engine *e)
{
	struct cure *c = e->cure;

	if (c == NULL)
		return;
	e->cure = NULL;
	fetch_fini(&c->fetch);
	free(c);
	engine_drop(e);
}

const char *
cure_name(enum cure_step step)
{
	static const char *const names[CURE_STEPS] = {[CURE_NONE] = "none",
	    [CURE_CLOSE] = "close_connections",
	    [CURE_UNLOAD] = "unload_model",
	    [CURE_END] = "end_runner",
	    [CURE_RESTART] = "restart_server"};

	return names[step];
}
