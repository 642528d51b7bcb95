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

void ps_gemm_f32_c(size_t m, size_t n, size_t k, size_t taps, const float *const *a, ptrdiff_t lda,
                   const float *b, float *c, ptrdiff_t ldc, const ps_epilogue *e)
{
    quad acc[PS_C_MR][2] = {{{0}}};
    float y[PS_C_MR * PS_C_NR];
    ptrdiff_t
        row[PS_C_MR]; /* rows from m on compute row 0 again: with a constant count acc is in registers */
    for (size_t i = 0; i < PS_C_MR; i++) row[i] = i < m ? (ptrdiff_t)i * lda : 0;
    for (size_t t = 0; m && t < taps; t++) {
        const float *at = a[t];
        for (size_t p = 0; p < k; p++, at++, b += PS_C_NR) {
            quad b0 = load(b), b1 = load(b + 4);
            PS_UNROLL for (size_t i = 0; i < PS_C_MR; i++)
            {
                float x = at[row[i]];
                acc[i][0] += (quad){x, x, x, x} * b0;
                acc[i][1] += (quad){x, x, x, x} * b1;
            }
        }
    }
    memcpy(y, acc, sizeof acc);
    ps_finish_c(m, n, y, PS_C_NR, c, ldc, e);
}
