/* ops/vec/bytes_avx512.h - the vocabulary of rows of bytes of ops/tmpl in AVX-512.  See bytes_sse4.h. */
#ifndef PS_OPS_VEC_BYTES_AVX512_H
#define PS_OPS_VEC_BYTES_AVX512_H

#include "ops/vec/vec_avx512.h"

enum { BN = 64 };
typedef __m512i vb;
typedef __m512i vi;

// clang-format off: one name a line
VINLINE vb bload(const uint8_t *p) { return _mm512_loadu_si512(p); }
VINLINE void bstore(uint8_t *p, vb x) { _mm512_storeu_si512(p, x); }
VINLINE __mmask64 bfirst(size_t k) { return k >= BN ? ~0ull : (1ull << k) - 1; }
VINLINE vb bload_k(const uint8_t *p, size_t k) { return _mm512_maskz_loadu_epi8(bfirst(k), p); }
VINLINE void bstore_k(uint8_t *p, vb x, size_t k) { _mm512_mask_storeu_epi8(p, bfirst(k), x); }
VINLINE vb bset(int32_t x) { return _mm512_set1_epi8((char)x); }
VINLINE vb bmin(vb a, vb b) { return _mm512_min_epu8(a, b); }
VINLINE vb bmax(vb a, vb b) { return _mm512_max_epu8(a, b); }
VINLINE vb bspread(vb x)
{
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
}
VINLINE vb bsort(vb x) { return bspread(x); }

VINLINE vb blow16(vb x) { return _mm512_unpacklo_epi8(x, _mm512_setzero_si512()); }
VINLINE vb bhigh16(vb x) { return _mm512_unpackhi_epi8(x, _mm512_setzero_si512()); }
VINLINE vi blow32(vb x) { return _mm512_unpacklo_epi16(x, _mm512_setzero_si512()); }
VINLINE vi bhigh32(vb x) { return _mm512_unpackhi_epi16(x, _mm512_setzero_si512()); }
VINLINE vb badd16(vb a, vb b) { return _mm512_add_epi16(a, b); }
VINLINE vb bsar16(vb x, int n) { return _mm512_sra_epi16(x, _mm_cvtsi32_si128(n)); }
VINLINE vb bset16(int32_t x) { return _mm512_set1_epi16((int16_t)x); }
VINLINE vb bpack16(vi a, vi b, vb add) { return _mm512_adds_epi16(_mm512_packs_epi32(a, b), add); }
VINLINE vb bpack8(vb a, vb b) { return _mm512_packus_epi16(a, b); }

VINLINE vi iset(int32_t x) { return _mm512_set1_epi32(x); }
VINLINE vi iload(const int32_t *p) { return _mm512_loadu_si512(p); }
VINLINE vi iload_k(const int32_t *p, size_t k) { return _mm512_maskz_loadu_epi32(vfirst(k), p); }
VINLINE void istore(int32_t *p, vi x) { _mm512_storeu_si512(p, x); }
VINLINE vi iadd(vi a, vi b) { return _mm512_add_epi32(a, b); }
#define IKEEP(x) __asm__("" : "+v"(x))
VINLINE vi ishl(vi x, int n) { return _mm512_sll_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ishr(vi x, int n) { return _mm512_srl_epi32(x, _mm_cvtsi32_si128(n)); }
VINLINE vi ior(vi a, vi b) { return _mm512_or_si512(a, b); }
VINLINE vi imadd(vb a, vb b) { return _mm512_madd_epi16(a, b); }
VINLINE vf ifloat(vi x) { return _mm512_cvtepi32_ps(x); }
VINLINE vi iround(vf x) { return _mm512_cvtps_epi32(x); }
VINLINE vb bzip8low(vb a, vb b) { return _mm512_unpacklo_epi8(a, b); }
VINLINE vb bzip8high(vb a, vb b) { return _mm512_unpackhi_epi8(a, b); }
VINLINE vb bzip16low(vb a, vb b) { return _mm512_unpacklo_epi16(a, b); }
VINLINE vb bzip16high(vb a, vb b) { return _mm512_unpackhi_epi16(a, b); }
// clang-format on

/* Up to n of four pixels of up to k <= VN bytes each, that bsort made of one vector of integers of each. */
#define BFOUR
VINLINE void bstore_four(uint8_t *p, ptrdiff_t ld, size_t n, size_t k, vb x)
{
    const __mmask16 some = (__mmask16)((1u << k) - 1u);
    _mm_mask_storeu_epi8(p, some, _mm512_castsi512_si128(x));
    if (n > 1) _mm_mask_storeu_epi8(p + ld, some, _mm512_extracti32x4_epi32(x, 1));
    if (n > 2) _mm_mask_storeu_epi8(p + 2 * ld, some, _mm512_extracti32x4_epi32(x, 2));
    if (n > 3) _mm_mask_storeu_epi8(p + 3 * ld, some, _mm512_extracti32x4_epi32(x, 3));
}

#endif
