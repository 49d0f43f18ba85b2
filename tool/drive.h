/*
 * drive: the load generator's connections, in one epoll loop.
 *
 *   wait for turn -> connect -> send -> read -> (think) -> send ...
 *
 * A closed loop: each connection sends its next request when the answer to the
 * last one is complete.  Every answer is checked: its framing, its status and
 * the number of its events.
 */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool/hist.h"

enum drive_count {
	DRIVE_NONE,  /* events are not counted */
	DRIVE_LINES, /* an event is a line (NDJSON) */
	DRIVE_BLANK, /* an event ends in an empty line (SSE) */
};

struct drive_options {
	struct sockaddr_in to;
	const char *request; /* the bytes of one request */
	size_t request_n;
	/* Makes the next request of these bytes; NULL: all are alike. */
	void (*vary)(void *arg, char *request);
	void *vary_arg;
	int connections;
	int64_t requests;   /* stop after so many; 0: unbounded */
	int64_t run_ns;	    /* start no request after this; 0: unbounded */
	int64_t timeout_ns; /* for one answer */
	int64_t ramp_ns;    /* between the starts of two connections */
	int64_t think_ns;   /* from an answer's end to the next request */
	enum drive_count count;
	int64_t expect_events; /* of each answer; -1: any number */
	int expect_status;
	bool hold; /* after one request each, keep connections idle */
};

struct drive_result {
	int64_t elapsed_ns;
	uint64_t connects;
	uint64_t requests;   /* answered in full, with the expected status */
	uint64_t refused;    /* connections that were refused or failed */
	uint64_t cut;	     /* the other side closed before the end */
	uint64_t bad;	     /* not HTTP, or bytes behind the end */
	uint64_t short_;     /* complete, but with another number of events */
	uint64_t unexpected; /* another status */
	uint64_t timeouts;
	uint64_t idle; /* held connections that were open to the end */
	uint64_t bytes;
	uint64_t events;
	uint64_t status[600];
	struct hist latency, first_byte, gap;
};

/*
 * Run until the bounds of ${o} are reached.  With `hold` it prints "ready" on
 * stdout when every connection is idle and stays until stdin ends.
 */
void drive_run(const struct drive_options *o, struct drive_result *r);
