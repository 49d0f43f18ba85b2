/*
 * backoff: when an engine that ended is started again.  Pure.
 *
 *   0.5 s, 1, 2, 4 ... 30 s at most, of each a random part ("full jitter");
 *   five ends within two minutes are a crash loop: then every 30 s
 *
 * All is forgotten once it has been well for a minute.
 */
#pragma once
#include "base/err.h"

enum {
	BACKOFF_FIRST_US = 500 * 1000,
	BACKOFF_MOST_US = 30 * 1000 * 1000,
	BACKOFF_WINDOW_US = 120 * 1000 * 1000,
	BACKOFF_LOOP = 5, /* ends within the window */
	BACKOFF_WELL_US = 60 * 1000 * 1000,
};

/* All zero: nothing has ended yet. */
struct backoff {
	int64_t ends_us[BACKOFF_LOOP]; /* the last, in a ring */
	unsigned n;		       /* of all ends */
	int64_t bound_us;	       /* of the last delay, before jitter */
	bool is_looping;
};

/*
 * It ended at ${now_us}: how long to wait.  ${random} decides about the
 * jitter; any number.
 */
int64_t backoff_end(struct backoff *b, int64_t now_us, uint64_t random);

/* Ends within the window before ${now_us}, at most BACKOFF_LOOP. */
unsigned backoff_ends(const struct backoff *b, int64_t now_us);
