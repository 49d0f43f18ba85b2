/*
 * wire: numbers and texts in a message's payload.
 *
 * A text is its length (u32) and its bytes.  Both ends are the same program,
 * so byte order is the host's; but a gate speaks to the network and may be
 * another's, so reading checks everything.  A failure sticks: look at is_bad
 * once, at the end.
 */
#pragma once
#include "base/slice.h"

struct wire_out {
	char *p;
	size_t n, cap;
	bool is_bad; /* something did not fit */
};

struct wire_in {
	struct slice rest;
	bool is_bad; /* something was missing, or too long */
};

/* Append. */
void wire_put_u32(struct wire_out *w, uint32_t v);
void wire_put_u64(struct wire_out *w, uint64_t v);
void wire_put_text(struct wire_out *w, struct slice s);

/* Take the next number; 0 if it is not there. */
uint32_t wire_get_u32(struct wire_in *w);
uint64_t wire_get_u64(struct wire_in *w);

/* Take the next text, borrowed from the payload; empty if it is not there. */
struct slice wire_get_text(struct wire_in *w);

/*
 * Take the next text into ${out} of ${cap} bytes, NUL-terminated.  Bad if it
 * is too long or has a NUL inside.
 */
void wire_get_string(struct wire_in *w, char *out, size_t cap);

/* Was everything well, and is nothing left? */
bool wire_is_done(const struct wire_in *w);
