/* ops/vec/codes_sse4.h - sums and codes in SSE4.1: what ops/tmpl/requant.inc and gemm_u8.inc need.
 *
 * The same names in every codes_<isa>.h, beside those of vec_<isa>.h.  vi: a vector of VN 32-bit integers. */
#ifndef PS_OPS_VEC_CODES_SSE4_H
#define PS_OPS_VEC_CODES_SSE4_H

#include "ops/requant.h"
#include "ops/vec/vec_sse4.h"

typedef __m128i vi;

// clang-format off: one name a line
VINLINE vi vseti(int32_t x) { return _mm_set1_epi32(x); }
VINLINE vi vloadi(const int32_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }
VINLINE vi vloadi_k(const int32_t *p, size_t k)
{
    vi x = _mm_setzero_si128();
    if (k >= VN) return vloadi(p);
    memcpy(&x, p, k * sizeof *p);
    return x;
}
VINLINE void vstorei(int32_t *p, vi x) { _mm_storeu_si128((__m128i *)(void *)p, x); }
VINLINE vi vaddi(vi a, vi b) { return _mm_add_epi32(a, b); }
VINLINE vf vfloats(vi x) { return _mm_cvtepi32_ps(x); }
/* k bytes, zero beyond. */
VINLINE vi vbytes_k(const uint8_t *p, size_t k)
{
    int32_t four = 0;
    if (k >= VN) memcpy(&four, p, VN);
    else memcpy(&four, p, k);
    return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}

/* Held to +-PS_CURVE_END. */
VINLINE vf vcurve_end(vf u) { return vmax(vset(-PS_CURVE_END), vmin(vset(PS_CURVE_END), u)); }

/* t[i mod 32] for the bits i of `index`. */
VINLINE vf vpick(const float t[32], vf index)
{
    vi i = _mm_castps_si128(index);
    return _mm_setr_ps(t[_mm_extract_epi32(i, 0) & 31], t[_mm_extract_epi32(i, 1) & 31], t[_mm_extract_epi32(i, 2) & 31],
                       t[_mm_extract_epi32(i, 3) & 31]);
}

/* y, at most top >= 0, as integers; NaN whose sign is set as the lowest.  Where signs are equal positive floats compare as
 * their bits do. */
VINLINE vi vcodes(vf y, float top)
{
    return _mm_cvtps_epi32(_mm_castsi128_ps(_mm_min_epi32(_mm_castps_si128(y), _mm_castps_si128(vset(top)))));
}

/* Codes of `rows` rows (ld apart) of nv vectors of outputs (less zero, of which top is the highest), rows*nv <= 4; one
 * vector alone may have k elements. */
VINLINE void vstore_codes(int nv, int rows, uint8_t *p, ptrdiff_t ld, const vf *y, size_t k, float top, int32_t zero,
                          const uint8_t *table)
{
    const vi zeros = _mm_set1_epi16((int16_t)zero);
    uint8_t out[4 * VN];
    vi i[4];
    for (int v = 0; v < 4; v++) i[v] = vcodes(y[v < rows * nv ? v : 0], top);
    vi x = _mm_adds_epi16(_mm_packs_epi32(i[0], i[1]), zeros), z = _mm_adds_epi16(_mm_packs_epi32(i[2], i[3]), zeros);
    _mm_storeu_si128((__m128i *)(void *)out, _mm_packus_epi16(x, z));
    size_t n = rows * nv > 1 ? (size_t)(rows * nv) * VN : k;
    if (table)
        for (size_t c = 0; c < n; c++) out[c] = table[out[c]];
    if (rows == 1)
        memcpy(p, out, n);
    else
        for (int r = 0; r < rows; r++) memcpy(p + r * ld, out + r * nv * VN, (size_t)nv * VN);
}

/* ---- products ---- */

/* Four codes in all lanes. */
VINLINE vi vset_four(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm_set1_epi32(four);
}

VINLINE vi vload_fours(const int8_t *p) { return _mm_loadu_si128((const __m128i *)(const void *)p); }

/* Four products of each lane more; their pairs fit in 16 bits. */
VINLINE vi vdot_narrow(vi sum, vi a, vi b)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(_mm_maddubs_epi16(a, b), _mm_set1_epi16(1)));
}

/* Any four. */
VINLINE vi vdot_any(vi sum, vi a, vi b)
{
    vi even = _mm_madd_epi16(_mm_and_si128(a, _mm_set1_epi16(255)), _mm_srai_epi16(_mm_slli_epi16(b, 8), 8));
    vi odd = _mm_madd_epi16(_mm_srli_epi16(a, 8), _mm_srai_epi16(b, 8));
    return _mm_add_epi32(_mm_add_epi32(sum, even), odd);
}

#endif
