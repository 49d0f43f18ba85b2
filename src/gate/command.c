#include "gate/command.h"
#include "conf/problem.h"
#include "gate/status.h"
#include "log/event.h"
#include "os/clock.h"
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 600 };

static const struct {
	const char *word;
	void (*run)(
	    struct gate *g, struct slice rest, struct command_answer *a);
} verbs[] = {
    {"status", status_answer},
    {"cancel", command_cancel},
    {"block", command_block},
    {"unblock", command_unblock},
    {"drain", command_drain},
    {"resume", command_resume},
    {"alert", command_alert},
};

static void
begin(struct command_answer *a, const char *fmt, va_list args)
{
	char text[TEXT_MAX];
	int n = vsnprintf(text, sizeof text, fmt, args);

	json_object_begin(&a->w, NULL);
	json_bool(&a->w, "ok", a->ok);
	if (n > 0)
		json_str(&a->w, "text",
		    slice_to(slice_of(text, (size_t)n), sizeof text - 1));
}

void
command_done(struct command_answer *a, const char *fmt, ...)
{
	va_list args;

	a->ok = true;
	va_start(args, fmt);
	begin(a, fmt, args);
	va_end(args);
}

void
command_failed(struct command_answer *a, const char *code, const char *fmt, ...)
{
	va_list args;

	a->ok = false;
	va_start(args, fmt);
	begin(a, fmt, args);
	va_end(args);
	json_str(&a->w, "code", slice_str(code));
}

bool
command_run(struct gate *g, struct slice line, struct buf *out)
{
	struct command_answer a = {.ok = false};
	struct slice rest = line, word = slice_cut(&rest, ' ');
	size_t i = 0;

	json_writer_init(&a.w, out);
	while (
	    i < sizeof verbs / sizeof *verbs && !slice_is(word, verbs[i].word))
		i++;
	if (i < sizeof verbs / sizeof *verbs)
		verbs[i].run(g, slice_trim(rest), &a);
	else
		command_failed(&a, "unknown_command",
		    "This weir does not know that command; is it older than "
		    "yours?");
	json_object_end(&a.w);
	if (a.w.err == OK && buf_add_char(out, '\n') == OK)
		return a.ok;
	buf_clear(out);
	(void)!buf_add_str(out, "{\"ok\":false,\"code\":\"out_of_memory\"}\n");
	return false;
}

/* --- drain, resume --- */

static void
unknown_engine(struct gate *g, struct slice name, struct command_answer *a)
{
	struct conf_nearest near;

	conf_nearest_init(&near, name);
	LIST_EACH (it, &g->env.engines.engines)
		conf_nearest_try(&near, LIST_OF(it, struct engine, node)->name);
	if (near.best != NULL)
		command_failed(a, "unknown_engine",
		    "There is no engine %s; did you mean `%.*s`?",
		    conf_quote(name).text, (int)near.best_n, near.best);
	else
		command_failed(a, "unknown_engine",
		    "There is no engine %s; `weir status` lists them.",
		    conf_quote(name).text);
}

/* Does anybody take new requests? */
static bool
has_serving(const struct gate *g)
{
	LIST_EACH (it, &g->env.engines.engines) {
		const struct engine *e = LIST_OF(it, struct engine, node);

		if (engine_is_up(e) && !e->is_draining)
			return true;
	}
	return false;
}

void
command_drain(struct gate *g, struct slice engine, struct command_answer *a)
{
	struct engine *e = engine_set_find(&g->env.engines, engine);

	if (e == NULL) {
		unknown_engine(g, engine, a);
		return;
	}
	if (marks_set(&g->drained, e->name, MARKS_FOREVER, os_now_us()) != OK) {
		command_failed(a, "too_many",
		    "Too many engines are drained already; resume some.");
		return;
	}
	if (!e->is_draining)
		event_write(g->env.log, os_wall_us(), EVENT_ENGINE_DRAINED,
		    EVENT_ARGS(event_slice("engine", e->name),
			event_num("in_flight", e->in_use)));
	engine_drain(e);
	command_done(a,
	    "The engine %.*s gets no new requests; %u in flight go on%s. "
	    "`weir resume` ends that.",
	    SLICE_ARG(e->name), e->in_use,
	    has_serving(g)
		? ""
		: ", and since no other engine is up, new ones wait in line");
	json_str(&a->w, "engine", e->name);
	json_int(&a->w, "in_flight", e->in_use);
}

void
command_resume(struct gate *g, struct slice engine, struct command_answer *a)
{
	struct engine *e = engine_set_find(&g->env.engines, engine);
	bool was_marked = marks_clear(&g->drained, engine, os_now_us());

	/* One that is no longer configured may have its mark taken away. */
	if (e == NULL && !was_marked) {
		unknown_engine(g, engine, a);
		return;
	}
	if (e != NULL && e->is_draining) {
		event_write(g->env.log, os_wall_us(), EVENT_ENGINE_RESUMED,
		    EVENT_ARGS(event_slice("engine", engine)));
		engine_resume(e);
		command_done(a, "The engine %.*s gets requests again.",
		    SLICE_ARG(engine));
	} else {
		command_done(
		    a, "The engine %.*s was not drained.", SLICE_ARG(engine));
	}
	json_str(&a->w, "engine", engine);
}
