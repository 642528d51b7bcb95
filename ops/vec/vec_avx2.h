/* ops/vec/vec_avx2.h - the vector vocabulary of ops/tmpl in AVX2 and FMA: eight floats.  See vec_sse4.h. */
#ifndef PS_OPS_VEC_VEC_AVX2_H
#define PS_OPS_VEC_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { VN = 8 };
typedef __m256 vf;
typedef __m256 vm;

// clang-format off: one name a line
#define VINLINE static inline __attribute__((always_inline, unused))

VINLINE __m256i vlanes(size_t k)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)k), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

VINLINE vf vset(float x) { return _mm256_set1_ps(x); }
VINLINE vf vzero(void) { return _mm256_setzero_ps(); }
VINLINE vf vload(const float *p) { return _mm256_loadu_ps(p); }
VINLINE void vstore(float *p, vf x) { _mm256_storeu_ps(p, x); }
VINLINE vf vload_k(const float *p, size_t k) { return k >= VN ? vload(p) : _mm256_maskload_ps(p, vlanes(k)); }
/* Not vmaskmovps: counts repeat, so branches are foreseen.  A 3 x 8192 transpose took 30.0 us with it on Zen 4,
 * 8.6 us so. */
VINLINE void vstore_k(float *p, vf x, size_t k)
{
    if (k >= VN) {
        vstore(p, x);
        return;
    }
    __m128 half = _mm256_castps256_ps128(x);
    if (k & 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(x, 1);
        p += 4;
    }
    if (k & 2) {
        _mm_storel_epi64((__m128i *)(void *)p, _mm_castps_si128(half));
        half = _mm_movehl_ps(half, half);
        p += 2;
    }
    if (k & 1) _mm_store_ss(p, half);
}

VINLINE vf vadd(vf a, vf b) { return _mm256_add_ps(a, b); }
VINLINE vf vsub(vf a, vf b) { return _mm256_sub_ps(a, b); }
VINLINE vf vmul(vf a, vf b) { return _mm256_mul_ps(a, b); }
VINLINE vf vdiv(vf a, vf b) { return _mm256_div_ps(a, b); }
VINLINE vf vfma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
VINLINE vf vfnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
VINLINE vf vmin(vf a, vf b) { return _mm256_min_ps(a, b); }
VINLINE vf vmax(vf a, vf b) { return _mm256_max_ps(a, b); }
VINLINE vf vabs(vf x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }

VINLINE vm vlt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
VINLINE vm vnan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
VINLINE vm vfirst(size_t k) { return _mm256_castsi256_ps(vlanes(k)); }
VINLINE vf vselect(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }

VINLINE vf vscale(vf x, vf shifted)
{
    __m256i n = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), n));
}

VINLINE vf vwhole(vf x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
enum { VLDEXP_ANY = 0 };
VINLINE vf vldexp(vf x, vf n)
{
    __m256i e = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), e));
}

VINLINE void vtranspose(vf r[VN])
{
    vf pair[8], quad[8]; /* columns of two rows, then of four, in each half */
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        pair[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        quad[i] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0x44);
        quad[i + 1] = _mm256_shuffle_ps(pair[i], pair[i + 2], 0xee);
        quad[i + 2] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0x44);
        quad[i + 3] = _mm256_shuffle_ps(pair[i + 1], pair[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31);
    }
}

/* r[0..2], which are x[0], y[0], z[0], ..., of x, y and z. */
#define VZIP3
VINLINE void vzip3(vf x, vf y, vf z, vf r[3])
{
    x = _mm256_permutevar8x32_ps(x, _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5)); /* each at a lane that it has in r */
    y = _mm256_permutevar8x32_ps(y, _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2));
    z = _mm256_permutevar8x32_ps(z, _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7));
    r[0] = _mm256_blend_ps(_mm256_blend_ps(x, y, 0x92), z, 0x24);
    r[1] = _mm256_blend_ps(_mm256_blend_ps(x, y, 0x24), z, 0x49);
    r[2] = _mm256_blend_ps(_mm256_blend_ps(x, y, 0x49), z, 0x92);
}

VINLINE vf vbytes(const uint8_t *p, const uint8_t index[16])
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    x = _mm_shuffle_epi8(x, _mm_loadu_si128((const __m128i *)(const void *)index));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(x));
}

#endif
