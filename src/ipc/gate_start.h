/*
 * gate_start: what a gate is born with.
 *
 * The keeper gives it over the link (ipc/gate_link.h reads it), or, in one
 * process (weir serve -1), makes it and calls gate_main() itself.
 */
#pragma once
#include "base/buf.h"
#include "ipc/engine_news.h"

enum {
	/* Most listening sockets; each travels as a descriptor. */
	GATE_LISTENERS_MAX = 64,
	GATE_ADDRESS_MAX = 128, /* a listener's address as text, NUL counted */
	GATE_PATH_MAX = 4200,	/* a configuration's path, NUL counted */
	GATE_COMMAND_MAX = 256, /* a command from the control socket */
	/*
	 * Its answer.  A status of a line of thousands does not fit: it is cut,
	 * and says how much is missing, see gate/status.h.
	 */
	GATE_ANSWER_MAX = 112 * 1024,
	/*
	 * Shared memory for what survives a gate.  Zeroed when new and taken
	 * only where touched; its layout (with a version) is the gate's.
	 */
	GATE_STATE_BYTES = 16 * 1024 * 1024,
	/*
	 * To be raised with every change of what lies there: two gates share
	 * it only if both mean the same by it.
	 */
	GATE_STATE_LAYOUT = 3,
	/* Most gates at once: one that serves, the rest finish. */
	GATES_MAX = 8,
	/* Where a gate in its own process finds its link. */
	GATE_LINK_FD = 3,
};

/* One listening socket, bound and listening, not blocking, close-on-exec. */
struct gate_listener {
	int fd;
	uint32_t id; /* the same across reloads; a new socket, a new id */
	bool is_unix;
	char address[GATE_ADDRESS_MAX]; /* "127.0.0.1:11435", "unix:/..." */
};

struct gate_start {
	struct gate_listener listeners[GATE_LISTENERS_MAX];
	size_t n_listeners;
	int state_fd;	/* GATE_STATE_BYTES, see os/share.h */
	int metrics_fd; /* METRICS_SHARE_BYTES; -1: none */
	int link_fd;	/* -1: one process, no keeper behind it */
	/* 1 for the first gate of a keeper, one more for each that follows. */
	uint64_t generation;
	/* Other gates that still run and have the same state. */
	uint64_t live[GATES_MAX];
	size_t n_live;
	char config[GATE_PATH_MAX]; /* path of the file; "": there is none */
	/*
	 * The file's text as the keeper found it to be good, for
	 * gate_config_read; -1: none, the defaults hold.  So both processes
	 * read the same bytes, and a gate that follows a crash does not
	 * stumble over a file that was broken meanwhile.
	 */
	int config_fd;
	/* Ports of the engines that weir runs and that have no url. */
	struct engine_ports ports;
};

/*
 * Be the gate until it is told to end; the descriptors are the gate's.
 * Returns the process's exit status.  Written in gate/.
 *
 * In a process of its own only link_fd (GATE_LINK_FD) is set, the rest comes
 * over the link; and SIGTERM, SIGINT, SIGHUP and SIGPIPE are ignored from the
 * start: the keeper gets them and sends orders, also where a service manager
 * or a terminal signals all processes at once.
 */
int gate_main(const struct gate_start *start);

/*
 * Append the text behind ${config_fd} (nothing if that is -1) to ${out}; may
 * be called again.  ERR_IO, ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err gate_config_read(int config_fd, struct buf *out);
