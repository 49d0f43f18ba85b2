/*
 * keeper: the parent process: holds the listening sockets and what must
 * survive a gate, and keeps a gate running.
 *
 *   start -> [gate runs <-> gate died, another at once] -> drain -> end
 *
 * poll and waitpid, one thread, no event library; it parses its own
 * configuration and nothing foreign.
 */
#pragma once
#include "conf/conf.h"

struct keeper_opts {
	const char *config;  /* of -c, or NULL */
	bool one_process;    /* be the gate too, for a debugger */
	struct conf_env env; /* where files are */
	int64_t grace_us;    /* for requests in flight at a stop */
	char **argv;	     /* of this process; NULL: no re-execution */
};

enum { KEEPER_GRACE_US = 30 * 1000 * 1000 };

/*
 * Serve until SIGTERM or SIGINT.  Returns the process's exit status: 0 after
 * an orderly end, 1 if it could not start (it said why).
 */
int keeper_main(const struct keeper_opts *opts);

/*
 * What `weir heir` does: could this program go on with what a running keeper
 * hands over (KEEPER_HANDOVER_ENV)?  Status 0 and KEEPER_HEIR_OK on standard
 * output: yes.
 */
int keeper_heir(void);

#define KEEPER_HANDOVER_ENV "WEIR_HANDOVER" /* number of a descriptor */
#define KEEPER_HEIR_OK "weir: heir 1"

/* What `weir gate` does: be the gate of the keeper behind GATE_LINK_FD. */
int keeper_gate_child(void);
