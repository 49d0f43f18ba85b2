/*
 * trace: plays the owner of a parser and writes down what it says.
 *
 * Bytes come in pieces; after each piece what is unconsumed moves to fresh
 * memory of exactly its size, the parser itself moves too, and the scratch
 * head is filled with rubbish, so that a promise broken is a crash.
 */
#pragma once
#include "base/buf.h"
#include "http/parser.h"

struct trace_in {
	enum http_side side;
	struct slice bytes;
	const size_t *cuts; /* ascending offsets into bytes */
	size_t n_cuts;
	bool each_byte;	  /* cut everywhere instead */
	bool expect_head; /* the first response answers HEAD */
	bool eof;	  /* the stream ends behind the bytes */
	struct http_limits limits;
};

struct trace {
	/*
	 * Every message: `GET /path <body>` or `200 <body>`; `!400 reason`
	 * for a refusal (`!EOF` for ERR_EOF), separated by spaces.  Without
	 * its `>` a message is incomplete.
	 */
	struct buf brief;
	struct buf full; /* the same with all of the head */
	bool is_idle;	 /* at the end */
};

/* Run ${in} through a parser.  Free with trace_fini. */
void trace_run(struct trace *t, const struct trace_in *in);
void trace_fini(struct trace *t);
