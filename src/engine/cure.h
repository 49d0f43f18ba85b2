/*
 * cure: what is done about an engine that hangs; one step after another, each
 * only where the one before did not help (order: reference of ollama's
 * scheduler, which has no timeout of its own for a runner that hangs).
 *
 *   CLOSE    the connections of its requests: who waits stands in line again;
 *            it helped if the engine then answers a question of one token
 *   UNLOAD   its model (Ollama: keep_alive 0); helped if the runner is gone
 *   END      the runner, by its process; helped if it is gone
 *   RESTART  the server, by whoever runs it; helped if it went down
 *
 * A process that is stopped by a signal can do nothing of what is asked: it is
 * ended at once.  What hangs again soon after a step begins with the next one.
 * Meanwhile the engine gets no request.
 */
#pragma once
#include "engine/engine.h"

enum cure_step {
	CURE_NONE,
	CURE_CLOSE,
	CURE_UNLOAD,
	CURE_END,
	CURE_RESTART,
	CURE_STEPS
};

/* What became of a step. */
enum cure_result { CURE_BEGINS, CURE_HELPED, CURE_FAILED };

/*
 * Begin, ${is} having been found of ${pid} (hang_look).  The set's on_cure
 * tells each step and what came of it; RESTART is its user's to do.  Nothing
 * where one is under way.
 */
void cure_begin(struct engine *e, enum hang_is is, pid_t pid);

/* Is one under way? */
bool cure_is_busy(const struct engine *e);

/* Do what is due; for a timer. */
void cure_look(struct engine *e, int64_t now_us);

/* ${e} is down: what hung is gone. */
void cure_forget(struct engine *e);

/* Cancel and free; for an engine that goes. */
void cure_fini(struct engine *e);

/* The step behind ${step}, for an engine of ${kind} with one runner or not. */
enum cure_step cure_next(
    enum cure_step step, enum engine_kind kind, bool has_runner);

/* A word for logs. */
const char *cure_name(enum cure_step step);
