/* The set of engines: who stays on a reload, and who gets a request. */
#include "engine/listing.h"
#include "engine/probe.h"
#include "mill.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static struct mill m;

static int64_t
metric(enum metric_id id, const char *name)
{
	struct slice label = slice_str(name);

	return series_value(metric_series(m.metrics, id, &label));
}

static struct engine *
try_slot(const char *model)
{
	struct engine_want w = {.model = slice_str(model)};

	return engine_try_slot(&m.set, &w);
}

/* --- reloads --- */

static void
test_update_keeps(void **state)
{
	struct conf_engine ce[2];
	struct engine *a, *b;

	(void)state;
	mill_init(&m);
	ce[0] = mill_conf(&m, "a");
	ce[1] = mill_conf(&m, "b");
	ce[0].slots = 3;
	mill_configure(&m, ce, 2);
	a = mill_engine(&m, "a");
	b = mill_engine(&m, "b");
	mill_until_state(&m, a, ENGINE_UP);
	mill_until_state(&m, b, ENGINE_UP);
	assert_int_equal(metric(METRIC_SLOTS, "a"), 3);
	assert_int_equal(metric(METRIC_ENGINE_UP, "a"), 1);
	/* Limits change in place; state and models stay. */
	ce[0].slots = 5;
	ce[0].first_byte_us = 77;
	ce[0].between_bytes_us = 78;
	ce[0].connect_us = 79;
	mill_configure(&m, ce, 2);
	assert_ptr_equal(mill_engine(&m, "a"), a);
	assert_ptr_equal(mill_engine(&m, "b"), b);
	assert_int_equal(a->slots, 5);
	assert_int_equal(a->first_byte_us, 77);
	assert_int_equal(a->between_bytes_us, 78);
	assert_int_equal(a->connect_us, 79);
	assert_int_equal(a->state, ENGINE_UP);
	assert_true(a->has_listing);
	assert_int_equal(metric(METRIC_SLOTS, "a"), 5);
	/* In the order of the file. */
	ce[1] = ce[0];
	ce[0] = mill_conf(&m, "b");
	mill_configure(&m, ce, 2);
	assert_ptr_equal(list_first(&m.set.engines), &b->node);
	/* One is taken away. */
	mill_configure(&m, ce, 1);
	assert_null(mill_engine(&m, "a"));
	assert_ptr_equal(mill_engine(&m, "b"), b);
	assert_int_equal(metric(METRIC_SLOTS, "a"), 0);
	assert_int_equal(metric(METRIC_ENGINE_UP, "a"), 0);
	mill_fini(&m);
}

/* Another kind or place under the same name is another engine. */
static void
test_update_replaces(void **state)
{
	struct engine *old, *held;
	struct conf_engine ce;

	(void)state;
	for (int how = 0; how < 2; how++) {
		mill_init(&m);
		ce = mill_conf(&m, "a");
		ce.slots = 4;
		mill_configure(&m, &ce, 1);
		old = mill_engine(&m, "a");
		mill_until_state(&m, old, ENGINE_UP);
		held = try_slot("a");
		assert_ptr_equal(held, old);
		assert_int_equal(metric(METRIC_SLOTS_USED, "a"), 1);
		if (how == 0)
			ce.kind = CONF_ENGINE_KIND_OLLAMA;
		else
			ce.url.host = slice_str("127.0.0.2");
		ce.slots = 6;
		mill_configure(&m, &ce, 1);
		assert_ptr_not_equal(mill_engine(&m, "a"), old);
		assert_true(old->is_retired);
		/* Metrics of that name are the new one's... */
		assert_int_equal(metric(METRIC_SLOTS, "a"), 6);
		assert_int_equal(metric(METRIC_ENGINE_UP, "a"), 0);
		/* ...but for what the old one still works on. */
		assert_int_equal(metric(METRIC_SLOTS_USED, "a"), 1);
		/* Traffic of the old one changes nothing any more. */
		engine_note_alive(old);
		engine_note_dead(old, ERR_CONNECT);
		engine_note_suspect(old);
		engine_note_failure(old);
		assert_int_equal(old->state, ENGINE_UP);
		/* The last one frees it. */
		engine_give_slot(held, slice_str("a"));
		assert_int_equal(metric(METRIC_SLOTS_USED, "a"), 0);
		mill_fini(&m);
	}
}

