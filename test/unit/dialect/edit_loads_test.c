/* Edits that keep an Ollama from loading its models in turns. */
#include "dialect/edit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(e) (1U << EDIT_##e)
#define MINUTE_US (INT64_C(60) * 1000000)

/* Those that this file is about. */
enum { ALL = ((1U << EDIT_COUNT) - 1) & ~(1U << EDIT_TRUNCATE) };

/* What is loaded in the cases: 4096 tokens, for 5 minutes. */
static const struct edit_loaded plain = {
    .context = 4096, .keep_us = 5 * MINUTE_US};

static void
check(enum route_id id, const char *body, const char *want,
    const struct edit_loaded *now, unsigned allowed, struct edit_plan *p)
{
	struct inspect_opt opt = {
	    .route = route_get(id), .body = slice_str(body)};
	struct slice parts[JSON_EDITS_SLICES_MAX];
	static struct inspect in;
	char out[512];
	size_t n, at = 0;

	inspect_init(&in, &opt);
	assert_int_equal(inspect_run(&in, 1 << 20), INSPECT_DONE);
	assert_int_equal(edit_plan(p, &in, allowed), OK);
	assert_int_equal(edit_plan_loads(p, &in, now, allowed), OK);
	n = json_edits_slices(&p->splices, parts);
	for (size_t i = 0; i < n; i++) {
		memcpy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	out[at] = 0;
	assert_string_equal(out, want ? want : body);
	assert_int_equal(at, json_edits_total(&p->splices));
}

static void
options_that_load_anew_become_null(void **state)
{
	static const struct {
		const char *body, *want;
		unsigned made;
		bool avoided;
	} cases[] = {
	    {"{\"model\":\"m\"}", NULL, 0, false},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":2048}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}",
		BIT(NUM_CTX), true},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":9000,\"seed\":1}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,\"seed\":1}}",
		BIT(NUM_CTX), true},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", NULL, 0,
		false},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":null}}", NULL, 0,
		false},
	    {"{\"model\":\"m\",\"options\":{\"num_batch\":1,\"num_gpu\":0,"
	     "\"main_gpu\":1,\"use_mmap\":false,\"num_thread\":8,"
	     "\"draft_num_predict\":4,\"top_k\":3}}",
		"{\"model\":\"m\",\"options\":{\"num_batch\":null,"
		"\"num_gpu\":null,\"main_gpu\":null,\"use_mmap\":null,"
		"\"num_thread\":null,\"draft_num_predict\":null,"
		"\"top_k\":3}}",
		BIT(LOAD_OPTIONS), false},
	    {"{\"model\":\"m\",\"shift\":false}",
		"{\"model\":\"m\",\"shift\":null}", BIT(SHIFT), true},
	    {"{\"model\":\"m\",\"shift\":true}",
		"{\"model\":\"m\",\"shift\":null}", BIT(SHIFT), false},
	    {"{\"model\":\"m\",\"shift\":null}", NULL, 0, false},
	    {"{\"model\":\"m\",\"keep_alive\":0}",
		"{\"model\":\"m\",\"keep_alive\":null}", BIT(KEEP_ALIVE), true},
	    {"{\"model\":\"m\",\"keep_alive\":\"5m\"}",
		"{\"model\":\"m\",\"keep_alive\":null}", BIT(KEEP_ALIVE),
		false},
	    {"{\"model\":\"m\",\"keep_alive\":\"5m0.5s\"}", NULL, 0, false},
	    {"{\"model\":\"m\",\"keep_alive\":\"soon\"}", NULL, 0, false},
	};
	struct edit_plan p;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		check(ROUTE_API_CHAT, cases[i].body, cases[i].want, &plain, ALL,
		    &p);
		assert_int_equal(p.made, cases[i].made);
		assert_int_equal(p.is_reload_avoided, cases[i].avoided);
		assert_int_equal(p.context, 0);
		check(ROUTE_API_CHAT, cases[i].body, NULL, &plain, 0, &p);
		assert_int_equal(p.made, 0);
	}
	/* Whatever else the other APIs do, they cannot. */
	check(ROUTE_V1_CHAT,
	    "{\"model\":\"m\",\"keep_alive\":0,\"options\":{\"num_ctx\":1}}",
	    NULL, &plain, ALL, &p);
}

static void
a_context_grows_only_as_far_as_it_may(void **state)
{
	static const struct {
		const char *body, *want;
		uint32_t context;
	} cases[] = {
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":6000}}", NULL, 6000},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":9000}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":8192}}", 8192},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":5}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 0},
	    /* Who names none rides too. */
	    {"{\"model\":\"m\"}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 0},
	    {"{\"model\":\"m\",\"options\":{}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 0},
	    {"{\"model\":\"m\",\"options\":null}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 0},
	    {"{\"model\":\"m\",\"options\":{\"a\":1}}",
		"{\"model\":\"m\",\"options\":{\"a\":1,\"num_ctx\":4096}}", 0},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":null}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 0},
	};
	struct edit_loaded now = plain;
	struct edit_plan p;

	(void)state;
	now.context_most = 8192;
	for (size_t i = 0; i < COUNT(cases); i++) {
		check(ROUTE_API_CHAT, cases[i].body, cases[i].want, &now, ALL,
		    &p);
		assert_int_equal(p.context, cases[i].context);
	}
	/* Nothing is known: nothing to ride on. */
	now.context = 0;
	for (size_t i = 0; i < COUNT(cases); i++)
		check(ROUTE_API_CHAT, cases[i].body, NULL, &now, ALL, &p);
}

static void
what_a_prompt_needs_is_loaded(void **state)
{
	static const struct {
		const char *body, *want;
		uint32_t need, context;
	} cases[] = {
	    {"{\"model\":\"m\"}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":8192}}", 8192, 8192},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":5000}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":8192}}", 8192, 8192},
	    /* The caller's own is enough, and allowed. */
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":9000}}", NULL, 8192,
		9000},
	    /* What is loaded is enough. */
	    {"{\"model\":\"m\"}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", 4096, 0},
	};
	struct edit_loaded now = plain;
	struct edit_plan p;

	(void)state;
	now.context_most = 16384;
	for (size_t i = 0; i < COUNT(cases); i++) {
		now.context_need = cases[i].need;
		check(ROUTE_API_CHAT, cases[i].body, cases[i].want, &now, ALL,
		    &p);
		assert_int_equal(p.context, cases[i].context);
	}
	/* The other APIs cannot say it. */
	now.context_need = 8192;
	check(ROUTE_V1_CHAT, "{\"model\":\"m\"}", NULL, &now,
	    ALL & ~BIT(INCLUDE_USAGE), &p);
}

