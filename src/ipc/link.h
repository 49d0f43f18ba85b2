/*
 * link: the messages between keeper and gate, as both ends know them.
 */
#pragma once
#include "ipc/channel.h"
#include "ipc/gate_start.h"
#include "ipc/wire.h"

enum link_type {
	/* keeper to gate */
	LINK_START = 1,	 /* generation, setup; fds + state, metrics */
	LINK_RELOAD,	 /* seq, setup */
	LINK_DRAIN,	 /* grace_us */
	LINK_QUIT,	 /* nothing */
	LINK_REOPEN_LOG, /* nothing */
	LINK_LOG_LINE,	 /* the line, bare */
	LINK_COMMAND,	 /* seq, text */
	LINK_ENGINE,	 /* struct engine_news, field by field */
	LINK_RETIRE,	 /* grace_us */
	LINK_GONE,	 /* generation */
	/* gate to keeper */
	LINK_READY = 100, /* nothing */
	LINK_RELOADED,	  /* seq, ok, text */
	LINK_DRAINED,	  /* nothing */
	LINK_ANSWER,	  /* seq, ok, has more, text: in one part or several */
	LINK_WELL = 106,  /* nothing */
	LINK_WISH = 104,  /* wish, name of an engine */
};

enum {
	LINK_TEXT_MAX = 4096,
	LINK_LINE_MAX = 8192,
	LINK_PART_MAX = 12 * 1024, /* of an answer's text in one message */
};

/* Descriptors of one message, in the order of its payload. */
struct link_fds {
	int v[CHANNEL_FDS_MAX];
	size_t n;
};

/*
 * Append the listeners and the configuration of ${s}, and the descriptors
 * that they have to ${fds}.
 */
void link_put_setup(
    struct wire_out *w, struct link_fds *fds, const struct gate_start *s);

/*
 * Read what link_put_setup wrote, taking descriptors from ${m} from *${next}
 * on.  What is malformed makes ${w} bad; link_close_setup then closes what was
 * taken.
 */
void link_get_setup(
    struct wire_in *w, struct message *m, size_t *next, struct gate_start *s);

/* News of an engine. */
void link_put_news(struct wire_out *w, const struct engine_news *n);

/* Read what link_put_news wrote; the tail is borrowed from the payload. */
void link_get_news(struct wire_in *w, struct engine_news *n);

/* The next descriptor of ${m}, now the caller's; -1 if there is none. */
int link_take_fd(struct message *m, size_t *next);

/* Close the descriptors of listeners, configuration, state, metrics. */
void link_close_setup(struct gate_start *s);
