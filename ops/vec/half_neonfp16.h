/* ops/vec/half_neonfp16.h - vectors of IEEE halves in memory, for NEON of ARMv8: loads, stores. */
#ifndef PS_OPS_VEC_HALF_NEONFP16_H
#define PS_OPS_VEC_HALF_NEONFP16_H

#include "ops/f16.h"
#include "ops/vec/half_neon.h"

/* Four halves as floats: those of k, zero beyond. */
VINLINE vf vload_half_k(const uint16_t *p, size_t k)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vload_words_k(p, k)));
}

/* As ps_f16_cut. */
VINLINE void vstore_half_k(uint16_t *p, vf x, size_t k)
{
    x = vmin(vset(PS_F16_MOST), vmax(vset(-PS_F16_MOST), x));
    vstore_words_k(p, vreinterpret_u16_f16(vcvt_f16_f32(x)), k);
}

#endif
