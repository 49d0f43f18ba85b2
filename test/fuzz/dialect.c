/*
 * Request bodies, answers and targets.
 *
 *   byte 0   the route
 *   byte 1   how it is cut: the budget of a turn, the size of a part
 *   rest     a body, a stream and a target, in turn
 *
 * Checked: the same comes out in one turn and in many; edits of a request are
 * read back as they were meant; an answer's short cuts change nothing.
 */
#include "dialect/answer.h"
#include "dialect/edit.h"
#include "dialect/render.h"
#include "model/name.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ARENA_MAX = 1 << 20, WHOLE = 1 << 30, LEFT = 100 };

static enum inspect_step
inspect(struct inspect *in, struct arena *arena, const struct route *route,
    struct slice body, size_t budget)
{
	struct inspect_opt opt = {
	    .route = route, .body = body, .arena = arena, .wants_texts = true};
	enum inspect_step step;

	inspect_init(in, &opt);
	do
		step = inspect_run(in, budget);
	while (step == INSPECT_MORE);
	return step;
}

static void
check_edits(const struct inspect *in)
{
	struct slice parts[JSON_EDITS_SLICES_MAX];
	struct inspect again;
	struct edit_plan p;
	size_t n, at = 0;
	char *out;

	const struct edit_loaded loaded = {
	    .context = 4096, .context_most = 8192};

	if (edit_plan(&p, in, ~0U) != OK ||
	    edit_plan_loads(&p, in, &loaded, ~0U) != OK)
		abort();
	if (p.made == 0)
		return;
	out = malloc(json_edits_total(&p.splices));
	if (out == NULL)
		abort();
	n = json_edits_slices(&p.splices, parts);
	for (size_t i = 0; i < n; i++) {
		memcpy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	assert(at == json_edits_total(&p.splices));
	assert(inspect(&again, in->opt.arena, in->opt.route, slice_of(out, at),
		   WHOLE) == INSPECT_DONE);
	assert(!p.strip_usage || (again.wants_usage && again.is_stream));
	/* What is left makes no engine load anew. */
	if (p.made & 1U << EDIT_NUM_CTX)
		assert(again.num_ctx >= 4096 && again.num_ctx <= 8192);
	if (p.made & 1U << EDIT_SHIFT)
		assert(slice_is(again.raw[FIELD_SHIFT], "null"));
	assert(again.text_bytes == in->text_bytes);
	assert(again.max_output_tok == in->max_output_tok);
	free(out);
}

/* An answer's limit is what it should be, read back. */
static void
check_output(const struct inspect *in, enum edit_honours honours)
{
	struct slice parts[JSON_EDITS_SLICES_MAX];
	struct inspect again;
	struct edit_plan p;
	size_t n, at = 0;
	char *out;

	if (edit_plan(&p, in, 0) != OK ||
	    edit_plan_output(&p, in, honours, LEFT) != OK)
		abort();
	if (p.made == 0)
		return;
	out = malloc(json_edits_total(&p.splices));
	if (out == NULL)
		abort();
	n = json_edits_slices(&p.splices, parts);
	for (size_t i = 0; i < n; i++) {
		memcpy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	assert(inspect(&again, in->opt.arena, in->opt.route, slice_of(out, at),
		   WHOLE) == INSPECT_DONE);
	assert(again.max_output_tok >= 0 && again.max_output_tok <= LEFT);
	free(out);
}

static void
check_question(enum err e, struct render_question *q)
{
	struct json_reader r;
	enum json_kind kind;

	if (e != OK)
		return;
	assert(q->path != NULL);
	json_reader_init(&r, buf_slice(&q->body), JSON_DEPTH_MAX);
	while ((kind = json_next(&r)) > JSON_BAD)
		;
	assert(kind == JSON_END);
	buf_clear(&q->body);
}

/* What asks an engine is JSON, and so is the text that it tells. */
static void
check_render(const struct inspect *in)
{
	struct slice model = slice_str("m");
	struct render_question q;
	struct render_told t;

	buf_init(&q.body, ARENA_MAX);
	(void)render_has_system(in);
	for (int want = RENDER_TEXT; want <= RENDER_LOAD; want++) {
		buf_clear(&q.body);
		check_question(render_ask_ollama(in, in->opt.body, model,
				   (enum render_want)want, &q),
		    &q);
	}
	buf_clear(&q.body);
	check_question(render_ask_vllm(in, model, &q), &q);
	buf_fini(&q.body);
	if (render_read(in->opt.body, &t) == OK)
		assert(t.tok >= 0 || t.prompt.n <= in->opt.body.n);
}

static void
requests(const struct route *route, struct slice body, size_t budget)
{
	struct inspect one, many;
	struct arena arena;
	struct name name;

	arena_init(&arena, ARENA_MAX);
	if (inspect(&one, &arena, route, body, WHOLE) !=
	    inspect(&many, &arena, route, body, budget))
		abort();
	assert(one.why.err == many.why.err && one.why.value == many.why.value);
	if (one.why.err == OK) {
		assert(slice_eq(one.model, many.model));
		assert(one.n_texts == many.n_texts);
		assert(one.text_bytes == many.text_bytes);
		assert(one.max_output_tok == many.max_output_tok);
		assert(slice_eq(one.root, many.root));
		check_edits(&one);
		check_output(&one, EDIT_HONOURS_OLLAMA);
		check_output(&one, EDIT_HONOURS_ALL);
		if (route->body == BODY_JSON)
			check_render(&one);
		if (name_parse(one.model, &name) == OK)
			assert(name_short(&name).n > 0);
	}
	arena_fini(&arena);
}

/* Pieces are lines; a line with a bar has its event's name before it. */
static void
stream(const struct route *route, struct slice text)
{
	struct answer fast, slow;
	struct arena arena;

	arena_init(&arena, ARENA_MAX);
	answer_init(&fast, route, true, &arena);
	answer_init(&slow, route, true, NULL);
	while (text.p != NULL) {
		struct slice data = slice_cut(&text, '\n'), name = {0};
		unsigned marks;

		if (route_framing(route->shape) == FRAMING_NDJSON) {
			assert(answer_line(&fast, data) ==
			    answer_line(&slow, data));
			continue;
		}
		if (slice_find(data, '|') < data.n)
			name = slice_cut(&data, '|');
		marks = answer_event(&slow, name, data);
		/* The short cut does not validate what it passes. */
		if (answer_event(&fast, name, data) != marks)
			assert(marks & ANSWER_BAD);
	}
	assert(fast.is_finished == slow.is_finished);
	assert(fast.input_tok == slow.input_tok);
	assert(fast.output_tok == slow.output_tok);
	assert(answer_end(&fast) == answer_end(&slow));
	arena_fini(&arena);
}

static void
whole(const struct route *route, struct slice text, size_t step)
{
	struct answer a, b;
	struct arena arena;

	arena_init(&arena, ARENA_MAX);
	answer_init(&a, route, false, NULL);
	answer_init(&b, route, false, &arena);
	(void)answer_body(&a, text);
	for (size_t at = 0; at < text.n; at += step)
		answer_part(&b, slice_to(slice_from(text, at), step));
	(void)answer_parts_end(&b);
	if (text.n > 0 && text.n <= 2 * ANSWER_WINDOW) {
		assert(a.input_tok == b.input_tok);
		assert(a.output_tok == b.output_tok);
		assert(a.is_failed == b.is_failed);
	}
	arena_fini(&arena);
}

static void
target(struct slice text)
{
	struct route_match m;
	char allow[ROUTE_ALLOW_MAX];

	for (int v = HTTP_METHOD_OTHER; v <= HTTP_METHOD_PATCH; v++)
		if (route_find((enum http_method)v, text, &m) == OK) {
			assert(m.verbs & 1U << v);
			assert(text.p[0] == '/');
			assert(route_allow(m.verbs, allow).n > 0);
		}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct route *route;
	struct slice text;
	size_t step;

	if (n < 2)
		return 0;
	route = route_get((enum route_id)(data[0] % ROUTE_COUNT));
	step = (size_t)data[1] + 1;
	text = slice_of((const char *)data + 2, n - 2);
	requests(route, text, step);
	stream(route, text);
	whole(route, text, step);
	target(text);
	return 0;
}
