/* tests/test_resize.c - resize in all modes against the definition, and against numbers worked out by hand. */
#include "tests/op_test.h"

#include "nn/params.h"

#include <math.h>
#include <string.h>

/* ---- the definition, in double ---- */

static double coordinate(const ps_resize_params *p, int d, int32_t n, int32_t o)
{
    double s = (double)p->scale[d], m = p->dim[d], x = o;
    switch (p->coord) {
    case PS_COORD_HALF_PIXEL: return (x + 0.5) / s - 0.5;
    case PS_COORD_HALF_PIXEL_SYMMETRIC: return n / 2.0 * (1 - m / (n * s)) + (x + 0.5) / s - 0.5;
    case PS_COORD_PYTORCH_HALF_PIXEL: return m > 1 ? (x + 0.5) / s - 0.5 : 0;
    case PS_COORD_ALIGN_CORNERS: return m > 1 ? x * (n - 1) / (m - 1) : 0;
    case PS_COORD_ASYMMETRIC: return x / s;
    case PS_COORD_TF_HALF_PIXEL_NN: return (x + 0.5) / s;
    default: break;
    }
    double a = (double)p->roi[d], b = (double)p->roi[d + p->rank];
    return m > 1 ? a * (n - 1) + x * (b - a) * (n - 1) / (m - 1) : 0.5 * (a + b) * (n - 1);
}

