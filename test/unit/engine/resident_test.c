/* What engines say is loaded, and what stays known from one listing to the
 * next. */
#include "engine/listing.h"
#include "engine/load.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct engine_set set;

static struct engine *
engine_of(enum engine_kind kind)
{
	struct engine *e = calloc(1, sizeof *e);

	assert_non_null(e);
	e->set = &set;
	e->kind = kind;
	swap_init(&e->swap, ENGINE_HOLDS, 1);
	table_init(&e->models, 100, (struct hash_key){1, 2});
	return e;
}

static void
engine_end(struct engine *e)
{
	listing_clear(e);
	table_fini(&e->models);
	free(e);
}

static struct engine_model *
find(const struct engine *e, const char *name)
{
	struct table_node *n = table_find(&e->models, slice_str(name));

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

#define TAGS "{\"models\":[{\"name\":\"a:latest\"},{\"name\":\"B:7b\"}]}"

static void
ps_tells_what_is_loaded(void **state)
{
	struct engine *e = engine_of(ENGINE_OLLAMA);
	struct engine_model *a, *b;

	(void)state;
	assert_false(load_is_ours(e));
	assert_int_equal(listing_from_ollama(e, slice_str(TAGS)), OK);
	a = find(e, "a");
	b = find(e, "b:7b");
	assert_non_null(a);
	assert_non_null(b);
	assert_true(slice_is(b->raw, "B:7b"));
	assert_false(load_is_ours(e));
	assert_int_equal(
	    listing_loaded_from_ollama(e,
		slice_str("{\"models\":[{\"name\":\"b:7b\",\"size\":"
			  "9,\"size_vram\":4,\"context_length\":"
			  "512,\"expires_at\":\"2318-01-01T00:00:"
			  "00Z\"},{\"name\":\"unheard\"}]}")),
	    OK);
	assert_true(load_is_ours(e));
	assert_false(a->is_loaded);
	assert_true(b->is_loaded);
	assert_int_equal(b->context, 512);
	assert_int_equal(b->size_bytes, 9);
	assert_int_equal(b->vram_bytes, 4);
	assert_int_equal(b->keep_us, INT64_MAX);
	load_sync(e);
	assert_true(swap_may_run(&e->swap, b->node.hash));
	assert_false(swap_may_run(&e->swap, a->node.hash));

	/* A new listing forgets neither that nor what was measured. */
	b->load_us = 7;
	assert_int_equal(listing_from_ollama(e, slice_str(TAGS)), OK);
	assert_ptr_equal(find(e, "b:7b"), b);
	assert_true(b->is_loaded);
	assert_int_equal(b->load_us, 7);

	/* It was given up. */
	assert_int_equal(
	    listing_loaded_from_ollama(e, slice_str("{\"models\":[]}")), OK);
	load_sync(e);
	assert_false(b->is_loaded);
	assert_int_equal(b->context, 0);
	assert_int_equal(b->keep_us, 0);
	assert_false(swap_may_run(&e->swap, b->node.hash));

	/* An answer that is none: nothing is known, nothing is ours. */
	assert_int_equal(
	    listing_loaded_from_ollama(e, slice_str("{}")), ERR_SYNTAX);
	assert_false(load_is_ours(e));
	engine_end(e);
}

static void
a_model_that_is_gone_gives_up_its_turn(void **state)
{
	struct engine *e = engine_of(ENGINE_OLLAMA);
	uint64_t hash;

	(void)state;
	assert_int_equal(listing_from_ollama(e, slice_str(TAGS)), OK);
	assert_int_equal(listing_loaded_from_ollama(e, slice_str(TAGS)), OK);
	load_sync(e);
	assert_int_equal(e->swap.n, 2);
	hash = find(e, "a")->node.hash;
	assert_int_equal(listing_from_ollama(e,
			     slice_str("{\"models\":[{\"name\":\"B:7b\"}]}")),
	    OK);
	assert_null(find(e, "a"));
	assert_int_equal(e->swap.n, 1);
	assert_false(swap_may_run(&e->swap, hash));
	engine_end(e);
}

static void
a_router_tells_it_in_its_listing(void **state)
{
	static const char text[] =
	    "{\"data\":[{\"id\":\"Up\",\"status\":{\"value\":\"loaded\","
	    "\"args\":[\"x\",{\"value\":\"unloaded\"}]},"
	    "\"meta\":{\"n_ctx\":512,\"n_ctx_train\":2048}},"
	    "{\"id\":\"down\",\"status\":{\"value\":\"unloaded\"},"
	    "\"meta\":null},"
	    "{\"id\":\"asleep\",\"status\":{\"value\":\"sleeping\"}},"
	    "{\"id\":\"coming\",\"status\":{\"value\":\"loading\"}},"
	    "{\"id\":\"odd\",\"status\":[\"loaded\"]}]}";
	struct engine *e = engine_of(ENGINE_LLAMA);

	(void)state;
	e->is_router = true;
	assert_int_equal(listing_from_openai(e, slice_str(text)), OK);
	assert_true(load_is_ours(e));
	assert_true(find(e, "up")->is_loaded);
	assert_true(slice_is(find(e, "up")->raw, "Up"));
	assert_int_equal(find(e, "up")->context, 512);
	assert_int_equal(find(e, "up")->context_max, 2048);
	assert_false(find(e, "down")->is_loaded);
	assert_true(find(e, "asleep")->is_loaded);
	assert_false(find(e, "coming")->is_loaded);
	assert_true(find(e, "coming")->is_loading);
	engine_end(e);
}

static void
a_server_of_one_model_has_it_loaded(void **state)
{
	struct engine *e = engine_of(ENGINE_LLAMA);

	(void)state;
	assert_int_equal(listing_from_openai(e,
			     slice_str("{\"data\":[{\"id\":\"m\",\"meta\":"
				       "{\"n_ctx\":1024}}]}")),
	    OK);
	assert_true(find(e, "m")->is_loaded);
	assert_int_equal(find(e, "m")->context, 1024);
	assert_false(load_is_ours(e));
	engine_end(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ps_tells_what_is_loaded),
	    cmocka_unit_test(a_model_that_is_gone_gives_up_its_turn),
	    cmocka_unit_test(a_router_tells_it_in_its_listing),
	    cmocka_unit_test(a_server_of_one_model_has_it_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
