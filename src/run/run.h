/*
 * run: one engine that weir runs: started, watched, started again, stopped.
 *
 *             .-- ends: backoff --.
 *             v                   |
 *   WAITING -> RUNNING -----------'        LOOPING: WAITING in a crash loop
 *      ^  \-> ELSEWHERE  somebody else serves at its address: look again
 *      |  \-> HELD       it must not be started so: look again
 *   left-overs of an earlier weir are ended first
 *
 * Nothing here waits: run_step does what is due.
 */
#pragma once
#include "engine/recipe.h"
#include "run/backoff.h"
#include "run/door.h"
#include "run/leftover.h"
#include "run/output.h"
#include "run/weighing.h"

/* What all engines of a keeper have in common. */
struct run_world {
	const char *folder; /* for output; "": none */
	const char *mark;   /* what marks the processes of this keeper */
	/* False: nobody hears; then it is told again by run_tell_again. */
	bool (*tell)(void *ctx, const struct engine_news *news);
	void *ctx;
};

struct run {
	const struct run_world *world;
	char name[ENGINE_NAME_MAX];
	struct recipe recipe;
	bool is_ollama;
	struct weighing weighing;
	uint16_t port; /* that weir chose */
	struct door door;

	enum engine_phase phase;
	pid_t pid; /* 0: none runs */
	int why_fd;
	struct output out;
	struct os_cgroup cgroup;
	int64_t oom_kills;
	struct backoff backoff;
	int64_t started_us, start_at_us; /* of the next, while none runs */
	int64_t kill_at_us;		 /* INT64_MAX: never */
	int64_t sweep_until_us;		 /* left-overs are asked until then */
	int64_t free_since_us;	 /* the address, after ELSEWHERE; 0: not */
	int64_t proved_us;	 /* it answered a request; 0: not yet */
	bool is_unwanted;	 /* stop it, for good */
	bool is_restart;	 /* its end is ours: no backoff */
	struct engine_news last; /* but for the tail */
};

/*
 * Prepare the engine ${e} of ${conf}, to be started at once; ${port} where it
 * has no url.  ERR_SYNTAX, ERR_RANGE, ERR_NOMEM.
 */
MUST_CHECK enum err run_init(struct run *r, const struct run_world *world,
    const struct conf *conf, const struct conf_engine *e, uint16_t port);

/*
 * The same for one that goes on from an earlier program; ${e} may be NULL if
 * it is to end.  What it is doing is the caller's to fill in.
 */
MUST_CHECK enum err run_adopt(struct run *r, const struct run_world *world,
    const struct conf *conf, const struct conf_engine *e, const char *name,
    uint16_t port);

/*
 * What it would be now, by another configuration: if that is another process,
 * end this one and start that.  Errors as run_init; it then stays.
 */
MUST_CHECK enum err run_change(struct run *r, const struct conf *conf,
    const struct conf_engine *e, uint16_t port, int64_t now_us);

/* Do what is due. */
void run_step(struct run *r, int64_t now_us);

/* When run_step must be called even if nothing happens; INT64_MAX. */
int64_t run_deadline(const struct run *r);

/* Tell the last news again, to a gate that does not know. */
void run_tell_again(struct run *r, int64_t now_us);

/* It answered a request. */
void run_proved(struct run *r, int64_t now_us);

/* It hangs: end it, soon by force; as after any end it is started again. */
void run_end_hung(struct run *r, int64_t now_us);

/* End it for good, within ${grace_us}; then run_is_gone. */
void run_stop(struct run *r, int64_t now_us, int64_t grace_us);

/* Is nothing of it left? */
bool run_is_gone(const struct run *r);

/* Free it; what still runs is killed. */
void run_fini(struct run *r);