static void
test_key_file(void **state)
{
	static const struct {
		const char *text, *key;
	} cases[] = {{"k3y", "k3y"}, {"k3y\n", "k3y"}, {" \r\nk3y \n\n", "k3y"},
	    {"", ""}, {"\n", ""}};
	char path[] = "/tmp/key-XXXXXX";
	struct conf_engine ce;
	FILE *f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	mill_init(&m);
	ce = mill_conf(&m, "a");
	ce.key_file = slice_str(path);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		f = fopen(path, "w");
		assert_non_null(f);
		(void)fputs(cases[i].text, f);
		(void)fclose(f);
		mill_configure(&m, &ce, 1);
		assert_true(slice_is(mill_engine(&m, "a")->key, cases[i].key));
	}
	/* Gone: no key, as the engine will say. */
	(void)unlink(path);
	mill_configure(&m, &ce, 1);
	assert_int_equal(mill_engine(&m, "a")->key.n, 0);
	mill_fini(&m);
}

/* --- who gets a request --- */

struct place {
	const char *name;
	unsigned slots, in_use;
	const char *models; /* "a,b"; "" lists none; NULL: no listing */
	bool is_down, is_draining;
	const char *busy; /* for what it is in use; NULL: "a" */
	bool is_llama;
};

struct choice {
	const char *what;
	struct place places[4];
	const char *model;
	const char *slot; /* who gives a slot; NULL: nobody */
	const char *up;	  /* who answers without one */
};

static const struct choice choices[] = {
    {"nobody", {{.name = NULL}}, "a", NULL, NULL},
    {"the only one", {{"x", 1, 0, "a", false, false, NULL, false}}, "a", "x",
	"x"},
    {"full", {{"x", 1, 1, "a", false, false, NULL, false}}, "a", NULL, "x"},
    {"down", {{"x", 1, 0, "a", true, false, NULL, false}}, "a", NULL, NULL},
    {"draining", {{"x", 1, 0, "a", false, true, NULL, false}}, "a", NULL, NULL},
    {"who lists it",
	{{"x", 9, 0, "b", false, false, NULL, false},
	    {"y", 1, 0, "a", false, false, NULL, false}},
	"a", "y", "y"},
    {"who lists it, though busy: wait",
	{{"x", 9, 0, "b", false, false, NULL, false},
	    {"y", 1, 1, "a", false, false, NULL, false}},
	"a", NULL, "y"},
    {"who lists it before an unknown listing",
	{{"x", 9, 0, NULL, false, false, NULL, false},
	    {"y", 2, 1, "a", false, false, NULL, false}},
	"a", "y", "y"},
    {"an unknown listing before one without it",
	{{"x", 9, 0, "b", false, false, NULL, false},
	    {"y", 1, 0, NULL, false, false, NULL, false}},
	"a", "y", "y"},
    {"who lists it is down",
	{{"x", 1, 0, "b", false, false, NULL, false},
	    {"y", 1, 0, "a", true, false, NULL, false}},
	"a", "x", "x"},
    {"nobody lists it: the engines know best",
	{{"x", 1, 0, "b", false, false, NULL, false},
	    {"y", 1, 0, "", false, false, NULL, false}},
	"a", "x", "x"},
    {"the least loaded of those that list it",
	{{"x", 4, 3, "a", false, false, NULL, false},
	    {"y", 4, 1, "a", false, false, NULL, false},
	    {"z", 4, 2, "a", false, false, NULL, false},
	    {"w", 4, 0, "b", false, false, NULL, false}},
	"a", "y", "y"},
    {"the least loaded by share, not by number",
	{{"x", 2, 1, "a", false, false, NULL, false},
	    {"y", 64, 20, "a", false, false, NULL, false}},
	"a", "y", "y"},
    {"the first of equals",
	{{"x", 2, 1, "a", false, false, NULL, false},
	    {"y", 4, 2, "a", false, false, NULL, false}},
	"a", "x", "x"},
    {"past the full one",
	{{"x", 1, 1, "a", false, false, NULL, false},
	    {"y", 4, 3, "a", false, false, NULL, false}},
	"a", "y", "y"},
    {"more in use than slots, after a reload",
	{{"x", 1, 3, "a", false, false, NULL, false}}, "a", NULL, "x"},
    {"slots are each model's own",
	{{"x", 1, 1, "a,b", false, false, "b", false}}, "a", "x", "x"},
    {"slots are each model's own, all in use",
	{{"x", 2, 2, "a,b", false, false, "a", false}}, "a", NULL, "x"},
    {"a name that is not listed may be any model",
	{{"x", 1, 1, "b", false, false, "b", false}}, "a", NULL, "x"},
    {"no name, neither", {{"x", 1, 1, "a,b", false, false, "b", false}}, "",
	NULL, "x"},
    {"a llama-server that is no router has one model",
	{{"x", 1, 1, "a,b", false, false, "b", true}}, "a", NULL, "x"},
    {"no model named: listings do not matter",
	{{"x", 2, 1, "a", false, false, NULL, false},
	    {"y", 2, 0, NULL, false, false, NULL, false}},
	"", "y", "y"},
};

