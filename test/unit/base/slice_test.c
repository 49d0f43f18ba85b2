/* Slices: comparing, cutting, numbers, globs, and how long a glob may take. */
#include "base/slice.h"
#include "os/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define S(lit) slice_of(lit, sizeof(lit) - 1)

static const struct slice none;

static void
test_compare(void **state)
{
	static const struct {
		struct slice a, b;
		bool eq, nocase, starts, ends, has; /* a with b */
	} cases[] = {
	    {SLICE(""), SLICE(""), true, true, true, true, true},
	    {SLICE("a"), SLICE(""), false, false, true, true, true},
	    {SLICE(""), SLICE("a"), false, false, false, false, false},
	    {SLICE("abc"), SLICE("abc"), true, true, true, true, true},
	    {SLICE("abc"), SLICE("ab"), false, false, true, false, true},
	    {SLICE("abc"), SLICE("bc"), false, false, false, true, true},
	    {SLICE("abcd"), SLICE("bc"), false, false, false, false, true},
	    {SLICE("ABC"), SLICE("abc"), false, true, false, false, false},
	    {SLICE("a\0b"), SLICE("a\0c"), false, false, false, false, false},
	    {SLICE("a\0b"), SLICE("a\0b"), true, true, true, true, true},
	    /* Only letters: @ and ` or [ and { differ by that one bit too. */
	    {SLICE("@["), SLICE("`{"), false, false, false, false, false},
	    {SLICE("\xc3\x84"), SLICE("\xe3\xa4"), false, false, false, false,
		false},
	    {SLICE("xZ"), SLICE("Xz"), false, true, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice a = cases[i].a, b = cases[i].b;

		if (slice_eq(a, b) != cases[i].eq ||
		    slice_eq_nocase(a, b) != cases[i].nocase ||
		    slice_starts(a, b) != cases[i].starts ||
		    slice_ends(a, b) != cases[i].ends ||
		    slice_has(a, b) != cases[i].has)
			fail_msg("case %zu", i);
	}
}

/* The empty slice may have no pointer; everything takes it. */
static void
test_null(void **state)
{
	/* Volatile, or the compiler sees a NULL where it must not look. */
	const char *volatile no_text = NULL;
	struct slice s = none;
	uint64_t v = 7;

	(void)state;
	assert_true(slice_eq(none, S("")));
	assert_true(slice_is(none, ""));
	assert_true(slice_is(none, no_text));
	assert_true(slice_eq_nocase(none, none));
	assert_true(slice_starts(S("a"), none));
	assert_true(slice_ends(none, none));
	assert_true(slice_has(none, none));
	assert_false(slice_has(none, S("a")));
	assert_int_equal(slice_find(none, 'a'), 0);
	assert_int_equal(slice_rfind(none, 'a'), 0);
	assert_int_equal(slice_from(none, 3).n, 0);
	assert_int_equal(slice_to(none, 3).n, 0);
	assert_int_equal(slice_trim(none).n, 0);
	assert_int_equal(slice_cut(&s, ',').n, 0);
	assert_null(s.p);
	assert_false(slice_u64(none, 10, &v));
	assert_int_equal(v, 7);
	assert_true(slice_glob(none, none));
	assert_true(slice_glob(S("*"), none));
	assert_false(slice_glob(S("?"), none));
}

static void
test_parts(void **state)
{
	struct slice s = SLICE("key=a=b");

	(void)state;
	assert_int_equal(slice_find(s, '='), 3);
	assert_int_equal(slice_rfind(s, '='), 5);
	assert_int_equal(slice_find(s, '!'), s.n);
	assert_int_equal(slice_rfind(s, '!'), s.n);
	assert_int_equal(slice_find(S("a\0b"), '\0'), 1);
	assert_true(slice_is(slice_from(s, 4), "a=b"));
	assert_int_equal(slice_from(s, 7).n, 0);
	assert_int_equal(slice_from(s, 8).n, 0);
	assert_int_equal(slice_from(s, SIZE_MAX).n, 0);
	assert_true(slice_is(slice_to(s, 3), "key"));
	assert_true(slice_eq(slice_to(s, SIZE_MAX), s));
	assert_true(slice_is(slice_trim(S(" \t\r\n a b\n\r\t ")), "a b"));
	assert_true(slice_is(slice_trim(S(" \r\n\t")), ""));
	assert_true(slice_is(slice_trim(S("\v\fx")), "\v\fx"));
}

static void
test_cut(void **state)
{
	static const struct {
		const char *text;
		const char *parts[5]; /* until the NULL pointer comes back */
	} cases[] = {
	    {"a,b,c", {"a", "b", "c"}},
	    {"a", {"a"}},
	    {"", {""}},
	    {",", {"", ""}},
	    {"a,", {"a", ""}},
	    {",a", {"", "a"}},
	    {",,a,", {"", "", "a", ""}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct slice s = slice_str(cases[i].text);
		size_t n = 0;

		do {
			struct slice part = slice_cut(&s, ',');

			assert_non_null(cases[i].parts[n]);
			assert_true(slice_is(part, cases[i].parts[n]));
			n++;
		} while (s.p);
		assert_null(cases[i].parts[n]);
		assert_int_equal(s.n, 0);
	}
}

static void
test_u64(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t value;
	} cases[] = {
	    {"0", 0, true, 0},
	    {"1", 0, false, 0},
	    {"65535", 65535, true, 65535},
	    {"65536", 65535, false, 0},
	    {"0000000000000000000000000000012", 12, true, 12},
	    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	    {"18446744073709551615", UINT64_MAX - 1, false, 0},
	    {"18446744073709551616", UINT64_MAX, false, 0},
	    {"18446744073709551620", UINT64_MAX, false, 0},
	    {"28446744073709551615", UINT64_MAX, false, 0},
	    {"99999999999999999999", UINT64_MAX, false, 0},
	    {"184467440737095516150", UINT64_MAX, false, 0},
	    {"9223372036854775807", INT64_MAX, true, INT64_MAX},
	    {"9223372036854775808", INT64_MAX, false, 0},
	    {"", UINT64_MAX, false, 0},
	    {"+1", UINT64_MAX, false, 0},
	    {"-1", UINT64_MAX, false, 0},
	    {" 1", UINT64_MAX, false, 0},
	    {"1 ", UINT64_MAX, false, 0},
	    {"1a", UINT64_MAX, false, 0},
	    {"0x10", UINT64_MAX, false, 0},
	    {"1.0", UINT64_MAX, false, 0},
	    {"/", UINT64_MAX, false, 0}, /* one before '0' */
	    {":", UINT64_MAX, false, 0}, /* one behind '9' */
	    {"\xb0", UINT64_MAX, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t v = 4711;
		bool ok = slice_u64(slice_str(cases[i].text), cases[i].max, &v);

		if (ok != cases[i].ok || v != (ok ? cases[i].value : 4711))
			fail_msg("%s", cases[i].text);
	}
}

static void
test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
	    {"", "", true},
	    {"", "a", false},
	    {"a", "", false},
	    {"*", "", true},
	    {"**", "", true},
	    {"*", "anything/at:all", true},
	    {"?", "a", true},
	    {"?", "", false},
	    {"?", "ab", false},
	    {"??", "ab", true},
	    {"a*", "a", true},
	    {"a*", "ba", false},
	    {"*a", "ba", true},
	    {"*a", "ab", false},
	    {"a*c", "abcbc", true},
	    {"a*c", "abcbd", false},
	    {"a*b*c", "aXbYbZc", true},
	    {"a*b*c", "aXcYb", false},
	    {"*ab", "aab", true},
	    {"*aab", "aaab", true},
	    {"a?c*", "abc", true},
	    {"a?c*", "ac", false},
	    {"*?", "", false},
	    {"*?", "x", true},
	    {"?*?", "x", false},
	    {"?*?", "xy", true},
	    {"llama3.*:1b", "llama3.2:1b", true},
	    {"llama3.*:1b", "llama3.2:10b", false},
	    /* Nothing else is special. */
	    {"[ab]", "a", false},
	    {"[ab]", "[ab]", true},
	    {"\\*", "*", false},
	    {"\\*", "\\x", true},
	    {"a.c", "abc", false},
	    {"A", "a", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (slice_glob(slice_str(cases[i].pattern),
			slice_str(cases[i].text)) != cases[i].match)
			fail_msg("%s over %s", cases[i].pattern, cases[i].text);
	assert_true(slice_glob(S("a?b"), S("a\0b")));
	assert_false(slice_glob(S("a\0b"), S("a")));
}

/* What a glob means, said without regard to time. */
static bool
slow_glob(const char *p, const char *s)
{
	if (*p == 0)
		return *s == 0;
	if (*p == '*')
		return slow_glob(p + 1, s) || (*s && slow_glob(p, s + 1));
	return *s && (*p == '?' || *p == *s) && slow_glob(p + 1, s + 1);
}

static void
test_glob_against_meaning(void **state)
{
	unsigned seed = 20240131;

	(void)state;
	srand(seed);
	for (int i = 0; i < 200000; i++) {
		char p[9] = "", s[11] = "";
		int np = rand() % 8, ns = rand() % 10;

		for (int k = 0; k < np; k++)
			p[k] = "ab*?*"[rand() % 5];
		for (int k = 0; k < ns; k++)
			s[k] = "ab"[rand() % 2];
		if (slice_glob(slice_str(p), slice_str(s)) != slow_glob(p, s))
			fail_msg("seed %u: %s over %s", seed, p, s);
	}
}

/* Patterns that send a naive matcher into exponential time. */
static void
test_glob_is_bounded(void **state)
{
	enum { TEXT = 20000, STARS = 100 };
	char *text = malloc(TEXT);
	char pattern[2 * STARS + 1];
	int64_t begun_us;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', TEXT);
	for (size_t i = 0; i < STARS; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[sizeof pattern - 1] = 'b';
	begun_us = os_now_us();
	assert_false(slice_glob(
	    slice_of(pattern, sizeof pattern), slice_of(text, TEXT)));
	text[TEXT - 1] = 'b';
	assert_true(slice_glob(
	    slice_of(pattern, sizeof pattern), slice_of(text, TEXT)));
	/* |pattern| x |text| is 4 million steps; 10 s is for slow machines. */
	assert_true(os_now_us() - begun_us < 10 * 1000000);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_compare),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_u64),
	    cmocka_unit_test(test_glob),
	    cmocka_unit_test(test_glob_against_meaning),
	    cmocka_unit_test(test_glob_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
