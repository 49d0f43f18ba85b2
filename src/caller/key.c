#include "caller/key.h"
#include "base/hash.h"
#include "os/random.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static const struct slice prefix = SLICE("weir_");

enum { MEMO = 64 };

/*
 * Digests of the keys that came last.  A key is known again by 128 bits of
 * SipHash under secrets of this process, so none is kept here, and nobody can
 * make one that passes for another.
 */
struct memo {
	uint64_t tag[2];
	struct key_digest digest;
};

/* Both are made once: fetching costs four times as much as the hash. */
struct key_hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	struct hash_key secret[2];
	struct memo memo[MEMO];
};

struct key_hasher *
key_hasher_new(void)
{
	struct key_hasher *h = calloc(1, sizeof *h);

	if (h != NULL) {
		h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
		h->ctx = EVP_MD_CTX_new();
	}
	if (h == NULL || h->md == NULL || h->ctx == NULL) {
		fputs("weir: OpenSSL gives no SHA-256\n", stderr);
		abort();
	}
	random_must_fill(h->secret, sizeof h->secret);
	random_must_fill(h->memo, sizeof h->memo); /* the tags of no key */
	return h;
}

void
key_hasher_free(struct key_hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

static struct key_digest
digest_of(struct key_hasher *h, struct slice key)
{
	struct key_digest d;
	unsigned n;

	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1 ||
	    EVP_DigestUpdate(h->ctx, key.p, key.n) != 1 ||
	    EVP_DigestFinal_ex(h->ctx, d.b, &n) != 1)
		abort(); /* cannot fail without a broken OpenSSL */
	return d;
}

struct key_digest
key_hash(struct key_hasher *h, struct slice key)
{
	uint64_t tag[2] = {
	    hash_bytes(h->secret[0], key), hash_bytes(h->secret[1], key)};
	struct memo *m = &h->memo[tag[0] % MEMO];

	if (CRYPTO_memcmp(m->tag, tag, sizeof tag) != 0) {
		m->digest = digest_of(h, key);
		memcpy(m->tag, tag, sizeof tag);
	}
	return m->digest;
}

bool
key_digest_eq(const struct key_digest *a, const struct key_digest *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof a->b) == 0;
}

void
key_make(char out[KEY_TEXT_BYTES])
{
	static const char alphabet[] = "0123456789"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz";
	enum { LETTERS = sizeof alphabet - 1, FAIR = 256 / LETTERS * LETTERS };
	uint8_t random[64];
	size_t n = prefix.n;

	memcpy(out, prefix.p, prefix.n);
	while (n < KEY_TEXT_BYTES) {
		random_must_fill(random, sizeof random);
		/* Bytes past the last whole run of letters would favour some. */
		for (size_t i = 0; i < sizeof random && n < KEY_TEXT_BYTES; i++)
			if (random[i] < FAIR)
				out[n++] = alphabet[random[i] % LETTERS];
	}
	OPENSSL_cleanse(random, sizeof random);
}

bool
key_is_ours(struct slice text)
{
	return slice_starts(text, prefix);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
key_digest_read(struct slice text, struct key_digest *out)
{
	static const struct slice name = SLICE("sha256:");
	struct key_digest d;

	if (slice_starts(text, name))
		text = slice_from(text, name.n);
	if (text.n != 2 * sizeof d.b)
		return false;
	for (size_t i = 0; i < sizeof d.b; i++) {
		int high = hex_value(text.p[2 * i]);
		int low = hex_value(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		d.b[i] = (uint8_t)(high << 4 | low);
	}
	*out = d;
	return true;
}

void
key_digest_write(const struct key_digest *d, char out[2 * KEY_DIGEST_BYTES])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof d->b; i++) {
		out[2 * i] = hex[d->b[i] >> 4];
		out[2 * i + 1] = hex[d->b[i] & 15];
	}
}
