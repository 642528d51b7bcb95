/* ops/vec/codes_avx2.h - sums and codes in AVX2: what ops/tmpl/requant.inc and gemm_u8.inc need.  See codes_sse4.h. */
#ifndef PS_OPS_VEC_CODES_AVX2_H
#define PS_OPS_VEC_CODES_AVX2_H

#include "ops/requant.h"
#include "ops/vec/vec_avx2.h"

typedef __m256i vi;

// clang-format off: one name a line
VINLINE vi vseti(int32_t x) { return _mm256_set1_epi32(x); }
VINLINE vi vloadi(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
VINLINE vi vloadi_k(const int32_t *p, size_t k) { return k >= VN ? vloadi(p) : _mm256_maskload_epi32(p, vlanes(k)); }
VINLINE void vstorei(int32_t *p, vi x) { _mm256_storeu_si256((__m256i *)(void *)p, x); }
VINLINE vi vaddi(vi a, vi b) { return _mm256_add_epi32(a, b); }
VINLINE vf vfloats(vi x) { return _mm256_cvtepi32_ps(x); }
VINLINE vi vbytes_k(const uint8_t *p, size_t k)
{
    int64_t eight = 0;
    if (k >= VN) memcpy(&eight, p, VN);
    else memcpy(&eight, p, k);
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(eight));
}

VINLINE vf vcurve_end(vf u) { return vmax(vset(-PS_CURVE_END), vmin(vset(PS_CURVE_END), u)); }

/* t[i mod 16] */
VINLINE vf vpick16(const float *t, vi i)
{
    vf low = _mm256_permutevar8x32_ps(vload(t), i), high = _mm256_permutevar8x32_ps(vload(t + 8), i);
    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(i, 28)));
}

VINLINE vf vpick(const float t[32], vf index)
{
    vi i = _mm256_castps_si256(index);
    return _mm256_blendv_ps(vpick16(t, i), vpick16(t + 16, i), _mm256_castsi256_ps(_mm256_slli_epi32(i, 27)));
}

#define VPICK_HALF
typedef const float *vhalf;
VINLINE vhalf vhalf_of(const float t[16]) { return t; }
VINLINE vf vpick_half(const vhalf *t, vf index) { return vpick16(*t, _mm256_castps_si256(index)); }
/* x, negated where u is negative. */
VINLINE vf vsign_of(vf u, vf x) { return _mm256_xor_ps(_mm256_and_ps(vset(-0.0f), u), x); }

VINLINE vi vcodes(vf y, float top)
{
    return _mm256_cvtps_epi32(_mm256_castsi256_ps(_mm256_min_epi32(_mm256_castps_si256(y), _mm256_castps_si256(vset(top)))));
}

VINLINE void vstore_codes(int nv, int rows, uint8_t *p, ptrdiff_t ld, const vf *y, size_t k, float top, int32_t zero,
                          const uint8_t *table)
{
    const vi order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7), zeros = _mm256_set1_epi16((int16_t)zero);
    uint8_t out[4 * VN];
    vi i[4];
    const int all = rows * nv;
    for (int v = 0; v < 4; v++) i[v] = vcodes(y[v < all ? v : 0], top);
    vi x = _mm256_adds_epi16(_mm256_packs_epi32(i[0], i[all > 1]), zeros);
    vi z = all > 2 ? _mm256_adds_epi16(_mm256_packs_epi32(i[2], i[3]), zeros) : x;
    x = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(x, z), order);
    if (!table && nv == 4) {
        _mm256_storeu_si256((__m256i *)(void *)p, x);
        return;
    }
    if (!table && nv == 2) {
        _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(x));
        if (rows == 2) _mm_storeu_si128((__m128i *)(void *)(p + ld), _mm256_extracti128_si256(x, 1));
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)out, x);
    size_t n = all > 1 ? (size_t)all * VN : k;
    if (table)
        for (size_t c = 0; c < n; c++) out[c] = table[out[c]];
    if (rows == 1)
        memcpy(p, out, n);
    else
        for (int r = 0; r < rows; r++) memcpy(p + r * ld, out + r * nv * VN, (size_t)nv * VN);
}

/* ---- products ---- */

VINLINE vi vset_four(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
}

VINLINE vi vload_fours(const int8_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }

VINLINE vi vdot_narrow(vi sum, vi a, vi b)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
}

VINLINE vi vdot_any(vi sum, vi a, vi b)
{
    vi even = _mm256_madd_epi16(_mm256_and_si256(a, _mm256_set1_epi16(255)), _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
    vi odd = _mm256_madd_epi16(_mm256_srli_epi16(a, 8), _mm256_srai_epi16(b, 8));
    return _mm256_add_epi32(_mm256_add_epi32(sum, even), odd);
}

#endif
