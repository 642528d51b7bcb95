/* tests/check_winograd.c - checks the Winograd transforms: against matrices in double, and that together they are a
 * convolution. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>

static const double BT[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
static const double AT[4][6] = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};

static void try_in(check *c, size_t n, size_t pixel, size_t row, size_t step, bool front)
{
    const float *x = check_random(n ? 5 * row + 5 * pixel + n : 0, front, -1, 1);
    float *v = check_floats(n ? 35 * step + n : 0, front);
    ((ps_winograd_in_f32_fn *)c->neu)(n, x, (ptrdiff_t)row, (ptrdiff_t)pixel, v, (ptrdiff_t)step);
    for (size_t p = 0; p < 36; p++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, terms = 0;
            for (size_t i = 0; i < 36; i++) {
                double t = BT[p / 6][i / 6] * (double)x[i / 6 * row + i % 6 * pixel + j] * BT[p % 6][i % 6];
                sum += t;
                terms += fabs(t);
            }
            if (!check_near(c, "point", p * 1000 + j, v[p * step + j], sum, check_sum_tolerance(36, terms))) return;
        }
    if (n) check_gaps(c, v, 36, n, step);
}

void check_winograd_in_f32(check *c)
{
    for (const size_t *n = check_sizes; *n < 130 && !c->failed; n++)
        for (int front = 0; front < 2 && !c->failed; front++) {
            size_t pixel = *n + check_below(9), row = 6 * pixel + check_below(9);
            try_in(c, *n, pixel, row, *n + check_below(20), front);
            check_release();
        }
    if (!c->bench || c->failed) return;
    float *x = check_random(36 * 64, true, -1, 1), *v = check_floats(36 * 64, true);
    CHECK_BENCH(c, "64 channels", 36 * 64 * 4.0, "GB/s", ((ps_winograd_in_f32_fn *)c->neu)(64, x, 384, 64, v, 64),
                ((ps_winograd_in_f32_fn *)c->ref)(64, x, 384, 64, v, 64));
    check_release();
}

static void try_out(check *c, size_t n, size_t rows, size_t cols, bool front)
{
    size_t step = n + check_below(20), pixel = n + check_below(9), row = 4 * pixel + check_below(9);
    size_t size = n && rows && cols ? (rows - 1) * row + (cols - 1) * pixel + n : 0;
    const float *m = check_random(n ? 35 * step + n : 0, front, -1, 1), *bias = check_random(n, front, -1, 1);
    const float *r = check_random(size, front, -1, 1);
    float *y = check_floats(size, front);
    ps_epilogue e = {.bias = check_below(2) ? bias : NULL, .residual = check_below(2) ? r : NULL, .ldr = (ptrdiff_t)pixel,
                     .act = (ps_act)check_below(PS_ACT_COUNT), .a = -0.5f, .b = 0.75f, .act_last = check_below(2)};
    ((ps_winograd_out_f32_fn *)c->neu)(n, m, (ptrdiff_t)step, rows, cols, y, (ptrdiff_t)row, (ptrdiff_t)pixel,
                                       (ptrdiff_t)row, &e);
    for (size_t i = 0; i < rows * cols; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, terms = 0;
            for (size_t p = 0; p < 36; p++) {
                double t = AT[i / cols][p / 6] * (double)m[p * step + j] * AT[i % cols][p % 6];
                sum += t;
                terms += fabs(t);
            }
            size_t at = i / cols * row + i % cols * pixel + j;
            double res = e.residual ? (double)r[at] : 0.0, a = (double)e.a, b = (double)e.b;
            if (e.bias) sum += (double)bias[j], terms += fabs((double)bias[j]);
            if (e.act_last) sum += res, terms += fabs(res);
            double want = check_act(e.act, a, b, sum);
            double tolerance = 2 * check_sum_tolerance(36, terms) + check_act_tolerance(e.act, a, b, sum);
            if (!e.act_last) want += res, tolerance += (double)FLT_EPSILON * (fabs(res) + fabs(want));
            char what[64];
            snprintf(what, sizeof what, "%zu channels, pixel %zu of %zux%zu", n, i, rows, cols);
            if (!check_near(c, what, j, y[at], want, tolerance)) return;
        }
}

void check_winograd_out_f32(check *c)
{
    for (const size_t *n = check_sizes; *n < 300 && !c->failed; n++)
        for (int round = 0; round < 8 && !c->failed; round++) {
            try_out(c, *n, 1 + check_below(4), 1 + check_below(4), round & 1);
            check_release();
        }
    if (!c->bench || c->failed) return;
    float *m = check_random(36 * 64, true, -1, 1), *y = check_floats(16 * 64, true);
    ps_epilogue e = {.act = PS_ACT_SILU};
    CHECK_BENCH(c, "64 channels, silu", 36 * 64 * 4.0, "GB/s",
                ((ps_winograd_out_f32_fn *)c->neu)(64, m, 64, 4, 4, y, 256, 64, 256, &e),
                ((ps_winograd_out_f32_fn *)c->ref)(64, m, 64, 4, 4, y, 256, 64, 256, &e));
    check_release();
}
