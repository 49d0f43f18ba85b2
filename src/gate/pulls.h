/*
 * pulls: models with `pull: if-missing` that no engine has are fetched by an
 * Ollama, one at a time.
 *
 *   missing -> POST /api/pull -> progress ... -> success -> listed, preloaded
 *                      '--> failed: again after 30 s, doubling to 10 min
 */
#pragma once
#include "disk/pull.h"
#include "engine/fetch.h"
#include "http/ndjson.h"

struct gate;

struct pulls {
	struct fetch fetch;
	struct gate *gate;
	struct engine *engine; /* that fetches; NULL: nothing under way */
	char model[256];       /* canonical */
	struct ndjson lines;
	struct buf rest; /* of a line */
	struct pull progress;
	bool is_success;
	const char *why; /* it fails, part of a sentence; NULL: it does not */
	int64_t began_us, told_us;
	int told_percent; /* on the terminal */
};

/* Every half second: is something missing, how far is it? */
void pulls_look(struct gate *g, int64_t now_us);

/* Give up what is under way. */
void pulls_end(struct gate *g);
