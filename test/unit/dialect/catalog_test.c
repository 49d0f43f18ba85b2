/* Listings as engines give them, and what is left of them. */
#include "dialect/catalog.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* May be seen: what does not begin with "x". */
static bool
may(void *ctx, struct slice name)
{
	++*(int *)ctx;
	return name.n > 0 && name.p[0] != 'x';
}

static const struct {
	const char *what, *json, *left; /* left NULL: ERR_SYNTAX */
} cases[] = {
    {"Ollama's tags",
	"{\"models\":[{\"name\":\"x\",\"model\":\"x\"},"
	"{\"name\":\"b:1\",\"model\":\"b:1\",\"size\":3}]}",
	"{\"models\":[{\"name\":\"b:1\",\"model\":\"b:1\",\"size\":3}]}"},
    {"the last one goes", "{\"models\":[{\"name\":\"a\"},{\"name\":\"x\"}]}",
	"{\"models\":[{\"name\":\"a\"}]}"},
    {"all go", "{\"models\":[{\"name\":\"x\"},{\"name\":\"xx\"}]}",
	"{\"models\":[]}"},
    {"none goes: byte for byte",
	" { \"models\" : [ {\"name\" : \"a\"} , {\"name\":\"b\"} ] }\n",
	" { \"models\" : [ {\"name\" : \"a\"} , {\"name\":\"b\"} ] }\n"},
    {"nothing is listed", "{\"models\":[]}", "{\"models\":[]}"},
    {"no listing at all", "{\"models\":null}", "{\"models\":null}"},
    {"OpenAI's models",
	"{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\"},"
	"{\"id\":\"x/y\"}],\"more\":1}",
	"{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\"}],"
	"\"more\":1}"},
    {"llama-server gives both",
	"{\"models\":[{\"name\":\"x\"}],\"object\":\"list\","
	"\"data\":[{\"id\":\"x\"},{\"id\":\"a\"}]}",
	"{\"models\":[],\"object\":\"list\",\"data\":[{\"id\":\"a\"}]}"},
    {"LM Studio's keys",
	"{\"models\":[{\"type\":\"llm\",\"key\":\"x\"},{\"key\":\"a\"}]}",
	"{\"models\":[{\"key\":\"a\"}]}"},
    {"any of its names", "{\"data\":[{\"id\":\"a\",\"model\":\"x\"},1]}",
	"{\"data\":[]}"},
    {"an escaped name", "{\"data\":[{\"id\":\"\\u0078\"}]}", "{\"data\":[]}"},
    {"a key in capitals", "{\"data\":[{\"ID\":\"x\"}]}", "{\"data\":[]}"},
    {"no name", "{\"data\":[{\"size\":1},{\"id\":7},{}]}", "{\"data\":[]}"},
    {"names in what is deeper do not count",
	"{\"data\":[{\"id\":\"a\",\"meta\":{\"id\":\"x\"},"
	"\"permission\":[{\"id\":\"x\"}]}],\"o\":{\"data\":[{\"id\":1}]}}",
	"{\"data\":[{\"id\":\"a\",\"meta\":{\"id\":\"x\"},"
	"\"permission\":[{\"id\":\"x\"}]}],\"o\":{\"data\":[{\"id\":1}]}}"},
    {"nothing", "", NULL},
    {"an array", "[{\"id\":\"a\"}]", NULL},
    {"cut short", "{\"data\":[{\"id\":\"a\"}", NULL},
    {"cut short behind", "{\"data\":[{\"id\":\"x\"}]", NULL},
    {"more behind it", "{\"data\":[{\"id\":\"x\"}]}}", NULL},
    {"no comma", "{\"data\":[{\"id\":\"x\"}{\"id\":\"a\"}]}", NULL},
};

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice json = slice_str(cases[i].json);
		struct buf out;
		int asked = 0;
		enum err e;

		buf_init(&out, 4096);
		e = catalog_cut(json, may, &asked, &out);
		if (cases[i].left == NULL) {
			if (e != ERR_SYNTAX)
				fail_msg("%s: %d", cases[i].what, (int)e);
		} else if (e != OK || !slice_is(buf_slice(&out), cases[i].left))
			fail_msg("%s: %.*s", cases[i].what,
			    SLICE_ARG(buf_slice(&out)));
		buf_fini(&out);
	}
}

static void
test_no_room(void **state)
{
	struct buf out;
	int asked = 0;

	(void)state;
	buf_init(&out, 12);
	assert_int_equal(
	    catalog_cut(slice_str("{\"data\":[{\"id\":\"a\"},{\"id\":\"x\"}]}"),
		may, &asked, &out),
	    ERR_FULL);
	buf_fini(&out);
}

static void
test_which_routes_list(void **state)
{
	(void)state;
	assert_true(catalog_is_listing(route_get(ROUTE_API_TAGS)));
	assert_true(catalog_is_listing(route_get(ROUTE_API_PS)));
	assert_true(catalog_is_listing(route_get(ROUTE_V1_MODELS)));
	assert_false(catalog_is_listing(route_get(ROUTE_V1_MODEL)));
	assert_false(catalog_is_listing(route_get(ROUTE_API_VERSION)));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_no_room),
	    cmocka_unit_test(test_which_routes_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
