/*
 * text: UTF-8 as llama.cpp reads it, inside of this room.
 */
#pragma once
#include "base/slice.h"

/* Bytes of the character that begins with ${c}, as llama.cpp takes it. */
static inline unsigned
text_len(unsigned char c)
{
	return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/*
 * Bytes of the well-formed character at ${p}, of which ${n} are there; 0: none.
 */
size_t text_sequence(const unsigned char *p, size_t n);

/* Is all of ${s} well-formed UTF-8 (RFC 3629), but that surrogates may be? */
bool text_is_utf8(struct slice s);

/*
 * What llama.cpp makes of ${s}, at ${out} (at most 3 bytes for each of it;
 * NULL: only count): a byte that begins no well-formed sequence becomes
 * U+FFFD.  Returns its length.
 */
size_t text_repair(struct slice s, char *out);
