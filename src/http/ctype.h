/*
 * ctype: classes of bytes by RFC 9110 and RFC 3986, from one table.
 *
 * Inside of the room.
 */
#pragma once
#include "base/slice.h"

enum {
	HTTP_TOKEN = 1,	 /* tchar: methods and field names */
	HTTP_TARGET = 2, /* in a request target, without a fragment's `#` */
	HTTP_HOST = 4	 /* in the value of Host; no comma: no list */
};

/* Is ${c} of ${class}, one of the above? */
bool http_is(int class, char c);

/* Are all bytes of ${s} of ${class}?  The empty slice's are. */
bool http_are(int class, struct slice s);

/* How many bytes at the start of ${s} are of ${class}? */
size_t http_span(int class, struct slice s);

/*
 * Index of the first control byte other than TAB in ${s} (0..31 and 127), or
 * ${s}.n if there is none.
 */
size_t http_ctl_find(struct slice s);
