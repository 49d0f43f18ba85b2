/*
 * serve: the scripted engine's connections, in one epoll loop.
 *
 *   reading -> first delay -> sending <-> pacing -> reading
 *
 * Every wait of one kind has the same length, so the connections that wait
 * stand in the order in which they are due and a list is the whole timer.
 */
#pragma once
#include <stdint.h>

struct serve_options {
	int64_t first_ns;    /* from the request's end to the first byte */
	int64_t interval_ns; /* from event to event */
	int64_t grain_ns;    /* timers go off at multiples of this, above 0 */
	int per_write;	     /* events handed to the kernel at once */
};

/*
 * Serve what comes in on ${listener} until SIGTERM or SIGINT.  GET /-/stats
 * answers with the counters: accepted, open, requests, inflight, hangups
 * (the other side closed before its answer was complete), events, bytes_in,
 * bytes_out.
 */
void serve_run(int listener, const struct serve_options *o);
