/* Cases from UnicodeData.txt and chapter 3.12 of the Unicode standard. */
#include "token/ufold.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
test_first(void **state)
{
	static const struct {
		uint32_t c, first;
	} rows[] = {
	    {'a', 'a'},
	    {0xe9, 'e'},
	    {0xc5, 'A'},
	    {0xe6, 0xe6},  /* ae: no decomposition */
	    {0x1e69, 's'}, /* two marks */
	    {0x212b, 'A'}, /* the Angstrom sign */
	    {0x3ac, 0x3b1},
	    {0xac00, 0x1100}, /* the first syllable and the last */
	    {0xd7a3, 0x1112},
	    {0xd7a4, 0xd7a4},
	    {0xf900, 0x8c48}, /* a compatibility ideograph */
	    {0x2fa1d, 0x2a600},
	    {0x1d15e, 0x1d157},
	    {0xfb01, 0xfb01}, /* fi: compatibility, not canonical */
	    {0x10ffff, 0x10ffff},
	};

	(void)state;
	ufold_init();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(ufold_first(rows[i].c), rows[i].first);
}

static void
test_lower(void **state)
{
	static const struct {
		uint32_t c, lower;
	} rows[] = {
	    {'A', 'a'},
	    {'Z', 'z'},
	    {'[', '['},
	    {'a', 'a'},
	    {0xc0, 0xe0},
	    {0xd7, 0xd7}, /* the multiplication sign */
	    {0xde, 0xfe},
	    {0x100, 0x101},
	    {0x101, 0x101},
	    {0x130, 'i'}, /* becomes two; the first */
	    {0x178, 0xff},
	    {0x1c4, 0x1c6},
	    {0x3a3, 0x3c3},
	    {0x10a0, 0x2d00},
	    {0x13a0, 0xab70},
	    {0x2126, 0x3c9},
	    {0xff21, 0xff41},
	    {0x10400, 0x10428},
	    {0x1e921, 0x1e943},
	};

	(void)state;
	ufold_init();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(ufold_lower(rows[i].c), rows[i].lower);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_first),
	    cmocka_unit_test(test_lower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
