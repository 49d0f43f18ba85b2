/* What is to be preloaded, and how far that is. */
#include "engine/proof.h"
#include "mill.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static struct mill m;

static struct conf *
parse(const char *models)
{
	static struct conf_problems problems;
	struct conf *c;

	assert_int_equal(conf_parse(slice_str(models), "t", &c, &problems), OK);
	return c;
}

static void
configure(const char *models)
{
	struct conf *c = parse(models);

	proof_configure(&m.set, c);
	conf_drop(c);
}

/* What Ollama is told: seconds, -1 for ever; nothing of others. */
static void
test_keep(void **state)
{
	static const struct {
		const char *name, *json;
	} cases[] = {
	    {"for-ever", "{\"keep_alive\":-1}"},
	    {"preloaded", "{\"keep_alive\":-1}"},
	    {"both", "{\"keep_alive\":1800}"},
	    {"kept", "{\"keep_alive\":90}"},
	    {"plain", "{}"},
	    {"unknown", "{}"},
	};

	(void)state;
	mill_init(&m);
	configure("models:\n"
		  "  for-ever: {keep_loaded: forever}\n"
		  "  Preloaded:latest: {preload: true}\n"
		  "  both: {preload: true, keep_loaded: 30min}\n"
		  "  kept: {keep_loaded: 90s}\n"
		  "  plain: {context: 100}\n");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_writer w;
		struct buf b;

		buf_init(&b, 1000);
		json_writer_init(&w, &b);
		json_object_begin(&w, NULL);
		proof_write_keep(&m.set, slice_str(cases[i].name), &w);
		json_object_end(&w);
		if (!slice_is(buf_slice(&b), cases[i].json))
			fail_msg("%s: %.*s", cases[i].name,
			    SLICE_ARG(buf_slice(&b)));
		buf_fini(&b);
	}
	mill_fini(&m);
}

static void
expect(const struct proof_state *s, const char *name, const char *state)
{
	assert_true(slice_is(s->name, name));
	assert_string_equal(s->state, state);
}

/* In the order of the file; only those that are to be preloaded. */
static void
test_states(void **state)
{
	struct proof_state s;
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	configure("models:\n  b: {preload: true}\n  c: {keep_loaded: 1h}\n"
		  "  a: {preload: true}\n  gone: {preload: true}\n");
	assert_true(proof_state_at(&m.set, 0, &s));
	expect(&s, "b", "waiting");
	ce = mill_conf(&m, "e");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "e");
	mill_until_state(&m, e, ENGINE_UP);
	/* mill_configure knows no models. */
	configure("models:\n  b: {preload: true}\n  c: {keep_loaded: 1h}\n"
		  "  a: {preload: true}\n  gone: {preload: true}\n");
	assert_true(proof_state_at(&m.set, 2, &s));
	expect(&s, "gone", "missing");
	assert_false(proof_state_at(&m.set, 3, &s));
	/* An answer to a caller proves it; the engine's end undoes that. */
	engine_note_served(e, slice_str("a"));
	assert_true(proof_state_at(&m.set, 1, &s));
	expect(&s, "a", "ready");
	engine_note_dead(e, ERR_CONNECT);
	assert_true(proof_state_at(&m.set, 1, &s));
	expect(&s, "a", "waiting");
	mill_fini(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keep),
	    cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
