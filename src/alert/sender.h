/*
 * sender: threads that post to webhooks and run commands, so that nobody else
 * has to wait for them.
 *
 *   sender_post --> lane 0: [at most SENDER_JOBS] --> a thread: libcurl, or
 *               --> lane 1: ...                   --> a child
 *   sender_next <-- [outcomes] <----------------------'
 *
 * A lane's jobs are done one after the other, in their order; one that failed
 * is tried again after 1 s, 2 s, 4 s, ... and those behind it wait.  No lane
 * waits for another.  Threads and libcurl come with the jobs that need them.
 */
#pragma once
#include "base/buf.h"

enum {
	SENDER_LANES = 16,
	SENDER_JOBS = 64, /* of one lane */
	SENDER_NAME_MAX = 128,
	SENDER_WHY_MAX = 200,
	SENDER_TRIES = 8,
	SENDER_TIMEOUT_MS = 10000, /* of one try */
};

/* What is to be done; texts are copied. */
struct sender_job {
	unsigned lane;	     /* of the target, below SENDER_LANES */
	uint64_t id, key;    /* for the outcome */
	const char *name;    /* of the target, for people; no secret */
	const char *what;    /* the alert's code */
	const char *url;     /* NULL: a command */
	struct slice fields; /* of the head, a newline behind each */
	struct slice body;
	struct slice words;	/* of a command, a NUL behind each */
	struct slice variables; /* for its environment, likewise */
	bool once;		/* no further try */
};

/* What became of it. */
struct sender_outcome {
	uint64_t id, key; /* of the job */
	char name[SENDER_NAME_MAX], what[SENDER_NAME_MAX];
	bool is_ok;
	unsigned tries;
	char why[SENDER_WHY_MAX]; /* a part of a sentence, no secret */
};

struct sender;

/* A sender without a thread.  NULL: no memory. */
struct sender *sender_new(void);

/* Have ${j} done.  ERR_FULL: too many wait in its lane; ERR_NOMEM. */
MUST_CHECK enum err sender_post(struct sender *s, const struct sender_job *j);

/* Take the next outcome; false: there is none now. */
bool sender_next(struct sender *s, struct sender_outcome *out);

/*
 * Try what waits once more, for at most ${wait_us}, and end.  Threads that
 * hang are left behind with their memory, for the process is ending.
 */
void sender_close(struct sender *s, int64_t wait_us);
