/* Listings of engines: what they say, and what hostile ones say. */
#include "engine/listing.h"
#include "mill.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct engine *
engine_with(size_t max)
{
	struct engine *e = calloc(1, sizeof *e);

	assert_non_null(e);
	table_init(&e->models, max, (struct hash_key){1, 2});
	return e;
}

static void
engine_end(struct engine *e)
{
	listing_clear(e);
	table_fini(&e->models);
	free(e);
}

static const struct engine_model *
find(const struct engine *e, const char *name)
{
	struct table_node *n = table_find(&e->models, slice_str(name));

	return n ? TABLE_OF(n, struct engine_model, node) : NULL;
}

struct listing {
	const char *text;
	bool ok;
	/* canonical names, a + before those that leave the machine */
	const char *names[4];
};

static const struct listing of_ollama[] = {
    {"{\"models\":[]}", true, {NULL}},
    {"{\"models\":null}", true, {NULL}},
    {" { \"models\" : [ { \"name\" : \"a\" } ] } ", true, {"a"}},
    {"{\"models\":[{\"name\":\"Llama3.2:latest\",\"model\":\"x\","
     "\"size\":1,\"details\":{\"name\":\"inner\",\"families\":[\"f\"]}},"
     "{\"name\":\"registry.ollama.ai/library/qwen3:8b\"}]}",
	true, {"llama3.2", "qwen3:8b"}},
    {"{\"x\":[{\"name\":\"no\"}],\"models\":[{\"name\":\"a\"}],\"y\":{}}", true,
	{"a"}},
    {"{\"models\":[{\"name\":\"s\",\"remote_host\":\"https://ollama.com\"},"
     "{\"remote_host\":\"h\",\"name\":\"t\"},"
     "{\"name\":\"u\",\"remote_host\":\"\"},"
     "{\"name\":\"v\",\"remote_host\":null}]}",
	true, {"+s", "+t", "u", "v"}},
    /* Escapes are what they stand for. */
    {"{\"models\":[{\"name\":\"\\u0061\\u003a\\u0062\"}]}", true, {"a:b"}},
    /* Twice the same model counts once. */
    {"{\"models\":[{\"name\":\"a\"},{\"name\":\"A:latest\"}]}", true, {"a"}},
    /* Models whose name is none, or no text: they are left out. */
    {"{\"models\":[{},{\"name\":\"\"},{\"name\":5},{\"name\":null},"
     "{\"name\":{\"name\":\"x\"}},{\"name\":[\"y\"]},{\"name\":\"a b\"},"
     "{\"name\":\"\\ud800\"},{\"name\":\"\\u0000\"},{\"name\":\"ok\"}]}",
	true, {"ok"}},
    /* Not a listing. */
    {"", false, {NULL}},
    {"null", false, {NULL}},
    {"[]", false, {NULL}},
    {"[{\"name\":\"a\"}]", false, {NULL}},
    {"{}", false, {NULL}},
    {"{\"error\":\"x\"}", false, {NULL}},
    {"{\"data\":[{\"id\":\"a\"}]}", false, {NULL}},
    {"{\"models\":{}}", false, {NULL}},
    {"{\"models\":\"a\"}", false, {NULL}},
    {"{\"models\":[\"a\"]}", false, {NULL}},
    {"{\"models\":[1]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"},null]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"}]}x", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"}]}{}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"},]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"}],}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\" \"b\"}]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"\x80\"}]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\nb\"}]}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"}", false, {NULL}},
    {"<html>it works</html>", false, {NULL}},
    {"\xef\xbb\xbf{\"models\":[]}", false, {NULL}},
};

static const struct listing of_openai[] = {
    {"{\"object\":\"list\",\"data\":[]}", true, {NULL}},
    {"{\"object\":\"list\",\"data\":[{\"id\":\"Qwen/Qwen3-8B\","
     "\"object\":\"model\",\"owned_by\":\"vllm\",\"meta\":{\"id\":\"no\"}}]}",
	true, {"qwen/qwen3-8b"}},
    /* llama-server's has both. */
    {"{\"models\":[{\"name\":\"/m/x.gguf\"}],\"data\":[{\"id\":\"x.gguf\"}]}",
	true, {"x.gguf"}},
    {"{\"object\":\"list\"}", false, {NULL}},
    {"{\"models\":[{\"name\":\"a\"}]}", false, {NULL}},
    {"{\"data\":{\"id\":\"a\"}}", false, {NULL}},
};

