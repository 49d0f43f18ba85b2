#include "engine/slots.h"
#include "engine/fetch.h"
#include "os/proc.h"
#include "os/sock.h"
#include "os/unit.h"
#include "token/shape.h"
#include <stdlib.h>

enum {
	CHILDREN_MAX = 32,
	ARGS_MAX = 256 * 1024,
	METRICS_MAX = 4 * 1024 * 1024,
	LOOK_US = 5 * 1000000,
	UP_STEP = 8, /* slots that come back at a time */
};

/* --- Ollama --- */

static struct slice
base_name(struct slice path)
{
	size_t at = slice_rfind(path, '/');

	return at == path.n ? path : slice_from(path, at + 1);
}

static unsigned
number(struct slice text)
{
	uint64_t v;

	return slice_u64(text, SLOTS_MAX, &v) ? (unsigned)v : 0;
}

bool
slots_is_runner(struct slice args)
{
	struct slice program = base_name(slice_cut(&args, 0));

	/* Until 0.24 it ran itself as `ollama runner`. */
	return slice_is(program, "llama-server") ||
	    (slice_is(program, "ollama") &&
		slice_is(slice_cut(&args, 0), "runner"));
}

unsigned
slots_of_runner(struct slice args)
{
	if (!slots_is_runner(args))
		return 0;
	while (args.n > 0) {
		struct slice word = slice_cut(&args, 0);

		if (slice_is(word, "-np") || slice_is(word, "--parallel"))
			return number(slice_cut(&args, 0));
	}
	return 0;
}

unsigned
slots_of_environ(struct slice env, const char *name)
{
	while (env.n > 0) {
		struct slice value = slice_cut(&env, 0);

		if (slice_is(slice_cut(&value, '='), name))
			return number(slice_trim(value));
	}
	return 0;
}

/* What its environment says of contexts, and how they are kept. */
static void
take_contexts(struct engine *e, struct slice env)
{
	uint64_t tok = 0;

	enum shape_type type = SHAPE_F16;

	e->env_context = 0;
	while (env.n > 0) {
		struct slice value = slice_cut(&env, 0);
		struct slice name = slice_cut(&value, '=');

		if (slice_is(name, "OLLAMA_CONTEXT_LENGTH") &&
		    slice_u64(slice_trim(value), SHAPE_CONTEXT_MAX, &tok))
			e->env_context = (uint32_t)tok;
		else if (slice_is(name, "OLLAMA_KV_CACHE_TYPE"))
			(void)shape_type_find(slice_trim(value), &type);
	}
	e->kv_type = type;
}

/* The most that a runner of process ${pid} takes; 0: none runs or shows. */
static unsigned
ask_runners(pid_t pid, struct buf *b)
{
	pid_t child[CHILDREN_MAX];
	size_t n = os_proc_children(pid, child, CHILDREN_MAX);
	unsigned most = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned slots;

		buf_clear(b);
		if (os_proc_args(child[i], b) != OK)
			continue;
		slots = slots_of_runner(buf_slice(b));
		if (slots > most)
			most = slots;
	}
	return most;
}

void
slots_find_process(struct engine *e)
{
	pid_t pid = 0;

	if (engine_is_loopback(e))
		pid = os_sock_port_pid((uint16_t)e->port);
	/* Of a service, which is another user's: the one Ollama of it. */
	if (pid <= 0 && engine_is_loopback(e))
		pid = os_sock_port_pid_named((uint16_t)e->port, "ollama");
	/* Between two of them the one that was is remembered. */
	if (pid > 0 || !engine_is_up(e))
		e->pid = pid;
}

