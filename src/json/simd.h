/*
 * simd: sixteen bytes at once, as far as this room needs them.
 *
 * SSE2 is part of x86-64 and NEON of AArch64, so nothing is asked for at run
 * time.  Elsewhere JSON_SIMD is 0 and scan.c goes byte by byte.  A mask has
 * VEC_BITS bits for each lane, the first lane lowest.
 */
#pragma once
#include <stdint.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#define JSON_SIMD 1
#define VEC_BITS 1

typedef __m128i vec;

static inline vec
vec_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline vec
vec_all(unsigned c)
{
	return _mm_set1_epi8((char)c);
}

static inline vec
vec_or(vec a, vec b)
{
	return _mm_or_si128(a, b);
}

static inline vec
vec_and(vec a, vec b)
{
	return _mm_and_si128(a, b);
}

/* In ${b} but not in ${a}. */
static inline vec
vec_without(vec a, vec b)
{
	return _mm_andnot_si128(a, b);
}

static inline vec
vec_eq(vec a, vec b)
{
	return _mm_cmpeq_epi8(a, b);
}

/* a <= b, unsigned. */
static inline vec
vec_le(vec a, vec b)
{
	return _mm_cmpeq_epi8(_mm_min_epu8(a, b), a);
}

/* a < b, signed: 0x80 is the least. */
static inline vec
vec_lt_signed(vec a, vec b)
{
	return _mm_cmplt_epi8(a, b);
}

/* a - b, or 0 where a < b, unsigned. */
static inline vec
vec_excess(vec a, vec b)
{
	return _mm_subs_epu8(a, b);
}

/* The highest bit of each lane. */
static inline uint64_t
vec_mask(vec a)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(a);
}

#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define JSON_SIMD 1
#define VEC_BITS 4

typedef uint8x16_t vec;

static inline vec
vec_load(const char *p)
{
	return vld1q_u8((const uint8_t *)p);
}

static inline vec
vec_all(unsigned c)
{
	return vdupq_n_u8((uint8_t)c);
}

static inline vec
vec_or(vec a, vec b)
{
	return vorrq_u8(a, b);
}

static inline vec
vec_and(vec a, vec b)
{
	return vandq_u8(a, b);
}

static inline vec
vec_without(vec a, vec b)
{
	return vbicq_u8(b, a);
}

static inline vec
vec_eq(vec a, vec b)
{
	return vceqq_u8(a, b);
}

static inline vec
vec_le(vec a, vec b)
{
	return vcleq_u8(a, b);
}

static inline vec
vec_lt_signed(vec a, vec b)
{
	return vcltq_s8(vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b));
}

static inline vec
vec_excess(vec a, vec b)
{
	return vqsubq_u8(a, b);
}

static inline uint64_t
vec_mask(vec a)
{
	uint8x16_t high = vcltzq_s8(vreinterpretq_s8_u8(a));

	return vget_lane_u64(
	    vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(high), 4)), 0);
}

#else
#define JSON_SIMD 0
#endif
