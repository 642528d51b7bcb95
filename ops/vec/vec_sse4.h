/* ops/vec/vec_sse4.h - the vector vocabulary of ops/tmpl in SSE4.1: four floats.
 *
 * The same names in every vec_<isa>.h.  v..: a vector of VN floats; vm: one truth value a lane.
 * `k` is a count of lanes, 0 < k <= VN; lanes from k on are neither read nor written, and loaded as 0. */
#ifndef PS_OPS_VEC_VEC_SSE4_H
#define PS_OPS_VEC_VEC_SSE4_H

#include <stddef.h>
#include <stdint.h>
#include <smmintrin.h>
#include <tmmintrin.h>

enum { VN = 4 };
typedef __m128 vf;
typedef __m128 vm;

// clang-format off: one name a line
#define VINLINE static inline __attribute__((always_inline, unused))

VINLINE vf vset(float x) { return _mm_set1_ps(x); }
VINLINE vf vzero(void) { return _mm_setzero_ps(); }
VINLINE vf vload(const float *p) { return _mm_loadu_ps(p); }
VINLINE void vstore(float *p, vf x) { _mm_storeu_ps(p, x); }
VINLINE vf vload_k(const float *p, size_t k)
{
    if (k >= 4) return _mm_loadu_ps(p);
    if (k == 1) return _mm_load_ss(p);
    __m128 low = _mm_castsi128_ps(_mm_loadl_epi64((const __m128i *)(const void *)p));
    return k == 2 ? low : _mm_movelh_ps(low, _mm_load_ss(p + 2));
}
VINLINE void vstore_k(float *p, vf x, size_t k)
{
    if (k >= 4) {
        _mm_storeu_ps(p, x);
        return;
    }
    if (k & 2) {
        _mm_storel_epi64((__m128i *)(void *)p, _mm_castps_si128(x));
        p += 2;
        x = _mm_movehl_ps(x, x);
    }
    if (k & 1) _mm_store_ss(p, x);
}

VINLINE vf vadd(vf a, vf b) { return _mm_add_ps(a, b); }
VINLINE vf vsub(vf a, vf b) { return _mm_sub_ps(a, b); }
VINLINE vf vmul(vf a, vf b) { return _mm_mul_ps(a, b); }
VINLINE vf vdiv(vf a, vf b) { return _mm_div_ps(a, b); }
VINLINE vf vfma(vf a, vf b, vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }  /* a*b + c, fused if it can be */
VINLINE vf vfnma(vf a, vf b, vf c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); } /* c - a*b */
VINLINE vf vmin(vf a, vf b) { return _mm_min_ps(a, b); } /* a < b ? a : b, so that a NaN in b stays */
VINLINE vf vmax(vf a, vf b) { return _mm_max_ps(a, b); } /* a > b ? a : b */
VINLINE vf vabs(vf x) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), x); }

VINLINE vm vlt(vf a, vf b) { return _mm_cmplt_ps(a, b); }
VINLINE vm vnan(vf a) { return _mm_cmpunord_ps(a, a); }
VINLINE vm vfirst(size_t k) /* lanes before k */
{
    return _mm_castsi128_ps(_mm_cmplt_epi32(_mm_setr_epi32(0, 1, 2, 3), _mm_set1_epi32((int)k)));
}
VINLINE vf vselect(vm m, vf a, vf b) { return _mm_blendv_ps(b, a, m); } /* m ? a : b */

/* x * 2^n where the bits of `shifted` end in the integer n (see VSHIFT in math.inc): n is added to the
 * exponent of x, which must stay that of a normal number. */
VINLINE vf vscale(vf x, vf shifted)
{
    return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(x), _mm_slli_epi32(_mm_castps_si128(shifted), 23)));
}

VINLINE vf vwhole(vf x) { return _mm_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/* x * 2^n for whole n; unless VLDEXP_ANY, n and the result must be exponents of normal numbers. */
enum { VLDEXP_ANY = 0 };
VINLINE vf vldexp(vf x, vf n)
{
    return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(x), _mm_slli_epi32(_mm_cvtps_epi32(n), 23)));
}

/* Square of VN x VN, in place. */
VINLINE void vtranspose(vf r[VN])
{
    _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]);
}

/* VN of the 2*VN bytes at p, chosen by index, as floats. */
VINLINE vf vbytes(const uint8_t *p, const uint8_t index[16])
{
    __m128i x = _mm_loadl_epi64((const __m128i *)(const void *)p);
    x = _mm_shuffle_epi8(x, _mm_loadu_si128((const __m128i *)(const void *)index));
    return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(x));
}

#endif
