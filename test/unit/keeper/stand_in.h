/*
 * stand_in: a gate for tests of the keeper: the program itself, started as
 * `weir gate`.
 *
 * It answers each connection with one line and closes it:
 *   GENERATION PID COUNT REOPENED DRAINED TEXT
 * COUNT lives in the shared state; TEXT is the configuration's first line, in
 * which words make it behave badly: unwell (exits before it is ready), curt
 * (dies at once when ready), stubborn (does not drain), picky (refuses to
 * reload), mute (does not answer to a reload).  To a command it answers that
 * command; `fail` is refused, `hang` not answered, `die` its end, and the
 * answer to `big` as long as any may be.
 */
#pragma once

/* Be the gate if ${argv} says so; returns -1 if not, else the exit status. */
int stand_in_main(int argc, char **argv);
