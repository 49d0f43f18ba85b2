/* What requests ask for, and which are refused; whole and byte by byte. */
#include "inspect_help.h"

/* --- refusals --- */

struct bad {
	enum route_id id;
	const char *body;
	enum err err;
	const char *what; /* the field, or NULL */
};

static void
check_refused(const struct bad *cases, size_t n)
{
	for (size_t i = 0; i < n * COUNT(budgets); i++) {
		const struct bad *c = &cases[i / COUNT(budgets)];
		struct run r;

		run_open(
		    &r, c->id, slice_str(c->body), budgets[i % COUNT(budgets)]);
		if (r.step != INSPECT_REFUSED || r.in.why.err != c->err)
			fail_msg("%s: %s", c->body,
			    r.step == INSPECT_DONE
				? "accepted"
				: err_get(r.in.why.err)->name);
		if (c->what != NULL && !slice_is(r.in.why.what, c->what))
			fail_msg("%s: what is '%.*s'", c->body,
			    SLICE_ARG(r.in.why.what));
		run_close(&r);
	}
}

static void
test_not_json(void **state)
{
	static const struct bad cases[] = {
	    {ROUTE_API_CHAT, "", ERR_BODY_MISSING, NULL},
	    {ROUTE_API_CHAT, " ", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\"", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\"}}", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\"}{}", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",}", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{'model':'m'}", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "[]", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "[{\"model\":\"m\"}]", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "\"model\"", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "null", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "model=m", ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"x\":01}", ERR_BODY_NOT_JSON,
		NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"x\":\"\xff\"}",
		ERR_BODY_NOT_JSON, NULL},
	    {ROUTE_API_CHAT, "\xef\xbb\xbf{\"model\":\"m\"}", ERR_BODY_NOT_JSON,
		NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"messages\":[{\"content\":}]}",
		ERR_BODY_NOT_JSON, NULL},
	};

	(void)state;
	check_refused(cases, COUNT(cases));
}

static void
test_model_refused(void **state)
{
	static const struct bad cases[] = {
	    {ROUTE_API_CHAT, "{}", ERR_MODEL_MISSING, "model"},
	    {ROUTE_API_CHAT, "{\"model\":\"\"}", ERR_MODEL_MISSING, "model"},
	    {ROUTE_API_CHAT, "{\"model\":null}", ERR_MODEL_MISSING, "model"},
	    {ROUTE_API_CHAT, "{\"name\":\"m\"}", ERR_MODEL_MISSING, "model"},
	    {ROUTE_API_CHAT, "{\"x\":{\"model\":\"m\"}}", ERR_MODEL_MISSING,
		"model"},
	    {ROUTE_API_SHOW, "{}", ERR_MODEL_MISSING, "model"},
	    {ROUTE_API_CHAT, "{\"model\":7}", ERR_FIELD_TYPE, "model"},
	    {ROUTE_API_CHAT, "{\"model\":[\"m\"]}", ERR_FIELD_TYPE, "model"},
	    {ROUTE_API_CHAT, "{\"model\":{}}", ERR_FIELD_TYPE, "model"},
	};

	(void)state;
	check_refused(cases, COUNT(cases));
}

/* Keys that one parser takes and another does not. */
static void
test_keys_refused(void **state)
{
	static const struct bad cases[] = {
	    {ROUTE_API_CHAT, MODEL "\"model\":\"n\"}", ERR_FIELD_DUPLICATE,
		"model"},
	    {ROUTE_API_CHAT, MODEL "\"x\":1,\"model\":\"m\"}",
		ERR_FIELD_DUPLICATE, "model"},
	    {ROUTE_API_CHAT, MODEL "\"Model\":\"n\"}", ERR_FIELD_SPELLING,
		"model"},
	    {ROUTE_API_CHAT, "{\"MODEL\":\"m\"}", ERR_FIELD_SPELLING, "model"},
	    {ROUTE_API_CHAT, MODEL "\"m\\u006fdel\":\"n\"}", ERR_FIELD_SPELLING,
		"model"},
	    {ROUTE_API_CHAT, MODEL "\"\xc5\xbftream\":true}",
		ERR_FIELD_SPELLING, "stream"},
	    {ROUTE_API_CHAT,
		MODEL "\"\xe2\x84\xaa"
		      "eep_alive\":-1}",
		ERR_FIELD_SPELLING, "keep_alive"},
	    {ROUTE_API_CHAT, MODEL "\"Keep_Alive\":-1}", ERR_FIELD_SPELLING,
		"keep_alive"},
	    {ROUTE_API_CHAT, MODEL "\"stream\":true,\"stream\":false}",
		ERR_FIELD_DUPLICATE, "stream"},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"num_ctx\":1,\"num_ctx\":2}}",
		ERR_FIELD_DUPLICATE, "num_ctx"},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"Num_Ctx\":1}}",
		ERR_FIELD_SPELLING, "num_ctx"},
	    {ROUTE_API_CHAT, MODEL "\"options\":{},\"options\":{}}",
		ERR_FIELD_DUPLICATE, "options"},
	    {ROUTE_API_CHAT, MODEL "\"messages\":[],\"Messages\":[]}",
		ERR_FIELD_SPELLING, "messages"},
	    {ROUTE_API_CHAT,
		MODEL "\"messages\":[{\"content\":\"a\"},{\"content\":\"b\","
		      "\"content\":\"c\"}]}",
		ERR_FIELD_DUPLICATE, "content"},
	    {ROUTE_API_CHAT, MODEL "\"messages\":[{\"Content\":\"a\"}]}",
		ERR_FIELD_SPELLING, "content"},
	    {ROUTE_V1_CHAT,
		MODEL "\"stream_options\":{\"include_usage\":true,"
		      "\"include_usage\":false}}",
		ERR_FIELD_DUPLICATE, "include_usage"},
	    {ROUTE_V1_CHAT,
		MODEL "\"stream_options\":{\"include_Usage\":true}}",
		ERR_FIELD_SPELLING, "include_usage"},
	    {ROUTE_V1_CHAT, MODEL "\"tools\":[{\"Type\":\"web_search\"}]}",
		ERR_FIELD_SPELLING, "type"},
	    {ROUTE_V1_CHAT,
		MODEL "\"tools\":[{\"type\":\"function\","
		      "\"type\":\"web_search\"}]}",
		ERR_FIELD_DUPLICATE, "type"},
	    {ROUTE_V1_CHAT, MODEL "\"Tools\":[]}", ERR_FIELD_SPELLING, "tools"},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":1,\"max_tokens\":2}",
		ERR_FIELD_DUPLICATE, "max_tokens"},
	};

	(void)state;
	check_refused(cases, COUNT(cases));
}

