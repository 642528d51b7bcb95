/* tests/check_pool.c - checks max pooling, bilinear blending and transposition. */
#include "tests/check.h"

#include <math.h>
#include <stdio.h>

void check_maxpool_f32(check *c)
{
    ps_maxpool_f32_fn *f = (ps_maxpool_f32_fn *)c->neu;
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (size_t count = 1; count <= 25; count += 1 + check_below(8)) {
            bool front = check_below(2);
            float *x[25];
            for (size_t t = 0; t < count; t++) x[t] = check_random(*n, front, -2, -1);
            if (*n && !check_below(3)) x[check_below(count)][check_below(*n)] = NAN;
            if (*n && !check_below(3)) x[check_below(count)][check_below(*n)] = -INFINITY;
            float *y = check_floats(*n, front);
            f(*n, count, (const float *const *)x, y);
            for (size_t j = 0; j < *n; j++) {
                double want = -(double)INFINITY;
                for (size_t t = 0; t < count; t++)
                    want = isnan(x[t][j]) || (double)x[t][j] > want ? (double)x[t][j] : want;
                if (!check_near(c, "channel", j, y[j], want, 0.0)) return;
            }
            check_release();
        }
    }
    if (!check_benched(c)) return;
    const float *x[9];
    for (int t = 0; t < 9; t++) x[t] = check_random(256, true, -1, 1);
    float *y = check_floats(256, true);
    CHECK_BENCH(c, "3x3, 256 channels", 4.0 * 10 * 256, "GB/s", f(256, 9, x, y),
                ((ps_maxpool_f32_fn *)c->ref)(256, 9, x, y));
}

void check_lerp4_f32(check *c)
{
    ps_lerp4_f32_fn *f = (ps_lerp4_f32_fn *)c->neu;
    const float w[4] = {0.1f, 0.2f, 0.3f, 0.4f};
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        bool front = check_below(2);
        const float *x[4];
        for (int t = 0; t < 4; t++) x[t] = check_random(*n, front, -1, 1);
        float *y = check_floats(*n, front);
        f(*n, x, w, y);
        for (size_t j = 0; j < *n; j++) {
            double want = 0, terms = 0;
            for (int t = 0; t < 4; t++) {
                want += (double)w[t] * (double)x[t][j];
                terms += fabs((double)w[t] * (double)x[t][j]);
            }
            if (!check_near(c, "channel", j, y[j], want, check_sum_tolerance(4, terms))) return;
        }
        check_release();
    }
    if (!check_benched(c)) return;
    const float *x[4];
    for (int t = 0; t < 4; t++) x[t] = check_random(256, true, -1, 1);
    float *y = check_floats(256, true);
    CHECK_BENCH(c, "256 channels", 4.0 * 5 * 256, "GB/s", f(256, x, w, y),
                ((ps_lerp4_f32_fn *)c->ref)(256, x, w, y));
}

void check_transpose_f32(check *c)
{
    ps_transpose_f32_fn *f = (ps_transpose_f32_fn *)c->neu;
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 40};
    enum { N_SIZES = sizeof sizes / sizeof *sizes };
    for (size_t at = 0; at < N_SIZES * N_SIZES && !c->failed; at++) {
        size_t m = sizes[at / N_SIZES], n = sizes[at % N_SIZES], ldx = n + check_below(9),
               ldy = m + (check_below(2) ? check_below(9) : 0);
        bool front = check_below(2), any = m && n;
        const float *x = check_random(any ? (m - 1) * ldx + n : 0, front, -1, 1);
        float *y = check_floats(any ? (n - 1) * ldy + m : 0, front);
        f(m, n, x, (ptrdiff_t)ldx, y, (ptrdiff_t)ldy);
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < n; j++) {
                if (y[j * ldy + i] == x[i * ldx + j]) continue;
                check_fail(c, "%zu x %zu: [%zu][%zu] is not in its place", m, n, i, j);
                return;
            }
        }
        if (any) check_gaps(c, y, n, m, ldy);
        check_release();
    }
    if (!check_benched(c)) return;
    const float *x = check_random(64 * 400, true, -1, 1);
    float *y = check_floats(64 * 400, true);
    CHECK_BENCH(c, "64 x 400", 8.0 * 64 * 400, "GB/s", f(64, 400, x, 400, y, 64),
                ((ps_transpose_f32_fn *)c->ref)(64, 400, x, 400, y, 64));
    CHECK_BENCH(c, "3 x 8192", 8.0 * 3 * 8192, "GB/s", f(3, 8192, x, 8192, y, 3),
                ((ps_transpose_f32_fn *)c->ref)(3, 8192, x, 8192, y, 3));
}
