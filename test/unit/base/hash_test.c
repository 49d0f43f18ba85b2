/*
 * SipHash-1-3: values from an implementation that was written from the paper
 * alone (it gives the paper's SipHash-2-4 example, and CPython's siphash13 of
 * the zero key), and the properties that a table needs.
 */
#include "base/hash.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* Of the bytes 00 01 02 ... , 0 to 63 of them; key 00 01 ... 0f. */
static const uint64_t values[64] = {
    0xabac0158050fc4dcu,
    0xc9f49bf37d57ca93u,
    0x82cb9b024dc7d44du,
    0x8bf80ab8e7ddf7fbu,
    0xcf75576088d38328u,
    0xdef9d52f49533b67u,
    0xc50d2b50c59f22a7u,
    0xd3927d989bb11140u,
    0x369095118d299a8eu,
    0x25a48eb36c063de4u,
    0x79de85ee92ff097fu,
    0x70c118c1f94dc352u,
    0x78a384b157b4d9a2u,
    0x306f760c1229ffa7u,
    0x605aa111c0f95d34u,
    0xd320d86d2a519956u,
    0xcc4fdd1a7d908b66u,
    0x9cf2689063dbd80cu,
    0x8ffc389cb473e63eu,
    0xf21f9de58d297d1cu,
    0xc0dc2f46a6cce040u,
    0xb992abfe2b45f844u,
    0x7ffe7b9ba320872eu,
    0x525a0e7fdae6c123u,
    0xf464aeb267349c8cu,
    0x45cd5928705b0979u,
    0x3a3e35e3ca9913a5u,
    0xa91dc74e4ade3b35u,
    0xfb0bed02ef6cd00du,
    0x88d93cb44ab1e1f4u,
    0x540f11d643c5e663u,
    0x2370dd1f8c21d1bcu,
    0x81157b6c16a7b60du,
    0x4d54b9e57a8ff9bfu,
    0x759f12781f2a753eu,
    0xcea1a3bebf186b91u,
    0x2cf508d3ada26206u,
    0xb6101c2da3c33057u,
    0xb3f47496ae3a36a1u,
    0x626b57547b108392u,
    0xc1d2363299e41531u,
    0x667cc1923f1ad944u,
    0x65704ffec8138825u,
    0x24f280d1c28949a6u,
    0xc2ca1cedfaf8876bu,
    0xc2164bfc9f042196u,
    0xa16e9c9368b1d623u,
    0x49fb169c8b5114fdu,
    0x9f3143f8df074c46u,
    0xc6fdaf2412cc86b3u,
    0x7eaf49d10a52098fu,
    0x1cf313559d292f9au,
    0xc44a30dda2f41f12u,
    0x36fae98943a71ed0u,
    0x318fb34c73f0bce6u,
    0xa27abf3670a7e980u,
    0xb4bcc0db243c6d75u,
    0x23f8d852fdb71513u,
    0x8f035f4da67d8a08u,
    0xd89cd0e5b7e8f148u,
    0xf6f4e6bcf7a644eeu,
    0xaec59ad80f1837f2u,
    0xc3b2f6154b6694e0u,
    0x9d199062b7bbb3a8u,
};

static const struct hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void
test_values(void **state)
{
	char text[64];

	(void)state;
	for (size_t n = 0; n < 64; n++) {
		text[n] = (char)n;
		if (hash_bytes(key, slice_of(text, n)) != values[n])
			fail_msg("%zu bytes", n);
	}
	assert_true(hash_bytes(key, (struct slice){0}) == values[0]);
}

/* Where the bytes stand does not matter. */
static void
test_alignment(void **state)
{
	char text[64 + 8];

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		for (size_t i = 0; i < 63; i++)
			text[at + i] = (char)i;
		assert_true(
		    hash_bytes(key, slice_of(text + at, 63)) == values[63]);
	}
}

/* Each bit of text or key flips about half of the hash's bits. */
static void
test_avalanche(void **state)
{
	enum { BYTES = 24, BITS = BYTES * 8 + 128 };
	char text[BYTES] = "the quick brown fox jump";
	uint64_t base = hash_bytes(key, slice_of(text, BYTES));
	int total = 0;

	(void)state;
	for (int bit = 0; bit < BITS; bit++) {
		struct hash_key k = key;
		char t[BYTES];
		int flipped;

		memcpy(t, text, BYTES);
		if (bit < BYTES * 8)
			t[bit / 8] = (char)(t[bit / 8] ^ 1 << bit % 8);
		else if (bit < BYTES * 8 + 64)
			k.k0 ^= (uint64_t)1 << bit % 64;
		else
			k.k1 ^= (uint64_t)1 << bit % 64;
		flipped = __builtin_popcountll(
		    base ^ hash_bytes(k, slice_of(t, BYTES)));
		/* 32 +- 4 is one sigma; 24 away is six of them. */
		if (flipped < 8 || flipped > 56)
			fail_msg("bit %d flips %d", bit, flipped);
		total += flipped;
	}
	assert_in_range(total / BITS, 30, 34);
}

/* Lengths differ though the bytes are equal. */
static void
test_zeros(void **state)
{
	static const char zeros[300];
	uint64_t seen[300];

	(void)state;
	for (size_t n = 0; n < 300; n++) {
		seen[n] = hash_bytes(key, slice_of(zeros, n));
		for (size_t i = 0; i < n; i++)
			assert_true(seen[i] != seen[n]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_alignment),
	    cmocka_unit_test(test_avalanche),
	    cmocka_unit_test(test_zeros),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
