/* ops/vec/half_neon.h - four numbers of 16 bits in memory, and what epilogues of such take instead of a division. */
#ifndef PS_OPS_VEC_HALF_NEON_H
#define PS_OPS_VEC_HALF_NEON_H

#include "ops/vec/vec_neon.h"

/* Those of k, zero beyond. */
VINLINE uint16x4_t vload_words_k(const uint16_t *p, size_t k)
{
    if (k >= 4) return vld1_u16(p);
    uint16x4_t x = vld1_lane_u16(p, vdup_n_u16(0), 0);
    if (k > 1) x = vld1_lane_u16(p + 1, x, 1);
    if (k > 2) x = vld1_lane_u16(p + 2, x, 2);
    return x;
}

VINLINE void vstore_words_k(uint16_t *p, uint16x4_t x, size_t k)
{
    if (k >= 4) {
        vst1_u16(p, x);
        return;
    }
    vst1_lane_u16(p, x, 0);
    if (k > 1) vst1_lane_u16(p + 1, x, 1);
    if (k > 2) vst1_lane_u16(p + 2, x, 2);
}

/* Within 2^-16. */
VINLINE vf vreciprocal_rough(vf x)
{
    vf y = vrecpeq_f32(x);
    return vmulq_f32(y, vrecpsq_f32(x, y));
}

#endif
