/* tests/check_winograd.c - checks the Winograd transforms against matrices in double, and that these make a
 * convolution. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 9 };

/* One line of a transform: `side` inputs, as many points or products; 3 weights to 6; 4 outputs. */
typedef struct form {
    int side, stride;
    double in[MOST][MOST], weights[6][3], out[4][MOST];
} form;

static const form stride1 = {
    6,
    1,
    {{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}},
    {{1 / 4.0, 0, 0},
     {-1 / 6.0, -1 / 6.0, -1 / 6.0},
     {-1 / 6.0, 1 / 6.0, -1 / 6.0},
     {1 / 24.0, 1 / 12.0, 1 / 6.0},
     {1 / 24.0, -1 / 12.0, 1 / 6.0},
     {0, 0, 1}},
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};

static const form stride2 = {
    9,
    2,
    {{2, 0, -1, 0, -2, 0, 1},
     {0, 0, -2, 0, -1, 0, 1},
     {0, 0, 2, 0, -3, 0, 1},
     {0, 0, -1, 0, 0, 0, 1},
     {0, 0, 2, 0, -1, 0, -2, 0, 1},
     {0, 1},
     {0, 0, 0, 1},
     {0, 0, 0, 0, 0, 1},
     {0, 0, 0, 0, 0, 0, 0, 1}},
    {{0.5, 0, 0}, {-0.5, 0, -0.5}, {-1 / 6.0, 0, 1 / 6.0}, {1 / 6.0, 0, 1 / 3.0}, {0, 0, 1}, {0, 1, 0}},
    {{1, 1, 1, 1, 0, 1}, {0, 1, -1, 2, 0, 0, 1}, {0, 1, 1, 4, 0, 0, 0, 1}, {0, 1, -1, 8, 1, 0, 0, 0, 1}}};

static size_t squared(int side)
{
    return (size_t)side * (size_t)side;
}

/* Output i of a line is what a window over its inputs gives. */
static void check_form(check *c, const form *f)
{
    for (int i = 0; i < 4; i++)
        for (int d = 0; d < f->side; d++)
            for (int g = 0; g < 3; g++) {
                double sum = 0;
                for (int p = 0; p < f->side; p++) sum += f->out[i][p] * f->in[p][d] * f->weights[p < 5 ? p : 5][g];
                if (fabs(sum - (d == i * f->stride + g)) > 1e-12) check_fail(c, "output %d, input %d, weight %d: %g", i, d, g, sum);
            }
}

static void try_in(check *c, const form *f, size_t n, const ps_part *part, bool front)
{
    size_t side = (size_t)f->side, all = squared(f->side);
    size_t pixel = n + check_below(9), row = side * pixel + check_below(9), step = n + check_below(20);
    size_t rows = (size_t)(part->y1 - part->y0), cols = (size_t)(part->x1 - part->x0);
    const float *x = check_random(n && rows && cols ? (rows - 1) * row + (cols - 1) * pixel + n : 0, front, -1, 1);
    float *v = check_floats(n ? (all - 1) * step + n : 0, front);
    ((ps_winograd_in_f32_fn *)c->neu)(n, x, (ptrdiff_t)row, (ptrdiff_t)pixel, part, v, (ptrdiff_t)step);
    for (size_t p = 0; p < all; p++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, terms = 0;
            for (int y = part->y0; y < part->y1; y++)
                for (int z = part->x0; z < part->x1; z++) {
                    size_t at = (size_t)(y - part->y0) * row + (size_t)(z - part->x0) * pixel + j;
                    double t = f->in[p / side][y] * (double)x[at] * f->in[p % side][z];
                    sum += t;
                    terms += fabs(t);
                }
            if (!check_near(c, "point", p * 1000 + j, v[p * step + j], sum, check_sum_tolerance(36, terms))) return;
        }
    if (n) check_gaps(c, v, all, n, step);
}

static ps_part random_part(int side)
{
    ps_part p = {.y1 = side, .x1 = side};
    size_t n = (size_t)side + 1;
    if (check_below(3) == 0) return p;
    p.y0 = (int)check_below(n), p.x0 = (int)check_below(n);
    p.y1 = p.y0 + (int)check_below(n - (size_t)p.y0), p.x1 = p.x0 + (int)check_below(n - (size_t)p.x0);
    return p;
}

static void check_in(check *c, const form *f)
{
    check_form(c, f);
    for (const size_t *n = check_sizes; *n < 130 && !c->failed; n++)
        for (int round = 0; round < 8 && !c->failed; round++) {
            const ps_part part = random_part(f->side);
            try_in(c, f, *n, &part, round & 1);
            check_release();
        }
    if (!check_benched(c)) return;
    size_t all = squared(f->side);
    float *x = check_random(all * 64, true, -1, 1), *v = check_floats(all * 64, true);
    ptrdiff_t row = 64 * f->side;
    const ps_part whole = {.y1 = f->side, .x1 = f->side};
    CHECK_BENCH(c, "64 channels", (double)all * 64 * 4, "GB/s",
                ((ps_winograd_in_f32_fn *)c->neu)(64, x, row, 64, &whole, v, 64),
                ((ps_winograd_in_f32_fn *)c->ref)(64, x, row, 64, &whole, v, 64));
    check_release();
}

