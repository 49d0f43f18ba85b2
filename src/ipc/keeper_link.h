/*
 * keeper_link: the keeper's end of the wire to a gate.
 *
 * What each order means stands in ipc/gate_link.h.  A failed send means that
 * this gate is of no use any more; all of them: ERR_IO.
 */
#pragma once
#include "ipc/channel.h"
#include "ipc/gate_start.h"

enum report_kind {
	REPORT_NONE,
	REPORT_READY,
	REPORT_RELOADED,
	REPORT_DRAINED,
	REPORT_ANSWER, /* to a command, or a part of it */
	REPORT_WISH,   /* what shall become of an engine */
	REPORT_WELL,   /* /readyz says yes, for the first time */
	REPORT_LOST,   /* the gate closed the link or talks nonsense */
};

/* What a gate says. */
struct report {
	enum report_kind kind;
	uint32_t seq;	       /* RELOADED, ANSWER */
	bool ok;	       /* RELOADED, ANSWER */
	bool has_more;	       /* ANSWER: another part of it follows */
	struct slice text;     /* RELOADED, ANSWER: valid until the next */
	enum engine_wish wish; /* WISH */
	char engine[ENGINE_NAME_MAX];
};

struct keeper_link {
	struct channel channel;
};

/* Send a new gate all that it is born with; descriptors are copied. */
MUST_CHECK enum err keeper_link_start(
    struct keeper_link *l, const struct gate_start *start);

/*
 * ORDER_RELOAD with the listeners and configuration of ${start}, whose
 * listeners with fd -1 are those that the gate has.
 */
MUST_CHECK enum err keeper_link_reload(
    struct keeper_link *l, uint32_t seq, const struct gate_start *start);

/* ORDER_DRAIN. */
MUST_CHECK enum err keeper_link_drain(struct keeper_link *l, int64_t grace_us);

/* ORDER_RETIRE. */
MUST_CHECK enum err keeper_link_retire(struct keeper_link *l, int64_t grace_us);

/* ORDER_GONE. */
MUST_CHECK enum err keeper_link_gone(
    struct keeper_link *l, uint64_t generation);

/* ORDER_QUIT. */
MUST_CHECK enum err keeper_link_quit(struct keeper_link *l);

/* ORDER_REOPEN_LOG. */
MUST_CHECK enum err keeper_link_reopen_log(struct keeper_link *l);

/* ORDER_LOG_LINE; a line of more than 8 KiB is not sent. */
MUST_CHECK enum err keeper_link_log_line(
    struct keeper_link *l, struct slice line);

/*
 * ORDER_COMMAND with ${text}, at most GATE_COMMAND_MAX bytes.  The answers of
 * several commands come one after the other, their parts together.
 */
MUST_CHECK enum err keeper_link_command(
    struct keeper_link *l, uint32_t seq, struct slice text);

/* ORDER_ENGINE: news of an engine. */
MUST_CHECK enum err keeper_link_engine(
    struct keeper_link *l, const struct engine_news *news);

/* What the gate says next, in ${r}; never blocks.  Returns r->kind. */
enum report_kind keeper_link_next(struct keeper_link *l, struct report *r);
