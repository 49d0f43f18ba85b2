/* UTF-8, against RFC 3629's table, over every code point and bad form. */
#include "base/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t
encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static void
test_all_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110800; c++) {
		bool ok = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
		char text[5];
		size_t n = encode(c, text);

		text[n] = 'x';
		if (utf8_len(slice_of(text, n + 1)) != (ok ? n : 0))
			fail_msg("U+%04X", c);
		/* Without its last byte it is none. */
		if (utf8_len(slice_of(text, n - 1)) != 0)
			fail_msg("U+%04X cut", c);
	}
}

static void
test_bad_forms(void **state)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
	    "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
	    "\xfe", "\xc3(", "\xe2\x82(", "\xe2(\xa1", "\xf0\x9f\x98(",
	    "\xf8\x88\x80\x80\x80"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (utf8_len(slice_str(bad[i])) != 0)
			fail_msg("form %zu", i);
	assert_int_equal(utf8_len((struct slice){0}), 0);
	assert_int_equal(utf8_len(slice_of("\0", 1)), 1);
}

static void
test_cut(void **state)
{
	/* a, 2 bytes, 3 bytes, 4 bytes: characters end at 1, 3, 6, 10 */
	static const struct slice s =
	    SLICE("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

	(void)state;
	for (size_t max = 0; max < sizeof want / sizeof *want; max++) {
		struct slice got = utf8_cut(s, max);

		assert_ptr_equal(got.p, s.p);
		assert_int_equal(got.n, want[max]);
	}
	/* Garbage is bounded too, and cut somewhere. */
	assert_in_range(
	    utf8_cut(slice_str("\x80\x80\x80\x80\x80\x80\x80"), 6).n, 2, 6);
	assert_int_equal(utf8_cut((struct slice){0}, 4).n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_code_points),
	    cmocka_unit_test(test_bad_forms),
	    cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
