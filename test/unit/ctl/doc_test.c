/* Members of an answer: what is there, what is not, what is hostile. */
#include "ctl/doc.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define DOC                                                                    \
	"{\"n\":-7,\"big\":99999999999999999999,\"f\":1.5,\"t\":true,"         \
	"\"z\":null,\"s\":\"a\\u0041\\n\\u001b[31m\\u009b\\u00e9\","           \
	"\"o\":{\"n\":3},\"a\":[1,{\"n\":2},[],\"x\"],\"e\":[]}"

static struct slice doc;

static void
test_values(void **state)
{
	(void)state;
	assert_int_equal(doc_int(doc, "n"), -7);
	assert_int_equal(doc_int(doc_get(doc, "o"), "n"), 3);
	assert_true(doc_bool(doc, "t"));
	assert_true(doc_has(doc, "t"));
	/* Of another kind, out of range, absent: as if it were not told. */
	assert_int_equal(doc_int(doc, "big"), 0);
	assert_int_equal(doc_int(doc, "f"), 0);
	assert_int_equal(doc_int(doc, "s"), 0);
	assert_int_equal(doc_int(doc, "absent"), 0);
	assert_false(doc_bool(doc, "n"));
	assert_false(doc_bool(doc, "absent"));
	assert_false(doc_has(doc, "z"));
	assert_false(doc_has(doc, "absent"));
	assert_int_equal(doc_get(doc, "absent").n, 0);
}

static void
test_texts_are_for_terminals(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(doc_add_text(doc, "s", &b), OK);
	/* No escape, no newline, no C1 control; letters stay. */
	assert_true(slice_is(buf_slice(&b), "aA??[31m??\xc3\xa9"));
	buf_clear(&b);
	assert_int_equal(doc_add_text(doc, "n", &b), OK);
	assert_int_equal(doc_add_text(doc, "absent", &b), OK);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
	buf_init(&b, 2);
	assert_int_equal(doc_add_text(doc, "s", &b), ERR_FULL);
	buf_fini(&b);
}

static void
test_walk(void **state)
{
	static const char *const want[] = {"1", "{\"n\":2}", "[]", "\"x\""};
	struct json_reader r;
	struct slice v;
	size_t n = 0;

	(void)state;
	doc_begin(&r, doc_get(doc, "a"));
	while (doc_next(&r, &v)) {
		assert_true(n < 4);
		assert_true(slice_is(v, want[n]));
		n++;
	}
	assert_int_equal(n, 4);
	assert_false(doc_next(&r, &v));
	doc_begin(&r, doc_get(doc, "e"));
	assert_false(doc_next(&r, &v));
	doc_begin(&r, doc_get(doc, "absent"));
	assert_false(doc_next(&r, &v));
	doc_begin(&r, doc_get(doc, "n"));
	assert_false(doc_next(&r, &v));
}

/* An answer that broke off anywhere ends the walk. */
static void
test_broken(void **state)
{
	(void)state;
	for (size_t n = 0; n < doc.n; n++) {
		struct slice part = slice_to(doc, n), v;
		struct json_reader r;
		int rows = 0;

		(void)doc_int(part, "e");
		assert_int_equal(doc_get(part, "absent").n, 0);
		doc_begin(&r, part);
		while (doc_next(&r, &v))
			assert_true(++rows < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_texts_are_for_terminals),
	    cmocka_unit_test(test_walk),
	    cmocka_unit_test(test_broken),
	};

	doc = slice_str(DOC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
