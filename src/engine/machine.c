#include "engine/machine.h"
#include "loop/job.h"
#include <stdlib.h>

enum {
	LOOK_US = 1000 * 1000,
	KILL_US = 10 * 1000 * 1000, /* for which a kill counts */
	KEPT_SHARE = 64,	    /* of all memory: less is next to nothing */
	STALLED_IN_PERCENT = 100,
};

#define KEPT_LEAST (INT64_C(64) << 20)
#define KEPT_MOST (INT64_C(256) << 20)

struct machine {
	struct engine_set *set; /* NULL: only the job holds it still */
	struct timer timer;
	struct job job;
	bool is_looking; /* the job's: gpus, seen, n_seen */
	struct os_gpus *gpus;
	struct os_gpu seen[OS_GPUS_MAX], gpu[OS_GPUS_MAX];
	size_t n_seen, n_gpus;
	enum conf_guard guard;
	int64_t limit_bytes;
	int32_t most_stalled;
};

bool
machine_is_home(const struct engine *e)
{
	return e->is_run || e->address.is_unix || engine_is_loopback(e);
}

const struct os_gpu *
machine_gpus(const struct engine_set *s, size_t *n)
{
	*n = s->machine ? s->machine->n_gpus : 0;
	return s->machine ? s->machine->gpu : NULL;
}

enum conf_guard
machine_guard(const struct engine_set *s)
{
	return s->machine ? s->machine->guard : CONF_GUARD_OFF;
}

int64_t
machine_limit_bytes(const struct engine_set *s)
{
	return s->machine ? s->machine->limit_bytes : 0;
}

bool
machine_look(const struct engine *e, struct os_ram *out)
{
	pid_t pid = e->run_pid ? e->run_pid : e->pid;

	/* Of one whose process is not seen: as the machine's first has it. */
	return os_ram_look("", pid > 0 ? pid : 1, out) == OK;
}

/* --- pressure --- */

static int64_t
kept_bytes(const struct os_ram *r)
{
	int64_t n = r->total_bytes / KEPT_SHARE;

	return n < KEPT_LEAST ? KEPT_LEAST : n > KEPT_MOST ? KEPT_MOST : n;
}

void
machine_judge(struct engine_pressure *p, const struct os_ram *r, int32_t most,
    int64_t now_us)
{
	bool was = p->why != NULL;
	int64_t kept = kept_bytes(r) * (was ? 2 : 1);

	if (r->oom_kills > p->oom_kills && p->oom_kills >= 0)
		p->until_us = now_us + KILL_US;
	p->oom_kills = r->oom_kills;
	p->why = NULL;
	if (most == 0)
		return;
	if (r->is_out)
		p->why = "its control group has no memory left";
	else if (now_us < p->until_us)
		p->why = "the kernel killed for want of memory";
	else if (r->stalled >= (was ? most / 2 : most))
		p->why = "everything stalls for want of memory";
	else if (r->free_bytes < kept)
		p->why = "next to none is free";
}

static void
tell_pressed(struct engine *e)
{
	series_set(e->m_pressed, e->pressure.why != NULL);
	if (e->set->on_pressure)
		e->set->on_pressure(e->set->ctx_state, e);
	if (e->pressure.why == NULL && e->set->on_change)
		e->set->on_change(e->set->ctx);
}

static void
look_at_engine(struct machine *m, struct engine *e)
{
	bool was = e->pressure.why != NULL;

	e->has_ram = machine_look(e, &e->ram);
	if (!e->has_ram)
		return;
	if (e->m_free == NULL) {
		struct metrics *all = e->set->metrics;

		e->m_free = metric_series(all, METRIC_MEMORY_FREE, &e->name);
		e->m_pressed =
		    metric_series(all, METRIC_MEMORY_PRESSED, &e->name);
		e->pressure.oom_kills = -1;
	}
	series_set(e->m_free, e->ram.free_bytes);
	machine_judge(&e->pressure, &e->ram, m->most_stalled, os_now_us());
	if (was != (e->pressure.why != NULL))
		tell_pressed(e);
}

