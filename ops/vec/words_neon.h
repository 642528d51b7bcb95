/* ops/vec/words_neon.h - the vocabulary of 16- and 32-bit integers of ops/tmpl in NEON.  See words_sse4.h. */
#ifndef PS_OPS_VEC_WORDS_NEON_H
#define PS_OPS_VEC_WORDS_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WN = 8, DN = 4 };
typedef int16x8_t vw;
typedef int32x4_t vd;

// clang-format off: one name a line
#define WINLINE static inline __attribute__((always_inline, unused))

WINLINE vw wset(int16_t x) { return vdupq_n_s16(x); }
WINLINE vw wload(const int16_t *p) { return vld1q_s16(p); }
WINLINE void wstore(int16_t *p, vw x) { vst1q_s16(p, x); }
WINLINE void wstore_k(int16_t *p, vw x, size_t k)
{
    if (k < WN) memcpy(p, &x, k * sizeof *p);
    else wstore(p, x);
}
WINLINE vw wload_u8_k(const uint8_t *p, size_t k)
{
    uint8_t some[WN] = {0};
    if (k < WN) memcpy(some, p, k);
    return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(k < WN ? some : p)));
}
WINLINE void wload_fours(const int8_t *p, vw *first, vw *last)
{
    int16x4x2_t twos = vuzp_s16(vreinterpret_s16_s8(vld1_s8(p)), vreinterpret_s16_s8(vld1_s8(p + 8)));
    *first = vmovl_s8(vreinterpret_s8_s16(twos.val[0]));
    *last = vmovl_s8(vreinterpret_s8_s16(twos.val[1]));
}
WINLINE vw wadd(vw a, vw b) { return vaddq_s16(a, b); }
WINLINE vw wsub(vw a, vw b) { return vsubq_s16(a, b); }
#define wshl(x, n) vshlq_n_s16(x, n)

WINLINE vd dload(const int32_t *p) { return vld1q_s32(p); }
WINLINE void dstore(int32_t *p, vd x) { vst1q_s32(p, x); }
WINLINE vd dset(int32_t x) { return vdupq_n_s32(x); }
WINLINE vd dadd(vd a, vd b) { return vaddq_s32(a, b); }
WINLINE vd dsub(vd a, vd b) { return vsubq_s32(a, b); }
WINLINE vd dmul(vd a, vd b) { return vmulq_s32(a, b); }
#define dshl(x, n) vshlq_n_s32(x, n)
#define dsar(x, n) vshrq_n_s32(x, n)
// clang-format on

#endif
