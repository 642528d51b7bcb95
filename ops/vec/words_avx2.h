/* ops/vec/words_avx2.h - the vocabulary of 16- and 32-bit integers of ops/tmpl in AVX2.  See words_sse4.h. */
#ifndef PS_OPS_VEC_WORDS_AVX2_H
#define PS_OPS_VEC_WORDS_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WN = 16, DN = 8, WROWS = 6 };
typedef __m256i vw;
typedef __m256i vd;

// clang-format off: one name a line
#define WINLINE static inline __attribute__((always_inline, unused))

WINLINE vw wzero(void) { return _mm256_setzero_si256(); }
WINLINE vw wset(int16_t x) { return _mm256_set1_epi16(x); }
WINLINE vw wload(const int16_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
WINLINE void wstore(int16_t *p, vw x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
WINLINE void wstore_k(int16_t *p, vw x, size_t k)
{
    if (k < WN) memcpy(p, &x, k * sizeof *p);
    else wstore(p, x);
}
WINLINE vw wload_u8_k(const uint8_t *p, size_t k)
{
    __m128i x = _mm_setzero_si128();
    if (k < WN) memcpy(&x, p, k);
    else x = _mm_loadu_si128((const __m128i *)(const void *)p);
    return _mm256_cvtepu8_epi16(x);
}
WINLINE void wload_fours(const int8_t *p, vw *first, vw *last)
{
    const __m256i order = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15, 0, 1, 4, 5, 8, 9, 12, 13, 2,
                                           3, 6, 7, 10, 11, 14, 15);
    __m256i x = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)(const void *)p), order);
    x = _mm256_permute4x64_epi64(x, 0xd8);
    *first = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(x));
    *last = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(x, 1));
}
WINLINE vw wadd(vw a, vw b) { return _mm256_add_epi16(a, b); }
WINLINE vw wsub(vw a, vw b) { return _mm256_sub_epi16(a, b); }
#define wshl(x, n) _mm256_slli_epi16(x, n)

WINLINE vd dzero(void) { return _mm256_setzero_si256(); }
WINLINE vd dload(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
WINLINE void dstore(int32_t *p, vd x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
WINLINE vd dset(int32_t x) { return _mm256_set1_epi32(x); }
WINLINE vd dadd(vd a, vd b) { return _mm256_add_epi32(a, b); }
WINLINE vd dsub(vd a, vd b) { return _mm256_sub_epi32(a, b); }
WINLINE vd dmul(vd a, vd b) { return _mm256_mullo_epi32(a, b); }
#define dshl(x, n) _mm256_slli_epi32(x, n)
#define dsar(x, n) _mm256_srai_epi32(x, n)
WINLINE vd ddot(vd sum, vw a, vw b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }

#endif
