/*
 * trailer: the fields behind a chunked body, which weir drops.
 *
 * Inside of the room; others use http/parser.h.
 */
#pragma once
#include "http/guard.h"

/* How far a trailer section has been read; start zeroed. */
struct http_trailer {
	uint8_t state;
	uint32_t n; /* bytes so far */
};

/*
 * Check and drop trailers at the start of ${in}; ${*used} bytes are consumed.
 * True: the section and its blank line are complete.  False: more is needed,
 * or it is refused if ${f}->err is set.
 */
bool http_trailer_read(struct http_trailer *t, const struct http_limits *l,
    struct slice in, size_t *used, struct http_fault *f);