static struct engine *
build(const struct place *p)
{
	struct engine *e = mill_engine(&m, p->name);
	struct slice list = slice_str(p->models), name;
	struct buf b;

	assert_non_null(e);
	probe_stop(e);
	if (!p->is_down)
		engine_note_alive(e);
	if (p->is_llama)
		e->kind = ENGINE_LLAMA;
	e->in_use = p->in_use;
	assert_int_equal(uses_reserve(&e->uses), OK);
	for (unsigned i = 0; i < p->in_use; i++)
		uses_add(&e->uses,
		    hash_bytes(m.set.seed, slice_str(p->busy ? p->busy : "a")));
	e->is_draining = p->is_draining;
	if (p->models == NULL)
		return e;
	buf_init(&b, 1000);
	assert_int_equal(buf_add_str(&b, "{\"data\":[{}"), OK);
	while ((name = slice_cut(&list, ',')).n > 0)
		assert_int_equal(
		    buf_printf(&b, ",{\"id\":\"%.*s\"}", SLICE_ARG(name)), OK);
	assert_int_equal(buf_add_str(&b, "]}"), OK);
	assert_int_equal(listing_from_openai(e, buf_slice(&b)), OK);
	buf_fini(&b);
	return e;
}

static void
check_choice(const struct choice *c)
{
	struct engine_want w = {.model = slice_str(c->model)};
	struct conf_engine ce[4];
	struct engine *e;
	size_t n = 0;

	mill_init(&m);
	for (; n < 4 && c->places[n].name; n++) {
		ce[n] = mill_conf(&m, c->places[n].name);
		ce[n].kind = CONF_ENGINE_KIND_OPENAI;
		ce[n].slots = c->places[n].slots;
	}
	if (n > 0)
		mill_configure(&m, ce, n);
	for (size_t i = 0; i < n; i++)
		(void)build(&c->places[i]);
	e = engine_find_up(&m.set, w.model);
	if ((e != NULL) != (c->up != NULL) || (e && !slice_is(e->name, c->up)))
		fail_msg("%s: another is up", c->what);
	if (engine_has_slot(&m.set, &w) != (c->slot != NULL))
		fail_msg("%s: has_slot", c->what);
	e = engine_try_slot(&m.set, &w);
	if ((e != NULL) != (c->slot != NULL) ||
	    (e && !slice_is(e->name, c->slot)))
		fail_msg("%s: another slot", c->what);
	if (e) {
		unsigned in_use = e->in_use;

		engine_give_slot(e, w.model);
		assert_int_equal(e->in_use, in_use - 1);
	}
	mill_fini(&m);
}

