/* The scanner: UTF-8 by its definition, and SIMD against byte by byte. */
#include "json/scan.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* The bytes of ${cp} as RFC 3629 section 3 lays them out. */
static size_t
encode(uint32_t cp, unsigned char *out)
{
	if (cp < 0x80) {
		out[0] = (unsigned char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (unsigned char)(0xc0 | cp >> 6);
		out[1] = (unsigned char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (unsigned char)(0xe0 | cp >> 12);
		out[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | cp >> 18);
	out[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (cp & 0x3f));
	return 4;
}

static bool
is_scalar(uint32_t cp)
{
	return cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff);
}

/* Is there a code point whose encoding is exactly the ${n} bytes ${u}? */
static bool
is_sequence(const unsigned char *u, size_t n)
{
	static const uint32_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t cp = u[0] & lead[n];
	unsigned char back[4];

	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | (u[i] & 0x3f);
	return is_scalar(cp) && encode(cp, back) == n &&
	    memcmp(back, u, n) == 0;
}

/* Where a run that begins with the character ${u} ends, both ways. */
static void
check(const unsigned char *u, size_t n, bool good)
{
	/* Long enough for blocks before and behind, at each place in one. */
	char text[96];
	static unsigned place;
	size_t at = 3 + (place = place * 7 + 1) % 40, want;
	struct slice s = slice_of(text, sizeof text);

	memset(text, 'x', sizeof text);
	memcpy(text + at, u, n);
	want = good ? sizeof text : at;
	if (json_scan(s, 0, s.n) != want || json_scan_bytes(s, 0, s.n) != want)
		fail_msg("%02x %02x %02x %02x at %zu: %zu, %zu", u[0],
		    n > 1 ? u[1] : 0, n > 2 ? u[2] : 0, n > 3 ? u[3] : 0, at,
		    json_scan(s, 0, s.n), json_scan_bytes(s, 0, s.n));
}

static void
test_all_code_points(void **state)
{
	(void)state;
	for (uint32_t cp = 0x20; cp <= 0x10ffff + 1000; cp++) {
		unsigned char u[4];
		size_t n = encode(cp, u);

		if (cp != '"' && cp != '\\')
			check(u, n, is_scalar(cp));
	}
}

/* Every pair and, behind a lead byte of three, every triple. */
static void
test_all_short_sequences(void **state)
{
	(void)state;
	for (unsigned a = 0x80; a <= 0xff; a++)
		for (unsigned b = 0; b <= 0xff; b++) {
			unsigned char u[3] = {
			    (unsigned char)a, (unsigned char)b, 'x'};

			check(u, 2, is_sequence(u, 2));
			for (unsigned c = 0x7e; a >= 0xe0 && c <= 0xc1; c++) {
				u[2] = (unsigned char)c;
				check(u, 3, is_sequence(u, 3));
			}
		}
}

/* Second bytes of four decide; third and fourth are ordinary. */
static void
test_four_bytes(void **state)
{
	(void)state;
	for (unsigned a = 0xee; a <= 0xff; a++)
		for (unsigned b = 0x70; b <= 0xcf; b++)
			for (unsigned c = 0x7e; c <= 0xc1; c += 3)
				for (unsigned d = 0x7e; d <= 0xc1; d += 3) {
					unsigned char u[4] = {(unsigned char)a,
					    (unsigned char)b, (unsigned char)c,
					    (unsigned char)d};

					/* Not a three and something else. */
					if (!is_sequence(u, 3))
						check(u, 4, is_sequence(u, 4));
				}
}

static void
test_specials(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 0x80; c++)
		for (size_t n = 1; n < 100; n += 3) {
			char text[128];
			bool stop = c < 0x20 || c == '"' || c == '\\';
			struct slice s = slice_of(text, sizeof text);

			memset(text, 'a', sizeof text);
			text[n] = (char)c;
			assert_int_equal(json_scan(s, 0, s.n), stop ? n : s.n);
			assert_int_equal(
			    json_scan_bytes(s, 0, s.n), stop ? n : s.n);
		}
}

/* Random texts out of tricky bytes, every start and end. */
static void
test_same_as_bytes(void **state)
{
	static const char *const parts[] = {"a", "abcdefghijklmnopqrstuvwxyz",
	    "\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\xb9", "\"",
	    "\\", "\n", "\xe2\x82", "\x80", "\xed\xa0\x80", "\xf0\x9f"};
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char text[200];
		size_t n = 0;
		struct slice s;

		while (n < 120) {
			size_t len;

			seed = seed * 1664525 + 1013904223;
			/* Mostly good parts, else every run is short. */
			len = seed >> 29 ? (seed >> 24) % 5 : (seed >> 24) % 12;
			n += (size_t)sprintf(text + n, "%s", parts[len]);
		}
		s.p = memcpy(malloc(n), text, n);
		s.n = n;
		for (size_t end = n - 40; end <= n; end++) {
			size_t at = 0;

			/* Starts as the reader does: behind each stop. */
			while (at < end) {
				struct slice rest = slice_from(s, at);
				size_t to = json_scan(rest, 0, end - at);

				assert_int_equal(
				    to, json_scan_bytes(rest, 0, end - at));
				at += to + 1;
			}
		}
		free((void *)s.p);
	}
}

/* What precedes is looked back at only where it is part of the text. */
static void
test_start_in_the_middle(void **state)
{
	static const struct slice text = SLICE(
	    "\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xe6\x97\xa5\xe6\x9c\xac"
	    "\xe8\xaa\x9e and some ASCII behind it, enough for blocks \xc3\xa9"
	    "\"");

	(void)state;
	for (size_t at = 1; at < text.n; at++) {
		if ((text.p[at] & 0xc0) == 0x80)
			continue;
		for (size_t end = at; end < text.n; end++) {
			size_t to = json_scan(text, at, end);

			assert_int_equal(to, json_scan_bytes(text, at, end));
			assert_true(to >= end && to <= end + 3);
		}
	}
}

static void
test_maximal_parts(void **state)
{
	/* Unicode 3.9, tables 3-8 to 3-11: lengths of the parts replaced. */
	static const struct {
		const char *bytes;
		int parts[10];
	} cases[] = {
	    {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41",
		{-1, -1, -1, -1, -1, -1, -1, -1, 1}},
	    {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41",
		{-1, -1, -1, -1, -1, -1, -1, -1, 1}},
	    {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42",
		{-1, -1, -1, -1, -1, 1, -1, -1, 1}},
	    {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", {-2, -1, -3, -2, 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice s = slice_str(cases[i].bytes);

		for (int j = 0; s.n > 0; j++) {
			int got = json_utf8(s.p, s.n);

			assert_int_equal(got, cases[i].parts[j]);
			s = slice_from(s, (size_t)abs(got));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_code_points),
	    cmocka_unit_test(test_all_short_sequences),
	    cmocka_unit_test(test_four_bytes),
	    cmocka_unit_test(test_specials),
	    cmocka_unit_test(test_same_as_bytes),
	    cmocka_unit_test(test_start_in_the_middle),
	    cmocka_unit_test(test_maximal_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
