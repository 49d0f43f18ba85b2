#include "caller/keyring.h"
#include <assert.h>
#include <stdlib.h>

enum err
keyring_init(struct keyring *r, size_t most, struct hash_key seed)
{
	size_t n = 16;

	/* Half empty at least, so that probes are short and always end. */
	while (n < 2 * most)
		n *= 2;
	*r = (struct keyring){.mask = n - 1, .seed = seed};
	r->slots = calloc(n, sizeof *r->slots);
	return r->slots == NULL ? ERR_NOMEM : OK;
}

void
keyring_fini(struct keyring *r)
{
	free(r->slots);
	*r = (struct keyring){0};
}

/* The slot that has ${digest}, or the empty one where it belongs. */
static struct keyring_slot *
slot_of(const struct keyring *r, const struct key_digest *digest)
{
	size_t i = hash_bytes(
	    r->seed, slice_of((const char *)digest->b, sizeof digest->b));

	for (;; i++) {
		struct keyring_slot *s = &r->slots[i & r->mask];

		if (s->owner == NULL || key_digest_eq(&s->digest, digest))
			return s;
	}
}

bool
keyring_add(struct keyring *r, const struct key_digest *digest, void *owner)
{
	struct keyring_slot *s = slot_of(r, digest);

	assert(owner != NULL && r->n <= r->mask / 2);
	if (s->owner != NULL)
		return false;
	*s = (struct keyring_slot){*digest, owner};
	r->n++;
	return true;
}

void *
keyring_find(const struct keyring *r, const struct key_digest *digest)
{
	return r->n == 0 ? NULL : slot_of(r, digest)->owner;
}
