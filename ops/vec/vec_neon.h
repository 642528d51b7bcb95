/* ops/vec/vec_neon.h - the vector vocabulary of ops/tmpl in NEON, of ARMv8-A and of ARMv7-A with VFPv4: four floats.  See
 * vec_sse4.h.  ARMv7's NEON flushes denormals and has no division, no rounding and 16 registers where ARMv8's has 32. */
#ifndef PS_OPS_VEC_VEC_NEON_H
#define PS_OPS_VEC_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

enum { VN = 4 };
typedef float32x4_t vf;
typedef uint32x4_t vm;

// clang-format off: one name a line
#define VINLINE static inline __attribute__((always_inline, unused))
VINLINE vf vset(float x) { return vdupq_n_f32(x); }
VINLINE vf vzero(void) { return vdupq_n_f32(0.0f); }
VINLINE vf vload(const float *p) { return vld1q_f32(p); }
VINLINE void vstore(float *p, vf x) { vst1q_f32(p, x); }
VINLINE vf vload_k(const float *p, size_t k)
{
    if (k >= 4) return vld1q_f32(p);
    if (k == 1) return vld1q_lane_f32(p, vdupq_n_f32(0.0f), 0);
    float32x2_t low = vld1_f32(p), high = vdup_n_f32(0.0f);
    return vcombine_f32(low, k == 2 ? high : vld1_lane_f32(p + 2, high, 0));
}
VINLINE void vstore_k(float *p, vf x, size_t k)
{
    if (k >= 4) {
        vst1q_f32(p, x);
        return;
    }
    float32x2_t half = vget_low_f32(x);
    if (k & 2) {
        vst1_f32(p, half);
        p += 2;
        half = vget_high_f32(x);
    }
    if (k & 1) vst1_lane_f32(p, half, 0);
}
VINLINE vf vadd(vf a, vf b) { return vaddq_f32(a, b); }
VINLINE vf vsub(vf a, vf b) { return vsubq_f32(a, b); }
VINLINE vf vmul(vf a, vf b) { return vmulq_f32(a, b); }
VINLINE vf vfma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
VINLINE vf vfnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
/* Element `lane` of x times b, plus c, in assembly: compilers would make four vectors of the elements of x, and spill.  ARMv7
 * has this only with a rounding between product and sum. */
