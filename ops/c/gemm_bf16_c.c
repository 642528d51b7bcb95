/* ops/c/gemm_bf16_c.c - reference product of bfloat16 numbers. */
#include "ops/bf16.h"
#include "ops/c/isa_c.h"

enum { NR = PS_C_NR };

/* A factor; denormals are zero. */
static float factor(uint16_t h)
{
    return h & 0x7F80 ? ps_bf16_widen(h) : 0.0f;
}

/* Sums of one row with one panel. */
static void sums(size_t n, size_t k, size_t taps, const uint16_t *const *a, ptrdiff_t at, const uint16_t *b,
                 float acc[NR])
{
    for (size_t j = 0; j < NR; j++) acc[j] = 0;
    for (size_t t = 0; t < taps; t++)
        for (size_t p = 0; p < k; p += 2, b += 2 * NR) {
            float even = factor(a[t][at + (ptrdiff_t)p]), odd = factor(a[t][at + (ptrdiff_t)p + 1]);
            for (size_t j = 0; j < n; j++) acc[j] += even * factor(b[2 * j]) + odd * factor(b[2 * j + 1]);
        }
}

void ps_gemm_bf16_c(size_t m, size_t n, size_t k, size_t taps, const uint16_t *const *a, ptrdiff_t lda,
                    const uint16_t *b, ptrdiff_t panel, void *c, ptrdiff_t ldc, const ps_epilogue *e)
{
    for (size_t j = 0; j < n; j += NR, b += panel) {
        size_t cols = n - j < NR ? n - j : NR;
        for (size_t i = 0; i < m; i++) {
            float acc[NR];
            ptrdiff_t row = (ptrdiff_t)i * ldc + (ptrdiff_t)j;
            ps_epilogue part = *e;
            if (e->bias) part.bias += j;
            sums(cols, k, taps, a, (ptrdiff_t)i * lda, b, acc);
            if (e->half) {
                if (e->residual16) part.residual16 += (ptrdiff_t)i * e->ldr + (ptrdiff_t)j;
                ps_finish_half_c(1, cols, acc, NR, (uint16_t *)c + row, ldc, &part);
            } else {
                if (e->residual) part.residual += (ptrdiff_t)i * e->ldr + (ptrdiff_t)j;
                ps_finish_c(1, cols, acc, NR, (float *)c + row, ldc, &part);
            }
        }
    }
}
