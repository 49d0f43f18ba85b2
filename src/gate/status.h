/*
 * status: what is going on, for people at 3 a.m. and for programs.
 *
 *   {"ok":true, "text":"...", "health":"ok", "version":..., "pid":...,
 *    "engines":[...], "in_flight":{"count","shown","requests":[...]},
 *    "waiting":{"count","shown","requests":[...]},
 *    "callers":{"count","shown","list":[...]}, "blocked":[...],
 *    "disks":[...], "connections":{...}, "bodies":{...}, "log_lines_dropped":...}
 *
 * It must fit into GATE_ANSWER_MAX, and be made within some milliseconds of
 * the one thread that serves everybody.  A line has up to tens of thousands of
 * requests, so each list has a share of the bytes and a most of rows; `count`
 * says how many there are, `shown` how many of them are told: those that came
 * first, of requests in flight those of the oldest connections.
 *
 * Never content: names of callers, of models that an engine lists, of engines.
 */
#pragma once
#include "gate/command.h"

enum {
	STATUS_WAITING_MAX = 200,
	STATUS_RUNNING_MAX = 100,
	STATUS_CALLERS_MAX = 100,
};

/* The command `status`; ${rest} is empty. */
void status_answer(struct gate *g, struct slice rest, struct command_answer *a);
