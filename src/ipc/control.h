/*
 * control: the socket for weir's own commands, both ends.
 *
 *   client: "reload\n"       server: "ok\n" or "error\n", then text, then end
 *
 * One command a connection.  Whoever may open the socket may command: root
 * and the group weir (where it exists), or the user who runs weir.
 */
#pragma once
#include "ipc/gate_start.h"
#include "ipc/unix_socket.h"
#include <poll.h>

enum {
	CONTROL_CLIENTS_MAX = 8,
	CONTROL_COMMAND_MAX = GATE_COMMAND_MAX,
	CONTROL_ANSWER_MAX = 128 * 1024,
	CONTROL_POLLS_MAX = 1 + CONTROL_CLIENTS_MAX,
};

struct control_client {
	int fd; /* -1: free */
	uint32_t number;
	bool has_asked;	     /* its command was handed out */
	bool is_answered;    /* the rest of out is on its way */
	int64_t deadline_us; /* for its command to come, its answer to go */
	struct buf out;
	size_t n;
	char command[CONTROL_COMMAND_MAX];
};

struct control {
	struct unix_socket socket; /* fd -1: there is none */
	struct control_client clients[CONTROL_CLIENTS_MAX];
	uint32_t last_number;
};

/* One command; it must be answered. */
struct control_request {
	uint32_t client;
	struct slice command; /* valid until the answer */
};

/* No socket yet; all calls below are allowed and do nothing. */
void control_init(struct control *c);

/*
 * Listen at ${path}, whose folder is made if need be.  As unix_socket_open;
 * control_close undoes it.
 */
MUST_CHECK enum err control_open(
    struct control *c, const char *path, struct buf *why);

/* Close the socket and all clients. */
void control_close(struct control *c);

/* What to poll: at most CONTROL_POLLS_MAX at ${out}; returns how many. */
size_t control_polls(const struct control *c, struct pollfd *out);

/* When control_next must be called even if nothing is ready; INT64_MAX. */
int64_t control_deadline(const struct control *c);

/*
 * Accept, read what is there and write on, never blocking.  True: ${out} is a
 * command.
 * Call until it is false.
 */
bool control_next(
    struct control *c, int64_t now_us, struct control_request *out);

/*
 * Answer the client ${client} and hang up, when it has read it or is too slow
 * in that; one that is gone is no matter.  Text beyond CONTROL_ANSWER_MAX is
 * cut.
 */
void control_answer(
    struct control *c, uint32_t client, bool ok, struct slice text);

/*
 * Send ${command} to the weir that listens at ${path}, wait at most
 * ${timeout_us} for each part of its answer, and append the answer's text to
 * ${text}.  *${ok} is what it said.  ERR_CONNECT (errno), ERR_TIMEOUT, ERR_IO,
 * ERR_SYNTAX (not weir), ERR_FULL.
 */
MUST_CHECK enum err control_call(const char *path, const char *command,
    int64_t timeout_us, bool *ok, struct buf *text);
