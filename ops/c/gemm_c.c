/* ops/c/gemm_c.c - reference matrix product, and the one of machines that have no vectors here. */
#include "ops/c/isa_c.h"
#include "ops/unroll.h"

#include <string.h>

/* Four floats that the compiler maps to whatever the machine has: loops over plain arrays end up in memory. */
typedef float quad __attribute__((vector_size(16)));

static inline quad load(const float *p)
{
    quad x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* y[i][j] = sums of m rows; where m is the constant PS_C_MR, they stay in registers. */
static inline void sums(size_t m, size_t k, size_t taps, const float *const *a, ptrdiff_t lda, const float *b,
                        float *y)
{
    quad acc[PS_C_MR][2] = {{{0}}};
    for (size_t t = 0; t < taps; t++) {
        const float *at = a[t];
        for (size_t p = 0; p < k; p++, b += PS_C_NR) {
            quad b0 = load(b), b1 = load(b + 4);
            PS_UNROLL for (size_t i = 0; i < m; i++)
            {
                float x = at[(ptrdiff_t)i * lda + (ptrdiff_t)p];
                acc[i][0] += (quad){x, x, x, x} * b0;
                acc[i][1] += (quad){x, x, x, x} * b1;
            }
        }
    }
    memcpy(y, acc, sizeof acc);
}

void ps_gemm_f32_c(size_t m, size_t n, size_t k, size_t taps, const float *const *a, ptrdiff_t lda,
                   const float *b, float *c, ptrdiff_t ldc, const ps_epilogue *e)
{
    float y[PS_C_MR * PS_C_NR];
    if (m == PS_C_MR) sums(PS_C_MR, k, taps, a, lda, b, y);
    else sums(m, k, taps, a, lda, b, y);
    ps_finish_c(m, n, y, PS_C_NR, c, ldc, e);
}
