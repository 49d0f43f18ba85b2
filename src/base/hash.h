/*
 * hash: SipHash-1-3, keyed, for tables whose keys callers choose.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012),
 * with one compression and three finalisation rounds.
 */
#pragma once
#include "base/slice.h"

/* A secret of 128 bits; the same key gives the same hashes. */
struct hash_key {
	uint64_t k0, k1;
};

/* The 64-bit hash of ${s} under ${key}. */
uint64_t hash_bytes(struct hash_key key, struct slice s);