static double weight(const ps_resize_params *p, double d)
{
    double a = (double)p->cubic_a;
    d = fabs(d);
    if (p->mode == PS_RESIZE_LINEAR) return d < 1 ? 1 - d : 0;
    if (d < 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

static double nearest(const ps_resize_params *p, double x)
{
    switch (p->nearest) {
    case PS_NEAREST_FLOOR: return floor(x);
    case PS_NEAREST_CEIL: return ceil(x);
    case PS_NEAREST_ROUND_PREFER_CEIL: return floor(x + 0.5);
    default: return ceil(x - 0.5);
    }
}

/* Adds to w[n] what each element of the line contributes to output o; false = extrapolated. */
static bool line(const ps_resize_params *p, int d, int32_t n, int32_t o, double *w)
{
    double x = (double)(float)coordinate(p, d, n, o), sum = 0; /* a float: 2.00000004 is element 2 */
    double s = p->antialias && p->scale[d] < 1 ? (double)p->scale[d] : 1;
    int32_t far = (int32_t)(3 / s) + 2;
    bool same = p->dim[d] == n && p->scale[d] == 1 && p->coord != PS_COORD_TF_CROP;
    for (int32_t i = 0; i < n; i++) w[i] = same && i == o;
    if (same) return true;
    if (p->coord == PS_COORD_TF_CROP && (x < 0 || x > n - 1)) return false;
    if (p->mode == PS_RESIZE_NEAREST) {
        double v = nearest(p, x);
        w[v < 0 ? 0 : v > n - 1 ? n - 1 : (int32_t)v] = 1;
        return true;
    }
    for (int32_t i = (int32_t)floor(x) - far; i <= (int32_t)floor(x) + far; i++) {
        double v = weight(p, (i - x) * s);
        if (p->exclude_outside && (i < 0 || i >= n)) continue;
        w[i < 0 ? 0 : i >= n ? n - 1 : i] += v;
        sum += v;
    }
    for (int32_t i = 0; i < n; i++) w[i] /= sum;
    return true;
}

static void resized(const ot_case *t, const poise_tensor *want)
{
    enum { MOST = 40 }; /* longest line */
    const ps_resize_params *p = t->params;
    const poise_tensor *x = t->in[0];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        double w[5][MOST], sum = 0;
        int32_t at[8];
        bool inside = true;
        ot_index(want, i, at);
        for (int d = 0; d < x->rank; d++) inside &= line(p, d, x->dim[d], at[d], w[d]);
        for (size_t j = 0; inside && j < poise_tensor_count(x); j++) {
            double v = 1;
            ot_index(x, j, at);
            for (int d = 0; d < x->rank; d++) v *= w[d][at[d]];
            if (v != 0) sum += v * ot_get(x, at);
        }
        ot_put(want, i, inside ? sum : (double)p->extrapolation);
    }
}

/* ---- tests ---- */

static void size_dim(ps_resize_params *p, int d, int32_t from, int32_t to)
{
    p->dim[d] = to;
    p->scale[d] = (float)to / (float)from;
    p->roi[d + p->rank] = 1;
}

static void check(ps_resize_params *p, poise_type type, const int32_t *dim, ot_layout layout)
{
    poise_tensor x = ot_random_tensor(type, p->rank, dim, layout, -8, 8);
    ot_case t = {.op = &ps_op_resize, .params = p, .n_in = 1, .n_out = 1, .in = {&x}, .abs = 2e-4};
    if (p->mode == PS_RESIZE_NEAREST) t.abs = 0;
    ot_check(&t, resized);
    ot_free_all();
}

static void images(int mode, int round)
{
    /* sizes for which no coordinate lies on a border between two neighbours by accident of rounding */
    static const int32_t sizes[][2] = {{4, 8}, {5, 7}, {8, 4}, {7, 5}, {6, 6}, {3, 12}, {1, 3}, {9, 4}};
    int32_t rank = ot_between(3, 4), dim[4] = {ot_between(1, 2), ot_between(1, 9)};
    ps_resize_params p = {.mode = mode,
                          .coord = round % 7,
                          .nearest = ot_between(0, 3),
                          .cubic_a = -0.75f,
                          .extrapolation = 3.0f,
                          .rank = rank,
                          .scale = {1, 1}};
    size_dim(&p, 0, dim[0], dim[0]);
    size_dim(&p, 1, dim[1], dim[1]);
    for (int d = 2; d < rank; d++) {
        const int32_t *s = sizes[ot_random(8)];
        dim[d] = s[0];
        size_dim(&p, d, s[0], s[1]);
        if (p.coord == PS_COORD_TF_CROP)
            p.roi[d] = -0.2f + 0.41f * (float)ot_random(2),
            p.roi[d + rank] = 0.77f + 0.5f * (float)ot_random(2);
    }
    if (mode != PS_RESIZE_NEAREST) p.antialias = ot_between(0, 1), p.exclude_outside = ot_between(0, 1);
    poise_type type =
        mode == PS_RESIZE_NEAREST && p.coord != PS_COORD_TF_CROP && round % 2 ? POISE_I8 : POISE_F32;
    check(&p, type, dim, (ot_layout)ot_random(OT_LAYOUTS));
}

static void nearest_images(void **state)
{
    (void)state;
    for (int r = 0; r < 42; r++) images(PS_RESIZE_NEAREST, r);
}
static void linear_images(void **state)
{
    (void)state;
    for (int r = 0; r < 42; r++) images(PS_RESIZE_LINEAR, r);
}
static void cubic_images(void **state)
{
    (void)state;
    for (int r = 0; r < 42; r++) images(PS_RESIZE_CUBIC, r);
}

/* Channels-last images: whole pixels. */
static void pixels(void **state)
{
    (void)state;
    for (int r = 0; r < 8; r++) {
        int32_t dim[4] = {2, ot_between(1, 35), 5, 6};
        ps_resize_params p = {.mode = r % 2,
                              .coord = r / 2 % 2 ? PS_COORD_ALIGN_CORNERS : PS_COORD_ASYMMETRIC,
                              .nearest = PS_NEAREST_FLOOR,
                              .rank = 4};
        for (int d = 0; d < 2; d++) size_dim(&p, d, dim[d], dim[d]);
        for (int d = 2; d < 4; d++) size_dim(&p, d, dim[d], dim[d] * 2);
        if (p.coord == PS_COORD_ALIGN_CORNERS)
            size_dim(&p, 2, 5, 9), size_dim(&p, 3, 6, 11); /* steps of 1/2 */
        check(&p, POISE_F32, dim, r < 4 ? OT_LAST : OT_LAST_GAP);
    }
}

/* One, two, three and all axes of tensors of rank 1 to 5. */
static void ranks(void **state)
{
    (void)state;
    for (int r = 0; r < 30; r++) {
        int32_t rank = r % 5 + 1, dim[5];
        ps_resize_params p = {.mode = r % 3, .coord = PS_COORD_HALF_PIXEL, .cubic_a = -0.5f, .rank = rank};
        for (int d = 0; d < rank; d++) {
            dim[d] = ot_between(1, 3);
            size_dim(&p, d, dim[d], ot_random(2) ? dim[d] : ot_between(1, 4));
        }
        check(&p, POISE_F32, dim, (ot_layout)ot_random(OT_LAYOUTS));
    }
}

static void numbers(ps_resize_params p, int32_t n, const double *x, const double *y)
{
    poise_tensor in = ot_tensor_of(POISE_F32, 1, &n, x), out = ot_tensor(POISE_F32, 1, p.dim, OT_ROW);
    ot_case t = {.op = &ps_op_resize, .params = &p, .n_in = 1, .n_out = 1, .in = {&in}};
    ps_kernels k;
    ps_kernels_select(&k, 0);
    ot_run(&t, &k, 1, &out);
    for (int32_t i = 0; i < p.dim[0]; i++) assert_true(fabs(ot_at(&out, (size_t)i) - y[i]) < 1e-5);
    ot_free_all();
}

static void by_hand(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4};
    numbers((ps_resize_params){.mode = PS_RESIZE_LINEAR, .rank = 1, .dim = {8}, .scale = {2}}, 4, x,
            (double[]){1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4});
    numbers((ps_resize_params){.mode = PS_RESIZE_LINEAR,
                               .coord = PS_COORD_ALIGN_CORNERS,
                               .rank = 1,
                               .dim = {7},
                               .scale = {1.75f}},
            4, x, (double[]){1, 1.5, 2, 2.5, 3, 3.5, 4});
    numbers((ps_resize_params){.mode = PS_RESIZE_NEAREST,
                               .nearest = PS_NEAREST_FLOOR,
                               .coord = PS_COORD_ASYMMETRIC,
                               .rank = 1,
                               .dim = {8},
                               .scale = {2}},
            4, x, (double[]){1, 1, 2, 2, 3, 3, 4, 4});
    /* a third in float is a little more than 1/3, its multiples must still hit the elements */
    const double y[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    numbers((ps_resize_params){.mode = PS_RESIZE_NEAREST,
                               .nearest = PS_NEAREST_FLOOR,
                               .coord = PS_COORD_ASYMMETRIC,
                               .rank = 1,
                               .dim = {3},
                               .scale = {1.0f / 3.0f}},
            9, y, (double[]){0, 3, 6});
    /* cubic halving by 2, a = -0.75: -0.09375 * (1st + 4th) + 0.59375 * (2nd + 3rd), edges repeated */
    numbers(
        (ps_resize_params){
            .mode = PS_RESIZE_CUBIC, .cubic_a = -0.75f, .rank = 1, .dim = {2}, .scale = {0.5f}},
        4, x, (double[]){1.5 - 0.09375, 3.5 + 0.09375});
    /* antialiased linear, halved: weights 1 3 3 1 over 8, edges repeated */
    numbers(
        (ps_resize_params){.mode = PS_RESIZE_LINEAR, .antialias = 1, .rank = 1, .dim = {2}, .scale = {0.5f}},
        4, x, (double[]){(1 + 3 + 6 + 3) / 8.0, (2 + 9 + 12 + 4) / 8.0});
}

static void rules(void **state)
{
    (void)state;
    poise_tensor x = ot_tensor(POISE_F32, 2, (int32_t[]){4, 6}, OT_ROW),
                 u = ot_tensor(POISE_U8, 2, (int32_t[]){4, 6}, OT_ROW);
    const ps_resize_params good = {.mode = PS_RESIZE_LINEAR, .rank = 2, .dim = {8, 6}, .scale = {2, 1}};
    ps_resize_params p = good;
    ot_case t = {.op = &ps_op_resize, .params = &p, .n_in = 1, .n_out = 1, .in = {&x}};
    p.scale[0] = NAN;
    ot_refuse(&t, "of dimension 0");
    p = good, p.rank = 3;
    ot_refuse(&t, "sizes of 3 dimensions for a tensor of rank 2");
    p = good, p.antialias = 1, p.scale[1] = 1e-9f;
    ot_refuse(&t, "antialias with scale");
    p = good, p.coord = 7;
    ot_refuse(&t, "coordinate mode 7");
    p = good, t.in[0] = &u;
    ot_refuse(&t, "u8 elements");
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_images), cmocka_unit_test(linear_images), cmocka_unit_test(cubic_images),
        cmocka_unit_test(pixels),         cmocka_unit_test(ranks),         cmocka_unit_test(by_hand),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
