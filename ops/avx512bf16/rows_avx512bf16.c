/* ops/avx512bf16/rows_avx512bf16.c - what works on rows of bfloat16, and the epilogues of the matrix product. */
#include "ops/avx512bf16/isa_avx512bf16.h"
#include "ops/vec/half_avx512.h"

#include "ops/tmpl/math.inc"
#include "ops/tmpl/finish_half.inc"
#include "ops/tmpl/finish.inc"

void ps_bf16_from_f32_avx512bf16(size_t n, const float *x, uint16_t *y)
{
    size_t i = 0;
    for (; i + VN <= n; i += VN) vstore_half_k(y + i, vload(x + i), VN);
    if (i < n) vstore_half_k(y + i, vload_k(x + i, n - i), n - i);
}
