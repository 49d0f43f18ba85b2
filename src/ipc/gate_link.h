/*
 * gate_link: the gate's end of the wire to its keeper.
 *
 * The gate's loop watches link->fd for reading and calls gate_link_next()
 * until it says ORDER_NONE.  Answers are small and sent at once.
 */
#pragma once
#include "ipc/channel.h"
#include "ipc/gate_start.h"

/* What the keeper wants. */
enum order_kind {
	ORDER_NONE,	  /* nothing more for now */
	ORDER_RELOAD,	  /* read the configuration, swap, answer */
	ORDER_DRAIN,	  /* accept no more, finish within grace_us, end */
	ORDER_QUIT,	  /* end at once */
	ORDER_REOPEN_LOG, /* somebody moved the log file away */
	ORDER_LOG_LINE,	  /* the keeper's own event, for the log */
	ORDER_COMMAND,	  /* somebody at the control socket: do, answer */
	ORDER_ENGINE,	  /* news of an engine that the keeper runs */
	/*
	 * Another gate serves: accept no more; finish what is here, within
	 * grace_us, each connection told with its last answer; end.
	 */
	ORDER_RETIRE,
	ORDER_GONE, /* the gate of this generation has ended */
	ORDER_LOST, /* the keeper is gone: drain as if told, and end */
};

struct order {
	enum order_kind kind;
	int64_t grace_us;    /* DRAIN, RETIRE */
	uint64_t generation; /* GONE */
	struct slice
	    line;     /* LOG_LINE, COMMAND: until the next gate_link_next */
	uint32_t seq; /* RELOAD, COMMAND: say it again in the answer */
	/*
	 * RELOAD: all listeners as they shall be.  One whose id the gate knows
	 * has fd -1 (keep yours); a new one carries its descriptor, which is
	 * the gate's from now on (close it if the reload fails).  A known id
	 * that is absent: close it, after the swap succeeded.
	 */
	struct gate_listener listeners[GATE_LISTENERS_MAX];
	size_t n_listeners;
	/* RELOAD: as in struct gate_start; the descriptor is the gate's. */
	char config[GATE_PATH_MAX];
	int config_fd;
	struct engine_ports ports; /* RELOAD: as in struct gate_start */
	struct engine_news news;   /* ENGINE; its tail: as line */
};

struct gate_link {
	struct channel channel;
	int fd; /* for the loop's poll; -1 when lost */
};

/*
 * Take ${fd}, wait at most ${timeout_us} for the keeper's START and fill
 * ${start} from it.  ERR_TIMEOUT, ERR_EOF (no keeper), ERR_SYNTAX (not our
 * keeper); then ${fd} is closed.
 */
MUST_CHECK enum err gate_link_open(
    struct gate_link *l, int fd, int64_t timeout_us, struct gate_start *start);

/* Close the link and whatever descriptors were not taken. */
void gate_link_close(struct gate_link *l);

/* The next order, in ${o}; never blocks.  Returns o->kind. */
enum order_kind gate_link_next(struct gate_link *l, struct order *o);

/* Tell the keeper that this gate serves.  ERR_IO: treat as ORDER_LOST. */
MUST_CHECK enum err gate_link_ready(struct gate_link *l);

/* Tell it that /readyz says yes, for the first time.  ERR_IO. */
MUST_CHECK enum err gate_link_well(struct gate_link *l);

/*
 * Answer the RELOAD ${seq}: ${ok}, or why the old configuration stays, in one
 * or more lines of ${text} (at most 4 KiB are sent).  ERR_IO.
 */
MUST_CHECK enum err gate_link_reloaded(
    struct gate_link *l, uint32_t seq, bool ok, struct slice text);

/*
 * Answer the COMMAND ${seq}: was it done, and ${text}, at most
 * GATE_ANSWER_MAX bytes.  That much fits into the socket's buffer, so that a
 * keeper that is slow to read never holds up the gate.  ERR_IO.
 */
MUST_CHECK enum err gate_link_answer(
    struct gate_link *l, uint32_t seq, bool ok, struct slice text);

/* Wish something of the engine ${name}, which the keeper runs.  ERR_IO. */
MUST_CHECK enum err gate_link_wish(
    struct gate_link *l, enum engine_wish wish, struct slice name);

/* Tell the keeper that all is finished; the gate ends now.  ERR_IO. */
MUST_CHECK enum err gate_link_drained(struct gate_link *l);
