/* ops/vec/half_avx512.h - vectors of bfloat16 in memory, for AVX-512 with BF16: loads, stores, products of pairs. */
#ifndef PS_OPS_VEC_HALF_AVX512_H
#define PS_OPS_VEC_HALF_AVX512_H

#include "ops/vec/vec_avx512.h"

#include <string.h>

/* Sixteen bfloat16 numbers as floats: those of k, zero beyond. */
VINLINE vf vload_half_k(const uint16_t *p, size_t k)
{
    __m512i x = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(vfirst(k), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
}

VINLINE void vstore_half_k(uint16_t *p, vf x, size_t k)
{
    _mm256_mask_storeu_epi16(p, vfirst(k), (__m256i)_mm512_cvtneps_pbh(x));
}

/* Within 2^-14. */
VINLINE vf vreciprocal_rough(vf x) { return _mm512_rcp14_ps(x); }

/* One pair in all lanes. */
VINLINE __m512i vset_pair(const uint16_t *p)
{
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm512_set1_epi32(pair);
}

VINLINE __m512i vload_pairs(const uint16_t *p) { return _mm512_loadu_si512(p); }

/* c plus the sums of two products. */
VINLINE vf vdot(__m512i a, __m512i b, vf c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }

#endif