void
machine_forget(struct engine *e)
{
	bool was = e->pressure.why != NULL;

	e->has_ram = false;
	e->pressure = (struct engine_pressure){.oom_kills = -1};
	if (was)
		tell_pressed(e);
}

/* --- models that run beside the GPU --- */

static void
look_at_models(const struct machine *m, struct engine *e)
{
	struct table_node *n = NULL;

	while ((n = table_next(&e->models, n)) != NULL) {
		struct engine_model *o = TABLE_OF(n, struct engine_model, node);
		bool is_beside = o->is_loaded &&
		    o->size_bytes > o->vram_bytes &&
		    (o->vram_bytes > 0 || m->n_gpus > 0);

		if (is_beside && !o->told_on_cpu && e->set->on_memory)
			e->set->on_memory(e->set->ctx_state, e, o);
		o->told_on_cpu = is_beside;
	}
}

/* --- GPUs --- */

static void
free_machine(struct machine *m)
{
	os_gpus_close(m->gpus);
	free(m);
}

static void
look_at_gpus(struct job *j)
{
	struct machine *m = (struct machine *)(void *)((char *)j -
	    offsetof(struct machine, job));

	if (m->gpus == NULL && os_gpus_open(NULL, "", &m->gpus) != OK)
		m->gpus = NULL;
	m->n_seen = m->gpus ? os_gpus_look(m->gpus, m->seen, OS_GPUS_MAX) : 0;
}

static void
on_gpus(struct job *j)
{
	struct machine *m = (struct machine *)(void *)((char *)j -
	    offsetof(struct machine, job));

	m->is_looking = false;
	if (m->set == NULL) {
		free_machine(m);
		return;
	}
	memcpy(m->gpu, m->seen, sizeof m->gpu);
	m->n_gpus = m->n_seen;
	for (size_t i = 0; i < m->n_gpus; i++) {
		struct slice name = slice_str(m->gpu[i].name);

		series_set(
		    metric_series(m->set->metrics, METRIC_GPU_FREE, &name),
		    m->gpu[i].free_bytes);
	}
}

/* --- every second --- */

static void
on_timer(struct timer *t)
{
	struct machine *m = (struct machine *)(void *)((char *)t -
	    offsetof(struct machine, timer));

	timer_set(t, os_now_us() + LOOK_US);
	if (!m->is_looking) {
		m->job = (struct job){.work = look_at_gpus, .done = on_gpus};
		m->is_looking = job_start(m->set->loop, &m->job) == OK;
	}
	LIST_EACH (it, &m->set->engines) {
		struct engine *e = LIST_OF(it, struct engine, node);

		if (!engine_is_up(e) || !machine_is_home(e))
			continue;
		look_at_engine(m, e);
		look_at_models(m, e);
	}
}

void
machine_configure(struct engine_set *s, const struct conf *conf)
{
	struct machine *m = s->machine;

	if (conf->memory_guard == CONF_GUARD_OFF &&
	    conf->memory_pressure == 0) {
		machine_fini(s);
		return;
	}
	if (m == NULL) {
		if ((m = calloc(1, sizeof *m)) == NULL)
			abort();
		m->set = s;
		s->machine = m;
		timer_init(&m->timer, s->loop, on_timer);
		timer_set(&m->timer, os_now_us());
	}
	m->guard = conf->memory_guard;
	m->limit_bytes = (int64_t)conf->memory_limit;
	m->most_stalled = (int32_t)conf->memory_pressure * STALLED_IN_PERCENT;
}

void
machine_fini(struct engine_set *s)
{
	struct machine *m = s->machine;

	if (m == NULL)
		return;
	s->machine = NULL;
	m->set = NULL;
	timer_stop(&m->timer);
	LIST_EACH (it, &s->engines)
		machine_forget(LIST_OF(it, struct engine, node));
	if (!m->is_looking)
		free_machine(m);
}