static void
test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		check_choice(&choices[i]);
}

/* Every slot is given once, spread over the engines, and comes back. */
static void
test_all_slots(void **state)
{
	struct conf_engine ce[3];
	struct engine *held[9];

	(void)state;
	mill_init(&m);
	for (size_t i = 0; i < 3; i++) {
		ce[i] = mill_conf(&m, (const char *[]){"x", "y", "z"}[i]);
		ce[i].slots = 3;
	}
	mill_configure(&m, ce, 3);
	for (size_t i = 0; i < 3; i++)
		(void)build(&(struct place){(const char *[]){"x", "y", "z"}[i],
		    3, 0, "a", false, false, NULL, false});
	assert_int_equal(engine_slots_up(&m.set), 9);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < 9; i++) {
			held[i] = try_slot("a");
			assert_non_null(held[i]);
			/* The loads differ by one at most. */
			for (size_t k = 0; k < 3; k++)
				assert_in_range(
				    mill_engine(
					&m, (const char *[]){"x", "y", "z"}[k])
					->in_use,
				    i / 3, i / 3 + 1);
		}
		assert_null(try_slot("a"));
		for (size_t i = 0; i < 9; i++)
			engine_give_slot(held[i], slice_str("a"));
	}
	assert_int_equal(metric(METRIC_SLOTS_USED, "x"), 0);
	mill_fini(&m);
}

/* --- suspects, failures in a row --- */

static void
test_alone_and_avoid(void **state)
{
	struct engine_want w = {.model = SLICE("a")};
	struct conf_engine ce[2];
	struct engine *x, *y, *e;

	(void)state;
	mill_init(&m);
	ce[0] = mill_conf(&m, "x");
	ce[1] = mill_conf(&m, "y");
	ce[0].slots = ce[1].slots = 4;
	mill_configure(&m, ce, 2);
	x = build(&(struct place){"x", 4, 0, "a", false, false, NULL, false});
	y = build(&(struct place){"y", 4, 0, "a", false, false, NULL, false});
	/* The one that failed before is the last choice, but one. */
	w.avoid = x;
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(engine_try_slot(&m.set, &w), y);
	assert_ptr_equal(engine_try_slot(&m.set, &w), x);
	engine_give_slot(x, w.model);
	for (unsigned i = 0; i < 4; i++)
		engine_give_slot(y, w.model);
	/* Where memory is short, one at a time. */
	w.avoid = NULL;
	x->pressure.why = y->pressure.why = "next to none is free";
	assert_ptr_equal(engine_try_slot(&m.set, &w), x);
	assert_ptr_equal(engine_try_slot(&m.set, &w), y);
	assert_null(engine_try_slot(&m.set, &w));
	x->pressure.why = y->pressure.why = NULL;
	assert_true(engine_has_slot(&m.set, &w));
	engine_give_slot(x, w.model);
	engine_give_slot(y, w.model);
	/* A suspect runs where nothing runs, and nothing joins it. */
	w.avoid = NULL;
	e = engine_try_slot(&m.set, &w);
	assert_ptr_equal(e, x);
	w.alone = true;
	assert_ptr_equal(engine_try_slot(&m.set, &w), y);
	assert_null(engine_try_slot(&m.set, &w));
	w.alone = false;
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(engine_try_slot(&m.set, &w), x);
	assert_false(engine_has_slot(&m.set, &w));
	/* Cleared: others may join. */
	engine_end_alone(y);
	assert_ptr_equal(engine_try_slot(&m.set, &w), y);
	engine_give_slot(y, w.model);
	engine_give_slot(y, w.model);
	for (unsigned i = 0; i < 4; i++)
		engine_give_slot(x, w.model);
	mill_fini(&m);
}

