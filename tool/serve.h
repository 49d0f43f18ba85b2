/*
 * serve: the scripted engine's connections, in one epoll loop.
 *
 *   reading -> (line) -> first delay -> sending <-> pacing -> reading
 *
 * Every wait of one kind has the same length, so the connections that wait
 * stand in the order in which they are due and a list is the whole timer.
 * What is beyond at_once stands in a line, first come, first served, as in an
 * engine of its own.
 */
#pragma once
#include <stdint.h>

struct serve_options {
	int64_t first_ns;    /* from the request's end to the first byte */
	int64_t interval_ns; /* from event to event; an answer that is not
				streamed takes as long as one that is */
	int64_t embed_ns;    /* first_ns of embeddings; -1: the same */
	int at_once;	     /* answers under way at one time; 0: no bound */
	/*
	 * Every so many answers one ends with its connection: in turns before
	 * its first byte and, if it is a stream, in the middle.  0: none.
	 */
	int die_every;
	int64_t grain_ns; /* timers go off at multiples of this, above 0 */
	int events;	  /* of a stream */
	int per_write;	  /* events handed to the kernel at once */
};

/*
 * Serve what comes in on ${listener} until SIGTERM or SIGINT.  GET /-/stats
 * answers with the counters: accepted, open, requests, inflight, most (that
 * were under way at one time), hangups (the other side closed before its
 * answer was complete), deaths, events, bytes_in, bytes_out.
 */
void serve_run(int listener, const struct serve_options *o);
