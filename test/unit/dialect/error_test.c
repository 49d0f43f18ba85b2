/* Refusals in every dialect; and whatever a caller wrote stays a string. */
#include "dialect/error.h"
#include "json/reader.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { OUT_MAX = 8192 };

static void
assert_out(struct buf *b, const char *want)
{
	if (!slice_is(buf_slice(b), want))
		fail_msg("got  %.*s\nwant %s", SLICE_ARG(buf_slice(b)), want);
	buf_fini(b);
	buf_init(b, OUT_MAX);
}

static const struct refusal limited = {
    .err = ERR_RATE_LIMITED, .wait_us = 5000001};
static const struct refusal unknown = {
    .err = ERR_MODEL_NOT_FOUND, .model = SLICE("nope\"\\")};
static const struct refusal busy = {.err = ERR_QUEUE_FULL, .wait_us = 60000000};
static const struct refusal spelling = {
    .err = ERR_FIELD_SPELLING, .what = SLICE("keep_alive")};

static void
test_bodies(void **state)
{
	static const struct {
		enum dialect dialect;
		const struct refusal *r;
		const char *body;
	} cases[] = {
	    {DIALECT_OLLAMA, &limited,
		"{\"error\":\"Too many requests from this caller; try again "
		"in 6 s.\"}"},
	    {DIALECT_OPENAI, &limited,
		"{\"error\":{\"message\":\"Too many requests from this "
		"caller; try again in 6 s.\",\"type\":\"rate_limit_error\","
		"\"param\":null,\"code\":\"rate_limit_exceeded\"}}"},
	    {DIALECT_WEIR, &limited,
		"{\"error\":{\"message\":\"Too many requests from this "
		"caller; try again in 6 s.\",\"type\":\"rate_limit_error\","
		"\"param\":null,\"code\":\"rate_limit_exceeded\"}}"},
	    {DIALECT_ANTHROPIC, &limited,
		"{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\","
		"\"message\":\"Too many requests from this caller; try again "
		"in 6 s.\"},\"request_id\":\"req_1\"}"},
	    /* The words that clients know. */
	    {DIALECT_OLLAMA, &unknown,
		"{\"error\":\"model 'nope\\\"\\\\' not found\"}"},
	    {DIALECT_OPENAI, &unknown,
		"{\"error\":{\"message\":\"The model `nope\\\"\\\\` does not "
		"exist or you do not have access to it.\",\"type\":"
		"\"not_found_error\",\"param\":\"model\",\"code\":"
		"\"model_not_found\"}}"},
	    {DIALECT_ANTHROPIC, &unknown,
		"{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\","
		"\"message\":\"model: nope\\\"\\\\\"},\"request_id\":"
		"\"req_1\"}"},
	    {DIALECT_ANTHROPIC, &busy,
		"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
		"\"message\":\"Too many requests are waiting for the engine; "
		"try again in 60 s.\"},\"request_id\":\"req_1\"}"},
	    {DIALECT_OPENAI, &spelling,
		"{\"error\":{\"message\":\"The field \\\"keep_alive\\\" must "
		"be spelled exactly so, in lower case.\",\"type\":"
		"\"invalid_request_error\",\"param\":\"keep_alive\",\"code\":"
		"\"misspelled_field\"}}"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, OUT_MAX);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(error_write(&b, cases[i].dialect, cases[i].r,
				     slice_str("req_1")),
		    OK);
		assert_out(&b, cases[i].body);
	}
	buf_fini(&b);
}

static void
test_types(void **state)
{
	static const struct {
		enum err err;
		const char *openai, *anthropic;
	} cases[] = {
	    {ERR_BODY_NOT_JSON, "invalid_request_error",
		"invalid_request_error"},
	    {ERR_UNKNOWN_KEY, "authentication_error", "authentication_error"},
	    {ERR_CLOUD_FORBIDDEN, "permission_error", "permission_error"},
	    {ERR_ROUTE_UNKNOWN, "not_found_error", "not_found_error"},
	    {ERR_BODY_TOO_LARGE, "invalid_request_error", "request_too_large"},
	    {ERR_RATE_LIMITED, "rate_limit_error", "rate_limit_error"},
	    {ERR_INTERNAL, "api_error", "api_error"},
	    {ERR_ENGINE_FAILED, "api_error", "api_error"},
	    {ERR_ENGINE_AWAY, "api_error", "overloaded_error"},
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int k = 0; k < 2; k++) {
			struct refusal r = {.err = cases[i].err};
			const char *type =
			    k ? cases[i].anthropic : cases[i].openai;

			buf_init(&b, OUT_MAX);
			assert_int_equal(
			    error_write(&b,
				k ? DIALECT_ANTHROPIC : DIALECT_OPENAI, &r,
				slice_of(NULL, 0)),
			    OK);
			if (!slice_has(buf_slice(&b), slice_str(type)))
				fail_msg("%.*s", SLICE_ARG(buf_slice(&b)));
			buf_fini(&b);
		}
}

static bool
is_json(struct slice s)
{
	struct json_reader r;
	enum json_kind kind;

	json_reader_init(&r, s, JSON_DEPTH_MAX);
	while ((kind = json_next(&r)) > JSON_BAD)
		;
	return kind == JSON_END;
}

