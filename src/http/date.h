/*
 * date: IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
 */
#pragma once
#include "base/slice.h"

enum { HTTP_DATE_BYTES = 29 };

/*
 * Write ${unix_s}, seconds since 1970, as a date of HTTP_DATE_BYTES bytes
 * without NUL.  Before March of year 0 and after 9999 it is clamped.
 */
void http_date(char out[HTTP_DATE_BYTES], int64_t unix_s);

/* The last date made, so that a busy second makes it once. */
struct http_date_cache {
	int64_t unix_s;
	bool is_set;
	char text[HTTP_DATE_BYTES];
};

/* The date of ${unix_s}, valid until the next call.  Start zeroed. */
struct slice http_date_get(struct http_date_cache *c, int64_t unix_s);
