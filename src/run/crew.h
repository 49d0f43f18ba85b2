/*
 * crew: all engines that weir runs.
 *
 * The keeper's loop polls it and turns it; in one process the gate does, see
 * struct engine_helper.  A reload changes it by difference: what is new is
 * started, what is gone is stopped, what would be another process is
 * restarted, all else is not touched.
 */
#pragma once
#include "run/run.h"
#include <poll.h>

enum { CREW_LEFT_ALONE = 43 }; /* a status; see crew_asked */

struct crew {
	struct run_world world;
	char folder[512], mark[64];
	const struct conf *conf; /* in force; NULL: none yet */
	struct run *runs[ENGINES_RUN_MAX];
	size_t n;
	struct engine_ports ports;
	int64_t asked_us; /* systemd for a restart, last, of any */
	bool has_asked;	  /* this program did */
	/* Each of them, and the process that asked. */
	struct crew_asked {
		int64_t at_us;
		pid_t pid;
		char unit[300];
	} asked[ENGINES_RUN_MAX];
};

/* None; output goes below the folder ${state} ("": nowhere). */
void crew_init(struct crew *c, const char *state,
    bool (*tell)(void *ctx, const struct engine_news *news), void *ctx);

/* Choose ports for the engines of ${conf} that need one. */
void crew_ports(
    struct crew *c, const struct conf *conf, struct engine_ports *out);

/* ${conf} is in force. */
void crew_update(struct crew *c, const struct conf *conf, int64_t now_us);

/*
 * One more, called ${name}, that goes on from an earlier program; what it is
 * doing is the caller's to fill in.  NULL: there is no room.
 */
struct run *crew_adopt(struct crew *c, const char *name);

/* Do what is due; never waits for anybody. */
void crew_step(struct crew *c, int64_t now_us);

/* What to poll, at most ENGINES_RUN_MAX at ${out}; returns how many. */
size_t crew_polls(const struct crew *c, struct pollfd *out);

/* When crew_step must be called even if nothing happens; INT64_MAX. */
int64_t crew_deadline(const struct crew *c);

/* Is ${pid} the first process of one of them? */
bool crew_has(const struct crew *c, pid_t pid);

/* A new gate knows nothing: tell all. */
void crew_tell_all(struct crew *c, int64_t now_us);

/* The gate's ${wish} of the engine ${name}. */
void crew_wish(
    struct crew *c, const char *name, enum engine_wish wish, int64_t now_us);

/*
 * The unit that process ${pid} asked systemd to restart; NULL: none did.  Its
 * status is that of systemctl, or CREW_LEFT_ALONE: somebody stopped the unit.
 */
const char *crew_asked(const struct crew *c, pid_t pid);

/* End all within ${grace_us}; then crew_is_gone. */
void crew_stop(struct crew *c, int64_t now_us, int64_t grace_us);

/* Is none left? */
bool crew_is_gone(const struct crew *c);

/* Stop all and wait until they are gone, at most ${grace_us} and a second. */
void crew_end(struct crew *c, int64_t grace_us);

/* Free it; what still runs is killed. */
void crew_fini(struct crew *c);
