/* Answers bounded by what the prompt leaves of the context. */
#include "dialect/edit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* 300 tokens are left. */
static const struct {
	enum route_id id;
	const char *body;
	const char *ollama, *others; /* NULL: as it came */
} cases[] = {
    {ROUTE_V1_CHAT, "{\"model\":\"m\"}", "{\"model\":\"m\",\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_tokens\":300}"},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_tokens\":null}",
	"{\"model\":\"m\",\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_tokens\":300}"},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_tokens\":300}", NULL, NULL},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_tokens\":32000}",
	"{\"model\":\"m\",\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_tokens\":300}"},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_tokens\":-1}",
	"{\"model\":\"m\",\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_tokens\":300}"},
    /* Ollama overlooks this one. */
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":20}",
	"{\"model\":\"m\",\"max_completion_tokens\":20,"
	"\"max_tokens\":20}",
	NULL},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"max_completion_tokens\":301}",
	"{\"model\":\"m\",\"max_completion_tokens\":301,"
	"\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_completion_tokens\":300}"},
    {ROUTE_V1_CHAT, "{\"model\":\"m\",\"n\":2}", NULL, NULL},
    {ROUTE_V1_MESSAGES, "{\"model\":\"m\",\"max_tokens\":4096}",
	"{\"model\":\"m\",\"max_tokens\":300}",
	"{\"model\":\"m\",\"max_tokens\":300}"},
    {ROUTE_V1_RESPONSES, "{\"model\":\"m\",\"max_output_tokens\":9e9}",
	"{\"model\":\"m\",\"max_output_tokens\":300}",
	"{\"model\":\"m\",\"max_output_tokens\":300}"},
    {ROUTE_V1_COMPLETIONS, "{}", "{\"max_tokens\":300}",
	"{\"max_tokens\":300}"},
    {ROUTE_V1_EMBEDDINGS, "{\"model\":\"m\"}", NULL, NULL},
    {ROUTE_API_CHAT, "{\"model\":\"m\"}", NULL, NULL},
};

static void
check(size_t i, enum edit_honours honours, int64_t most, const char *want)
{
	struct inspect_opt opt = {.route = route_get(cases[i].id),
	    .body = slice_str(cases[i].body),
	    .is_model_optional = true};
	struct slice parts[JSON_EDITS_SLICES_MAX];
	static struct inspect in;
	struct edit_plan p;
	char out[256];
	size_t n, at = 0;

	print_message("%s\n", cases[i].body);
	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 1 << 20), INSPECT_DONE);
	assert_int_equal(edit_plan(&p, &in, 0), OK);
	assert_int_equal(edit_plan_output(&p, &in, honours, most), OK);
	n = json_edits_slices(&p.splices, parts);
	for (size_t k = 0; k < n; k++) {
		memcpy(out + at, parts[k].p, parts[k].n);
		at += parts[k].n;
	}
	out[at] = 0;
	assert_string_equal(out, want ? want : cases[i].body);
	assert_int_equal(p.made, want ? 1U << EDIT_OUTPUT : 0);
}

static void
the_limit_is_what_is_left(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		check(i, EDIT_HONOURS_OLLAMA, 300, cases[i].ollama);
		check(i, EDIT_HONOURS_ALL, 300, cases[i].others);
		check(i, EDIT_HONOURS_ALL, 0, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_limit_is_what_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
