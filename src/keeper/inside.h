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

/* A command that waits for the gate's answer. */
struct forward {
	uint32_t seq; /* 0: this place is free */
	uint32_t client;
	int64_t deadline_us;
	struct buf text; /* the parts of the answer so far */
};

struct keeper {
	const struct keeper_opts *opts;
	struct setup setup;
	struct listener_set listeners;
	struct control control;
	struct child child;
	struct crew crew; /* the engines */
	struct reload reload;
	struct forward forwards[CONTROL_CLIENTS_MAX];
	uint32_t forward_seq;	 /* of the last one sent */
	struct gate_start start; /* room for what is sent to a gate */
	int state_fd;
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
