/* ops/vec/bytes_neon.h - the vocabulary of rows of bytes of ops/tmpl/codes.inc in NEON.  See bytes_sse4.h. */
#ifndef PS_OPS_VEC_BYTES_NEON_H
#define PS_OPS_VEC_BYTES_NEON_H

#include "ops/codes.h"
#include "ops/vec/eight.h"
#include "ops/vec/vec_neon.h"

#include <string.h>

enum { BN = 16 };
typedef uint8x16_t vb;
typedef int32x4_t vi;

// clang-format off: one name a line
VINLINE vb bload(const uint8_t *p) { return vld1q_u8(p); }
VINLINE void bstore(uint8_t *p, vb x) { vst1q_u8(p, x); }
VINLINE vb bload_k(const uint8_t *p, size_t k)
{
    if (k >= BN) return bload(p);
    if (k <= 8) return vcombine_u8(vcreate_u8(bload8_k(p, k)), vdup_n_u8(0));
    return vcombine_u8(vld1_u8(p), vcreate_u8(bload8_k(p + 8, k - 8)));
}
VINLINE void bstore_k(uint8_t *p, vb x, size_t k)
{
    if (k >= BN) bstore(p, x);
    else memcpy(p, &x, k);
}
VINLINE vb bset(int32_t x) { return vdupq_n_u8((uint8_t)x); }
VINLINE vb bmin(vb a, vb b) { return vminq_u8(a, b); }
VINLINE vb bmax(vb a, vb b) { return vmaxq_u8(a, b); }
VINLINE vb bspread(vb x) { return x; }
VINLINE vb bsort(vb x) { return x; }

VINLINE vb blow16(vb x) { return vreinterpretq_u8_u16(vmovl_u8(vget_low_u8(x))); }
VINLINE vb bhigh16(vb x) { return vreinterpretq_u8_u16(vmovl_u8(vget_high_u8(x))); }
VINLINE vi blow32(vb x) { return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vreinterpretq_u16_u8(x)))); }
VINLINE vi bhigh32(vb x) { return vreinterpretq_s32_u32(vmovl_u16(vget_high_u16(vreinterpretq_u16_u8(x)))); }
VINLINE vb badd16(vb a, vb b) { return vreinterpretq_u8_u16(vaddq_u16(vreinterpretq_u16_u8(a), vreinterpretq_u16_u8(b))); }
VINLINE vb bset16(int32_t x) { return vreinterpretq_u8_s16(vdupq_n_s16((int16_t)x)); }
VINLINE vb bpack16(vi a, vi b, vb add)
{
    return vreinterpretq_u8_s16(vqaddq_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), vreinterpretq_s16_u8(add)));
}
VINLINE vb bpack8(vb a, vb b) { return vcombine_u8(vqmovun_s16(vreinterpretq_s16_u8(a)), vqmovun_s16(vreinterpretq_s16_u8(b))); }

VINLINE vi iset(int32_t x) { return vdupq_n_s32(x); }
VINLINE vi iload(const int32_t *p) { return vld1q_s32(p); }
VINLINE void istore(int32_t *p, vi x) { vst1q_s32(p, x); }
VINLINE vi iadd(vi a, vi b) { return vaddq_s32(a, b); }
VINLINE vf ifloat(vi x) { return vcvtq_f32_s32(x); }
/* Halves to even; what is no number, or lower than any code, becomes lower than any code.  ARMv7: up to 2^22. */
VINLINE vi iround(vf x)
{
    const vf low = vset(-1024.0f);
#ifdef __aarch64__
    return vcvtnq_s32_f32(vmaxnmq_f32(x, low));
#else
    const vf shift = vset(PS_CODE_SHIFT);
    return vsubq_s32(vreinterpretq_s32_f32(vadd(vselect(vlt(low, x), x, low), shift)), vreinterpretq_s32_f32(shift));
#endif
}
// clang-format on

#endif
