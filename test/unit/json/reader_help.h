/* Helpers of the reader's tests. */
#pragma once
#include "json/reader.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define WHOLE SIZE_MAX
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A copy that ends where its memory ends, so that ASan sees a byte too far. */
static inline struct slice
exact(struct slice s)
{
	char *p = malloc(s.n ? s.n : 1);

	assert_non_null(p);
	memcpy(p, s.p, s.n);
	return slice_of(p, s.n);
}

/* One event, by whatever way of reading, in turns of ${budget} bytes. */
static inline enum json_kind
event(struct json_reader *r, size_t budget,
    enum json_kind (*step)(struct json_reader *))
{
	enum json_kind kind;
	size_t turns = 0;

	while ((kind = step(r)) == JSON_MORE) {
		/* Each turn gets somewhere. */
		assert_true(++turns <= r->text.n + 1);
		json_reader_budget(r, budget);
	}
	return kind;
}

static inline void
start(struct json_reader *r, struct slice text, size_t budget)
{
	json_reader_init(r, text, JSON_DEPTH_MAX);
	if (budget != WHOLE)
		json_reader_budget(r, budget);
}