/* Every row in every dialect is JSON with no placeholder left. */
static void
test_every_row(void **state)
{
	char hostile[1024];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof hostile; i++)
		hostile[i] = (char)(i * 7);
	for (int e = 1; e < ERR_COUNT; e++)
		for (int d = DIALECT_OLLAMA; d <= DIALECT_WEIR; d++) {
			struct refusal r = {.err = (enum err)e,
			    .wait_us = 1,
			    .limit = INT64_MIN,
			    .value = INT64_MAX,
			    .model = slice_of(hostile, sizeof hostile),
			    .what = SLICE("what"),
			    .reason = SLICE("reason")};
			struct slice text;

			buf_init(&b, OUT_MAX);
			assert_int_equal(
			    error_text(&b, (enum dialect)d, &r), OK);
			r.model = slice_of(NULL, 0);
			buf_clear(&b);
			assert_int_equal(
			    error_text(&b, (enum dialect)d, &r), OK);
			text = buf_slice(&b);
			assert_int_equal(slice_find(text, '{'), text.n);
			assert_int_equal(slice_find(text, '}'), text.n);
			r.model = slice_of(hostile, sizeof hostile);
			buf_clear(&b);
			assert_int_equal(error_write(&b, (enum dialect)d, &r,
					     slice_of(hostile, 64)),
			    OK);
			assert_true(is_json(buf_slice(&b)));
			buf_fini(&b);
		}
}

static void
test_wait(void **state)
{
	(void)state;
	assert_int_equal(error_wait_s(0), 1);
	assert_int_equal(error_wait_s(-5), 1);
	assert_int_equal(error_wait_s(1), 1);
	assert_int_equal(error_wait_s(1000000), 1);
	assert_int_equal(error_wait_s(1000001), 2);
	assert_int_equal(error_wait_s(6000000), 6);
	assert_int_equal(error_wait_s(INT64_MAX), INT64_MAX / 1000000 + 1);
}

/* A name is cut, but never inside of a character. */
static void
test_long_model(void **state)
{
	struct refusal r = {.err = ERR_MODEL_NOT_FOUND};
	char name[ERROR_MODEL_MAX + 8];
	struct buf b;

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name + ERROR_MODEL_MAX - 2, "\xe2\x82\xac", 3);
	r.model = slice_of(name, sizeof name);
	buf_init(&b, OUT_MAX);
	assert_int_equal(error_text(&b, DIALECT_ANTHROPIC, &r), OK);
	assert_int_equal(b.n, sizeof "model: " - 1 + ERROR_MODEL_MAX - 2);
	buf_fini(&b);
}

static void
test_in_stream(void **state)
{
	static const struct refusal broken = {.err = ERR_UPSTREAM_INCOMPLETE};
#define BROKEN "The engine's answer broke off before its end."
#define OPENAI                                                                 \
	"\"error\":{\"message\":\"" BROKEN "\",\"type\":\"api_error\","        \
	"\"param\":null,\"code\":\"upstream_incomplete\"}"
	static const struct {
		enum route_id id;
		bool is_inside;
		const char *want;
	} cases[] = {
	    {ROUTE_API_CHAT, false, "{\"error\":\"" BROKEN "\"}\n"},
	    {ROUTE_API_PULL, false, "{\"error\":\"" BROKEN "\"}\n"},
	    {ROUTE_API_CHAT, true, "\n{\"error\":\"" BROKEN "\"}\n"},
	    {ROUTE_V1_CHAT, false, "data: {" OPENAI "}\n\n"},
	    {ROUTE_V1_CHAT, true, "\n\ndata: {" OPENAI "}\n\n"},
	    {ROUTE_LLAMA_COMPLETION, false, "data: {" OPENAI "}\n\n"},
	    {ROUTE_V1_MESSAGES, false,
		"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		"\"api_error\",\"message\":\"" BROKEN "\"},\"request_id\":"
		"\"req_1\"}\n\n"},
	    {ROUTE_V1_RESPONSES, false,
		"event: error\ndata: {\"type\":\"error\",\"code\":"
		"\"upstream_incomplete\",\"message\":\"" BROKEN
		"\",\"param\":null," OPENAI "}\n\n"},
	    {ROUTE_LMS_CHAT, false,
		"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		"\"api_error\",\"message\":\"" BROKEN "\"},\"request_id\":"
		"\"req_1\"}\n\n"},
	    {ROUTE_V1_EMBEDDINGS, false, ""},
	    {ROUTE_API_TAGS, true, ""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, OUT_MAX);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error_place at = {.route = route_get(cases[i].id),
		    .request_id = SLICE("req_1"),
		    .is_inside = cases[i].is_inside};

		assert_int_equal(error_write_in_stream(&b, &at, &broken), OK);
		assert_out(&b, cases[i].want);
	}
	buf_fini(&b);
}

static void
test_heartbeat(void **state)
{
	(void)state;
	assert_true(slice_is(error_heartbeat(route_get(ROUTE_API_CHAT)), " "));
	assert_true(
	    slice_is(error_heartbeat(route_get(ROUTE_V1_CHAT)), ":\n\n"));
	assert_true(slice_is(error_heartbeat(route_get(ROUTE_V1_MESSAGES)),
	    "event: ping\ndata: {\"type\":\"ping\"}\n\n"));
	assert_int_equal(error_heartbeat(route_get(ROUTE_API_EMBED)).n, 0);
}

/* A full buffer is an error, not a cut answer that looks whole. */
static void
test_full(void **state)
{
	struct error_place at = {.route = route_get(ROUTE_V1_RESPONSES)};
	struct buf b;

	(void)state;
	for (size_t max = 0; max < 140; max++) {
		buf_init(&b, max);
		assert_int_equal(error_write(&b, DIALECT_OPENAI, &limited,
				     slice_of(NULL, 0)),
		    ERR_FULL);
		buf_fini(&b);
		buf_init(&b, max);
		assert_int_equal(
		    error_write_in_stream(&b, &at, &limited), ERR_FULL);
		buf_fini(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_every_row),
	    cmocka_unit_test(test_wait),
	    cmocka_unit_test(test_long_model),
	    cmocka_unit_test(test_in_stream),
	    cmocka_unit_test(test_heartbeat),
	    cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
