/*
 * digest: 128 bits for a text, under a secret key, at memory speed.
 *
 * NH of UMAC with 64-bit words: two different texts of one length have equal
 * digests with a probability of 2^-64, whoever chose them, as long as the key
 * is secret.  Texts above one block are digested blockwise, the digests of
 * the blocks with SipHash.  Lengths are not mixed in: compare them as well.
 *
 * Source: Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure
 * Message Authentication", CRYPTO 1999, section 5.
 */
#pragma once
#include "base/hash.h"

enum { DIGEST_BLOCK = 8192 }; /* bytes */

struct digest_key {
	struct hash_key ends[2];
	uint64_t words[DIGEST_BLOCK / 8];
};

struct digest {
	uint64_t a, b;
};

/* Make a long key out of a short one. */
void digest_key_init(struct digest_key *k, struct hash_key from);

/* The digest of ${s}. */
struct digest digest_of(const struct digest_key *k, struct slice s);
