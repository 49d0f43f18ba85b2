/*
 * stamp: a time of the wall clock as RFC 3339 text, in milliseconds, UTC.
 *
 * "2026-02-24T18:00:00.123Z".  The text of the last second is kept, so that
 * the calendar is computed once a second.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { STAMP_LEN = 24 };

/* All zero is a good start. */
struct stamp {
	int64_t second; /* of text; 0: none yet */
	char text[20];	/* "2026-02-24T18:00:00." */
};

/*
 * Write ${wall_us} (years 1970 to 9999) at ${out}, STAMP_LEN bytes, no NUL.
 */
void stamp_put(struct stamp *s, int64_t wall_us, char *out);
