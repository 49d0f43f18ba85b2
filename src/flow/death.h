/*
 * death: an engine ended without an answer; what that means for the request.
 *
 * A request whose answer has not begun goes back into the line and is sent
 * again: callers see a delay, not an error.  Blame is careful, because one
 * request may be what kills the engine and the others only stood beside it:
 *
 *   died in company   everybody is a suspect and runs alone once
 *   died alone        counts against the request: the second time that it
 *                     crashed or ran out of memory, the fifth time where
 *                     nobody knows why, the request is refused; an end by KILL
 *                     or TERM counts for nothing
 *   stale connection  counts for nothing, if a new one can be made at once
 *   could not connect counts for nothing
 *
 * Why an engine ended is known of those that weir runs, and a moment later
 * than the end itself: so it is judged before the request is sent once more.
 */
#pragma once
#include "flow/flow.h"

enum verdict {
	VERDICT_AT_ONCE, /* a stale connection: again, on a new one */
	VERDICT_AGAIN,	 /* back into the line */
	VERDICT_REFUSE,	 /* f->refusal says why */
};

/*
 * Judge the failure ${why} of the exchange on ${up} (NULL: there was none),
 * which the caller closes; tells the engine's room what it saw.
 */
enum verdict death_judge(
    struct flow *f, const struct upstream *up, enum err why);

/* Has ${f} killed engines?  Then f->refusal says so: do not send it again. */
bool death_is_proved(struct flow *f);

/*
 * Is an answer with ${status} worth a look at its body, because it may be the
 * engine's way to say that its runner died or that it is loading?
 */
bool death_is_suspicious(const struct flow *f, int status);

/* Does the ${body} of such an answer say so?  Then ${why} is what it means. */
bool death_is_told(int status, struct slice body, enum err *why);
