/* ops/vec/words_avx512.h - the vocabulary of 16- and 32-bit integers of ops/tmpl in AVX-512BW, and VNNI where it is compiled
 * for.  See words_sse4.h. */
#ifndef PS_OPS_VEC_WORDS_AVX512_H
#define PS_OPS_VEC_WORDS_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { WN = 32, DN = 16, WROWS = 12 };
typedef __m512i vw;
typedef __m512i vd;

// clang-format off: one name a line
#define WINLINE static inline __attribute__((always_inline, unused))

WINLINE __mmask32 wfirst(size_t k) { return k < WN ? (__mmask32)((1u << k) - 1u) : ~(__mmask32)0; }

WINLINE vw wzero(void) { return _mm512_setzero_si512(); }
WINLINE vw wset(int16_t x) { return _mm512_set1_epi16(x); }
WINLINE vw wload(const int16_t *p) { return _mm512_loadu_si512(p); }
WINLINE void wstore(int16_t *p, vw x) { _mm512_storeu_si512(p, x); }
WINLINE void wstore_k(int16_t *p, vw x, size_t k) { _mm512_mask_storeu_epi16(p, wfirst(k), x); }
WINLINE vw wload_u8_k(const uint8_t *p, size_t k) { return _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(wfirst(k), p)); }
WINLINE void wload_fours(const int8_t *p, vw *first, vw *last)
{
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    __m512i x = _mm512_shuffle_epi8(_mm512_loadu_si512(p), order);
    x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), x);
    *first = _mm512_cvtepi8_epi16(_mm512_castsi512_si256(x));
    *last = _mm512_cvtepi8_epi16(_mm512_extracti64x4_epi64(x, 1));
}
WINLINE vw wadd(vw a, vw b) { return _mm512_add_epi16(a, b); }
WINLINE vw wsub(vw a, vw b) { return _mm512_sub_epi16(a, b); }
#define wshl(x, n) _mm512_slli_epi16(x, n)

WINLINE vd dzero(void) { return _mm512_setzero_si512(); }
WINLINE vd dload(const int32_t *p) { return _mm512_loadu_si512(p); }
WINLINE void dstore(int32_t *p, vd x) { _mm512_storeu_si512(p, x); }
WINLINE vd dset(int32_t x) { return _mm512_set1_epi32(x); }
WINLINE vd dadd(vd a, vd b) { return _mm512_add_epi32(a, b); }
WINLINE vd dsub(vd a, vd b) { return _mm512_sub_epi32(a, b); }
WINLINE vd dmul(vd a, vd b) { return _mm512_mullo_epi32(a, b); }
#define dshl(x, n) _mm512_slli_epi32(x, n)
#define dsar(x, n) _mm512_srai_epi32(x, n)
#ifdef __AVX512VNNI__
WINLINE vd ddot(vd sum, vw a, vw b) { return _mm512_dpwssd_epi32(sum, a, b); }
#else
WINLINE vd ddot(vd sum, vw a, vw b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
#endif

#endif
