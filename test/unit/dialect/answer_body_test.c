/* Answers that are not streamed: whole, in parts, megabytes of them. */
#include "dialect/answer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ARENA_MAX = 65536 };

#define OLL "{\"model\":\"m\",\"created_at\":\"2026-11-22T10:00:50.6Z\","
#define TIMINGS                                                                \
	"\"timings\":{\"cache_n\":4,\"prompt_n\":1,\"prompt_ms\":0.3,"         \
	"\"predicted_n\":6,\"predicted_ms\":1.3}"

#define USAGE_5_8                                                              \
	"\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":8,"              \
	"\"total_tokens\":13,\"prompt_tokens_details\":{\"cached_tokens\":4}}"

static const struct {
	enum route_id id;
	const char *body;
	int64_t input, output, cached;
	enum answer_stop stop;
	enum err end;
} bodies[] = {
    {ROUTE_V1_CHAT,
	"{\"choices\":[{\"finish_reason\":\"length\",\"index\":0,\"message\":"
	"{\"role\":\"assistant\",\"content\":\"\\\"usage\\\":7\"}}],"
	"\"created\":1," USAGE_5_8 ",\"id\":\"x\"," TIMINGS "}\n",
	5, 8, 4, STOP_LENGTH, OK},
    {ROUTE_API_CHAT,
	OLL "\"message\":{\"content\":\"x\"},\"done\":true,\"done_reason\":"
	    "\"length\",\"prompt_eval_count\":5,\"eval_count\":24}",
	5, 24, -1, STOP_LENGTH, OK},
    {ROUTE_API_CHAT, OLL "\"message\":{\"content\":\"x\"},\"done\":false}", -1,
	-1, -1, STOP_UNKNOWN, ERR_UPSTREAM_INCOMPLETE},
    {ROUTE_API_EMBED, "{\"embeddings\":[[0.1,0.2]],\"prompt_eval_count\":5}", 5,
	-1, -1, STOP_UNKNOWN, OK},
    {ROUTE_API_EMBEDDINGS, "{\"embedding\":[0.1]}", -1, -1, -1, STOP_UNKNOWN,
	OK},
    {ROUTE_V1_EMBEDDINGS,
	"{\"model\":\"e\",\"object\":\"list\",\"usage\":{\"prompt_tokens\":5,"
	"\"total_tokens\":5},\"data\":[{\"embedding\":[-0.01]}]}",
	5, -1, -1, STOP_UNKNOWN, OK},
    {ROUTE_EMBEDDING, "[{\"index\":0,\"embedding\":[[0.1]]}]", -1, -1, -1,
	STOP_UNKNOWN, OK},
    {ROUTE_V1_MESSAGES,
	"{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]"
	",\"stop_reason\":\"max_tokens\",\"usage\":{\"cache_read_input_tokens\""
	":4,\"input_tokens\":1,\"output_tokens\":12}}",
	5, 12, 4, STOP_LENGTH, OK},
    {ROUTE_V1_RESPONSES,
	"{\"object\":\"response\",\"status\":\"completed\",\"error\":null,"
	"\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}",
	5, 6, -1, STOP_END, OK},
    {ROUTE_LLAMA_COMPLETION,
	"{\"content\":\"x\",\"stop\":true,\"tokens_predicted\":6,"
	"\"tokens_evaluated\":5,\"prompt\":\"p\",\"stop_type\":\"eos\"," TIMINGS
	"}",
	5, 6, 4, STOP_END, OK},
    {ROUTE_V1_CHAT, "{\"error\":{\"message\":\"x\"}}", -1, -1, -1, STOP_UNKNOWN,
	ERR_ENGINE_ERROR_IN_STREAM},
    {ROUTE_API_PULL, "{\"status\":\"success\"}", -1, -1, -1, STOP_UNKNOWN, OK},
};

static void
check_body(size_t i, const struct answer *a)
{
	if (a->input_tok != bodies[i].input ||
	    a->output_tok != bodies[i].output ||
	    a->cached_tok != bodies[i].cached || a->stop != bodies[i].stop ||
	    answer_end(a) != bodies[i].end)
		fail_msg("%s", bodies[i].body);
}

