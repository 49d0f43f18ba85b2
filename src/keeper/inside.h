/*
 * inside: the keeper's state, shared by its files.
 */
#pragma once
#include "ipc/control.h"
#include "keeper/child.h"
#include "keeper/keeper.h"
#include "keeper/listener.h"
#include "keeper/setup.h"
#include "log/event.h"
#include "run/crew.h"

/* A reload that waits for the gate's answer. */
struct reload {
	bool is_pending;
	bool again;	 /* asked for once more meanwhile */
	uint32_t seq;	 /* of the last one sent */
	uint32_t client; /* who asked over the control socket; 0: nobody */
	int64_t deadline_us;
	struct setup setup;
	struct listener_set listeners;
};

enum reexec_phase {
	REEXEC_NONE,
	REEXEC_TRYING,	/* the new program says whether it can */
	REEXEC_WAITING, /* for a moment when nothing is half done */
	REEXEC_HEIR,	/* it is done; its gate starts */
};

enum { REEXEC_SAID_MAX = 8 * 1024 };

/* A new program in place of this one. */
struct reexec {
	enum reexec_phase phase;
	uint32_t client; /* who asked over the control socket; 0: nobody */
	pid_t pid;	 /* of the trial; 0: none */
	int said_fd;
	struct buf said;
	int64_t deadline_us;
	char program[4200];
	int old_fd; /* the program before this one; -1: none */
	char old_version[64];
	char returned[512]; /* why the one after this gave up; "": it did not */
};

/* A command that waits for the gate's answer. */
struct forward {
	uint32_t seq; /* 0: this place is free */
	uint32_t client;
	int64_t deadline_us;
	uint64_t generation; /* of the gate that was asked */
	char command[GATE_COMMAND_MAX + 1];
	struct buf text; /* the parts of the answer so far */
};

/* What systemd was told. */
struct service {
	bool is_told; /* that weir is ready */
	bool is_well; /* /readyz has said so */
	int64_t told_us;
	int64_t watchdog_us; /* how often it wants to hear; 0: never */
};

/* Does the gate that serves still do something? */
struct watch {
	void *mem;	     /* the page of ipc/pulse.h; NULL: not watched */
	uint64_t generation; /* of the gate that is watched; 0: none */
	uint64_t not_ours;   /* of one that this program has not started */
	uint64_t beats;	     /* what its counter showed */
	int64_t looked_us;
	int64_t silent_us;  /* so long it stands still */
	int64_t without_us; /* so long that of no gate has moved */
};

struct keeper {
	const struct keeper_opts *opts;
	struct setup setup;
	struct listener_set listeners;
	struct control control;
	struct child child;		  /* the gate that serves */
	struct child heir;		  /* REEXEC_HEIR: the next */
	struct child outgoing[GATES_MAX]; /* gates that finish what they have */
	size_t n_outgoing;
	struct crew crew; /* the engines */
	struct reexec reexec;
	struct service service;
	struct watch watch;
	struct reload reload;
	struct forward forwards[CONTROL_CLIENTS_MAX];
	uint32_t forward_seq;	 /* of the last one sent */
	struct gate_start start; /* room for what is sent to a gate */
	int state_fd;
	int metrics_fd; /* what gates count; outlives them */
	int signal_fd;
	bool is_announced; /* it was said that weir serves */
	bool is_stopping;
	bool is_done;
	int status; /* of the process, when done */
};

/* Put ${id} into the log, if a gate runs that can do it. */
void keeper_log(struct keeper *k, enum event_id id,
    const struct event_arg *args, size_t n_args);

/* The same, and on standard error. */
void keeper_say(struct keeper *k, enum event_id id,
    const struct event_arg *args, size_t n_args);

/* The one clear line: where we listen, and by which configuration. */
void keeper_announce(struct keeper *k);

/*
 * Open all that a keeper has, or take it over from the program before this
 * one.  False: ${why} says why not.  Else it may have warnings.
 */
bool keeper_begin(struct keeper *k, struct buf *why);

/*
 * Listen for commands.  Without that all works but weir's own commands: it is
 * said, and no reason not to serve.
 */
void keeper_open_control(struct keeper *k, struct buf *why);

/* Make what of the memory for gates is not there yet (-1).  ERR_IO. */
MUST_CHECK enum err keeper_open_memory(struct keeper *k);

/* Prepare k->crew, for the state folder of the configuration in force. */
void keeper_open_crew(struct keeper *k);

/* Fill k->start with what is in force. */
void keeper_fill_start(struct keeper *k);

/*
 * Read the configuration again and put it into force; ${client} (0: nobody)
 * gets the answer.
 */
