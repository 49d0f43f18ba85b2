/*
 * GGUF metadata out of any bytes.  What is accepted lies inside of them; a
 * vocabulary that can be built of it counts any text alike in both ways, and
 * no model takes less than nothing.
 */
#include "token/count.h"
#include "token/gguf.h"
#include "token/shape.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
inside(struct slice all, struct slice part)
{
	assert(part.n == 0 ||
	    (part.p >= all.p && part.n <= all.n &&
		(size_t)(part.p - all.p) <= all.n - part.n));
}

static void
count(const struct gguf *g, struct slice text)
{
	struct counter_options few = {.words = 64, .chunks = 16};
	struct vocab_source source;
	struct counter *c;
	struct vocab *v;
	uint64_t a, b;

	if (vocab_source_gguf(g, &source) != OK)
		return;
	if (vocab_new(&source, &v) == OK) {
		if (counter_new(v, &few, &c) != OK)
			abort();
		if (count_text(c, text, COUNT_AS_ENGINE, &a) == OK) {
			if (count_ids(c, text, COUNT_AS_ENGINE, NULL, 0, &b))
				abort();
			assert(a == b);
		}
		counter_free(c);
		vocab_drop(v);
	}
	vocab_source_fini(&source);
}

static void
measure(const struct gguf *g)
{
	struct shape_use use = {.context_tok = INT64_MAX, .slots = 4096};
	struct shape_need need;
	struct shape s;

	if (shape_read(g, INT32_MAX, &s) != OK)
		return;
	need = shape_need(&s, &use);
	assert(need.context_bytes >= 0 && need.work_bytes >= 0);
	assert(need.total_bytes >= need.weights_bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct slice bytes = {(const char *)data, n};
	struct gguf_tensor t;
	struct gguf *g;

	if (gguf_parse(bytes, &g) != OK)
		return 0;
	for (size_t i = 0; i < gguf_n_keys(g); i++) {
		const struct gguf_value *v = gguf_get(g, i);
		struct slice s;
		size_t at = 0;
		uint64_t k = 0;

		inside(bytes, v->key);
		inside(bytes, v->raw);
		while (gguf_next_string(v, &at, &s)) {
			inside(bytes, s);
			k++;
		}
		assert(v->item != GGUF_STRING || v->type != GGUF_ARRAY ||
		    k == v->n);
	}
	if (gguf_find_tensor(g, "token_embd.weight", &t))
		inside(bytes, t.name);
	count(g, bytes);
	measure(g);
	gguf_free(g);
	return 0;
}
