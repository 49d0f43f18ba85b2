/*
 * slots: how many requests an engine works on at once, where nobody said.
 *
 * llama-server tells it (/props, see probe.c).  Ollama does not; it shows in
 * the command line of its runners on this machine (-np), else in its
 * environment (OLLAMA_NUM_PARALLEL).  Servers of the OpenAI kind batch as they
 * like: 64, lowered while vLLM's /metrics say that requests wait inside.
 */
#pragma once
#include "engine/engine.h"

enum { SLOTS_OPENAI = 64, SLOTS_MAX = 4096 };

/* Find the slots and holds of the Ollama ${e}, which has just been probed. */
void slots_find_ollama(struct engine *e);

/* Find the process of the Ollama ${e} on this machine; reads /proc: slow. */
void slots_find_process(struct engine *e);

/* Watch the line inside of ${e}, of the OpenAI kind; again does nothing. */
void slots_watch(struct engine *e);

/* Watch no more. */
void slots_unwatch(struct engine *e);

/* Is ${args}, as below, the command line of a runner of Ollama's? */
bool slots_is_runner(struct slice args);

/*
 * The value of the runner's option -np or --parallel in ${args}, a command
 * line with a NUL behind each word; 0: it has none, or is no runner.
 */
unsigned slots_of_runner(struct slice args);

/* The number that ${name} has in ${environ}, NUL behind each; 0: none. */
unsigned slots_of_environ(struct slice env, const char *name);

/*
 * How many slots to use: ${slots} were, ${in_use} are in flight, ${waiting}
 * of them wait inside of the engine.
 */
unsigned slots_next(unsigned slots, unsigned in_use, int64_t waiting);

/*
 * vllm:num_requests_waiting summed over its series in ${text}, in Prometheus'
 * format; -1: it is not there.
 */
int64_t slots_waiting(struct slice text);
