/*
 * piece: what one JSON object of an answer says.
 *
 * Internal to the room: answer.c puts the pieces together.  The members that
 * are read stand in facts/answers.def.
 */
#pragma once
#include "dialect/answer.h"

struct piece {
	unsigned marks; /* enum answer_mark */
	enum answer_stop stop;
	bool is_undone; /* "done":false or "stop":false */
	/* Counts; -1: not told. */
	int64_t input, output, cached;
	int64_t cache_read, cache_made; /* Anthropic's, not in input */
	int64_t t_cache, t_prompt, t_predicted;
	/* Generated strings that are not empty, and the last of them, raw. */
	unsigned n_texts;
	struct slice text;
};

/*
 * Read ${json}, all of it.  ANSWER_BAD is among the marks if it is not one
 * valid JSON value; what stood before the fault has then been read.
 */
void piece_read(struct piece *p, enum shape shape, struct slice json);

/*
 * Read what can be found in ${window}, a part of a JSON text that is not whole:
 * members of the top that are complete in it.  Sound against generated text:
 * inside of a string every quote has a backslash before it.
 */
void piece_scan(struct piece *p, enum shape shape, struct slice window);

/* Start with nothing told. */
void piece_init(struct piece *p);
