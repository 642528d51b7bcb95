/* ops/neon/f16_neon.c - conversions from and to IEEE halves, which ARMv8 has without arithmetic on them. */
#include "ops/neon/isa_neon.h"

#ifdef __aarch64__
#include "ops/vec/half_neonfp16.h"

void ps_f16_from_f32_neon(size_t n, const float *x, uint16_t *y)
{
    size_t i = 0;
    for (; i + VN <= n; i += VN) vstore_half_k(y + i, vload(x + i), VN);
    if (i < n) vstore_half_k(y + i, vload_k(x + i, n - i), n - i);
}

void ps_f32_from_f16_neon(size_t n, const uint16_t *x, float *y)
{
    size_t i = 0;
    for (; i + VN <= n; i += VN) vstore(y + i, vload_half_k(x + i, VN));
    if (i < n) vstore_k(y + i, vload_half_k(x + i, n - i), n - i);
}
#endif
