/*
 * pull: how much a pull still has to fetch, by what the engine tells.
 *
 *   {"status":"pulling 74701a8c35f6","digest":"sha256:74701a8c35f6...",
 *    "total":1321082688,"completed":241970}
 *
 * A layer becomes known when its turn comes (Ollama's /api/pull).  No clock,
 * no sockets.
 */
#pragma once
#include "base/err.h"

enum { PULL_LAYERS = 16, PULL_DIGEST_MAX = 80 };

struct pull {
	struct {
		char digest[PULL_DIGEST_MAX];
		size_t digest_n;
		uint64_t total, completed;
	} layers[PULL_LAYERS];
	unsigned n;
	bool is_judged; /* set by whoever judges; false when a layer is new */
};

enum pull_news {
	PULL_NOTHING,  /* no numbers */
	PULL_PROGRESS, /* of a layer that was known */
	PULL_LAYER,    /* of one that was not, or grew */
};

/* Read one ${line} of progress, without its end. */
enum pull_news pull_read(struct pull *p, struct slice line);

/* Bytes of known layers that are still to come. */
uint64_t pull_left(const struct pull *p);

/* Bytes of all known layers. */
uint64_t pull_total(const struct pull *p);