void
slots_find_ollama(struct engine *e)
{
	unsigned slots = 0, holds = 0;
	bool is_readable = false;
	struct buf b;
	pid_t pid;

	/* The same process listens as long as it is up, or lives. */
	if (!engine_is_up(e) || e->pid == 0 || os_proc_began(e->pid) == 0)
		slots_find_process(e);
	pid = e->pid;
	buf_init(&b, ARGS_MAX);
	if (pid > 0) {
		slots = ask_runners(pid, &b);
		buf_clear(&b);
		is_readable = os_unit_environ_of(pid, &b) == OK;
		if (is_readable && slots == 0)
			slots = slots_of_environ(
			    buf_slice(&b), "OLLAMA_NUM_PARALLEL");
		if (is_readable)
			holds = slots_of_environ(
			    buf_slice(&b), "OLLAMA_MAX_LOADED_MODELS");
		if (is_readable)
			take_contexts(e, buf_slice(&b));
	}
	buf_fini(&b);
	e->holds_most = holds ? holds : ENGINE_HOLDS;
	if (e->holds == 0)
		e->holds = e->holds_most;
	/* Unset is 1 for Ollama too. */
	if (slots == 0 && is_readable)
		slots = 1;
	if (slots > 0) {
		engine_found_slots(e, slots);
		return;
	}
	/* Of what it was before nothing is known any more. */
	if (!engine_is_up(e))
		engine_found_slots(e, 1);
	if (e->conf_slots || e->told_slots)
		return;
	e->told_slots = true;
	if (e->set->on_guess)
		e->set->on_guess(e->set->ctx_state, e);
}

/* --- vLLM --- */

struct engine_watch {
	struct fetch fetch;
	struct engine *engine;
	struct timer timer;
};

int64_t
slots_waiting(struct slice text)
{
	static const struct slice name = SLICE("vllm:num_requests_waiting");
	int64_t sum = -1;

	while (text.n > 0) {
		struct slice line = slice_cut(&text, '\n');
		uint64_t v;

		if (!slice_starts(line, name))
			continue;
		line = slice_from(line, name.n);
		/* A name that goes on is another one. */
		if (line.n == 0 || (line.p[0] != '{' && line.p[0] != ' '))
			continue;
		line = slice_trim(slice_from(line, slice_rfind(line, ' ')));
		line = slice_to(line, slice_find(line, '.'));
		if (slice_u64(line, SLOTS_MAX * 16, &v))
			sum = (sum < 0 ? 0 : sum) + (int64_t)v;
	}
	return sum;
}

unsigned
slots_next(unsigned slots, unsigned in_use, int64_t waiting)
{
	if (waiting > 0) {
		unsigned run =
		    waiting >= in_use ? 1 : in_use - (unsigned)waiting;

		return run < slots ? run : slots;
	}
	if (waiting < 0 || slots + UP_STEP > SLOTS_OPENAI)
		return SLOTS_OPENAI;
	/* It has room: give back some of what was taken. */
	return slots + UP_STEP;
}

static void
on_metrics(struct fetch *f)
{
	struct engine_watch *w = (struct engine_watch *)(void *)f;
	struct engine *e = w->engine;
	int64_t waiting = -1;

	if (f->err == OK && f->status == 200)
		waiting = slots_waiting(buf_slice(&f->answer));
	buf_fini(&f->answer);
	engine_found_slots(e, slots_next(e->slots, e->in_use, waiting));
	timer_set(&w->timer, os_now_us() + LOOK_US);
}

static void
on_timer(struct timer *t)
{
	struct engine_watch *w = (struct engine_watch *)(void *)((char *)t -
	    offsetof(struct engine_watch, timer));
	struct engine *e = w->engine;

	if (e->conf_slots == 0 && engine_is_up(e) && e->kind == ENGINE_OPENAI &&
	    (e->in_use * 2 > e->slots || e->slots < SLOTS_OPENAI))
		fetch_start(
		    &w->fetch, "GET", "/metrics", (struct slice){0}, LOOK_US);
	else
		timer_set(&w->timer, os_now_us() + LOOK_US);
}

void
slots_watch(struct engine *e)
{
	struct engine_watch *w;

	if (e->watch)
		return;
	engine_found_slots(e, SLOTS_OPENAI);
	if ((w = calloc(1, sizeof *w)) == NULL)
		abort();
	w->engine = engine_hold(e);
	fetch_init(&w->fetch, e, METRICS_MAX, on_metrics);
	timer_init(&w->timer, e->loop, on_timer);
	timer_set(&w->timer, os_now_us() + LOOK_US);
	e->watch = w;
}

void
slots_unwatch(struct engine *e)
{
	struct engine_watch *w = e->watch;

	if (w == NULL)
		return;
	e->watch = NULL;
	timer_stop(&w->timer);
	fetch_fini(&w->fetch);
	free(w);
	engine_drop(e);
}
