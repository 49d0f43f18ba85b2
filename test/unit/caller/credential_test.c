/* The secret in an Authorization field: RFC 6750 and RFC 7617. */
#include "caller/credential.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *value, *key;
} cases[] = {
    {"Bearer abc", "abc"},
    {"bEARER \t abc ", "abc"},
    {"Bearer", ""},
    {"Bearer ", ""},
    {"Bearerabc", ""},
    {"abc", ""},
    {"", ""},
    {"Digest abc", ""},
    /* RFC 7617 2: Aladdin, open sesame; and 2.1: test, 123 and a pound */
    {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "open sesame"},
    {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", "open sesame"},
    {"Basic dGVzdDoxMjPCow==", "123\xc2\xa3"},
    /* RFC 4648 10, behind "u:": each length of the last group */
    {"Basic dTpm", "f"},
    {"Basic dTpmbw==", "fo"},
    {"Basic dTpmb28=", "foo"},
    {"Basic dTpmb29i", "foob"},
    {"Basic dTo/Pz8+",
	"?"
	"?"
	"?>"},
    /* the password may have colons, the user name may be empty */
    {"Basic dTphOmI=", "a:b"},
    {"Basic OmFiYw==", "abc"},
    /* without a password the user name is it */
    {"Basic YWJjOg==", "abc"},
    {"Basic Og==", ""},
    /* no colon: nothing of the kind */
    {"Basic YWJj", ""},
    {"Basic abc", ""},
    /* no base64 */
    {"Basic dTpm!", ""},
    {"Basic dTpmb", ""},
    {"Basic dT pm", ""},
    {"Basic dTpm====", ""},
    {"Basic =", ""},
    {"Basic dTo_Pz8-", ""},
};

static void
test_read(void **state)
{
	char room[CREDENTIAL_ROOM];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice s =
		    credential_read(slice_str(cases[i].value), room);

		if (!slice_is(s, cases[i].key))
			fail_msg(
			    "\"%s\": \"%.*s\"", cases[i].value, SLICE_ARG(s));
	}
}

/* As much as there is room for, and not a byte more. */
static void
test_long_ones_are_nobodys(void **state)
{
	static char value[8192];
	char room[CREDENTIAL_ROOM];
	size_t most = CREDENTIAL_ROOM / 3 * 4;
	struct slice s;

	memcpy(value, "Basic dTpm", 10);
	memset(value + 10, 'A', sizeof value - 10);
	for (size_t n = 4; n < 3000; n += 4) {
		s = credential_read(slice_of(value, 6 + n), room);
		if (n < most)
			assert_int_equal(s.n, n / 4 * 3 - 2);
		else if (n > most)
			assert_int_equal(s.n, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_long_ones_are_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
