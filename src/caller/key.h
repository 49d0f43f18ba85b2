/*
 * key: the secret by which a caller is known.
 *
 * weir's own keys are `weir_` and 43 letters and digits (256 bits from the
 * operating system): nothing that a shell, a URL or a double click breaks at.
 * weir keeps only SHA-256 of a key; a key of 256 bits needs no slow hash,
 * since nobody can guess it.
 */
#pragma once
#include "base/buf.h"

enum {
	KEY_DIGEST_BYTES = 32,
	KEY_TEXT_BYTES = 48, /* weir_ and 43 more */
	KEY_ID_BYTES = 8,    /* first hexadecimal digits of the digest */
	KEY_LONGEST = 1024,  /* of a foreign key; longer ones are no keys */
};

struct key_digest {
	uint8_t b[KEY_DIGEST_BYTES];
};

/* A hasher that keeps what OpenSSL would look up again each time. */
struct key_hasher;

/* A new hasher, for one thread; aborts if OpenSSL has no SHA-256. */
struct key_hasher *key_hasher_new(void);

/* Free it; NULL is allowed. */
void key_hasher_free(struct key_hasher *h);

/* SHA-256 of ${key}; of one that came lately it is remembered. */
struct key_digest key_hash(struct key_hasher *h, struct slice key);

/* Same digest?  Takes the same time wherever they differ. */
bool key_digest_eq(const struct key_digest *a, const struct key_digest *b);

/* Make a new key: KEY_TEXT_BYTES at ${out}, no NUL. */
void key_make(char out[KEY_TEXT_BYTES]);

/* Does ${text} have the form of weir's own keys: does it begin with weir_? */
bool key_is_ours(struct slice text);

/*
 * Read 64 hexadecimal digits of either case, behind "sha256:" or not.  False
 * if ${text} is anything else.
 */
bool key_digest_read(struct slice text, struct key_digest *out);

/* Write ${d} as 64 lower-case hexadecimal digits at ${out}, no NUL. */
void key_digest_write(
    const struct key_digest *d, char out[2 * KEY_DIGEST_BYTES]);
