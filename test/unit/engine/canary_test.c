/* A model that nobody has used for long is made to speak, where it is loaded. */
#include "engine/proof.h"
#include "mill.h"
#include "os/clock.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define LONG_AGO_US (INT64_C(301) * 1000000)

static struct mill m;
static char asked[2000];
static bool has_a, has_b, fails;

static bool
is_of(struct slice body, const char *model)
{
	return slice_has(body, slice_str(model));
}

/* An Ollama with two models that are loaded when they are asked for. */
static void
on_request(struct mill_conn *c)
{
	size_t n = strlen(asked);
	char ps[300];

	if (slice_is(c->path, "/api/version")) {
		mill_json(c, "{\"version\":\"0.30.0\"}");
	} else if (slice_is(c->path, "/api/tags")) {
		mill_json(c,
		    "{\"models\":[{\"name\":\"a:latest\"},"
		    "{\"name\":\"b:latest\"}]}");
	} else if (slice_is(c->path, "/api/ps")) {
		(void)snprintf(ps, sizeof ps, "{\"models\":[%s%s%s]}",
		    has_a ? "{\"name\":\"a:latest\",\"size\":1}" : "",
		    has_a && has_b ? "," : "",
		    has_b ? "{\"name\":\"b:latest\",\"size\":1}" : "");
		mill_json(c, ps);
	} else {
		(void)snprintf(
		    asked + n, sizeof asked - n, "%.*s ", SLICE_ARG(c->body));
		has_a = has_a || is_of(c->body, "\"a:latest\"");
		has_b = has_b || is_of(c->body, "\"b:latest\"");
		if (fails)
			mill_status(c, 500, "{\"error\":\"no\"}");
		else
			mill_json(c, "{\"response\":\"a\",\"done\":true}");
	}
}

static struct engine_model *
model(struct engine *e, const char *name)
{
	struct engine_model *found = engine_own_model(e, slice_str(name));

	assert_non_null(found);
	return found;
}

static bool
are_proved(void *ctx)
{
	return model(ctx, "a")->is_proved && model(ctx, "b")->is_proved;
}

static bool
has_asked(void *what)
{
	return strstr(asked, what) != NULL;
}

static bool
is_down(void *ctx)
{
	return ((struct engine *)ctx)->state == ENGINE_DOWN;
}

/* Both are loaded, have spoken, and have been idle for long. */
static struct engine *
make(const char *models)
{
	static struct conf_problems problems;
	struct conf_engine ce;
	struct engine *e;
	struct conf *c;

	has_a = has_b = fails = false;
	mill_init(&m);
	m.on_request = on_request;
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	assert_int_equal(conf_parse(slice_str(models), "t", &c, &problems), OK);
	proof_configure(&m.set, c);
	conf_drop(c);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	if (m.set.n_wanted > 0)
		mill_until(&m, are_proved, e);
	for (int i = 0; i < 2; i++) {
		struct engine_model *o = model(e, i ? "a" : "b");

		o->is_proved = o->is_loaded = true;
		o->used_us = os_now_us() - LONG_AGO_US;
	}
	mill_turn(&m);
	asked[0] = 0;
	return e;
}

static void
test_only_what_is_loaded(void **state)
{
	struct engine *e =
	    make("models:\n  a: {preload: true}\n  b: {preload: true}\n");

	(void)state;
	/* It gave way to others. */
	has_b = model(e, "b")->is_loaded = false;
	proof_next(e);
	mill_until(&m, has_asked, "\"model\":\"a:latest\",\"prompt\"");
	mill_for(&m, 200 * 1000);
	assert_null(strstr(asked, "b:latest"));
	assert_true(os_now_us() - model(e, "a")->used_us < LONG_AGO_US);
	assert_int_equal(e->state, ENGINE_UP);
	mill_fini(&m);
}

static void
test_never_beside_a_request(void **state)
{
	struct engine *e = make("models:\n  a: {preload: true}\n"
				"  b: {preload: true}\n");
	struct slice name = slice_str("a");

	(void)state;
	assert_int_equal(engine_take_slot(e, name), OK);
	proof_next(e);
	mill_for(&m, 200 * 1000);
	assert_string_equal(asked, "");
	engine_give_slot(e, name);
	mill_fini(&m);
}

/* It gets nothing more, and its models are to be proved anew. */
static void
test_one_that_fails(void **state)
{
	const struct engine_want w = {.model = slice_str("a")};
	struct engine *e =
	    make("models:\n  a: {preload: true}\n  b: {preload: true}\n");

	(void)state;
	fails = true;
	proof_next(e);
	mill_until(&m, is_down, e);
	assert_true(e->is_open);
	assert_false(model(e, "a")->is_proved);
	assert_null(engine_try_slot(&m.set, &w));
	mill_fini(&m);
}

/* What would go by itself is not kept by questions; what stays is asked. */
static void
test_others(void **state)
{
	struct engine *e = make("listen: 127.0.0.1:1\n");

	(void)state;
	e->has_residents = true;
	model(e, "a")->keep_us = INT64_C(300) * 1000000;
	model(e, "b")->keep_us = INT64_MAX;
	proof_next(e);
	mill_until(&m, has_asked, "b:latest");
	mill_for(&m, 200 * 1000);
	assert_null(strstr(asked, "a:latest"));
	mill_fini(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_only_what_is_loaded),
	    cmocka_unit_test(test_never_beside_a_request),
	    cmocka_unit_test(test_one_that_fails),
	    cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
