/* ops/c/gemm_f16_c.c - reference product of IEEE halves, whose sums are all in float. */
#include "ops/c/isa_c.h"
#include "ops/f16.h"

enum { HALF_MR = PS_F16_MR_c, HALF_NR = PS_F16_NR_c };
#define HALF_NAME ps_gemm_f16_c
#define HALF_FINISH ps_finish_f16_c
#include "ops/tmpl/gemm_half.inc"

static void half_sums(size_t rows, size_t n, const half_tile *g, float *tile)
{
    for (size_t i = 0; i < rows; i++, tile += HALF_NR) {
        const uint16_t *b = g->b;
        for (size_t j = 0; j < n; j++) tile[j] = 0;
        for (size_t t = 0; t < g->taps; t++) {
            const uint16_t *a = g->a[t] + (g->at + (ptrdiff_t)i * g->lda);
            for (size_t p = 0; p < g->k; p++, b += HALF_NR) {
                float x = ps_f16_widen(a[p]);
                for (size_t j = 0; j < n; j++) tile[j] += x * ps_f16_widen(b[j]);
            }
        }
    }
}