static void
check(struct engine *e, const struct listing *l, bool is_openai)
{
	struct slice text = slice_str(l->text);
	enum err err = is_openai ? listing_from_openai(e, text)
				 : listing_from_ollama(e, text);
	size_t n = 0;

	if (err != (l->ok ? OK : ERR_SYNTAX) || e->has_listing != l->ok)
		fail_msg("%s: err %d", l->text, (int)err);
	for (; n < 4 && l->names[n]; n++) {
		bool is_remote = l->names[n][0] == '+';
		const struct engine_model *m = find(e, l->names[n] + is_remote);

		if (m == NULL || m->is_remote != is_remote)
			fail_msg("%s: %s", l->text, l->names[n]);
	}
	if (e->models.n != n)
		fail_msg("%s: %zu models", l->text, e->models.n);
}

/* Each after each: nothing of the one before is left. */
static void
test_listings(void **state)
{
	static const struct listing before = {
	    "{\"models\":[{\"name\":\"old\"}]}", true, {"old"}};
	struct engine *e = engine_with(1000);

	(void)state;
	for (size_t i = 0; i < sizeof of_ollama / sizeof *of_ollama; i++) {
		check(e, &before, false);
		check(e, &of_ollama[i], false);
	}
	for (size_t i = 0; i < sizeof of_openai / sizeof *of_openai; i++) {
		check(e, &before, false);
		check(e, &of_openai[i], true);
	}
	engine_end(e);
}

/* Cut anywhere it is no listing, and leaves no model behind. */
static void
test_cut_anywhere(void **state)
{
	const char *text = of_ollama[3].text;
	struct engine *e = engine_with(1000);

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		/* In memory of that size: ASan sees a byte read too far. */
		char *part = malloc(n ? n : 1);

		assert_non_null(part);
		memcpy(part, text, n);
		assert_int_equal(
		    listing_from_ollama(e, slice_of(part, n)), ERR_SYNTAX);
		assert_int_equal(e->models.n, 0);
		free(part);
	}
	engine_end(e);
}

static void
test_deep(void **state)
{
	struct engine *e = engine_with(1000);
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add_str(&b, "{\"models\":[{\"x\":"), OK);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_char(&b, '['), OK);
	assert_int_equal(listing_from_ollama(e, buf_slice(&b)), ERR_SYNTAX);
	buf_fini(&b);
	engine_end(e);
}

/* As many as the table takes; emptying it again is no work of squares. */
static void
test_many(void **state)
{
	enum { MOST = 10000, TOLD = 60000 };
	struct engine *e = engine_with(MOST);
	char name[1000];
	int64_t begun_us;
	struct buf b;

	(void)state;
	buf_init(&b, 16 << 20);
	assert_int_equal(buf_add_str(&b, "{\"data\":[{\"id\":\""), OK);
	/* One name longer than names may be. */
	memset(name, 'x', sizeof name);
	assert_int_equal(buf_add(&b, slice_of(name, sizeof name)), OK);
	assert_int_equal(buf_add_str(&b, "\"}"), OK);
	for (int i = 0; i < TOLD; i++)
		assert_int_equal(
		    buf_printf(&b, ",{\"id\":\"model-%d\"}", i), OK);
	assert_int_equal(buf_add_str(&b, "]}"), OK);
	begun_us = os_now_us();
	for (int i = 0; i < 5; i++)
		assert_int_equal(listing_from_openai(e, buf_slice(&b)), OK);
	assert_int_equal(e->models.n, MOST);
	assert_non_null(find(e, "model-0"));
	assert_true(os_now_us() - begun_us < 15 * 1000000);
	buf_fini(&b);
	engine_end(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_listings),
	    cmocka_unit_test(test_cut_anywhere),
	    cmocka_unit_test(test_deep),
	    cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
