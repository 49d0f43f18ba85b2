/*
 * shape: how each API words its answers, as templates.
 *
 * In a template $M is the model, $T the text, $N the tokens of the answer and
 * $S those of prompt and answer together.  Nothing else is special.
 */
#pragma once

/* Tokens that every prompt is said to have. */
#define SHAPE_PROMPT_TOKENS 26

struct shape {
	const char *type;      /* Content-Type of a stream */
	const char *whole;     /* an answer in one piece */
	const char *open;      /* before the first event of a stream */
	const char *event;     /* one event */
	const char *close;     /* end marks of a stream */
	const char *close_use; /* the same where usage was asked for, or NULL */
};

enum shape_api {
	SHAPE_OLLAMA_CHAT,
	SHAPE_OLLAMA_GENERATE,
	SHAPE_OPENAI_CHAT,
	SHAPE_OPENAI_COMPLETION,
	SHAPE_ANTHROPIC,
};

/* The templates of one API. */
const struct shape *shape_get(enum shape_api api);