static void
test_circuit(void **state)
{
	struct engine *e, *held;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	e->slots = 3;
	/* Four failures are nothing, a success between forgets them. */
	for (int i = 0; i < 4; i++)
		engine_note_failure(e);
	engine_note_success(e);
	for (int i = 0; i < 4; i++)
		engine_note_failure(e);
	assert_int_equal(e->state, ENGINE_UP);
	engine_note_failure(e);
	assert_int_equal(e->state, ENGINE_DOWN);
	assert_int_equal(e->why, ERR_ENGINE_FAILED);
	/* Alive again: one request at a time. */
	engine_note_alive(e);
	assert_int_equal(e->state, ENGINE_TRIAL);
	held = try_slot("");
	assert_non_null(held);
	assert_null(try_slot(""));
	/* The trial fails: at once, and for longer. */
	engine_note_failure(e);
	assert_int_equal(e->state, ENGINE_DOWN);
	assert_int_equal(e->open_us, 2000000);
	engine_give_slot(held, (struct slice){0});
	engine_note_alive(e);
	assert_int_equal(e->state, ENGINE_TRIAL);
	engine_note_success(e);
	assert_int_equal(e->state, ENGINE_UP);
	assert_int_equal(e->open_us, 0);
	held = try_slot("");
	assert_non_null(try_slot(""));
	engine_give_slot(e, (struct slice){0});
	engine_give_slot(held, (struct slice){0});
	mill_fini(&m);
}

/* Ends within a second are one death, with the company of its beginning. */
static void
test_death(void **state)
{
	struct engine *e;

	(void)state;
	mill_init(&m);
	e = mill_quiet_engine(&m);
	e->slots = 3;
	for (int i = 0; i < 3; i++)
		assert_non_null(try_slot(""));
	assert_int_equal(engine_note_death(e), 3);
	engine_give_slot(e, (struct slice){0});
	assert_int_equal(engine_note_death(e), 3);
	engine_give_slot(e, (struct slice){0});
	assert_int_equal(engine_note_death(e), 3);
	assert_int_equal(e->failures, 1);
	e->died_us -= 2000000;
	assert_int_equal(engine_note_death(e), 1);
	assert_int_equal(e->failures, 2);
	engine_give_slot(e, (struct slice){0});
	mill_fini(&m);
}

/* --- what a set tells --- */

static void
test_expected(void **state)
{
	struct conf_engine ce;
	struct engine *e;

	(void)state;
	mill_init(&m);
	assert_int_equal(engine_expected_until(&m.set, 1000), 0);
	assert_true(engine_has_listings(&m.set));
	ce = mill_conf(&m, "a");
	mill_configure(&m, &ce, 1);
	e = mill_engine(&m, "a");
	probe_stop(e);
	/* Not known yet: it may come. */
	assert_int_equal(engine_expected_until(&m.set, 0), INT64_MAX);
	engine_note_dead(e, ERR_CONNECT);
	assert_int_equal(engine_expected_until(&m.set, 1000), 0);
	engine_note_alive(e);
	assert_int_equal(engine_expected_until(&m.set, 0), INT64_MAX);
	assert_false(engine_has_listings(&m.set));
	engine_note_dead(e, ERR_CONNECT);
	/* From when it went away, not from when it was last asked. */
	assert_int_equal(
	    engine_expected_until(&m.set, 1000), e->since_us + 1000);
	assert_true(engine_has_listings(&m.set));
	assert_int_equal(engine_slots_up(&m.set), 0);
	mill_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_update_keeps),
	    cmocka_unit_test(test_update_replaces),
	    cmocka_unit_test(test_key_file),
	    cmocka_unit_test(test_choices),
	    cmocka_unit_test(test_all_slots),
	    cmocka_unit_test(test_alone_and_avoid),
	    cmocka_unit_test(test_circuit),
	    cmocka_unit_test(test_death),
	    cmocka_unit_test(test_expected),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
