/*
 * scan: how far a run of plain text inside a JSON string goes.
 *
 * Internal to the room.  The reader and the writer stop at the same bytes:
 * quote, backslash, control bytes, and whatever is not well-formed UTF-8.
 */
#pragma once
#include "base/slice.h"

/*
 * From offset ${at} of ${text}, the offset of the first byte that is a quote,
 * a backslash, below 0x20 or the begin of an ill-formed UTF-8 sequence; or
 * the first boundary between characters at or behind ${end}, at most 3 bytes
 * behind it.  ${at} must be such a boundary, all before it well-formed or
 * ASCII; ${end} at most ${text}.n.
 */
size_t json_scan(struct slice text, size_t at, size_t end);

/* The same, a byte at a time: where there is no SIMD, and to test against. */
size_t json_scan_bytes(struct slice text, size_t at, size_t end);

/*
 * The length of the UTF-8 sequence at ${p}, ${left} > 0 bytes before the end;
 * or, if it is ill-formed or cut off, minus the length of its maximal part
 * that is to be replaced by one U+FFFD (Unicode 3.9, table 3-7).
 */
int json_utf8(const char *p, size_t left);
