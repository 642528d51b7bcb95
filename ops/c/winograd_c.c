/* ops/c/winograd_c.c - Winograd's F(4x4) for 3x3 windows as matrices: the reference of its transforms. */
#include "ops/c/isa_c.h"

/* Stride 1: lines of 6 inputs to 6 points, 3 weights to 6, 6 products to 4 outputs. */
static const float in1[6 * 6] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                                 0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const float weights1[6 * 3] = {1 / 4.0f,  0,         0,        -1 / 6.0f, -1 / 6.0f,  -1 / 6.0f,
                                      -1 / 6.0f, 1 / 6.0f,  -1 / 6.0f, 1 / 24.0f, 1 / 12.0f, 1 / 6.0f,
                                      1 / 24.0f, -1 / 12.0f, 1 / 6.0f, 0,         0,         1};
static const float out1[4 * 6] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0, 0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

/* Stride 2: lines of 9 inputs to 5 points of the even ones and the 4 odd ones, and so on. */
static const float in2[9 * 9] = {2, 0, -1, 0, -2, 0, 1, 0, 0, 0, 0, -2, 0, -1, 0, 1, 0, 0, 0, 0, 2,  0, -3, 0,  1, 0, 0,
                                 0, 0, -1, 0, 0,  0, 1, 0, 0, 0, 0, 2,  0, -1, 0, -2, 0, 1, 0, 1, 0, 0, 0,  0, 0, 0, 0,
                                 0, 0, 0,  1, 0,  0, 0, 0, 0, 0, 0, 0,  0, 0,  1, 0, 0, 0, 0, 0, 0,  0, 0,  0, 0, 1, 0};
static const float weights2[6 * 3] = {1 / 2.0f, 0, 0,        -1 / 2.0f, 0, -1 / 2.0f, -1 / 6.0f, 0, 1 / 6.0f,
                                      1 / 6.0f, 0, 1 / 3.0f, 0,         0, 1,         0,         1, 0};
static const float out2[4 * 9] = {1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 1, -1, 2, 0, 0, 1, 0, 0,
                                  0, 1, 1, 4, 0, 0, 0, 1, 0, 0, 1, -1, 8, 1, 0, 0, 0, 1};

/* y = a x a^T, a of m rows and n columns (<= 9), x n x n, element p of x at x[p], y of m x m alike. */
static void both_sides(int m, int n, const float *a, const float *x, float *y)
{
    float t[9 * 9];
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            t[i * n + j] = 0;
            for (int k = 0; k < n; k++) t[i * n + j] += a[i * n + k] * x[k * n + j];
        }
    for (int i = 0; i < m; i++)
        for (int j = 0; j < m; j++) {
            y[i * m + j] = 0;
            for (int k = 0; k < n; k++) y[i * m + j] += t[i * n + k] * a[j * n + k];
        }
}

static void inputs(int n, const float *a, size_t c, const float *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part,
                   float *v, ptrdiff_t step)
{
    for (ptrdiff_t ch = 0; ch < (ptrdiff_t)c; ch++) {
        float d[81] = {0}, t[81];
        for (int i = part->y0; i < part->y1; i++)
            for (int j = part->x0; j < part->x1; j++) d[i * n + j] = x[(i - part->y0) * row + (j - part->x0) * pixel + ch];
        both_sides(n, n, a, d, t);
        for (int p = 0; p < n * n; p++) v[p * step + ch] = t[p];
    }
}

static void weights(const float *a, size_t n, const float *w, ptrdiff_t tap, float *u, ptrdiff_t step)
{
    for (ptrdiff_t j = 0; j < (ptrdiff_t)n; j++) {
        float g[9], t[36];
        for (int i = 0; i < 9; i++) g[i] = w[i * tap + j];
        both_sides(6, 3, a, g, t);
        for (int p = 0; p < 36; p++) u[p * step + j] = t[p];
    }
}

typedef struct place {
    size_t rows, cols;
    float *y;
    ptrdiff_t row, pixel, res_row;
} place;

static void outputs(int k, const float *a, size_t n, const float *m, ptrdiff_t step, const place *to, const ps_epilogue *e)
{
    for (ptrdiff_t ch = 0; ch < (ptrdiff_t)n; ch++) {
        float d[81], t[16];
        for (int p = 0; p < k * k; p++) d[p] = m[p * step + ch];
        both_sides(4, k, a, d, t);
        for (size_t i = 0; i < to->rows; i++)
            for (size_t j = 0; j < to->cols; j++) {
                ps_epilogue one = *e;
                if (one.bias) one.bias += ch;
                if (one.residual) one.residual += (ptrdiff_t)i * to->res_row + (ptrdiff_t)j * e->ldr + ch;
                ps_finish_c(1, 1, t + 4 * i + j, 0, to->y + (ptrdiff_t)i * to->row + (ptrdiff_t)j * to->pixel + ch, 0, &one);
            }
    }
}

void ps_winograd_in_f32_c(size_t c, const float *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, float *v,
                          ptrdiff_t step)
{
    inputs(6, in1, c, x, row, pixel, part, v, step);
}

void ps_winograd_s2_in_f32_c(size_t c, const float *x, ptrdiff_t row, ptrdiff_t pixel, const ps_part *part, float *v,
                             ptrdiff_t step)
{
    inputs(9, in2, c, x, row, pixel, part, v, step);
}

void ps_winograd_weights_f32_c(size_t n, const float *w, ptrdiff_t tap, float *u, ptrdiff_t step)
{
    weights(weights1, n, w, tap, u, step);
}

void ps_winograd_s2_weights_f32_c(size_t n, const float *w, ptrdiff_t tap, float *u, ptrdiff_t step)
{
    weights(weights2, n, w, tap, u, step);
}

void ps_winograd_out_f32_c(size_t n, const float *m, ptrdiff_t step, size_t rows, size_t cols, float *y, ptrdiff_t row,
                           ptrdiff_t pixel, ptrdiff_t res_row, const ps_epilogue *e)
{
    const place to = {rows, cols, y, row, pixel, res_row};
    outputs(6, out1, n, m, step, &to, e);
}

void ps_winograd_s2_out_f32_c(size_t n, const float *m, ptrdiff_t step, size_t rows, size_t cols, float *y, ptrdiff_t row,
                              ptrdiff_t pixel, ptrdiff_t res_row, const ps_epilogue *e)
{
    const place to = {rows, cols, y, row, pixel, res_row};
    outputs(9, out2, n, m, step, &to, e);
}
