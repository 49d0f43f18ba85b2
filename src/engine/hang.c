#include "engine/hang.h"
#include "engine/engine.h"
#include "engine/load.h"
#include "engine/server.h"
#include "engine/slots.h"

enum hang_is
hang_judge(
    struct hang *h, const struct os_progress *p, bool busy, int64_t now_us)
{
	bool is_free = !busy || p->in_disk_wait;

	if (p->stopped == 0)
		h->ran_us = now_us;
	/* Children that ended take their time along: less is a change, too. */
	is_free = is_free || p->read_bytes - h->read_bytes > HANG_READ_BYTES;
	if (is_free || p->cpu_ms != h->cpu_ms)
		h->tick_us = now_us;
	if (is_free || p->cpu_ms - h->cpu_ms > HANG_CPU_MS)
		h->moved_us = now_us;
	h->cpu_ms = p->cpu_ms;
	h->read_bytes = p->read_bytes;
	if (now_us - h->ran_us >= HANG_STOPPED_US)
		return HANG_STOPPED;
	if (now_us - h->tick_us >= HANG_GPU_US)
		return HANG_STILL;
	return now_us - h->moved_us >= HANG_IDLE_US ? HANG_IDLE : HANG_NONE;
}

/* Is something in flight that this machine works on? */
static bool
has_local_use(const struct engine *e)
{
	struct table_node *n = NULL;
	unsigned remote = 0;

	while ((n = table_next(&e->models, n)) != NULL)
		if (TABLE_OF(n, struct engine_model, node)->is_remote)
			remote += uses_of(&e->uses, n->hash);
	return e->in_use > remote + e->lingering;
}

/*
 * Who is to be ended; 0: nobody.  A server that starts its runners itself
 * lives on without them; if there are several, all of them do nothing, and
 * which one should is not seen.  What is not known to be a runner is left
 * alone; and where there is none what is in flight may be far away.
 */
static pid_t
find_culprit(const struct engine *e, pid_t server, const struct os_progress *p)
{
	size_t runners;
	pid_t runner;

	if (p->stopped != 0 && p->stopped != server)
		return server_has_runner(server, p->stopped) ? p->stopped
		    : e->run_pid != 0			     ? server
							     : 0;
	if (p->stopped == 0 && !has_local_use(e))
		return 0;
	if (p->stopped != 0 || e->kind != ENGINE_OLLAMA)
		return server;
	runner = server_runner(server, &runners);
	return runners > 1 ? server : runner;
}

/* Restarted so fast that it was never seen to be down: who is it now? */
static void
look_anew(struct engine *e)
{
	if (e->pid > 0 && engine_is_up(e) && os_proc_began(e->pid) == 0)
		slots_find_process(e);
}

/*
 * May who does nothing be waiting for others: a graphics processor, or, where
 * it is no engine that weir knows, another machine that it asks in its turn?
 */
static bool
may_wait(const struct engine *e, pid_t server, enum hang_is is)
{
	bool uses_gpu = os_proc_uses_gpu(server);

	return uses_gpu ? is == HANG_IDLE : e->kind == ENGINE_OPENAI;
}

enum hang_is
hang_look(struct engine *e, int64_t now_us, pid_t *pid)
{
	struct hang *h = &e->hang;
	pid_t server = server_find(e);
	struct os_progress p;
	enum hang_is is;
	bool busy;

	if (now_us - h->looked_us < HANG_LOOK_US)
		return HANG_NONE;
	if (server == 0) {
		h->looked_us = now_us;
		look_anew(e);
		return HANG_NONE;
	}
	if (now_us - h->looked_us > 2 * HANG_STOPPED_US)
		h->moved_us = h->tick_us = h->ran_us = now_us;
	h->looked_us = now_us;
	/* Slots that linger are no proof of work. */
	busy = e->in_use > e->lingering && !load_is_busy(e);
	if (os_proc_progress(server, &p) != OK) {
		look_anew(e);
		return HANG_NONE;
	}
	is = hang_judge(h, &p, busy, now_us);
	if (is == HANG_NONE || (is != HANG_STOPPED && may_wait(e, server, is)))
		return HANG_NONE;
	if ((*pid = find_culprit(e, server, &p)) == 0)
		is = HANG_NONE;
	/* What is done about it takes its time. */
	h->looked_us = 0;
	return is;
}