static void
test_types_refused(void **state)
{
	static const struct bad cases[] = {
	    {ROUTE_API_CHAT, MODEL "\"stream\":\"true\"}", ERR_FIELD_TYPE,
		"stream"},
	    {ROUTE_API_CHAT, MODEL "\"stream\":1}", ERR_FIELD_TYPE, "stream"},
	    {ROUTE_API_CHAT, MODEL "\"keep_alive\":true}", ERR_FIELD_TYPE,
		"keep_alive"},
	    {ROUTE_API_CHAT, MODEL "\"options\":[]}", ERR_FIELD_TYPE,
		"options"},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"num_ctx\":\"4096\"}}",
		ERR_FIELD_TYPE, "num_ctx"},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"num_predict\":1e300}}",
		ERR_FIELD_TYPE, "num_predict"},
	    {ROUTE_API_CHAT, MODEL "\"messages\":{}}", ERR_FIELD_TYPE,
		"messages"},
	    {ROUTE_API_CHAT, MODEL "\"messages\":\"hi\"}", ERR_FIELD_TYPE,
		"messages"},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":\"9\"}", ERR_FIELD_TYPE,
		"max_tokens"},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":9999999999999999999}",
		ERR_FIELD_TYPE, "max_tokens"},
	    {ROUTE_V1_CHAT, MODEL "\"stream_options\":true}", ERR_FIELD_TYPE,
		"stream_options"},
	    {ROUTE_V1_CHAT, MODEL "\"stream_options\":{\"include_usage\":1}}",
		ERR_FIELD_TYPE, "include_usage"},
	    {ROUTE_V1_CHAT, MODEL "\"tools\":{\"type\":\"web_search\"}}",
		ERR_FIELD_TYPE, "tools"},
	    {ROUTE_V1_CHAT, MODEL "\"tools\":[{\"type\":[\"web_search\"]}]}",
		ERR_FIELD_TYPE, "type"},
	};

	(void)state;
	check_refused(cases, COUNT(cases));
}

