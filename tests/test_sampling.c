/* tests/test_sampling.c - grid_sample and roi_align against their definitions in double. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>

/* ---- grid_sample ---- */

static double reflected(double v, double lo, double hi)
{
    if (hi <= lo) return lo;
    while (v < lo || v > hi) v = v < lo ? 2 * lo - v : 2 * hi - v;
    return v;
}

/* Element (h, w) of the plane, or what the border mode puts there. */
static double bordered(const ot_case *t, const int32_t *at, double h, double w)
{
    const ps_grid_sample_params *p = t->params;
    const poise_tensor *x = t->in[0];
    double v[2] = {h, w};
    for (int d = 0; d < 2; d++) {
        double n = x->dim[2 + d];
        if (v[d] >= 0 && v[d] <= n - 1) continue;
        if (p->border == PS_BORDER_ZEROS) return 0;
        if (p->border == PS_BORDER_REFLECT)
            v[d] = p->align_corners ? reflected(v[d], 0, n - 1) : reflected(v[d], -0.5, n - 0.5);
        v[d] = fmin(fmax(v[d], 0), n - 1);
    }
    return ot_get(x, (int32_t[]){at[0], at[1], (int32_t)v[0], (int32_t)v[1]});
}

static double cubic(double d)
{
    const double a = -0.75;
    d = fabs(d);
    if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

static void sampled(const ot_case *t, const poise_tensor *want)
{
    const ps_grid_sample_params *p = t->params;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[4];
        double v[2], sum = 0;
        ot_index(want, i, at);
        for (int d = 0; d < 2; d++) {
            double g = ot_get(t->in[1], (int32_t[]){at[0], at[2], at[3], 1 - d}), n = t->in[0]->dim[2 + d];
            v[d] = p->align_corners ? (g + 1) / 2 * (n - 1) : ((g + 1) * n - 1) / 2;
            if (p->border == PS_BORDER_EDGE && p->mode != PS_GRID_CUBIC) v[d] = fmin(fmax(v[d], 0), n - 1);
            if (p->border == PS_BORDER_REFLECT && p->mode != PS_GRID_CUBIC)
                v[d] = p->align_corners ? reflected(v[d], 0, n - 1) : reflected(v[d], -0.5, n - 0.5);
        }
        if (p->mode == PS_GRID_NEAREST) {
            ot_put(want, i, bordered(t, at, nearbyint(v[0]), nearbyint(v[1])));
            continue;
        }
        for (double h = floor(v[0]) - 1; h <= floor(v[0]) + 2; h++)
            for (double w = floor(v[1]) - 1; w <= floor(v[1]) + 2; w++) {
                double a = fabs(h - v[0]), b = fabs(w - v[1]);
                double k = p->mode == PS_GRID_CUBIC ? cubic(a) * cubic(b) : fmax(0, 1 - a) * fmax(0, 1 - b);
                if (k != 0) sum += k * bordered(t, at, h, w);
            }
        ot_put(want, i, sum);
    }
}

static void grid_sample(void **state)
{
    (void)state;
    for (int r = 0; r < 54; r++) {
        ps_grid_sample_params p = {r % 3, r / 3 % 3, r / 9 % 2};
        int32_t n = ot_between(1, 2), oh = ot_between(1, 5), ow = ot_between(1, 5);
        poise_tensor x = ot_random_tensor(
            POISE_F32, 4, (int32_t[]){n, ot_between(1, 20), ot_between(1, 6), ot_between(2, 6)},
            (ot_layout)ot_random(OT_LAYOUTS), -8, 8);
        poise_tensor g = ot_random_tensor(POISE_F32, 4, (int32_t[]){n, oh, ow, 2},
                                          (ot_layout)ot_random(OT_REVERSED + 1), -1.7, 1.7);
        ot_case t = {
            .op = &ps_op_grid_sample, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &g}, .abs = 3e-4};
        ot_check(&t, sampled);
        ot_free_all();
    }
}

/* Points that are not numbers, or far away, read nothing outside the image. */
static void wild_points(void **state)
{
    (void)state;
    poise_tensor x = ot_random_tensor(POISE_F32, 4, (int32_t[]){1, 1, 3, 3}, OT_ROW, 1, 2),
                 y = ot_tensor(POISE_F32, 4, (int32_t[]){1, 1, 1, 4}, OT_ROW);
    poise_tensor g = ot_tensor_of(
        POISE_F32, 4, (int32_t[]){1, 1, 4, 2},
        (double[]){(double)NAN, 0, (double)INFINITY, -(double)INFINITY, 1e30, -1e30, 0, (double)NAN});
    ps_kernels k;
    ps_kernels_select(&k, 0);
    for (int r = 0; r < 18; r++) {
        ps_grid_sample_params p = {r % 3, r / 3 % 3, r / 9 % 2};
        ot_case t = {.op = &ps_op_grid_sample, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &g}};
        ot_run(&t, &k, 1, &y);
        if (p.border == PS_BORDER_ZEROS) assert_false(ot_at(&y, 2) > 0);
    }
    ot_free_all();
}

/* ---- roi_align ---- */

