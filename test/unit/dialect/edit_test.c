/* The splices that requests get, and the bytes that come of them. */
#include "dialect/edit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { ALL = (1U << EDIT_COUNT) - 1 };

static void
plan(struct edit_plan *p, struct inspect *in, enum route_id id,
    const char *body, unsigned allowed)
{
	struct inspect_opt opt = {
	    .route = route_get(id), .body = slice_str(body)};

	inspect_init(in, &opt);
	assert_int_equal(inspect_run(in, 1 << 20), INSPECT_DONE);
	assert_int_equal(edit_plan(p, in, allowed), OK);
}

static void
result(const struct edit_plan *p, char *out)
{
	struct slice parts[JSON_EDITS_SLICES_MAX];
	size_t n = json_edits_slices(&p->splices, parts);

	for (size_t i = 0; i < n; i++) {
		memcpy(out, parts[i].p, parts[i].n);
		out += parts[i].n;
	}
	*out = 0;
}

static void
test_include_usage(void **state)
{
	static const struct {
		enum route_id id;
		const char *body, *want; /* NULL: as it is */
	} cases[] = {
	    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"stream\":true}",
		"{\"model\":\"m\",\"stream\":true,\"stream_options\":"
		"{\"include_usage\":true}}"},
	    {ROUTE_V1_COMPLETIONS, " {\"model\":\"m\",\"stream\":true } \n",
		" {\"model\":\"m\",\"stream\":true,\"stream_options\":"
		"{\"include_usage\":true} } \n"},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":{},\"stream\":true}",
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}"
		",\"stream\":true}"},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":{\"a\":[1]},"
		"\"stream\":true}",
		"{\"model\":\"m\",\"stream_options\":{\"a\":[1],"
		"\"include_usage\":true},\"stream\":true}"},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":null,\"stream\":true}",
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}"
		",\"stream\":true}"},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		"false},\"stream\":true}",
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		"true},\"stream\":true}"},
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		"null},\"stream\":true}",
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		"true},\"stream\":true}"},
	    /* The caller asked for it, and gets it. */
	    {ROUTE_V1_CHAT,
		"{\"model\":\"m\",\"stream_options\":{\"include_usage\":"
		"true},\"stream\":true}",
		NULL},
	    /* Nothing to ask. */
	    {ROUTE_V1_CHAT, "{\"model\":\"m\"}", NULL},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"stream\":false}", NULL},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"stream\":null}", NULL},
	    {ROUTE_V1_RESPONSES, "{\"model\":\"m\",\"stream\":true}", NULL},
	    {ROUTE_V1_MESSAGES, "{\"model\":\"m\",\"stream\":true}", NULL},
	    {ROUTE_V1_EMBEDDINGS, "{\"model\":\"m\",\"stream\":true}", NULL},
	};
	struct inspect in;
	struct edit_plan p;
	char out[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *want =
		    cases[i].want ? cases[i].want : cases[i].body;

		plan(&p, &in, cases[i].id, cases[i].body, ALL);
		result(&p, out);
		assert_string_equal(out, want);
		assert_int_equal(json_edits_total(&p.splices), strlen(want));
		assert_int_equal(p.strip_usage, cases[i].want != NULL);
		assert_int_equal(
		    p.made, cases[i].want ? 1U << EDIT_INCLUDE_USAGE : 0);
		/* What comes out is read as asking for usage, and stays. */
		if (cases[i].want != NULL) {
			struct edit_plan again;

			plan(&again, &in, cases[i].id, want, ALL);
			assert_true(in.wants_usage);
			assert_int_equal(again.made, 0);
		}
		/* Switched off. */
		plan(&p, &in, cases[i].id, cases[i].body, 0);
		result(&p, out);
		assert_string_equal(out, cases[i].body);
		assert_false(p.strip_usage);
	}
}

/* Ollama is told not to cut, unless the caller has said what it wants. */
static void
test_truncate(void **state)
{
	static const struct {
		enum route_id id;
		const char *body, *want;
	} cases[] = {
	    {ROUTE_API_CHAT, "{\"model\":\"m\"}",
		"{\"model\":\"m\",\"truncate\":false}"},
	    {ROUTE_API_GENERATE, "{\"model\":\"m\",\"stream\":true}",
		"{\"model\":\"m\",\"stream\":true,\"truncate\":false}"},
	    {ROUTE_API_EMBED, "{\"model\":\"m\"}",
		"{\"model\":\"m\",\"truncate\":false}"},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"truncate\":true}", NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"truncate\":false}", NULL},
	    {ROUTE_API_CHAT, "{\"model\":\"m\",\"truncate\":null}", NULL},
	    {ROUTE_API_EMBEDDINGS, "{\"model\":\"m\"}", NULL},
	    {ROUTE_V1_CHAT, "{\"model\":\"m\"}", NULL},
	};
	struct inspect in;
	struct edit_plan p;
	char out[512];

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *want =
		    cases[i].want ? cases[i].want : cases[i].body;

		plan(&p, &in, cases[i].id, cases[i].body, ALL);
		result(&p, out);
		assert_string_equal(out, want);
		assert_int_equal(
		    p.made, cases[i].want ? 1U << EDIT_TRUNCATE : 0);
		plan(&p, &in, cases[i].id, cases[i].body, 0);
		result(&p, out);
		assert_string_equal(out, cases[i].body);
	}
}

static void
test_words(void **state)
{
	(void)state;
	for (unsigned e = 0; e < EDIT_COUNT; e++) {
		assert_true(strlen(edit_name((enum edit)e)) > 0);
		assert_true(strlen(edit_why((enum edit)e)) > 0);
	}
	assert_string_equal(edit_name(EDIT_INCLUDE_USAGE), "include_usage");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_include_usage),
	    cmocka_unit_test(test_truncate),
	    cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