static void
for_ever_is_for_those_who_may(void **state)
{
	static const char forever[] = "{\"model\":\"m\",\"keep_alive\":-1}";
	static const char two_days[] =
	    "{\"model\":\"m\",\"keep_alive\":172800}";
	struct edit_loaded now = plain;
	struct edit_plan p;

	(void)state;
	check(ROUTE_API_EMBED, forever, "{\"model\":\"m\",\"keep_alive\":null}",
	    &now, ALL, &p);
	check(ROUTE_API_EMBED, two_days,
	    "{\"model\":\"m\",\"keep_alive\":null}", &now, ALL, &p);
	now.may_stay = true;
	check(ROUTE_API_EMBED, forever, NULL, &now, ALL, &p);
	check(ROUTE_API_EMBED, two_days, NULL, &now, ALL, &p);
	/* It stays for ever already: an hour would shorten that. */
	now.keep_us = INT64_MAX;
	check(ROUTE_API_CHAT, "{\"model\":\"m\",\"keep_alive\":\"1h\"}",
	    "{\"model\":\"m\",\"keep_alive\":null}", &now, ALL, &p);
}

static void
keep_alive_is_read_as_ollama_does(void **state)
{
	static const struct {
		const char *raw;
		int64_t want; /* -2: it is none */
	} cases[] = {
	    {"300", 300 * INT64_C(1000000)},
	    {"0.5", 500000},
	    {"0", 0},
	    {"-0", 0},
	    {"-5", -1},
	    {"1e30", INT64_MAX},
	    {"\"0\"", 0},
	    {"\"90s\"", 90 * INT64_C(1000000)},
	    {"\"1h30m\"", 90 * MINUTE_US},
	    {"\"1.5h\"", 90 * MINUTE_US},
	    {"\"+250ms\"", 250000},
	    {"\"7us\"", 7},
	    {"\"7\xc2\xb5s\"", 7},
	    {"\"-1m\"", -1},
	    {"\"5\"", -2},
	    {"\"m\"", -2},
	    {"\"1d\"", -2},
	    {"\"\"", -2},
	    {"\"-\"", -2},
	    {"true", -2},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t us = -2;
		enum err e = edit_keep_alive(slice_str(cases[i].raw), &us);

		assert_int_equal(us, cases[i].want);
		assert_int_equal(e, cases[i].want == -2 ? ERR_SYNTAX : OK);
	}
}

/* 300 tokens are left for the answer; 4096 are loaded. */
static void
answers_end_where_the_context_does(void **state)
{
	static const struct edit_loaded now = {.context = 4096,
	    .context_most = 8192,
	    .keep_us = 5 * MINUTE_US,
	    .output_most = 300};
	static const struct {
		const char *body, *want;
		unsigned made;
	} cases[] = {
	    {"{\"model\":\"m\"}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
		"\"num_predict\":300}}",
		BIT(NUM_CTX) | BIT(OUTPUT)},
	    {"{\"options\":null,\"model\":\"m\"}",
		"{\"options\":{\"num_ctx\":4096,\"num_predict\":300},"
		"\"model\":\"m\"}",
		BIT(NUM_CTX) | BIT(OUTPUT)},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
	     "\"num_predict\":-1}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
		"\"num_predict\":300}}",
		BIT(OUTPUT)},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":100,"
	     "\"num_predict\":301}}",
		"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
		"\"num_predict\":300}}",
		BIT(NUM_CTX) | BIT(OUTPUT)},
	    {"{\"model\":\"m\",\"options\":{\"num_ctx\":4096,"
	     "\"num_predict\":300}}",
		NULL, 0},
	    {"{\"model\":\"m\",\"options\":{\"num_predict\":null,"
	     "\"num_ctx\":4096}}",
		"{\"model\":\"m\",\"options\":{\"num_predict\":300,"
		"\"num_ctx\":4096}}",
		BIT(OUTPUT)},
	};
	struct edit_plan p;

	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("%s\n", cases[i].body);
		check(ROUTE_API_CHAT, cases[i].body, cases[i].want, &now, ALL,
		    &p);
		assert_int_equal(p.made, cases[i].made);
	}
	check(ROUTE_API_CHAT, cases[4].body, NULL, &now,
	    ALL & ~(unsigned)BIT(OUTPUT), &p);
	check(ROUTE_API_EMBED,
	    "{\"model\":\"m\",\"options\":{\"num_ctx\":4096}}", NULL, &now, ALL,
	    &p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_end_where_the_context_does),
	    cmocka_unit_test(options_that_load_anew_become_null),
	    cmocka_unit_test(a_context_grows_only_as_far_as_it_may),
	    cmocka_unit_test(what_a_prompt_needs_is_loaded),
	    cmocka_unit_test(for_ever_is_for_those_who_may),
	    cmocka_unit_test(keep_alive_is_read_as_ollama_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
