/*
 * simd: sixteen bytes at once and 128-bit sums, as far as this room needs
 * them.
 *
 * SSE2 is part of x86-64 and NEON of AArch64, so nothing is asked for at run
 * time.  Elsewhere TOKEN_SIMD is 0 and the scanners go byte by byte.
 */
#pragma once
#include <stdint.h>
#include <string.h>

/* A 128-bit sum. */
struct wide {
	uint64_t lo, hi;
};

static inline void
wide_add(struct wide *sum, struct wide w)
{
	sum->lo += w.lo;
	sum->hi += w.hi + (sum->lo < w.lo);
}

#ifdef __SIZEOF_INT128__
static inline struct wide
wide_product(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 u128;
	u128 m = (u128)a * b;

	return (struct wide){(uint64_t)m, (uint64_t)(m >> 64)};
}
#else
static inline struct wide
wide_product(uint64_t a, uint64_t b)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t low = a0 * b0, x = a1 * b0 + (low >> 32);
	uint64_t y = a0 * b1 + (uint32_t)x;

	return (struct wide){
	    y << 32 | (uint32_t)low, a1 * b1 + (x >> 32) + (y >> 32)};
}
#endif

static inline void
wide_add_product(struct wide *sum, uint64_t a, uint64_t b)
{
	wide_add(sum, wide_product(a, b));
}

#if defined(__SSE2__)
#include <emmintrin.h>
#define TOKEN_SIMD 1

/* A bit for each of the 16 bytes at ${p} that is an ASCII letter. */
static inline unsigned
simd_letters(const unsigned char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i above = _mm_add_epi8(lower, _mm_set1_epi8((char)(0x80 - 'a')));

	return (unsigned)_mm_movemask_epi8(
	    _mm_cmplt_epi8(above, _mm_set1_epi8(-128 + 26)));
}

/* A bit for each of the 16 bytes at ${p} that is small, if it is a letter. */
static inline unsigned
simd_small(const unsigned char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	return (unsigned)_mm_movemask_epi8(_mm_slli_epi16(v, 2));
}

/* A bit for each of the 16 bytes at ${p} that equals ${c}. */
static inline unsigned
simd_equal(const unsigned char *p, unsigned char c)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	return (unsigned)_mm_movemask_epi8(
	    _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c)));
}

/* A bit for each of the 16 bytes at ${p} that is not ASCII. */
static inline unsigned
simd_high(const unsigned char *p)
{
	return (unsigned)_mm_movemask_epi8(
	    _mm_loadu_si128((const __m128i *)(const void *)p));
}

#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define TOKEN_SIMD 1

static inline unsigned
simd_bits(uint8x16_t lanes)
{
	static const uint8_t weights[16] = {
	    1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	uint8x16_t w = vandq_u8(lanes, vld1q_u8(weights));

	return (unsigned)vaddv_u8(vget_low_u8(w)) |
	    (unsigned)vaddv_u8(vget_high_u8(w)) << 8;
}

static inline unsigned
simd_letters(const unsigned char *p)
{
	uint8x16_t v = vorrq_u8(vld1q_u8(p), vdupq_n_u8(0x20));

	return simd_bits(
	    vcltq_u8(vsubq_u8(v, vdupq_n_u8('a')), vdupq_n_u8(26)));
}

static inline unsigned
simd_small(const unsigned char *p)
{
	return simd_bits(vtstq_u8(vld1q_u8(p), vdupq_n_u8(0x20)));
}

static inline unsigned
simd_equal(const unsigned char *p, unsigned char c)
{
	return simd_bits(vceqq_u8(vld1q_u8(p), vdupq_n_u8(c)));
}

static inline unsigned
simd_high(const unsigned char *p)
{
	return simd_bits(vcgeq_u8(vld1q_u8(p), vdupq_n_u8(0x80)));
}

#else
#define TOKEN_SIMD 0
#endif
