/* ops/neonbf16/rows_neonbf16.c - what works on rows of bfloat16, and the epilogues of the matrix product. */
#include "ops/neonbf16/isa_neonbf16.h"
#include "ops/vec/half_neonbf16.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish.inc"
#include "ops/tmpl/finish_half.inc"

/* Denormals become zero of their sign whatever the mode, which BFCVT asks. */
VINLINE vf normal(vf x)
{
    uint32x4_t bits = vreinterpretq_u32_f32(x), is = vtstq_u32(bits, vdupq_n_u32(0x7F800000));
    return vreinterpretq_f32_u32(vandq_u32(bits, vorrq_u32(is, vdupq_n_u32(0x80000000))));
}

void ps_bf16_from_f32_neonbf16(size_t n, const float *x, uint16_t *y)
{
    size_t i = 0;
    for (; i + VN <= n; i += VN) vstore_half_k(y + i, normal(vload(x + i)), VN);
    if (i < n) vstore_half_k(y + i, normal(vload_k(x + i, n - i)), n - i);
}
