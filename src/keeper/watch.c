/*
 * A gate that hangs: it lives, and does nothing.  Its counter (ipc/pulse.h) is
 * looked at a few times within `watchdog`; what stands still for so long is
 * ended by SIGABRT, for a trace or core where somebody wants one, then SIGKILL,
 * and followed as one that crashed.
 *
 * Only time in which the keeper itself was awake counts: a machine or container
 * that was stopped as a whole hangs nobody.
 */
#include "ipc/pulse.h"
#include "keeper/inside.h"
#include "os/share.h"
#include <signal.h>

enum {
	SHARE = 8, /* looks within the limit */
	LOOK_LEAST_US = 250 * 1000,
	LOOK_MOST_US = 5 * 1000 * 1000,
	START_US = 60 * 1000 * 1000,   /* a gate may take to its first beat */
	ABORT_US = 5 * 1000 * 1000,    /* from SIGABRT to SIGKILL */
	MANAGER_US = 15 * 1000 * 1000, /* the cure may take */
	US_PER_S = 1000 * 1000,
};

static int64_t
limit_us(const struct keeper *k)
{
	return k->setup.conf->watchdog_us;
}

static bool
is_on(const struct keeper *k)
{
	return k->watch.mem != NULL && limit_us(k) != CONF_FOREVER;
}

static int64_t
look_us(const struct keeper *k)
{
	int64_t us = limit_us(k) / SHARE;

	if (us < LOOK_LEAST_US)
		return LOOK_LEAST_US;
	return us < LOOK_MOST_US ? us : LOOK_MOST_US;
}

void
watch_begin(struct keeper *k, int64_t now_us)
{
	void *mem;

	if (os_share_map(k->state_fd, PULSE_BYTES, &mem) != OK)
		return;
	k->watch = (struct watch){
	    .mem = mem, .looked_us = now_us, .not_ours = k->child.generation};
}

void
watch_end(struct keeper *k)
{
	if (k->watch.mem != NULL)
		os_share_unmap(k->watch.mem, PULSE_BYTES);
	k->watch.mem = NULL;
}

/* How long may it be silent? */
static int64_t
patience_us(const struct keeper *k)
{
	const struct watch *w = &k->watch;

	if (w->beats != 0 || limit_us(k) > START_US)
		return limit_us(k);
	/* A gate of the program before this one may have no counter here. */
	return w->generation == w->not_ours ? INT64_MAX : START_US;
}

static void
end_it(struct keeper *k, int64_t now_us)
{
	k->child.silent_us = k->watch.silent_us;
	event_print(EVENT_GATE_HUNG,
	    EVENT_ARGS(event_num("silent_s", k->child.silent_us / US_PER_S)));
	(void)kill(k->child.pid, SIGABRT);
	/* One that was stopped takes no other signal. */
	(void)kill(k->child.pid, SIGCONT);
	child_kill_at(&k->child, now_us + ABORT_US);
}

static void
look(struct keeper *k, int64_t awake_us)
{
	struct watch *w = &k->watch;
	uint64_t beats;

	w->without_us += awake_us;
	if (k->child.pid == 0 || k->child.generation != w->generation) {
		w->generation = k->child.pid ? k->child.generation : 0;
		w->beats = 0;
		w->silent_us = 0;
		return;
	}
	beats = pulse_read(w->mem, w->generation);
	if (beats == w->beats) {
		w->silent_us += awake_us;
		return;
	}
	w->beats = beats;
	w->silent_us = w->without_us = 0;
}

void
watch_turn(struct keeper *k, int64_t now_us)
{
	struct watch *w = &k->watch;
	int64_t awake_us = now_us - w->looked_us;

	if (!is_on(k) || awake_us < look_us(k))
		return;
	w->looked_us = now_us;
	look(k, awake_us < 2 * look_us(k) ? awake_us : 2 * look_us(k));
	if (k->child.pid != 0 && k->child.silent_us == 0 && !k->is_stopping &&
	    w->silent_us >= patience_us(k))
		end_it(k, now_us);
}

int64_t
watch_deadline(const struct keeper *k)
{
	return is_on(k) ? k->watch.looked_us + look_us(k) : INT64_MAX;
}

bool
watch_is_well(const struct keeper *k)
{
	int64_t us = limit_us(k);

	if (!is_on(k) || k->is_stopping)
		return true;
	return k->watch.without_us <
	    (us > START_US ? us : START_US) + MANAGER_US;
}
