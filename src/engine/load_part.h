/*
 * The parts of a load, for load.c and load_begin.c only.
 */
#pragma once
#include "engine/fetch.h"
#include "engine/load.h"
#include "model/name.h"

enum load_step {
	STEP_IDLE,
	STEP_WEIGH,
	STEP_UNLOAD,
	STEP_LEAVE,
	STEP_LOAD,
	STEP_POLL,
	STEP_LOOK
};

struct engine_load {
	struct fetch fetch;
	struct engine *engine;
	struct timer poll, due;
	enum load_step step;
	char model[MODEL_NAME_MAX]; /* as the engine spells it */
	size_t model_n;
	char key[MODEL_NAME_MAX], evict[MODEL_NAME_MAX]; /* canonical */
	size_t key_n, evict_n;
	uint64_t hash;
	int64_t began_us, poll_us;
	unsigned before;    /* models loaded when it began */
	bool is_preload;    /* nobody waits for it in the line */
	int64_t settled_us; /* what gave way has given back all by then */
};

/* The row of what is loaded; NULL: it is listed no more. */
struct engine_model *load_model(const struct engine_load *l);

/* What ${e} loads with, made if need be. */
struct engine_load *load_need(struct engine *e);

/* Weigh it, then load it. */
void load_weigh(struct engine_load *l);

/* Send the request that loads it. */
void load_request(struct engine_load *l);

/* Send the one that unloads what is to give way. */
void load_unload(struct engine_load *l);

/* It is over with ${result}, a label of weir_loads_total. */
void load_over(struct engine_load *l, const char *result);
