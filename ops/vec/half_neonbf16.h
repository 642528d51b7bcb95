/* ops/vec/half_neonbf16.h - vectors of bfloat16 in memory, for NEON with BF16: loads, stores. */
#ifndef PS_OPS_VEC_HALF_NEONBF16_H
#define PS_OPS_VEC_HALF_NEONBF16_H

#include "ops/vec/half_neon.h"

/* Four bfloat16 numbers as floats: those of k, zero beyond. */
VINLINE vf vload_half_k(const uint16_t *p, size_t k)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vload_words_k(p, k), 16));
}

/* As ps_bf16_round where denormals are flushed, as they are while a session runs. */
VINLINE void vstore_half_k(uint16_t *p, vf x, size_t k)
{
    vstore_words_k(p, vreinterpret_u16_bf16(vcvt_bf16_f32(x)), k);
}

#endif
