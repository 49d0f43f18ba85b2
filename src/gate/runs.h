/*
 * runs: the engines that weir runs, as the gate knows them: what the keeper
 * tells of their processes, and what follows for the engines.
 *
 * Here, and not in the keeper, it is read off an engine's output why it ended.
 */
#pragma once
#include "engine/engine.h"
#include "ipc/engine_news.h"
#include "json/write.h"

struct gate;

struct runs {
	struct engine_ports ports;
	struct engine_news v[ENGINES_RUN_MAX]; /* the last of each */
	char why[ENGINES_RUN_MAX][ENGINE_LIFE_MAX];
	int64_t asked_us[ENGINES_RUN_MAX]; /* systemd, by engine */
	uint64_t program[ENGINES_RUN_MAX]; /* see os_proc_program; 0: none */
	size_t n;
};

/* The keeper's news of an engine. */
void runs_heard(struct gate *g, const struct engine_news *n);

/* Give the engines of ${conf}, which is new, their places.  ERR_NOMEM. */
MUST_CHECK enum err runs_place(struct gate *g, struct conf *conf);

/* ${conf} is in force: its engines know what was heard. */
void runs_reloaded(struct gate *g, const struct conf *conf);

/* Ask the keeper for something; nothing comes of it where it is gone. */
void runs_wish(struct gate *g, struct slice name, enum engine_wish wish);

/* ${e}, which weir runs, answered: is it another program than before? */
void runs_proved(struct gate *g, const struct engine *e);

/* A step of the cure of ${e} (engine_set's on_cure); ${ctx}: the gate. */
void runs_cured(
    void *ctx, struct engine *e, unsigned step, unsigned result, pid_t pid);

/* Every half second: does an engine hang, is one down for good? */
void runs_look(struct gate *g, int64_t now_us);

/* Append what is known of the engine's process as "process":{...}. */
void runs_write(const struct gate *g, struct slice name, struct json_writer *w);
