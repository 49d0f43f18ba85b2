/* Where an engine says that the file of a model is. */
#include "engine/where.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct engine *
engine_at(const char *address, enum engine_kind kind)
{
	struct engine *e = calloc(1, sizeof *e);
	struct sockaddr_in *sin;

	assert_non_null(e);
	e->kind = kind;
	e->has_address = true;
	sin = (struct sockaddr_in *)(void *)&e->address.storage;
	sin->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, address, &sin->sin_addr), 1);
	return e;
}

static void
test_paths(void **state)
{
	static const struct {
		const char *address;
		enum engine_kind kind;
		const char *answer, *path;
	} cases[] = {
	    {"127.0.0.1", ENGINE_OLLAMA,
		"{\"modelfile\":\"# FROM me\\nFROM /m/blobs/sha256-1\\nX\"}",
		"/m/blobs/sha256-1"},
	    {"127.0.0.1", ENGINE_LLAMA, "{\"model_path\":\"/m/a.gguf\"}",
		"/m/a.gguf"},
	    {"10.0.0.1", ENGINE_LLAMA, "{\"model_path\":\"/m/a.gguf\"}", ""},
	    {"127.0.0.1", ENGINE_OLLAMA, "{\"modelfile\":\"FROM llama3\"}", ""},
	    {"127.0.0.1", ENGINE_OLLAMA, "{\"modelfile\":7}", ""},
	    {"127.0.0.1", ENGINE_OLLAMA, "{\"modelfile\":\"FROM /a\\u0000b\"}",
		""},
	    {"127.0.0.1", ENGINE_OLLAMA, "not json", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct engine *e = engine_at(cases[i].address, cases[i].kind);
		char path[64] = "";
		bool found =
		    where_is(e, slice_str(cases[i].answer), path, sizeof path);

		assert_int_equal(found, cases[i].path[0] != 0);
		if (found)
			assert_string_equal(path, cases[i].path);
		free(e);
	}
}

static void
test_a_path_that_is_too_long(void **state)
{
	struct engine *e = engine_at("127.0.0.1", ENGINE_LLAMA);
	char path[8];

	(void)state;
	assert_true(where_is(
	    e, slice_str("{\"model_path\":\"/123456\"}"), path, sizeof path));
	assert_false(where_is(
	    e, slice_str("{\"model_path\":\"/1234567\"}"), path, sizeof path));
	free(e);
}

static void
test_own_contexts(void **state)
{
	static const struct {
		const char *answer;
		uint32_t context;
	} cases[] = {
	    {"{\"parameters\":\"num_ctx                        512\"}", 512},
	    {"{\"parameters\":\"stop \\\"x\\\"\\nnum_ctx 8192\\ntop_k 5\"}",
		8192},
	    {"{\"parameters\":\"num_ctxs 512\"}", 0},
	    {"{\"parameters\":\"num_ctx many\"}", 0},
	    {"{\"parameters\":\"num_ctx 99999999999\"}", 0},
	    {"{}", 0},
	    {"{\"parameters\":null}", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(where_context(slice_str(cases[i].answer)),
		    cases[i].context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_a_path_that_is_too_long),
	    cmocka_unit_test(test_own_contexts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
