/*
 * gate_start: what a gate is born with.
 *
 * The keeper sends it over the link (gate_start_receive), or, in one process
 * (weir serve -1), makes it and calls gate_main() itself.
 */
#pragma once
#include "base/buf.h"

enum {
	/* Most listening sockets; each travels as a descriptor. */
	GATE_LISTENERS_MAX = 64,
	GATE_ADDRESS_MAX = 128, /* a listener's address as text, NUL counted */
	GATE_PATH_MAX = 4200,	/* a configuration's path, NUL counted */
	/*
	 * Shared memory for what survives a gate.  Zeroed when new and taken
	 * only where touched; its layout (with a version) is the gate's.
	 */
	GATE_STATE_BYTES = 16 * 1024 * 1024,
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

struct gate_listeners {
	struct gate_listener v[GATE_LISTENERS_MAX];
	size_t n;
};

/*
 * The text of a configuration that the keeper has found to be good, so that
 * both processes read the same bytes, and a gate that follows a crash does
 * not stumble over a file that has been broken meanwhile.
 */
struct gate_config {
	int fd;			  /* a file; -1: none, the defaults hold */
	char path[GATE_PATH_MAX]; /* for people; "": none */
};

struct gate_start {
	struct gate_listeners listeners;
	struct gate_config config;
	int state_fd; /* GATE_STATE_BYTES, see os/share.h */
	int link_fd;  /* for gate_link_init; -1: one process, no keeper */
	/* 1 for the first gate of a keeper, one more for each that follows. */
	uint64_t generation;
};

/*
 * Be the gate until it is told to end; the descriptors are the gate's.
 * Returns the process's exit status.  Written in gate/.
 *
 * In a process of its own SIGTERM, SIGINT, SIGHUP and SIGPIPE are ignored:
 * the keeper gets them and sends orders.  With link_fd -1 the signals are the
 * gate's: SIGTERM and SIGINT drain, SIGHUP reloads from config.path.
 */
int gate_main(const struct gate_start *start);

/*
 * Wait at most ${timeout_us} for the keeper's START on ${fd} and fill ${start}
 * from it; ${fd} becomes start->link_fd.  ERR_TIMEOUT, ERR_EOF (no keeper),
 * ERR_SYNTAX (not our keeper).
 */
MUST_CHECK enum err gate_start_receive(
    int fd, int64_t timeout_us, struct gate_start *start);

/*
 * Append the text of ${c} (nothing if it has none) to ${out}.  ERR_IO,
 * ERR_FULL, ERR_NOMEM.
 */
MUST_CHECK enum err gate_config_read(
    const struct gate_config *c, struct buf *out);
