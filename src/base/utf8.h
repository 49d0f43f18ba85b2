/*
 * utf8: one character at a time, for texts of ours that need not be fast.
 *
 * Source: RFC 3629; no overlong forms, surrogates or values past U+10FFFF.
 */
#pragma once
#include "base/slice.h"

/* Bytes of the well-formed character that ${s} begins with; 0: there is none. */
size_t utf8_len(struct slice s);

/* The first bytes of ${s}, at most ${max}, not cut inside a character. */
struct slice utf8_cut(struct slice s, size_t max);
