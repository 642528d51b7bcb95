/* ops/c/pool_c.c - reference pooling, resampling and transposition. */
#include "ops/c/isa_c.h"

void ps_maxpool_f32_c(size_t n, size_t count, const float *const *x, float *y)
{
    for (size_t j = 0; j < n; j++) {
        float top = x[0][j];
        for (size_t t = 1; t < count; t++) {
            float v = x[t][j];
            top = v > top || v != v ? v : top;
        }
        y[j] = top;
    }
}

void ps_lerp4_f32_c(size_t n, const float *const x[4], const float w[4], float *y)
{
    for (size_t j = 0; j < n; j++)
        y[j] = (w[0] * x[0][j] + w[1] * x[1][j]) + (w[2] * x[2][j] + w[3] * x[3][j]);
}

void ps_transpose_f32_c(size_t m, size_t n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < m; i++)
            y[(ptrdiff_t)j * ldy + (ptrdiff_t)i] = x[(ptrdiff_t)i * ldx + (ptrdiff_t)j];
}
