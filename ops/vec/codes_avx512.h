/* ops/vec/codes_avx512.h - sums and codes in AVX-512: what ops/tmpl/requant.inc and gemm_u8.inc need.  See codes_sse4.h. */
#ifndef PS_OPS_VEC_CODES_AVX512_H
#define PS_OPS_VEC_CODES_AVX512_H

#include "ops/requant.h"
#include "ops/vec/vec_avx512.h"

typedef __m512i vi;

// clang-format off: one name a line
VINLINE vi vseti(int32_t x) { return _mm512_set1_epi32(x); }
VINLINE vi vloadi(const int32_t *p) { return _mm512_loadu_si512(p); }
VINLINE vi vloadi_k(const int32_t *p, size_t k) { return _mm512_maskz_loadu_epi32(vfirst(k), p); }
VINLINE void vstorei(int32_t *p, vi x) { _mm512_storeu_si512(p, x); }
VINLINE vi vaddi(vi a, vi b) { return _mm512_add_epi32(a, b); }
VINLINE vf vfloats(vi x) { return _mm512_cvtepi32_ps(x); }
VINLINE vi vbytes_k(const uint8_t *p, size_t k) { return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(vfirst(k), p)); }

/* Held to +-PS_CURVE_END. */
VINLINE vf vcurve_end(vf u)
{
    enum { LEAST_MAGNITUDE = 2 }; /* with the sign of the first */
    return _mm512_range_ps(u, vset(PS_CURVE_END), LEAST_MAGNITUDE);
}

/* t[i mod 32] for the bits i of `index`. */
VINLINE vf vpick(const float t[32], vf index)
{
    return _mm512_permutex2var_ps(vload(t), _mm512_castps_si512(index), vload(t + VN));
}

/* The code in the lower byte of each pair, looked up in t. */
VINLINE vi vlook_up(const uint8_t t[256], vi codes)
{
    const vi pair = _mm512_srli_epi16(codes, 1);
    const __mmask32 upper = _mm512_movepi16_mask(_mm512_slli_epi16(codes, 8)), odd = _mm512_test_epi16_mask(codes, _mm512_set1_epi16(1));
    vi x = _mm512_permutex2var_epi16(_mm512_loadu_si512(t), pair, _mm512_loadu_si512(t + 64));
    vi y = _mm512_permutex2var_epi16(_mm512_loadu_si512(t + 128), pair, _mm512_loadu_si512(t + 192));
    x = _mm512_mask_blend_epi16(upper, x, y);
    x = _mm512_mask_srli_epi16(x, odd, x, 8);
    return _mm512_and_si512(x, _mm512_set1_epi16(255));
}

VINLINE vi vcodes(vf y, float top)
{
    return _mm512_cvtps_epi32(_mm512_castsi512_ps(_mm512_min_epi32(_mm512_castps_si512(y), _mm512_castps_si512(vset(top)))));
}

/* Two vectors less zero, to codes in pairs of bytes; interleaved as vpackssdw does. */
VINLINE vi vcodes2(vf a, vf b, float top, vi zeros, const uint8_t *table)
{
    vi x = _mm512_packs_epi32(vcodes(a, top), vcodes(b, top));
    x = _mm512_adds_epi16(x, zeros);
    if (table) {
        x = _mm512_max_epi16(x, _mm512_setzero_si512());
        x = vlook_up(table, x);
    }
    return x;
}
// clang-format on

VINLINE void vstore_codes(int nv, int rows, uint8_t *p, ptrdiff_t ld, const vf *y, size_t k, float top, int32_t zero,
                          const uint8_t *table)
{
    const vi order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const vi zeros = _mm512_set1_epi16((int16_t)zero);
    const int all = rows * nv;
    vi x = vcodes2(y[0], y[all > 1 ? 1 : 0], top, zeros, table);
    vi z = all > 2 ? vcodes2(y[2], y[all > 3 ? 3 : 2], top, zeros, table) : x;
    x = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(x, z));
    if (nv == 4) {
        _mm512_storeu_si512(p, x);
    } else if (nv == 2) {
        _mm256_storeu_si256((__m256i *)(void *)p, _mm512_castsi512_si256(x));
        if (rows == 2) _mm256_storeu_si256((__m256i *)(void *)(p + ld), _mm512_extracti64x4_epi64(x, 1));
    } else if (rows == 4) {
        _mm_storeu_si128((__m128i *)(void *)p, _mm512_castsi512_si128(x));
        _mm_storeu_si128((__m128i *)(void *)(p + ld), _mm512_extracti32x4_epi32(x, 1));
        _mm_storeu_si128((__m128i *)(void *)(p + 2 * ld), _mm512_extracti32x4_epi32(x, 2));
        _mm_storeu_si128((__m128i *)(void *)(p + 3 * ld), _mm512_extracti32x4_epi32(x, 3));
    } else if (k >= VN) {
        _mm_storeu_si128((__m128i *)(void *)p, _mm512_castsi512_si128(x));
    } else {
        _mm_mask_storeu_epi8(p, vfirst(k), _mm512_castsi512_si128(x));
    }
}

/* ---- products ---- */

/* Four codes in all lanes. */
VINLINE vi vset_four(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

VINLINE vi vload_fours(const int8_t *p) { return _mm512_loadu_si512(p); }

VINLINE vi vdot_narrow(vi sum, vi a, vi b)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)));
}

VINLINE vi vdot_any(vi sum, vi a, vi b)
{
    vi even = _mm512_madd_epi16(_mm512_and_si512(a, _mm512_set1_epi16(255)), _mm512_srai_epi16(_mm512_slli_epi16(b, 8), 8));
    vi odd = _mm512_madd_epi16(_mm512_srli_epi16(a, 8), _mm512_srai_epi16(b, 8));
    return _mm512_add_epi32(_mm512_add_epi32(sum, even), odd);
}

#endif
