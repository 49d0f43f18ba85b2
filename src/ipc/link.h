/*
 * link: the messages between keeper and gate, as both ends know them.
 */
#pragma once
#include "ipc/channel.h"
#include "ipc/gate_start.h"
#include "ipc/wire.h"

enum link_type {
	/* keeper to gate */
	LINK_START = 1,	 /* generation, listeners, config; fds + state */
	LINK_RELOAD,	 /* seq, listeners, config; fds of new ones */
	LINK_DRAIN,	 /* grace_us */
	LINK_QUIT,	 /* nothing */
	LINK_REOPEN_LOG, /* nothing */
	LINK_LOG_LINE,	 /* the line, bare */
	/* gate to keeper */
	LINK_READY = 100, /* nothing */
	LINK_RELOADED,	  /* seq, ok, text */
	LINK_DRAINED,	  /* nothing */
};

enum {
	LINK_TEXT_MAX = 4096,
	LINK_LINE_MAX = 8192,
};

/* Descriptors of one message, in the order of its payload. */
struct link_fds {
	int v[CHANNEL_FDS_MAX];
	size_t n;
};

/* Append ${l}, and the descriptors that are open to ${fds}. */
void link_put_listeners(
    struct wire_out *w, struct link_fds *fds, const struct gate_listeners *l);

/* Append ${c}, and its descriptor if it has one to ${fds}. */
void link_put_config(
    struct wire_out *w, struct link_fds *fds, const struct gate_config *c);

/*
 * Read what the two above wrote, taking descriptors from ${m} from *${next}
 * on.  What is malformed makes ${w} bad.
 */
void link_get_listeners(struct wire_in *w, struct message *m, size_t *next,
    struct gate_listeners *l);
void link_get_config(
    struct wire_in *w, struct message *m, size_t *next, struct gate_config *c);

/* The next descriptor of ${m}, now the caller's; -1 if there is none. */
int link_take_fd(struct message *m, size_t *next);

/* Close what was taken from a message that turned out bad. */
void link_close_listeners(struct gate_listeners *l);
