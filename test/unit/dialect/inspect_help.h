/* Runs one inspection over a copy of a body of exactly its size. */
#pragma once
#include "dialect/inspect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct run {
	struct arena arena;
	struct inspect in;
	char *body;
	enum inspect_step step;
};

/* Inspect a copy of ${body} of exactly its size, ${budget} bytes a turn. */
static inline void
run_open(struct run *r, enum route_id id, struct slice body, size_t budget)
{
	struct inspect_opt opt = {
	    .route = route_get(id), .arena = &r->arena, .wants_texts = true};

	arena_init(&r->arena, 1 << 20);
	r->body = malloc(body.n ? body.n : 1);
	assert_non_null(r->body);
	if (body.n > 0)
		memcpy(r->body, body.p, body.n);
	opt.body = slice_of(r->body, body.n);
	inspect_init(&r->in, &opt);
	do
		r->step = inspect_run(&r->in, budget);
	while (r->step == INSPECT_MORE);
}

static inline void
run_close(struct run *r)
{
	arena_fini(&r->arena);
	free(r->body);
}

/* Bytes a turn: all, and the hard ones. */
static const size_t budgets[] = {1 << 20, 1, 2, 7};

#define MODEL "{\"model\":\"m\","
