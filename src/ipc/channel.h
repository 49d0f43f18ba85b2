/*
 * channel: typed messages with descriptors over a stream of a unix socket.
 *
 *   | type u16 | fds u16 | bytes u32 | payload ... |     host byte order
 *
 * Descriptors travel as SCM_RIGHTS with the message's first byte and are
 * queued in order.  Nothing is read past the end of a message, so a channel
 * may be given up and taken up again between two of them.  Whatever breaks
 * the rules (a length out of bounds, missing descriptors) loses the channel.
 */
#pragma once
#include "base/err.h"

enum {
	CHANNEL_PAYLOAD_MAX = 24 * 1024,
	CHANNEL_FDS_MAX = 128, /* in one message, and queued */
	CHANNEL_HEAD = 8,
};

/* One message; valid until the next channel_next. */
struct message {
	uint16_t type;
	struct slice payload;
	int *fds; /* whoever takes one writes -1 here; the rest is closed */
	size_t n_fds;
};

enum channel_got { CHANNEL_NONE, CHANNEL_MESSAGE, CHANNEL_LOST };

struct channel {
	int fd;
	bool is_lost;
	size_t n;      /* bytes in in[] */
	size_t handed; /* of them, those of the message last handed out */
	size_t n_fds, handed_fds;
	int fds[CHANNEL_FDS_MAX];
	char in[CHANNEL_HEAD + CHANNEL_PAYLOAD_MAX];
};

/* Take ${fd}, a connected unix stream socket; it becomes non-blocking. */
void channel_init(struct channel *c, int fd);

/* Close the socket and all descriptors that nobody took. */
void channel_fini(struct channel *c);

/*
 * Send one message with copies of ${n_fds} descriptors; they stay the
 * caller's.  Waits at most a second for a reader that is behind.  ERR_RANGE
 * (too large), ERR_IO (the channel is of no use any more).
 */
MUST_CHECK enum err channel_send(struct channel *c, uint16_t type,
    struct slice payload, const int *fds, size_t n_fds);

/*
 * The next whole message, or that there is none yet, or that the other side
 * is gone or talks nonsense.  Never blocks.
 */
enum channel_got channel_next(struct channel *c, struct message *m);

/*
 * Wait at most ${timeout_us} until channel_next may have something.  Returns
 * whether it may.
 */
bool channel_wait(struct channel *c, int64_t timeout_us);
