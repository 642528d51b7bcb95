/* ops/c/dwconv_c.c - reference depthwise convolution. */
#include "ops/c/isa_c.h"

enum { BLOCK = 64 };

void ps_dwconv_f32_c(size_t w, size_t c, size_t kh, size_t kw, const float *const *rows, ptrdiff_t ldx,
                     ptrdiff_t ldtap, const float *wt, float *y, ptrdiff_t ldy, const ps_epilogue *e)
{
    for (size_t j0 = 0; j0 < c; j0 += BLOCK) {
        size_t n = c - j0 < BLOCK ? c - j0 : BLOCK;
        ps_epilogue part = *e;
        if (e->bias) part.bias = e->bias + j0;
        for (size_t i = 0; i < w; i++) {
            float acc[BLOCK] = {0};
            for (size_t dy = 0; dy < kh; dy++) {
                for (size_t dx = 0; dx < kw; dx++) {
                    const float *x = rows[dy] + (ptrdiff_t)i * ldx + (ptrdiff_t)dx * ldtap + j0;
                    const float *f = wt + (dy * kw + dx) * c + j0;
                    for (size_t j = 0; j < n; j++) acc[j] += x[j] * f[j];
                }
            }
            if (e->residual) part.residual = e->residual + (ptrdiff_t)i * e->ldr + j0;
            ps_finish_c(1, n, acc, 0, y + (ptrdiff_t)i * ldy + j0, 0, &part);
        }
    }
}
