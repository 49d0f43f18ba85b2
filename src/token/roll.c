#include "token/roll.h"
#include "os/random.h"
#include <stdlib.h>

static uint64_t
hash_of(const struct roll *r, struct slice text)
{
	uint64_t h = 0;

	for (size_t i = 0; i < text.n; i++)
		h = roll_add(r, h, (unsigned char)text.p[i]);
	return h;
}

enum err
roll_init(struct roll *r, struct vocab *v)
{
	size_t mask, powers = (size_t)v->longest + 5;
	unsigned bits = 6;
	uint64_t secret[2];

	while ((size_t)1 << bits < (size_t)v->n_tokens * 2)
		bits++;
	mask = ((size_t)1 << bits) - 1;
	r->shift = 64 - bits;
	random_must_fill(secret, sizeof secret);
	r->base = secret[0] | 1;
	r->odd = secret[1] | 1;
	r->longest = v->longest;
	r->slots = calloc(mask + 1, sizeof *r->slots);
	r->powers = malloc(powers * sizeof *r->powers);
	if (r->slots == NULL || r->powers == NULL)
		return ERR_NOMEM;
	r->powers[0] = 1;
	for (size_t i = 1; i < powers; i++)
		r->powers[i] = r->powers[i - 1] * r->base;
	for (uint32_t id = 0; id < v->n_tokens; id++) {
		uint64_t h = hash_of(r, vocab_token(v, id)) * r->odd;
		size_t at = h >> r->shift;

		while (r->slots[at] != 0)
			at = (at + 1) & mask;
		r->slots[at] = (uint32_t)(h & 0x7ff) << 21 | (id + 1);
	}
	v->body_bytes +=
	    (mask + 1) * sizeof *r->slots + powers * sizeof *r->powers;
	return OK;
}

void
roll_fini(struct roll *r)
{
	free(r->slots);
	free(r->powers);
}