static void try_weights(check *c, const form *f, size_t n, bool front)
{
    size_t tap = n + check_below(9), step = n + check_below(20);
    const float *w = check_random(n ? 8 * tap + n : 0, front, -1, 1);
    float *u = check_floats(n ? 35 * step + n : 0, front);
    ((ps_winograd_weights_f32_fn *)c->neu)(n, w, (ptrdiff_t)tap, u, (ptrdiff_t)step);
    for (size_t p = 0; p < 36; p++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, terms = 0;
            for (size_t t = 0; t < 9; t++) {
                double term = f->weights[p / 6][t / 3] * (double)w[t * tap + j] * f->weights[p % 6][t % 3];
                sum += term;
                terms += fabs(term);
            }
            if (!check_near(c, "point", p * 1000 + j, u[p * step + j], sum, check_sum_tolerance(9, terms))) return;
        }
    if (n) check_gaps(c, u, 36, n, step);
}

static void check_weights(check *c, const form *f)
{
    for (const size_t *n = check_sizes; *n < 300 && !c->failed; n++)
        for (int front = 0; front < 2 && !c->failed; front++) {
            try_weights(c, f, *n, front);
            check_release();
        }
    if (!check_benched(c)) return;
    float *w = check_random(9 * 1024, true, -1, 1), *u = check_floats(36 * 1040, true);
    CHECK_BENCH(c, "1024 windows", 36 * 1024 * 4.0, "GB/s",
                ((ps_winograd_weights_f32_fn *)c->neu)(1024, w, 1024, u, 1040),
                ((ps_winograd_weights_f32_fn *)c->ref)(1024, w, 1024, u, 1040));
    check_release();
}

static void try_out(check *c, const form *f, size_t n, size_t rows, size_t cols, bool front)
{
    size_t side = (size_t)f->side, all = squared(f->side);
    size_t step = n + check_below(20), pixel = n + check_below(9), row = 4 * pixel + check_below(9);
    size_t size = n && rows && cols ? (rows - 1) * row + (cols - 1) * pixel + n : 0;
    const float *m = check_random(n ? (all - 1) * step + n : 0, front, -1, 1), *bias = check_random(n, front, -1, 1);
    const float *r = check_random(size, front, -1, 1);
    float *y = check_floats(size, front);
    ps_epilogue e = {.bias = check_below(2) ? bias : NULL, .residual = check_below(2) ? r : NULL, .ldr = (ptrdiff_t)pixel,
                     .act = (ps_act)check_below(PS_ACT_COUNT), .a = -0.5f, .b = 0.75f, .act_last = check_below(2)};
    ((ps_winograd_out_f32_fn *)c->neu)(n, m, (ptrdiff_t)step, rows, cols, y, (ptrdiff_t)row, (ptrdiff_t)pixel,
                                       (ptrdiff_t)row, &e);
    for (size_t i = 0; i < rows * cols; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0, terms = 0;
            for (size_t p = 0; p < all; p++) {
                double t = f->out[i / cols][p / side] * (double)m[p * step + j] * f->out[i % cols][p % side];
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

static void check_out(check *c, const form *f)
{
    for (const size_t *n = check_sizes; *n < 300 && !c->failed; n++)
        for (int round = 0; round < 8 && !c->failed; round++) {
            try_out(c, f, *n, 1 + check_below(4), 1 + check_below(4), round & 1);
            check_release();
        }
    if (!check_benched(c)) return;
    size_t all = squared(f->side);
    float *m = check_random(all * 64, true, -1, 1), *y = check_floats(16 * 64, true);
    ps_epilogue e = {.act = PS_ACT_SILU};
    CHECK_BENCH(c, "64 channels, silu", (double)all * 64 * 4, "GB/s",
                ((ps_winograd_out_f32_fn *)c->neu)(64, m, 64, 4, 4, y, 256, 64, 256, &e),
                ((ps_winograd_out_f32_fn *)c->ref)(64, m, 64, 4, 4, y, 256, 64, 256, &e));
    check_release();
}

void check_winograd_in_f32(check *c)
{
    check_in(c, &stride1);
}

void check_winograd_weights_f32(check *c)
{
    check_weights(c, &stride1);
}

void check_winograd_out_f32(check *c)
{
    check_out(c, &stride1);
}

void check_winograd_s2_in_f32(check *c)
{
    check_in(c, &stride2);
}

void check_winograd_s2_weights_f32(check *c)
{
    check_weights(c, &stride2);
}

void check_winograd_s2_out_f32(check *c)
{
    check_out(c, &stride2);
}
