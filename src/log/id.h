/*
 * id: names for requests that sort by time and cannot be guessed.
 *
 * ULID: 48 bits of milliseconds and 80 of chance, 26 characters of Crockford's
 * base 32.  Ids of one source only grow, also within a millisecond and when
 * the wall clock goes back.  Source: https://github.com/ulid/spec
 */
#pragma once
#include "base/hash.h"

enum { ID_LEN = 26 };

struct id_source {
	struct hash_key key;
	uint64_t count;	 /* numbers drawn */
	uint64_t ms;	 /* of the last id */
	uint64_t hi, lo; /* its chance: 16 and 64 bits */
};

/* Start a source; ${seed} is secret and random (random_must_fill). */
void id_init(struct id_source *s, struct hash_key seed);

/* Write a new id at ${out}, ID_LEN bytes, no NUL. */
void id_next(struct id_source *s, int64_t wall_us, char *out);
