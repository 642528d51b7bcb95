/* ops/c/winograd_u8_c.c - Winograd's F(4x4, 3x3) on integers as matrices: the reference of its transforms and products. */
#include "ops/c/isa_c.h"
#include "ops/requant.h"

static const int32_t in[6 * 6] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                                 0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const int32_t weights[6 * 3] = {1, 0, 0, 1, 1, 1, 1, -1, 1, 1, 2, 4, 1, -2, 4, 0, 0, 1};
static const int32_t out[4 * 6] = {6, -4, -4, 1, 1, 0, 0, -4, 4, 2, -2, 0, 0, -4, -4, 4, 4, 0, 0, -4, 4, 8, -8, 24};

/* y = a x a^T modulo 2^32, a of m rows and n columns, x n x n, y m x m. */
static void both_sides(int m, int n, const int32_t *a, const int32_t *x, int32_t *y)
{
    uint32_t t[6 * 6];
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            t[i * n + j] = 0;
            for (int k = 0; k < n; k++) t[i * n + j] += (uint32_t)a[i * n + k] * (uint32_t)x[k * n + j];
        }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < n; k++) sum += t[i * n + k] * (uint32_t)a[j * n + k];
            y[i * m + j] = (int32_t)sum;
        }
}

void ps_winograd_in_u8_c(size_t c, const uint8_t *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, uint8_t border,
                         int16_t *v, ptrdiff_t step)
{
    for (ptrdiff_t ch = 0; ch < (ptrdiff_t)c; ch++) {
        int32_t d[36], t[36];
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                bool inside = i >= part->y0 && i < part->y1 && j >= part->x0 && j < part->x1;
                d[i * 6 + j] = inside ? x[(i - part->y0) * row + (j - part->x0) * pixel + ch] : border;
            }
        both_sides(6, 6, in, d, t);
        for (int p = 0; p < 36; p++) v[p * step + ch] = (int16_t)t[p];
    }
}

void ps_winograd_weights_s8_c(size_t n, const int8_t *w, ptrdiff_t tap, int16_t *u, ptrdiff_t step)
{
    for (size_t j = 0; j < n; j++)
        for (size_t q = 0; q < 4; q++) {
            int32_t g[9], t[18];
            for (int i = 0; i < 9; i++) g[i] = w[i * tap + (ptrdiff_t)(4 * j + q)];
            for (int i = 0; i < 6; i++)
                for (int k = 0; k < 3; k++)
                    t[i * 3 + k] = weights[i * 3] * g[k] + weights[i * 3 + 1] * g[3 + k] + weights[i * 3 + 2] * g[6 + k];
            for (int p = 0; p < 36; p++) {
                const int32_t *line = t + p / 6 * 3;
                const int32_t *by = weights + p % 6 * 3;
                u[p * step + (ptrdiff_t)(q / 2 * n * 2 + j * 2 + q % 2)] =
                    (int16_t)(line[0] * by[0] + line[1] * by[1] + line[2] * by[2]);
            }
        }
}

void ps_gemm_s16_c(size_t m, size_t n, size_t k, const int16_t *a, ptrdiff_t lda, const int16_t *b, int32_t *c,
                   ptrdiff_t ldc, bool add)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int32_t *y = c + (ptrdiff_t)i * ldc + (ptrdiff_t)j;
            uint32_t sum = add ? (uint32_t)*y : 0;
            for (size_t p = 0; p < k; p++)
                sum += (uint32_t)(a[(ptrdiff_t)i * lda + (ptrdiff_t)p] * b[(p / 2 * n + j) * 2 + p % 2]);
            *y = (int32_t)sum;
        }
}

void ps_winograd_out_s32_c(size_t n, const int32_t *m, ptrdiff_t step, size_t rows, size_t cols, void *y, ptrdiff_t row,
                           ptrdiff_t pixel, ptrdiff_t res_row, const ps_requant *q)
{
    ps_requant_plan plan;
    ps_requant_prepare(&plan, q);
    for (size_t ch = 0; ch < n; ch++) {
        int32_t d[36], t[16];
        for (int p = 0; p < 36; p++) d[p] = m[p * step + (ptrdiff_t)ch];
        both_sides(4, 6, out, d, t);
        for (size_t i = 0; i < rows * cols; i++) {
            size_t r = i / cols, s = i % cols;
            ptrdiff_t at = (ptrdiff_t)r * row + (ptrdiff_t)s * pixel + (ptrdiff_t)ch;
            ptrdiff_t res = (ptrdiff_t)r * res_row + (ptrdiff_t)s * q->ldr + (ptrdiff_t)ch;
            /* 576 times the sum: 9 times this factor is 1 modulo 2^32; what is left is 64 */
            int32_t sum = (int32_t)((uint32_t)t[4 * r + s] * 954437177u) >> 6;
            float real = ps_requant_real(&plan, q, ch, sum, q->residual ? q->residual[res] : 0);
            if (q->to_f32)
                ((float *)y)[at] = real;
            else
                ((uint8_t *)y)[at] = ps_requant_code(&plan, q, real);
        }
    }
}
