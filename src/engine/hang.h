/*
 * hang: an engine that accepts requests and does nothing about them.
 *
 *   one of its processes stopped by a signal for 2 s; or requests in flight
 *   and all of its processes together below 2 % of a processor and 64 KiB/s
 *   for 20 s; where a graphics processor may do the work: without a tick of a
 *   processor for 60 s
 *
 * What is neither an Ollama nor a llama-server may ask others in its turn: it is
 * judged by the second only where it uses a graphics processor, else left to
 * the timeouts.
 *
 * A load from a slow disk and a long prefill do something all the time, or
 * wait for the disk.  One that hangs but spins looks busy: it falls to the
 * engine's silence timeouts (first_byte, between_bytes).
 */
#pragma once
#include "os/proc.h"

struct engine;

enum {
	HANG_STOPPED_US = 2 * 1000000,
	HANG_IDLE_US = 20 * 1000000,
	HANG_GPU_US = 60 * 1000000,
	HANG_LOOK_US = 1000 * 1000,
	HANG_CPU_MS = 20, /* of each second, and */
	HANG_READ_BYTES = 65536,
};

struct hang {
	int64_t looked_us;
	int64_t moved_us; /* it last did something, or had nothing to do */
	int64_t tick_us;  /* the same, be it ever so little */
	int64_t ran_us;	  /* none was stopped */
	uint64_t cpu_ms, read_bytes;
};

/* What is wrong. */
enum hang_is {
	HANG_NONE,
	HANG_STOPPED,
	HANG_IDLE, /* if no graphics processor works for it */
	HANG_STILL /* in any case */
};

/*
 * Judge what ${p} shows at ${now_us}, once a second, where something is in
 * flight (${busy}) or not.  Pure.
 */
enum hang_is hang_judge(
    struct hang *h, const struct os_progress *p, bool busy, int64_t now_us);

/*
 * Look at ${e}, at most once a second; for a timer.  HANG_NONE also where
 * nothing can be seen.  Else ${pid} is the process to be ended: a runner
 * behind a live server, or the server.
 */
enum hang_is hang_look(struct engine *e, int64_t now_us, pid_t *pid);
