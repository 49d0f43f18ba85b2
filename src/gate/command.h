/*
 * command: what people tell a running weir, from the control socket.
 *
 *   status                 what is going on, see gate/status.h
 *   cancel ID              end one request, waiting or running
 *   block SECONDS CALLER   refuse a caller's requests for so long
 *   unblock CALLER
 *   drain ENGINE           send it nothing new
 *   resume ENGINE
 *   alert test             send a test to all who are to be told
 *   alert result           what became of it
 *
 * A name is the rest of the line.  The answer is one JSON object and a
 * newline: "ok", "text" (a sentence for people), and where it failed "code"
 * (stable, for programs); each verb has members of its own besides.  The texts
 * name callers, models and engines, never what a request says.
 *
 * Blocks and drains hold across reloads and gates, not across a restart of
 * weir.
 */
#pragma once
#include "gate/gate.h"
#include "json/write.h"

/*
 * Do ${line} and append the answer to ${out}, at most GATE_ANSWER_MAX bytes.
 * Returns whether it was done.
 */
bool command_run(struct gate *g, struct slice line, struct buf *out);

/* --- for the files of the verbs --- */

/* What became of a command; the text is made like printf's. */
struct command_answer {
	struct json_writer w;
	bool ok;
};

/* Begin the answer of one that was done. */
void command_done(struct command_answer *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same of one that was not, because of ${code}. */
void command_failed(struct command_answer *a, const char *code, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* The verbs; each begins the answer, and may add members behind that. */
void command_cancel(struct gate *g, struct slice id, struct command_answer *a);
void command_block(
    struct gate *g, struct slice seconds_caller, struct command_answer *a);
void command_unblock(
    struct gate *g, struct slice caller, struct command_answer *a);
void command_drain(
    struct gate *g, struct slice engine, struct command_answer *a);
void command_resume(
    struct gate *g, struct slice engine, struct command_answer *a);
void command_alert(struct gate *g, struct slice verb, struct command_answer *a);