void reload_begin(struct keeper *k, uint32_t client, int64_t now_us);

/* The gate's answer ${ok}, ${text} to the reload ${seq}. */
void reload_answered(
    struct keeper *k, uint32_t seq, bool ok, struct slice text, int64_t now_us);

/* What is due of the pending reload. */
void reload_on_time(struct keeper *k, int64_t now_us);

/* Give up the pending reload, if there is one, because of ${reason}. */
void reload_cancel(struct keeper *k, const char *reason);

/* Have the gate do ${command} and answer ${client}, within 5 s. */
void forward_begin(
    struct keeper *k, uint32_t client, struct slice command, int64_t now_us);

/* The gate's answer, or a part of it; one that comes too late is dropped. */
void forward_answered(struct keeper *k, const struct report *r);

/* When forward_on_time must be called; INT64_MAX. */
int64_t forward_deadline(const struct keeper *k);

/* Tell those who have waited long enough. */
void forward_on_time(struct keeper *k, int64_t now_us);

/* The gate has ended: nobody waits for it any more. */
void forward_cancel(struct keeper *k);

/* --- gates.c: gates besides the one that serves --- */

/* The heir serves from now on; the one before leaves. */
void gates_follow(struct keeper *k, int64_t now_us);

/* Hear them, see to their ends, kill whose time is up. */
void gates_turn(struct keeper *k, int64_t now_us);

/* A gate ended: tell those that still run. */
void gates_tell_gone(struct keeper *k, uint64_t generation);

/* Weir is being stopped: end them, or at once. */
void gates_stop(struct keeper *k, bool at_once, int64_t now_us);

/* The generations of all that run but one that is not started yet. */
void gates_list(const struct keeper *k, uint64_t *out, size_t *n);

/* Is none left, the one that serves counted? */
bool gates_are_gone(const struct keeper *k);

/* Is it one of theirs? */
bool gates_have(const struct keeper *k, pid_t pid);

/* What to poll, at most GATES_MAX + 1 at ${out}; returns how many. */
size_t gates_polls(const struct keeper *k, struct pollfd *out);

/* When gates_turn must be called even if nothing happens; INT64_MAX. */
int64_t gates_deadline(const struct keeper *k);

/* --- reexec.c --- */

/* Have another program take over; ${client} (0: nobody) gets the answer. */
void reexec_begin(struct keeper *k, uint32_t client, int64_t now_us);

/* Do what is due of it. */
void reexec_turn(struct keeper *k, int64_t now_us);

/* When reexec_turn must be called even if nothing happens; INT64_MAX. */
int64_t reexec_deadline(const struct keeper *k);

/* This program has taken over: start a gate of its own. */
void reexec_go_on(struct keeper *k, int64_t now_us);

/* Weir is being stopped. */
void reexec_cancel(struct keeper *k);

/* The heir serves. */
void reexec_done(struct keeper *k);

/* It never will, because of ${reason}: back to the program before. */
void reexec_failed(struct keeper *k, const char *reason);

/* --- handover.c --- */

/*
 * Write all that the next program must know into nameless memory, ${out}, and
 * let the descriptors in it stay open across an exec.  ${why_back} (NULL: not)
 * says why it goes back to an earlier one.  ERR_FULL, ERR_IO: nothing was
 * changed.
 */
MUST_CHECK enum err handover_write(
    struct keeper *k, const char *why_back, int *out);

/* The exec failed: they do not stay open any more. */
void handover_undo(struct keeper *k);

/*
 * Take over what is behind ${fd} into ${k}, which is new.  ${is_trial}: only
 * see whether that could be done.  ERR_SYNTAX: ${why} says what is wrong.
 */
MUST_CHECK enum err handover_read(
    struct keeper *k, int fd, bool is_trial, struct buf *why);

/* --- watch.c --- */

/* Watch the gates behind k->state_fd from now on. */
void watch_begin(struct keeper *k, int64_t now_us);

/* Watch them no more. */
void watch_end(struct keeper *k);

/* Look, if it is time; end a gate that hangs. */
void watch_turn(struct keeper *k, int64_t now_us);

/* When watch_turn must be called even if nothing happens; INT64_MAX. */
int64_t watch_deadline(const struct keeper *k);

/* False: no gate has lived for longer than the cure of a hung one takes. */
bool watch_is_well(const struct keeper *k);

/* --- service.c --- */

/* Tell the service manager what is due: that weir is ready, that it lives. */
void service_turn(struct keeper *k, int64_t now_us);

/* When service_turn must be called even if nothing happens; INT64_MAX. */
int64_t service_deadline(const struct keeper *k);
