/*
 * life: what is known of the process of an engine that weir runs, beside what
 * probes and traffic show: it started, it ended and why.
 */
#pragma once
#include "engine/engine.h"

/*
 * ${e} was started as ${pid}; where weir chose it its port is ${port}, else 0.  It is
 * probed soon, with short pauses.
 */
void life_started(struct engine *e, pid_t pid, uint16_t port);

/* The same, known from before: nothing is to be done at once. */
void life_runs(struct engine *e, pid_t pid, uint16_t port);

/*
 * ${e} does not run because of ${why}, a part of a sentence: it is down at
 * once.  ${is_looping}: it keeps ending; the circuit is open, and once it
 * answers it is on trial.
 */
void life_ended(struct engine *e, const char *why, bool is_looping);

/* The process of ${e} has just ended; ${blame}: by what. */
void life_blame(struct engine *e, enum engine_blame blame);

/* Why a server ended, as far as its output tells. */
struct life_reason {
	const char *word; /* for metrics: "port_taken" */
	const char *text; /* a part of a sentence */
};

/* By the ${tail} of its output; NULL: that does not tell. */
const struct life_reason *life_read(struct slice tail);