#define vfma_lane(x, lane, b, c) vfma_lane_##lane(x, b, c)
#ifdef __aarch64__
#define VFMA_LANE(l)                                                                     \
    VINLINE vf vfma_lane_##l(vf x, vf b, vf c)                                           \
    {                                                                                    \
        __asm__("fmla %0.4s, %1.4s, %2.s[" #l "]" : "+w"(c) : "w"(b), "w"(x)); \
        return c;                                                                        \
    }
VINLINE vf vload_next(const float **p) { return vld1q_f32((*p += 4) - 4); }
#define VLOAD_STEP
VINLINE vf vload_step(const float **p, ptrdiff_t step)
{
    vf x;
    __asm__("ld1 {%0.4s}, [%1], %2" : "=w"(x), "+r"(*p) : "r"(step * 4), "m"(*(const struct { float f[VN]; } *)*p));
    return x;
}
VINLINE vf vset_next(const float **p) /* four of *p; compilers load it and then make four of it */
{
    vf x;
    __asm__("ld1r {%0.4s}, [%1], #4" : "=w"(x), "+r"(*p) : "m"(**p));
    return x;
}
#define VFMA_LANES VFMA_LANE(0) VFMA_LANE(1) VFMA_LANE(2) VFMA_LANE(3)
#else
#define VFMA_LANE(l, half, of_half)                                                                 \
    VINLINE vf vfma_lane_##l(vf x, vf b, vf c)                                                      \
    {                                                                                               \
        __asm__("vmla.f32 %q0, %q1, %" #half "2[" #of_half "]" : "+w"(c) : "w"(b), "t"(x));         \
        return c;                                                                                   \
    }
VINLINE vf vload_next(const float **p) /* compilers add to the pointer apart */
{
    vf x;
    __asm__("vld1.32 {%e0-%f0}, [%1]!" : "=w"(x), "+r"(*p) : "m"(*(const struct { float f[VN]; } *)*p));
    return x;
}
VINLINE vf vset_next(const float **p)
{
    vf x;
    __asm__("vld1.32 {%e0[],%f0[]}, [%1]!" : "=w"(x), "+r"(*p) : "m"(**p));
    return x;
}
#define VFMA_LANES VFMA_LANE(0, e, 0) VFMA_LANE(1, e, 1) VFMA_LANE(2, f, 0) VFMA_LANE(3, f, 1)
#endif
VFMA_LANES
#undef VFMA_LANES
#undef VFMA_LANE
#define VMAX_NAN /* vmin and vmax are NaN if either is */
VINLINE vf vmin(vf a, vf b) { return vminq_f32(a, b); }
VINLINE vf vmax(vf a, vf b) { return vmaxq_f32(a, b); }
VINLINE vf vabs(vf x) { return vabsq_f32(x); }
VINLINE vm vfirst(size_t k)
{
    const uint32x4_t lanes = vcombine_u32(vcreate_u32((uint64_t)1 << 32), vcreate_u32((uint64_t)3 << 32 | 2));
    return vcltq_u32(lanes, vdupq_n_u32((uint32_t)k));
}
VINLINE vf vselect(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
VINLINE vf vscale(vf x, vf shifted)
{
    int32x4_t n = vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), n));
}
#ifdef __aarch64__
VINLINE vm vlt(vf a, vf b) { return vcltq_f32(a, b); }
VINLINE vm vnan(vf a) { return vmvnq_u32(vceqq_f32(a, a)); }
VINLINE vf vdiv(vf a, vf b) { return vdivq_f32(a, b); }
VINLINE vf vwhole(vf x) { return vrndnq_f32(x); }
#else
VINLINE vm vlt(vf a, vf b) /* compilers compare one by one, for the sake of denormals */
{
    vm m;
    __asm__("vcgt.f32 %q0, %q2, %q1" : "=w"(m) : "w"(a), "w"(b));
    return m;
}
VINLINE vm vnan(vf a)
{
    vm m;
    __asm__("vceq.f32 %q0, %q1, %q1" : "=w"(m) : "w"(a));
    return vmvnq_u32(m);
}
VINLINE vf vdiv(vf a, vf b)
{
    for (int i = 0; i < VN; i++) a[i] = a[i] / b[i];
    return a;
}
#define VQUOT
VINLINE vf vquot(vf a, vf b) /* 8 bits of 1 / b, 16, all; infinite a stays so */
{
    vf r = vrecpeq_f32(b);
    r = vmulq_f32(r, vrecpsq_f32(b, r));
    r = vfmaq_f32(r, r, vfmsq_f32(vdupq_n_f32(1.0f), b, r));
    return vmulq_f32(a, r);
}
VINLINE vf vwhole(vf x) /* |x| < 2^22 */
{
    const vf shift = vdupq_n_f32(12582912.0f);
    return vsubq_f32(vaddq_f32(x, shift), shift);
}
#endif
enum { VLDEXP_ANY = 0 };
VINLINE vf vldexp(vf x, vf n)
{
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vcvtq_s32_f32(n), 23)));
}
VINLINE void vtranspose(vf r[VN])
{
    float32x4x2_t a = vtrnq_f32(r[0], r[1]), b = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    r[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    r[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    r[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
#define VZIP3
VINLINE void vzip3(vf x, vf y, vf z, vf r[3])
{
    float out[3 * VN];
    const float32x4x3_t all = {{x, y, z}};
    vst3q_f32(out, all);
    for (int i = 0; i < 3; i++) r[i] = vld1q_f32(out + i * VN);
}
VINLINE vf vbytes(const uint8_t *p, const uint8_t index[16])
{
    uint8x8_t x = vtbl1_u8(vld1_u8(p), vld1_u8(index));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(x))));
}

#endif
