/* ops/c/winograd_u8_c.c - Winograd's F(4x4, 3x3) on integers as matrices: the reference of its transforms and products. */
#include "ops/c/isa_c.h"
#include "ops/requant.h"

/* Stride 1: the factors of products are 24 on either side. */
static const int32_t in1[6 * 6] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                                 0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const int32_t weights1[6 * 3] = {1, 0, 0, 1, 1, 1, 1, -1, 1, 1, 2, 4, 1, -2, 4, 0, 0, 1};
static const int32_t out1[4 * 6] = {6, -4, -4, 1, 1, 0, 0, -4, 4, 2, -2, 0, 0, -4, -4, 4, 4, 0, 0, -4, 4, 8, -8, 24};

/* Stride 2: 6. */
static const int32_t in2[9 * 9] = {2, 0, -1, 0, -2, 0, 1, 0, 0, 0, 0, -2, 0, -1, 0, 1, 0, 0, 0, 0, 2,  0, -3, 0,  1, 0, 0,
                                   0, 0, -1, 0, 0,  0, 1, 0, 0, 0, 0, 2,  0, -1, 0, -2, 0, 1, 0, 1, 0, 0, 0,  0, 0, 0, 0,
                                   0, 0, 0,  1, 0,  0, 0, 0, 0, 0, 0, 0,  0, 0,  1, 0, 0, 0, 0, 0, 0,  0, 0,  0, 0, 1, 0};
static const int32_t weights2[6 * 3] = {1, 0, 0, 1, 0, 1, -1, 0, 1, 1, 0, 2, 0, 0, 1, 0, 1, 0};
static const int32_t out2[4 * 9] = {3, -3, 1,  1, 0, 6, 0, 0, 0, 0, -3, -1, 2, 0, 0, 6, 0, 0,
                                    0, -3, 1,  4, 0, 0, 0, 6, 0, 0, -3, -1, 8, 6, 0, 0, 0, 6};

/* y = a x a^T modulo 2^32, a of m rows and n columns (<= 9), x n x n, y m x m. */
static void both_sides(int m, int n, const int32_t *a, const int32_t *x, int32_t *y)
{
    uint32_t t[9 * 9];
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

static void inputs(int n, const int32_t *a, size_t c, const uint8_t *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part,
                   uint8_t border, int16_t *v, ptrdiff_t step)
{
    for (ptrdiff_t ch = 0; ch < (ptrdiff_t)c; ch++) {
        int32_t d[81], t[81];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                bool inside = i >= part->y0 && i < part->y1 && j >= part->x0 && j < part->x1;
                d[i * n + j] = inside ? x[(i - part->y0) * row + (j - part->x0) * pixel + ch] : border;
            }
        both_sides(n, n, a, d, t);
        for (int p = 0; p < n * n; p++) v[p * step + ch] = (int16_t)t[p];
    }
}

void ps_winograd_in_u8_c(size_t c, const uint8_t *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, uint8_t border,
                         int16_t *v, ptrdiff_t step)
{
    inputs(6, in1, c, x, row, pixel, part, border, v, step);
}

void ps_winograd_s2_in_u8_c(size_t c, const uint8_t *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, uint8_t border,
                            int16_t *v, ptrdiff_t step)
{
    inputs(9, in2, c, x, row, pixel, part, border, v, step);
}

static void weights(const int32_t *a, size_t n, const int8_t *w, ptrdiff_t tap, int16_t *u, ptrdiff_t step)
{
    for (size_t j = 0; j < n; j++)
        for (size_t q = 0; q < 4; q++) {
            int32_t g[9], t[36];
            for (int i = 0; i < 9; i++) g[i] = w[i * tap + (ptrdiff_t)(4 * j + q)];
            both_sides(6, 3, a, g, t);
            for (int p = 0; p < 36; p++) u[p * step + (ptrdiff_t)(q / 2 * n * 2 + j * 2 + q % 2)] = (int16_t)t[p];
        }
}

void ps_winograd_weights_s8_c(size_t n, const int8_t *w, ptrdiff_t tap, int16_t *u, ptrdiff_t step)
{
    weights(weights1, n, w, tap, u, step);
}

void ps_winograd_s2_weights_s8_c(size_t n, const int8_t *w, ptrdiff_t tap, int16_t *u, ptrdiff_t step)
{
    weights(weights2, n, w, tap, u, step);
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

typedef struct place {
    size_t rows, cols;
    void *y;
    ptrdiff_t row, pixel, res_row;
} place;

/* `left`: of 576 or 36 times the sum 9 is divided out, and 2^left is left. */
static void outputs(int k, const int32_t *a, int left, size_t n, const int32_t *m, ptrdiff_t step, const place *to,
                    const ps_requant *q)
{
    ps_requant_plan plan;
    ps_requant_prepare(&plan, q);
    for (size_t ch = 0; ch < n; ch++) {
        int32_t d[81], t[16];
        for (int p = 0; p < k * k; p++) d[p] = m[p * step + (ptrdiff_t)ch];
        both_sides(4, k, a, d, t);
        for (size_t i = 0; i < to->rows * to->cols; i++) {
            size_t r = i / to->cols, s = i % to->cols;
            ptrdiff_t at = (ptrdiff_t)r * to->row + (ptrdiff_t)s * to->pixel + (ptrdiff_t)ch;
            ptrdiff_t res = (ptrdiff_t)r * to->res_row + (ptrdiff_t)s * q->ldr + (ptrdiff_t)ch;
            int32_t sum = (int32_t)((uint32_t)t[4 * r + s] * (uint32_t)PS_NINTH) >> left;
            float real = ps_requant_real(&plan, q, ch, sum, q->residual ? q->residual[res] : 0);
            if (q->to_f32)
                ((float *)to->y)[at] = real;
            else
                ((uint8_t *)to->y)[at] = ps_requant_code(&plan, q, real);
        }
    }
}

void ps_winograd_out_s32_c(size_t n, const int32_t *m, ptrdiff_t step, size_t rows, size_t cols, void *y, ptrdiff_t row,
                           ptrdiff_t pixel, ptrdiff_t res_row, const ps_requant *q)
{
    const place to = {rows, cols, y, row, pixel, res_row};
    outputs(6, out1, 6, n, m, step, &to, q);
}

void ps_winograd_s2_out_s32_c(size_t n, const int32_t *m, ptrdiff_t step, size_t rows, size_t cols, void *y, ptrdiff_t row,
                              ptrdiff_t pixel, ptrdiff_t res_row, const ps_requant *q)
{
    const place to = {rows, cols, y, row, pixel, res_row};
    outputs(9, out2, 2, n, m, step, &to, q);
}
