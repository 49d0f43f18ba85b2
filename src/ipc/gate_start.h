/*
 * gate_start: what a gate is born with.
 *
 * The keeper gives it over the link (ipc/gate_link.h reads it), or, in one
 * process (weir serve -1), makes it and calls gate_main() itself.
 */
#pragma once
#include "base/slice.h"

enum {
	/* Most listening sockets; each travels as a descriptor. */
	GATE_LISTENERS_MAX = 64,
	GATE_ADDRESS_MAX = 128, /* a listener's address as text, NUL counted */
	GATE_PATH_MAX = 1024,	/* a configuration's path, NUL counted */
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

struct gate_start {
	struct gate_listener listeners[GATE_LISTENERS_MAX];
	size_t n_listeners;
	int state_fd; /* GATE_STATE_BYTES, see os/share.h */
	int link_fd;  /* -1: one process, no keeper behind it */
	/* 1 for the first gate of a keeper, one more for each that follows. */
	uint64_t generation;
	char config[GATE_PATH_MAX]; /* path of the file; "": there is none */
};

/*
 * Be the gate until it is told to end; the descriptors are the gate's.
 * Returns the process's exit status.  Written in gate/; the keeper calls it
 * only in one process.
 */
int gate_main(const struct gate_start *start);
