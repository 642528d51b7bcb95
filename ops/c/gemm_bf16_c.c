/* ops/c/gemm_bf16_c.c - reference product of bfloat16 numbers. */
#include "ops/bf16.h"
#include "ops/c/isa_c.h"

enum { HALF_MR = PS_BF16_MR_c, HALF_NR = PS_BF16_NR_c };
#define HALF_NAME ps_gemm_bf16_c
#define HALF_FINISH ps_finish_half_c
#include "ops/tmpl/gemm_half.inc"

/* A factor; denormals are zero. */
static float factor(uint16_t h)
{
    return h & 0x7F80 ? ps_bf16_widen(h) : 0.0f;
}

static void half_sums(size_t rows, size_t n, const half_tile *g, float *tile)
{
    for (size_t i = 0; i < rows; i++, tile += HALF_NR) {
        const uint16_t *b = g->b;
        for (size_t j = 0; j < n; j++) tile[j] = 0;
        for (size_t t = 0; t < g->taps; t++) {
            const uint16_t *a = g->a[t] + (g->at + (ptrdiff_t)i * g->lda);
            for (size_t p = 0; p < g->k; p += 2, b += 2 * HALF_NR) {
                float even = factor(a[p]), odd = factor(a[p + 1]);
                for (size_t j = 0; j < n; j++)
                    tile[j] += even * factor(b[2 * j]) + odd * factor(b[2 * j + 1]);
            }
        }
    }
}
