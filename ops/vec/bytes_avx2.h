/* ops/vec/bytes_avx2.h - the vocabulary of rows of bytes of ops/tmpl in AVX2.  See bytes_sse4.h. */
#ifndef PS_OPS_VEC_BYTES_AVX2_H
#define PS_OPS_VEC_BYTES_AVX2_H

#include "ops/vec/sixteen.h"
#include "ops/vec/vec_avx2.h"

#include <string.h>

enum { BN = 32 };
typedef __m256i vb;
typedef __m256i vi;

// clang-format off: one name a line
VINLINE vb bload(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
VINLINE void bstore(uint8_t *p, vb x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
#if defined(__AVX512VL__) && defined(__AVX512BW__)
VINLINE __mmask32 bfirst(size_t k) { return k >= BN ? ~0u : (1u << k) - 1; }
VINLINE vb bload_k(const uint8_t *p, size_t k) { return _mm256_maskz_loadu_epi8(bfirst(k), p); }
VINLINE void bstore_k(uint8_t *p, vb x, size_t k) { _mm256_mask_storeu_epi8(p, bfirst(k), x); }
#define BFOUR
VINLINE void bstore_four(uint8_t *p, ptrdiff_t ld, size_t n, size_t k, vb x)
{
    const __mmask16 some = (__mmask16)((1u << k) - 1u);
    const __m128i low = _mm256_castsi256_si128(x), high = _mm256_extracti128_si256(x, 1);
    _mm_mask_storeu_epi8(p, some, low);
    if (n > 1) _mm_mask_storeu_epi8(p + ld, some, _mm_unpackhi_epi64(low, low));
    if (n > 2) _mm_mask_storeu_epi8(p + 2 * ld, some, high);
    if (n > 3) _mm_mask_storeu_epi8(p + 3 * ld, some, _mm_unpackhi_epi64(high, high));
}
#else
VINLINE vb bload_k(const uint8_t *p, size_t k)
{
    if (k >= BN) return bload(p);
    if (k > 16) return _mm256_insertf128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)), bload16_k(p + 16, k - 16), 1);
    return _mm256_set_m128i(_mm_setzero_si128(), bload16_k(p, k)); /* zext is not in gcc 9 */
}
VINLINE void bstore_k(uint8_t *p, vb x, size_t k)
{
    if (k >= BN) bstore(p, x);
    else memcpy(p, &x, k);
}
#endif
VINLINE vb bset(int32_t x) { return _mm256_set1_epi8((char)x); }
VINLINE vb bmin(vb a, vb b) { return _mm256_min_epu8(a, b); }
VINLINE vb bmax(vb a, vb b) { return _mm256_max_epu8(a, b); }
VINLINE vb bspread(vb x) { return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7)); }
VINLINE vb bsort(vb x) { return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)); }

VINLINE vb blow16(vb x) { return _mm256_unpacklo_epi8(x, _mm256_setzero_si256()); }
VINLINE vb bhigh16(vb x) { return _mm256_unpackhi_epi8(x, _mm256_setzero_si256()); }
VINLINE vi blow32(vb x) { return _mm256_unpacklo_epi16(x, _mm256_setzero_si256()); }
VINLINE vi bhigh32(vb x) { return _mm256_unpackhi_epi16(x, _mm256_setzero_si256()); }
VINLINE vb badd16(vb a, vb b) { return _mm256_add_epi16(a, b); }
VINLINE vb bsar16(vb x, int n) { return _mm256_sra_epi16(x, _mm_cvtsi32_si128(n)); }
VINLINE vb bset16(int32_t x) { return _mm256_set1_epi16((int16_t)x); }
VINLINE vb bpack16(vi a, vi b, vb add) { return _mm256_adds_epi16(_mm256_packs_epi32(a, b), add); }
VINLINE vb bpack8(vb a, vb b) { return _mm256_packus_epi16(a, b); }

VINLINE vi iset(int32_t x) { return _mm256_set1_epi32(x); }
VINLINE vi iload(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
VINLINE vi iload_k(const int32_t *p, size_t k)
{
    if (k >= VN) return iload(p);
    vi x = iset(0);
    memcpy(&x, p, k * sizeof *p);
    return x;
}
VINLINE void istore(int32_t *p, vi x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
VINLINE vi iadd(vi a, vi b) { return _mm256_add_epi32(a, b); }
#define IKEEP(x) __asm__("" : "+x"(x))
VINLINE vi ishl(vi x, int n) { return _mm256_sll_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ishr(vi x, int n) { return _mm256_srl_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ior(vi a, vi b) { return _mm256_or_si256(a, b); }
VINLINE vi imadd(vb a, vb b) { return _mm256_madd_epi16(a, b); }
VINLINE vf ifloat(vi x) { return _mm256_cvtepi32_ps(x); }
VINLINE vi iround(vf x) { return _mm256_cvtps_epi32(x); }
VINLINE vb bzip8low(vb a, vb b) { return _mm256_unpacklo_epi8(a, b); }
VINLINE vb bzip8high(vb a, vb b) { return _mm256_unpackhi_epi8(a, b); }
VINLINE vb bzip16low(vb a, vb b) { return _mm256_unpacklo_epi16(a, b); }
VINLINE vb bzip16high(vb a, vb b) { return _mm256_unpackhi_epi16(a, b); }
// clang-format on

#endif
