/*
 * overflow: an engine's words for "the prompt is longer than the context".
 *
 * Source: recorded answers of Ollama 0.24 and 0.32 and of llama-server;
 * vLLM's and LM Studio's as their sources and trackers quote them.
 */
#pragma once
#include "base/slice.h"

/* Most bytes of an answer that is looked at. */
enum { OVERFLOW_ANSWER_MAX = 64 * 1024 };

struct overflow {
	int64_t prompt_tok;  /* as the engine counted, -1: it does not say */
	int64_t context_tok; /* the engine's limit, -1: it does not say */
};

/* Does an answer with ${status} and ${body} mean that?  Then ${out} is set. */
bool overflow_read(int status, struct slice body, struct overflow *out);
