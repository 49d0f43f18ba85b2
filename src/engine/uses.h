/*
 * uses: how many requests an engine has in flight for each model.
 *
 * Few models are in flight at one time, so they stand in a row.
 */
#pragma once
#include "base/err.h"

/* One that is in flight. */
struct engine_use {
	uint64_t model; /* hash of its canonical name */
	unsigned n;
};

/* All 0: none. */
struct engine_uses {
	struct engine_use *v;
	size_t n, cap;
};

/* Requests for ${model} that are in flight. */
unsigned uses_of(const struct engine_uses *u, uint64_t model);

/* Make room for one more model.  ERR_NOMEM. */
MUST_CHECK enum err uses_reserve(struct engine_uses *u);

/* One more for ${model}; there is room. */
void uses_add(struct engine_uses *u, uint64_t model);

/* One less for ${model}, which has one. */
void uses_del(struct engine_uses *u, uint64_t model);

/* Free it. */
void uses_fini(struct engine_uses *u);
