/*
 * base64: reading RFC 4648's base 64, the alphabet with + and /.
 */
#pragma once
#include "base/slice.h"

/*
 * The bytes that ${s} stands for, padded or not, to ${out}, which has room for
 * ${max}; their number to ${n}.  False: it is no base 64, or too long.
 */
bool base64_decode(struct slice s, char *out, size_t max, size_t *n);
