/*
 * event: what happens to weir itself, as log lines and as sentences.
 *
 * {"ts":"...","level":"error","event":"engine_down","text":"The engine ...",
 *  "engine":"local","reason":"..."}
 *
 * Declared in facts/events.def.  Rare: speed does not matter here.
 */
#pragma once
#include "base/err.h"
#include "log/log.h"

enum event_id {
#define EVENT(name, level, code, text, help) EVENT_##name,
#include "facts/events.def"
#undef EVENT
	EVENT_COUNT
};

/* One row of facts/events.def. */
struct event_fact {
	const char *name; /* "ENGINE_DOWN" */
	const char *code;
	const char *text;
	const char *help;
	enum level level;
};

/* The row of ${id}. */
const struct event_fact *event_get(enum event_id id);

/* A named value: a text, or a number where text.p is NULL. */
struct event_arg {
	const char *name;
	struct slice text;
	int64_t number;
};

/* Values for the calls below; texts are borrowed. */
struct event_arg event_str(const char *name, const char *text);
struct event_arg event_slice(const char *name, struct slice text);
struct event_arg event_num(const char *name, int64_t number);

/* Two arguments: an array of the values and their number. */
#define EVENT_ARGS(...)                                                        \
	(const struct event_arg[]){__VA_ARGS__},                               \
	    sizeof((const struct event_arg[]){__VA_ARGS__}) /                  \
	    sizeof(struct event_arg)
#define EVENT_NO_ARGS NULL, 0

enum {
	EVENT_TEXT_MAX = 2048, /* of one value; then cut */
	EVENT_LINE_MAX = 16 * 1024,
};

/*
 * Write ${id} at ${wall_us} as one JSON object, no newline, at ${out}, which
 * has room for EVENT_LINE_MAX bytes; returns how many were written.
 */
size_t event_format(char *out, int64_t wall_us, enum event_id id,
    const struct event_arg *args, size_t n_args);

/*
 * Write the sentence of ${id}, no newline, at ${out}, which has room for
 * EVENT_LINE_MAX bytes; control characters become spaces.  Returns its length.
 */
size_t event_sentence(
    char *out, enum event_id id, const struct event_arg *args, size_t n_args);

/*
 * Put ${id} into ${l} and, if standard error is a terminal and the log is
 * not standard output, the sentence there too.
 */
void event_write(struct log *l, int64_t wall_us, enum event_id id,
    const struct event_arg *args, size_t n_args);

/* Print the sentence of ${id} as "weir: ..." on standard error. */
void event_print(enum event_id id, const struct event_arg *args, size_t n_args);
