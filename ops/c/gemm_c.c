/* ops/c/gemm_c.c - reference matrix product. */
#include "ops/c/isa_c.h"

void ps_gemm_f32_c(size_t m, size_t n, size_t k, size_t taps, const float *const *a, ptrdiff_t lda,
                   const float *b, float *c, ptrdiff_t ldc, const ps_epilogue *e)
{
    float acc[PS_C_MR * PS_C_NR] = {0};
    for (size_t t = 0; t < taps; t++) {
        const float *at = a[t];
        for (size_t p = 0; p < k; p++, b += PS_C_NR) {
            for (size_t i = 0; i < m; i++) {
                float x = at[(ptrdiff_t)i * lda + (ptrdiff_t)p];
                for (size_t j = 0; j < PS_C_NR; j++) acc[i * PS_C_NR + j] += x * b[j];
            }
        }
    }
    ps_finish_c(m, n, acc, PS_C_NR, c, ldc, e);
}
