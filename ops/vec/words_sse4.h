/* ops/vec/words_sse4.h - the vocabulary of 16- and 32-bit integers of ops/tmpl in SSE4.1.
 *
 * The same names in every words_<isa>.h.  w..: a vector of WN 16-bit numbers; d..: of DN 32-bit ones, WN / 2; k as in
 * vec_sse4.h.  Sums wrap around. */
#ifndef PS_OPS_VEC_WORDS_SSE4_H
#define PS_OPS_VEC_WORDS_SSE4_H

#include <stddef.h>
#include <stdint.h>
#include <smmintrin.h>
#include <string.h>
#include <tmmintrin.h>

enum { WN = 8, DN = 4, WROWS = 6 }; /* WROWS: rows of the tile of gemm_s16, two vectors wide */
typedef __m128i vw;
typedef __m128i vd;

// clang-format off: one name a line
#define WINLINE static inline __attribute__((always_inline, unused))

WINLINE vw wzero(void) { return _mm_setzero_si128(); }
WINLINE vw wset(int16_t x) { return _mm_set1_epi16(x); }
WINLINE vw wload(const int16_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
WINLINE void wstore(int16_t *p, vw x) { _mm_storeu_si128((__m128i *)(void *)p, x); }
WINLINE void wstore_k(int16_t *p, vw x, size_t k)
{
    if (k < WN) memcpy(p, &x, k * sizeof *p);
    else wstore(p, x);
}
/* Bytes without a sign. */
WINLINE vw wload_u8_k(const uint8_t *p, size_t k)
{
    __m128i x = _mm_setzero_si128();
    if (k < WN) memcpy(&x, p, k);
    else x = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm_cvtepu8_epi16(x);
}
/* 2*WN signed bytes, fours for each of WN/2 columns, as the first two and the last two of every four. */
WINLINE void wload_fours(const int8_t *p, vw *first, vw *last)
{
    const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    __m128i x = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), order);
    *first = _mm_cvtepi8_epi16(x);
    *last = _mm_cvtepi8_epi16(_mm_unpackhi_epi64(x, x));
}
WINLINE vw wadd(vw a, vw b) { return _mm_add_epi16(a, b); }
WINLINE vw wsub(vw a, vw b) { return _mm_sub_epi16(a, b); }
#define wshl(x, n) _mm_slli_epi16(x, n)

WINLINE vd dzero(void) { return _mm_setzero_si128(); }
WINLINE vd dload(const int32_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
WINLINE void dstore(int32_t *p, vd x) { _mm_storeu_si128((__m128i *)(void *)p, x); }
WINLINE vd dset(int32_t x) { return _mm_set1_epi32(x); }
WINLINE vd dadd(vd a, vd b) { return _mm_add_epi32(a, b); }
WINLINE vd dsub(vd a, vd b) { return _mm_sub_epi32(a, b); }
WINLINE vd dmul(vd a, vd b) { return _mm_mullo_epi32(a, b); }
#define dshl(x, n) _mm_slli_epi32(x, n)
#define dsar(x, n) _mm_srai_epi32(x, n)
/* sum + a[2i]*b[2i] + a[2i+1]*b[2i+1] */
WINLINE vd ddot(vd sum, vw a, vw b) { return _mm_add_epi32(sum, _mm_madd_epi16(a, b)); }

#endif
