/* RFC 4648's own examples, and what is none. */
#include "base/base64.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void
test_decode(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *bytes; /* NULL: refused */
	} rows[] = {
	    {"", 0, ""},
	    {"Zg==", 1, "f"},
	    {"Zg", 1, "f"},
	    {"Zm8=", 2, "fo"},
	    {"Zm9v", 3, "foo"},
	    {"Zm9vYg==", 4, "foob"},
	    {"Zm9vYmE=", 5, "fooba"},
	    {"Zm9vYmFy", 6, "foobar"},
	    {"+/+/", 3, "\xfb\xff\xbf"},
	    {"Zm9vYmFy", 5, NULL},
	    {"Zg==", 0, NULL},
	    {"Z", 8, NULL},
	    {"Zm9v!A==", 8, NULL},
	    {"Z===", 8, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		/* As long as said, so that a byte too many is seen. */
		char *out = malloc(rows[i].max + (rows[i].max == 0));
		size_t n;
		bool ok = base64_decode(
		    slice_str(rows[i].text), out, rows[i].max, &n);

		assert_int_equal(ok, rows[i].bytes != NULL);
		if (ok)
			assert_true(slice_is(slice_of(out, n), rows[i].bytes));
		free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