static void
test_bodies(void **state)
{
	struct arena arena;
	struct answer a;

	(void)state;
	arena_init(&arena, ARENA_MAX);
	for (size_t i = 0; i < COUNT(bodies); i++) {
		const struct route *route = route_get(bodies[i].id);
		struct slice body = slice_str(bodies[i].body);

		answer_init(&a, route, false, NULL);
		(void)answer_body(&a, body);
		check_body(i, &a);
		for (size_t step = 1; step <= body.n; step += 7) {
			answer_init(&a, route, false, &arena);
			for (size_t at = 0; at < body.n; at += step)
				answer_part(
				    &a, slice_to(slice_from(body, at), step));
			(void)answer_parts_end(&a);
			check_body(i, &a);
			arena_reset(&arena);
		}
		/* Without memory nothing is known, and nothing is wrong. */
		answer_init(&a, route, false, NULL);
		answer_part(&a, body);
		(void)answer_parts_end(&a);
		assert_int_equal(a.input_tok, -1);
	}
	arena_fini(&arena);
}

/* Counts at either end of megabytes, whole and in parts of all sizes. */
static void
test_large(void **state)
{
	enum { MIB = 1 << 20 };
	static const struct {
		enum route_id id;
		const char *begin, *end;
		int64_t input;
	} cases[] = {
	    {ROUTE_V1_EMBEDDINGS, "{\"usage\":{\"prompt_tokens\":5},\"data\":[",
		"0]}", 5},
	    {ROUTE_V1_EMBEDDINGS, "{\"data\":[",
		"0],\"model\":\"m\",\"usage\":{\"prompt_tokens\":5}}\n", 5},
	    {ROUTE_API_EMBED, "{\"model\":\"m\",\"embeddings\":[",
		"0],\"total_duration\":1,\"prompt_eval_count\":51}", 51},
	    {ROUTE_API_EMBED, "{\"prompt_eval_count\":51,\"embeddings\":[",
		"0]}", 51},
	    /* Generated text at the very end is no count. */
	    {ROUTE_V1_CHAT, "{\"x\":[",
		"0],\"choices\":[{\"message\":{\"content\":\"\\\"usage\\\":{"
		"\\\"prompt_tokens\\\":9}\"}}]}",
		-1},
	};
	static const size_t steps[] = {100, ANSWER_WINDOW - 1, ANSWER_WINDOW,
	    ANSWER_WINDOW + 1, 65536, 4 * MIB};
	char *body = malloc(2 * MIB);
	struct arena arena;
	struct answer a;

	(void)state;
	assert_non_null(body);
	arena_init(&arena, ARENA_MAX);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct route *route = route_get(cases[i].id);
		size_t n = strlen(cases[i].begin), tail = strlen(cases[i].end);
		struct slice all;

		memcpy(body, cases[i].begin, n);
		for (; n < MIB; n += 8)
			memcpy(body + n, "-0.1234,", 8);
		memcpy(body + n, cases[i].end, tail);
		all = slice_of(body, n + tail);
		answer_init(&a, route, false, NULL);
		(void)answer_body(&a, all);
		assert_int_equal(a.input_tok, cases[i].input);
		assert_int_equal(answer_end(&a), OK);
		for (size_t k = 0; k < COUNT(steps); k++) {
			answer_init(&a, route, false, &arena);
			for (size_t at = 0; at < all.n; at += steps[k])
				answer_part(&a,
				    slice_to(slice_from(all, at), steps[k]));
			(void)answer_parts_end(&a);
			assert_int_equal(a.input_tok, cases[i].input);
			assert_int_equal(answer_end(&a), OK);
			arena_reset(&arena);
		}
	}
	arena_fini(&arena);
	free(body);
}

/* A number that the begin's window cuts is not taken for a smaller one. */
static void
test_cut_number(void **state)
{
	static char body[3 * ANSWER_WINDOW];
	struct arena arena;
	struct answer a;

	(void)state;
	arena_init(&arena, ARENA_MAX);
	for (size_t at = ANSWER_WINDOW - 30; at < ANSWER_WINDOW + 5; at++) {
		memset(body, ' ', sizeof body);
		body[0] = '{';
		memcpy(body + at, "\"prompt_eval_count\":123456,\"x\":0", 32);
		body[sizeof body - 1] = '}';
		answer_init(&a, route_get(ROUTE_API_EMBED), false, &arena);
		answer_part(&a, slice_of(body, sizeof body));
		(void)answer_parts_end(&a);
		if (a.input_tok != -1 && a.input_tok != 123456)
			fail_msg("%zu: %lld", at, (long long)a.input_tok);
		arena_reset(&arena);
	}
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_cut_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