/* Largest weighted corner, or the sum of the corners. */
static double sample(const ot_case *t, int32_t n, int32_t c, double y, double x)
{
    const poise_tensor *in = t->in[0];
    int32_t h = in->dim[2], w = in->dim[3];
    if (y < -1 || y > h || x < -1 || x > w) return 0;
    y = fmin(fmax(y, 0), h - 1), x = fmin(fmax(x, 0), w - 1);
    double sum = 0, top = -(double)INFINITY;
    for (int32_t i = 0; i < 2; i++)
        for (int32_t j = 0; j < 2; j++) {
            int32_t r = (int32_t)y + i, s = (int32_t)x + j;
            double k = (i ? y - floor(y) : 1 - y + floor(y)) * (j ? x - floor(x) : 1 - x + floor(x));
            double v = k * ot_get(in, (int32_t[]){n, c, r < h ? r : h - 1, s < w ? s : w - 1});
            sum += v;
            top = fmax(top, v);
        }
    return ((const ps_roi_align_params *)t->params)->max ? top : sum;
}

static void aligned(const ot_case *t, const poise_tensor *want)
{
    const ps_roi_align_params *p = t->params;
    double s = (double)p->spatial_scale, shift = p->half_pixel ? 0.5 : 0;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[4];
        double box[4], sum = 0, top = -(double)INFINITY;
        ot_index(want, i, at);
        for (int32_t k = 0; k < 4; k++) box[k] = ot_get(t->in[1], (int32_t[]){at[0], k}) * s - shift;
        double bw = box[2] - box[0], bh = box[3] - box[1];
        if (!p->half_pixel) bw = fmax(bw, 1), bh = fmax(bh, 1);
        bw /= p->out_w, bh /= p->out_h;
        int nh = p->sampling_ratio ? p->sampling_ratio : (int)ceil(bh),
            nw = p->sampling_ratio ? p->sampling_ratio : (int)ceil(bw);
        int32_t n = (int32_t)ot_at(t->in[2], (size_t)at[0]);
        for (int a = 0; a < nh; a++)
            for (int b = 0; b < nw; b++) {
                double v = sample(t, n, at[1], box[1] + (at[2] + (a + 0.5) / nh) * bh,
                                  box[0] + (at[3] + (b + 0.5) / nw) * bw);
                sum += v;
                top = fmax(top, v);
            }
        ot_put(want, i, nh < 1 || nw < 1 ? 0 : p->max ? top : sum / (nh * nw));
    }
}

static void roi_align(void **state)
{
    (void)state;
    for (int r = 0; r < 32; r++) {
        ps_roi_align_params p = {r % 2, r / 2 % 2, ot_between(1, 3), ot_between(1, 3), r / 4 % 3, 0.51f};
        int32_t n = ot_between(1, 2), regions = ot_between(1, 4);
        poise_tensor x =
            ot_random_tensor(POISE_F32, 4, (int32_t[]){n, 3, 7, 8}, (ot_layout)ot_random(OT_LAYOUTS), -8, 8);
        poise_tensor boxes = ot_tensor(POISE_F32, 2, (int32_t[]){regions, 4}, OT_ROW_GAP),
                     batch = ot_tensor(POISE_I64, 1, &regions, OT_ROW);
        for (int32_t i = 0; i < regions; i++) {
            double a = ot_uniform(-3, 9), b = ot_uniform(-3, 9);
            const double c[4] = {a, b, a + ot_uniform(0.1, 9), b + ot_uniform(0.1, 9)};
            for (int32_t k = 0; k < 4; k++) ot_set(&boxes, (int32_t[]){i, k}, c[k]);
            ot_put(&batch, (size_t)i, ot_between(0, n - 1));
        }
        ot_case t = {.op = &ps_op_roi_align,
                     .params = &p,
                     .n_in = 3,
                     .n_out = 1,
                     .in = {&x, &boxes, &batch},
                     .abs = 3e-4};
        ot_check(&t, aligned);
        ot_free_all();
    }
}

static void rules(void **state)
{
    (void)state;
    poise_tensor x = ot_tensor(POISE_F32, 4, (int32_t[]){1, 2, 3, 3}, OT_ROW),
                 g = ot_tensor(POISE_F32, 4, (int32_t[]){1, 2, 2, 3}, OT_ROW);
    poise_tensor boxes = ot_tensor(POISE_F32, 2, (int32_t[]){2, 4}, OT_ROW),
                 batch = ot_tensor_of(POISE_I64, 1, (int32_t[]){2}, (double[]){0, 1});
    ps_grid_sample_params p = {0};
    ot_case t = {.op = &ps_op_grid_sample, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &g}};
    ot_refuse(&t, "grid 1x2x2x3");
    ps_roi_align_params q = {0, 0, 2, 2, 0, 1}, bad = {0, 0, 0, 2, 0, 1};
    t = (ot_case){.op = &ps_op_roi_align,
                  .params = &q,
                  .n_in = 3,
                  .n_out = 1,
                  .in = {&x, &boxes, &batch},
                  .constants = 4};
    ot_refuse(&t, "index 1 is outside a dimension of 1");
    t.params = &bad;
    ot_refuse(&t, "0x2 bins");
    assert_int_equal(ps_op_roi_align.live(&q, 1, 0, NULL, NULL), 0);
    assert_int_equal(ps_op_roi_align.live(&q, 0, 0, NULL, NULL), -1);
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(grid_sample), cmocka_unit_test(wild_points),
                                       cmocka_unit_test(roi_align), cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
