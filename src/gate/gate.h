/*
 * gate: the network process: one loop that owns everything between the
 * keeper's sockets and the engines.
 *
 *   start -> serve -> (reload)* -> drain -> end
 *
 * gate_main, in ipc/gate_start.h, is its one entry.
 */
#pragma once
#include "admin/admin.h"
#include "caller/keyfile.h"
#include "disk/guard.h"
#include "flow/env.h"
#include "gate/alerts.h"
#include "gate/pulls.h"
#include "gate/runs.h"
#include "gate/state.h"
#include "ipc/gate_link.h"
#include "loop/acceptor.h"

struct gate_listener_slot {
	struct list node;
	struct acceptor acceptor;
	struct gate *gate;
	uint32_t id;
	bool is_unix;
	char address[GATE_ADDRESS_MAX];
};

struct solo;
struct crew;

struct gate {
	struct loop loop;
	struct flow_env env;
	struct admin admin;
	struct cells cells;
	struct counters counters;
	struct marks blocked, drained;
	struct budgets budgets;
	char ledger_path[GATE_PATH_MAX]; /* "": there is none */
	bool ledger_fails;		 /* it cannot be written now */
	const char *ledger_why;		 /* why not, until it is told */
	uint64_t ledger_dropped_told;
	struct list listeners;
	struct gate_link link;
	bool has_link, link_lost;
	uv_poll_t link_poll;
	uv_signal_t on_term, on_int, on_hup;
	struct timer keys_timer, grace;
	struct keyfile_watch keys_watch;
	struct keyfile keys; /* as last read */
	char keys_path[GATE_PATH_MAX];
	char config[GATE_PATH_MAX];
	int config_fd; /* its text, until it is read; -1 */
	struct state state;
	void *metrics_mem; /* what gates count; NULL: not shared */
	uint64_t generation;
	uint64_t live[GATES_MAX]; /* others that have the same state */
	size_t n_live;
	struct tally tally;
	struct timer share_timer; /* slots that others give back */
	bool is_draining, is_leaving, told_well;
	uint64_t dropped_told, evicted_told;
	struct solo *solo; /* NULL: a keeper has the control socket */
	struct runs runs;
	struct disk_guard disks;
	struct alerts alerts;
	struct pulls pulls;
	struct crew *crew; /* NULL: a keeper has it */
};

/* --- for the files of this room --- */

/* Open ${l}, whose descriptor is the gate's now.  ERR_IO. */
MUST_CHECK enum err listener_open(
    struct gate *g, const struct gate_listener *l);
/* The open listener with ${id}, NULL. */
struct gate_listener_slot *listener_find(struct gate *g, uint32_t id);
/* Stop accepting on it. */
void listener_close(struct gate_listener_slot *s);
void listener_close_all(struct gate *g);

/*
 * Read the configuration at g->config and put it in force.  What is wrong is
 * appended to ${why} and the old one stays: ERR_SYNTAX, ERR_IO.  OK: ${why}
 * names the options that need a restart.
 */
MUST_CHECK enum err reload_conf(struct gate *g, struct buf *why);
/* Keys changed on disk, or the configuration did: make the callers anew. */
void reload_callers(struct gate *g, const struct conf *conf);

/* What of this process says where files are. */
struct conf_env gate_conf_env(void);

/* Engines that were drained by name are, also those of a new configuration. */
void gate_apply_drains(struct gate *g);
/*
 * The path of ${name} in the state folder of ${conf}, in ${out} with its NUL;
 * "" where there is no such folder or ${cap} is too small.
 */
void gate_state_file(
    const struct conf *conf, const char *name, char *out, size_t cap);

/* --- handover.c: gates that follow one another --- */

/* Note who else runs, and share the engines' slots with them.  ERR_RANGE. */
MUST_CHECK enum err handover_begin(
    struct gate *g, const struct gate_start *start);
/* Another gate serves: finish what is here within ${grace_us}, and end. */
void handover_leave(struct gate *g, int64_t grace_us);
/* The gate of ${generation} has ended. */
void handover_gone(struct gate *g, uint64_t generation);
/* Tell the keeper, once, when all is there that must be. */
void handover_tell_well(struct gate *g);
/* This one ends. */
void handover_end(struct gate *g);

/* Accept nothing more; end when all is finished or after ${grace_us}. */
void gate_drain(struct gate *g, int64_t grace_us);
