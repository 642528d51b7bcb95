/* ops/c/winograd_c.c - Winograd's F(4x4, 3x3) as matrices: the reference of its transforms. */
#include "ops/c/isa_c.h"

void ps_winograd_in_f32_c(size_t c, const float *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, float *v,
                           ptrdiff_t step)
{
    static const float bt[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                   {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
    for (size_t ch = 0; ch < c; ch++) {
        float t[6][6];
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                t[i][j] = 0;
                if (j < part->x0 || j >= part->x1) continue;
                for (int k = part->y0; k < part->y1; k++)
                    t[i][j] += bt[i][k] * x[(k - part->y0) * row + (j - part->x0) * pixel + (ptrdiff_t)ch];
            }
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                float s = 0;
                for (int k = 0; k < 6; k++) s += t[i][k] * bt[j][k];
                v[(6 * i + j) * step + (ptrdiff_t)ch] = s;
            }
    }
}

void ps_winograd_weights_f32_c(size_t n, const float *w, ptrdiff_t tap, float *u, ptrdiff_t step)
{
    static const float g[6][3] = {{1 / 4.0f, 0, 0},
                                  {-1 / 6.0f, -1 / 6.0f, -1 / 6.0f},
                                  {-1 / 6.0f, 1 / 6.0f, -1 / 6.0f},
                                  {1 / 24.0f, 1 / 12.0f, 1 / 6.0f},
                                  {1 / 24.0f, -1 / 12.0f, 1 / 6.0f},
                                  {0, 0, 1}};
    for (ptrdiff_t j = 0; j < (ptrdiff_t)n; j++)
        for (int p = 0; p < 36; p++) {
            float s = 0;
            for (int t = 0; t < 9; t++) s += g[p / 6][t / 3] * g[p % 6][t % 3] * w[t * tap + j];
            u[p * step + j] = s;
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
