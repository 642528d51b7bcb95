/* ops/c/winograd_c.c - Winograd's F(4x4, 3x3) as matrices: the reference of its transforms. */
#include "ops/c/isa_c.h"

void ps_winograd_in_f32_c(size_t c, const float *x, ptrdiff_t row, ptrdiff_t pixel, float *v, ptrdiff_t step)
{
    static const float bt[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                   {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
    for (size_t ch = 0; ch < c; ch++) {
        float t[6][6];
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                t[i][j] = 0;
                for (int k = 0; k < 6; k++) t[i][j] += bt[i][k] * x[k * row + j * pixel + (ptrdiff_t)ch];
            }
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                float s = 0;
                for (int k = 0; k < 6; k++) s += t[i][k] * bt[j][k];
                v[(6 * i + j) * step + (ptrdiff_t)ch] = s;
            }
    }
}

void ps_winograd_out_f32_c(size_t n, const float *m, ptrdiff_t step, size_t rows, size_t cols, float *y, ptrdiff_t row,
                           ptrdiff_t pixel, ptrdiff_t res_row, const ps_epilogue *e)
{
    static const float at[4][6] = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
    for (size_t ch = 0; ch < n; ch++) {
        float t[4][6];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 6; j++) {
                t[i][j] = 0;
                for (int k = 0; k < 6; k++) t[i][j] += at[i][k] * m[(6 * k + j) * step + (ptrdiff_t)ch];
            }
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < cols; j++) {
                float s = 0;
                for (int k = 0; k < 6; k++) s += t[i][k] * at[j][k];
                ps_epilogue one = *e;
                if (one.bias) one.bias += ch;
                if (one.residual) one.residual += (ptrdiff_t)i * res_row + (ptrdiff_t)j * e->ldr + (ptrdiff_t)ch;
                ps_finish_c(1, 1, &s, 0, y + (ptrdiff_t)i * row + (ptrdiff_t)j * pixel + (ptrdiff_t)ch, 0, &one);
            }
    }
}
