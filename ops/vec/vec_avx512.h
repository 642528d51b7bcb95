/* ops/vec/vec_avx512.h - the vector vocabulary of ops/tmpl in AVX-512: sixteen floats.  See vec_sse4.h. */
#ifndef PS_OPS_VEC_VEC_AVX512_H
#define PS_OPS_VEC_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

enum { VN = 16 };
typedef __m512 vf;
typedef __mmask16 vm;

// clang-format off: one name a line
#define VINLINE static inline __attribute__((always_inline, unused))

VINLINE vm vfirst(size_t k) { return (vm)((1u << k) - 1u); }

VINLINE vf vset(float x) { return _mm512_set1_ps(x); }
VINLINE vf vzero(void) { return _mm512_setzero_ps(); }
VINLINE vf vload(const float *p) { return _mm512_loadu_ps(p); }
VINLINE void vstore(float *p, vf x) { _mm512_storeu_ps(p, x); }
VINLINE vf vload_k(const float *p, size_t k) { return _mm512_maskz_loadu_ps(vfirst(k), p); }
VINLINE void vstore_k(float *p, vf x, size_t k) { _mm512_mask_storeu_ps(p, vfirst(k), x); }

VINLINE vf vadd(vf a, vf b) { return _mm512_add_ps(a, b); }
VINLINE vf vsub(vf a, vf b) { return _mm512_sub_ps(a, b); }
VINLINE vf vmul(vf a, vf b) { return _mm512_mul_ps(a, b); }
VINLINE vf vdiv(vf a, vf b) { return _mm512_div_ps(a, b); }
VINLINE vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VINLINE vf vfnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
VINLINE vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
VINLINE vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
VINLINE vf vabs(vf x) { return _mm512_abs_ps(x); }

VINLINE vm vlt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VINLINE vm vnan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VINLINE vf vselect(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }

VINLINE vf vscale(vf x, vf shifted)
{
    __m512i n = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), n));
}

VINLINE vf vwhole(vf x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
enum { VLDEXP_ANY = 1 };
VINLINE vf vldexp(vf x, vf n) { return _mm512_scalef_ps(x, n); }

#endif
