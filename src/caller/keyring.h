/*
 * keyring: which caller has which key.  Built anew at every load, then only
 * looked up.
 *
 * A look-up cannot be timed for a key: what is looked for is SHA-256 of the
 * credential, its place in the table is a secret function (SipHash) of that
 * digest, and digests are compared in constant time.  Time tells at most
 * whether two digests fall into neighbouring places, of a digest that the
 * sender cannot choose without knowing the key already.
 */
#pragma once
#include "base/hash.h"
#include "caller/key.h"

struct keyring_slot {
	struct key_digest digest;
	void *owner; /* NULL: empty */
};

struct keyring {
	struct keyring_slot *slots;
	size_t mask; /* number of slots - 1 */
	size_t n;
	struct hash_key seed;
};

/* Start with room for ${most} keys.  ERR_NOMEM. */
MUST_CHECK enum err keyring_init(
    struct keyring *r, size_t most, struct hash_key seed);

/* Free it; all 0 is an empty one. */
void keyring_fini(struct keyring *r);

/*
 * Add a key of ${owner} (not NULL); no more than there is room for.  False if
 * somebody has it already: the first keeps it.
 */
bool keyring_add(
    struct keyring *r, const struct key_digest *digest, void *owner);

/* The owner of ${digest}, or NULL. */
void *keyring_find(const struct keyring *r, const struct key_digest *digest);