static void
test_web_tools_refused(void **state)
{
	static const struct bad cases[] = {
	    {ROUTE_V1_MESSAGES,
		MODEL "\"tools\":[{\"type\":\"web_search_20250305\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_V1_MESSAGES,
		MODEL "\"tools\":[{\"type\":\"web_fetch_20250910\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_V1_RESPONSES, MODEL "\"tools\":[{\"type\":\"web_search\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_V1_RESPONSES,
		MODEL "\"tools\":[{\"name\":\"x\",\"type\":\"function\"},"
		      "{\"a\":{},\"type\":\"web_search_preview\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_V1_RESPONSES,
		MODEL "\"tools\":[{\"type\":\"web\\u005fsearch\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_V1_RESPONSES, MODEL "\"tools\":[{\"type\":\"WEB_Search\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	    {ROUTE_API_CHAT, MODEL "\"tools\":[{\"type\":\"web_search\"}]}",
		ERR_CLOUD_FORBIDDEN, "tools"},
	};

	(void)state;
	check_refused(cases, COUNT(cases));
}

/* --- what is read --- */

struct good {
	enum route_id id;
	const char *body;
	const char *model;
	bool is_stream;
	int64_t max_output;
};

static void
test_basics(void **state)
{
	static const struct good cases[] = {
	    {ROUTE_API_CHAT, "{\"model\":\"m\"}", "m", true, -1},
	    {ROUTE_API_CHAT, MODEL "\"stream\":null}", "m", true, -1},
	    {ROUTE_API_CHAT, MODEL "\"stream\":false}", "m", false, -1},
	    {ROUTE_API_CHAT, MODEL "\"stream\":true}", "m", true, -1},
	    {ROUTE_API_EMBED, "{\"model\":\"m\"}", "m", false, -1},
	    {ROUTE_API_EMBED, MODEL "\"stream\":true}", "m", false, -1},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\"}", "m", false, -1},
	    {ROUTE_V1_CHAT, MODEL "\"stream\":true}", "m", true, -1},
	    {ROUTE_V1_MESSAGES, MODEL "\"max_tokens\":32,\"stream\":true}", "m",
		true, 32},
	    {ROUTE_V1_RESPONSES, MODEL "\"max_output_tokens\":7}", "m", false,
		7},
	    {ROUTE_V1_CHAT,
		MODEL "\"max_tokens\":9,\"max_completion_tokens\":5}", "m",
		false, 5},
	    {ROUTE_V1_CHAT,
		MODEL "\"max_tokens\":4,\"max_completion_tokens\":5}", "m",
		false, 4},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":null}", "m", false, -1},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":256.0}", "m", false, 256},
	    {ROUTE_V1_CHAT, MODEL "\"max_tokens\":0}", "m", false, 0},
	    /* A field of another dialect decides nothing. */
	    {ROUTE_V1_CHAT, MODEL "\"options\":{\"num_predict\":3}}", "m",
		false, -1},
	    {ROUTE_V1_CHAT, MODEL "\"options\":7,\"keep_alive\":true}", "m",
		false, -1},
	    {ROUTE_API_CHAT, MODEL "\"max_tokens\":\"x\"}", "m", true, -1},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"num_predict\":12}}", "m",
		true, 12},
	    {ROUTE_API_CHAT, MODEL "\"options\":{\"num_predict\":-1}}", "m",
		true, -1},
	    {ROUTE_API_CHAT, MODEL "\"options\":null}", "m", true, -1},
	    {ROUTE_LLAMA_COMPLETION, "{\"n_predict\":8}", "", false, 8},
	    {ROUTE_TOKENIZE, "{\"content\":\"x\"}", "", false, -1},
	    {ROUTE_API_SHOW, "{\"name\":\"m\"}", "m", false, -1},
	    {ROUTE_API_PULL, "{\"name\":\"m\"}", "m", true, -1},
	    {ROUTE_API_PULL, "{\"name\":\"n\",\"model\":\"m\"}", "m", true, -1},
	    {ROUTE_API_PULL, "{\"model\":\"m\",\"name\":\"n\"}", "m", true, -1},
	    {ROUTE_API_PULL, "{\"model\":\"\",\"name\":\"n\"}", "n", true, -1},
	    /* The value's escapes are undone. */
	    {ROUTE_API_CHAT, "{\"model\":\"llama3\\u002e2\\/x\"}", "llama3.2/x",
		true, -1},
	    /* Keys that only look alike. */
	    {ROUTE_API_CHAT, MODEL "\"models\":1,\"mode\":2,\"\":3}", "m", true,
		-1},
	    /* The same key in another object is another field. */
	    {ROUTE_API_CHAT,
		MODEL "\"format\":{\"model\":1,\"Model\":2,\"model\":3}}", "m",
		true, -1},
	    {ROUTE_V1_CHAT,
		MODEL "\"tools\":[{\"type\":\"function\",\"function\":"
		      "{\"name\":\"web_search\",\"parameters\":{\"properties\":"
		      "{\"type\":1,\"Type\":2}}}}]}",
		"m", false, -1},
	    {ROUTE_V1_MESSAGES, MODEL "\"tools\":[{\"name\":\"web_search\"}]}",
		"m", false, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * COUNT(budgets); i++) {
		const struct good *c = &cases[i / COUNT(budgets)];
		struct run r;

		run_open(
		    &r, c->id, slice_str(c->body), budgets[i % COUNT(budgets)]);
		if (r.step != INSPECT_DONE)
			fail_msg(
			    "%s: %s", c->body, err_get(r.in.why.err)->name);
		if (!slice_is(r.in.model, c->model) ||
		    r.in.is_stream != c->is_stream ||
		    r.in.max_output_tok != c->max_output)
			fail_msg("%s: '%.*s' %d %lld", c->body,
			    SLICE_ARG(r.in.model), r.in.is_stream,
			    (long long)r.in.max_output_tok);
		run_close(&r);
	}
}

static void
test_optional_model(void **state)
{
	struct inspect_opt opt = {.route = route_get(ROUTE_V1_CHAT),
	    .body = SLICE("{\"messages\":[]}"),
	    .is_model_optional = true};
	struct inspect in;

	(void)state;
	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 1000), INSPECT_DONE);
	assert_int_equal(in.model.n, 0);
}

/* Every field is reachable, and found only where it stands. */
static void
test_every_field(void **state)
{
	(void)state;
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		assert_true(inspect_key((enum field)f).n > 0);
		for (size_t i = 0; i < inspect_key((enum field)f).n; i++) {
			char c = inspect_key((enum field)f).p[i];

			assert_true((c >= 'a' && c <= 'z') || c == '_' ||
			    (c >= '0' && c <= '9'));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_not_json),
	    cmocka_unit_test(test_model_refused),
	    cmocka_unit_test(test_keys_refused),
	    cmocka_unit_test(test_types_refused),
	    cmocka_unit_test(test_web_tools_refused),
	    cmocka_unit_test(test_basics),
	    cmocka_unit_test(test_optional_model),
	    cmocka_unit_test(test_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
