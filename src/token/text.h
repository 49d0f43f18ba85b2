/*
 * text: UTF-8 as llama.cpp reads it, inside of this room.
 */
#pragma once
#include "base/slice.h"

/* Is all of ${s} well-formed UTF-8 (RFC 3629), but that surrogates may be? */
bool text_is_utf8(struct slice s);

/*
 * What llama.cpp makes of ${s}, at ${out} (at most 3 bytes for each of it;
 * NULL: only count): a byte that begins no well-formed sequence becomes
 * U+FFFD.  Returns its length.
 */
size_t text_repair(struct slice s, char *out);
