/*
 * value: what the raw spans of the JSON reader mean: keys, strings, numbers.
 */
#pragma once
#include "base/err.h"

enum json_match {
	JSON_NO,    /* another key */
	JSON_EXACT, /* byte for byte */
	JSON_FOLDED /* some engine takes it for the same key; not ours */
};

/* The part of json_key_match behind its fast refusal; not for callers. */
enum json_match json_key_match_slow(struct slice raw, struct slice want);

/*
 * Is ${raw}, a key's span as json_next gives it, the key ${want}, which is
 * ASCII?  JSON_FOLDED where it is only when compared without case as Go's
 * encoding/json does (ASCII case, U+017F long s as s, U+212A Kelvin sign as
 * k), or only when unescaped ("m\u006fdel"), or both: such a spelling reaches
 * engines as the key, so whoever decides by it must not overlook it.
 */
static inline enum json_match
json_key_match(struct slice raw, struct slice want)
{
	/* Every character of a key takes at least a byte. */
	if (raw.n < want.n || want.n == 0)
		return raw.n == want.n ? JSON_EXACT : JSON_NO;
	/* Other letter, not by case, nothing escaped, nothing foreign. */
	if (((raw.p[0] ^ want.p[0]) & 0xdf) != 0 && raw.p[0] != '\\' &&
	    (raw.p[0] & 0x80) == 0)
		return JSON_NO;
	return json_key_match_slow(raw, want);
}

/*
 * Unescape ${raw}, a key's or string's span without quotes, into ${out} with
 * room for ${cap} bytes, and set ${n} to the number written, never more than
 * ${raw}.n.  The result is UTF-8; escaped surrogate pairs are joined, lone
 * ones become U+FFFD; it can hold NUL.  ERR_FULL if ${cap} is too small,
 * ERR_SYNTAX if ${raw} is no valid span; ${n} is then untouched.
 */
MUST_CHECK enum err json_unescape(
    struct slice raw, char *out, size_t cap, size_t *n);

/*
 * Read ${raw}, a number's span, as an integer.  ERR_SYNTAX if it is not
 * written as one: a fraction or an exponent, even 5.0 or 1e3, because parsers
 * differ there (Go refuses to decode those into an int, Python's pydantic takes
 * them, nlohmann's cuts them off); use json_f64 where the engine does.
 * ERR_RANGE outside of int64_t.  ${out} is untouched on failure.
 */
MUST_CHECK enum err json_i64(struct slice raw, int64_t *out);

/*
 * Read ${raw}, a number's span, as the nearest double.  ERR_RANGE where it is
 * too large for one or longer than 1000 bytes, ERR_SYNTAX if it is no number;
 * too small is 0.  ${out} is untouched on failure.
 */
MUST_CHECK enum err json_f64(struct slice raw, double *out);
