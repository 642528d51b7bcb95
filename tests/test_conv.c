/* tests/test_conv.c - the conv operator against sums in double, over shapes, layouts, groups, dilations and pads. */
#include "tests/op_test.h"

#include "nn/fused.h"

#include <math.h>

static double activate(const ps_fused *f, double x)
{
    switch (f->act) {
    case PS_ACT_RELU: return x > 0 ? x : 0;
    case PS_ACT_CLIP: return fmin(fmax(x, (double)f->a), (double)f->b);
    case PS_ACT_LEAKY: return x < 0 ? (double)f->a * x : x;
    case PS_ACT_SILU: return x / (1 + exp(-x));
    default: return x;
    }
}

static double value(const poise_tensor *t, int n, int c, int y, int x)
{
    int32_t at[4] = {n, c, t->rank == 4 ? y : x, x};
    return ot_get(t, at);
}

static void conv_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_conv_params *p = t->params;
    const poise_tensor *x = t->in[0], *w = t->in[1], *bias = t->in[2], *r = t->in[3];
    int h = ps_image_height(x), wide = x->dim[x->rank - 1], cg = w->dim[1], og = w->dim[0] / p->group;
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[4];
        ot_index(want, i, at);
        int n = at[0], o = at[1], oy = want->rank == 4 ? at[2] : 0, ox = at[want->rank - 1];
        double sum = 0;
        for (int ky = 0; ky < p->kernel[0]; ky++) {
            for (int kx = 0; kx < p->kernel[1]; kx++) {
                int iy = oy * p->stride[0] - p->pad[0] + ky * p->dilation[0];
                int ix = ox * p->stride[1] - p->pad[1] + kx * p->dilation[1];
                if (iy < 0 || iy >= h || ix < 0 || ix >= wide) continue;
                for (int c = 0; c < cg; c++)
                    sum += value(x, n, o / og * cg + c, iy, ix) * value(w, o, c, ky, kx);
            }
        }
        if (bias) sum += ot_at(bias, (size_t)o);
        double residual = r ? ot_get(r, at) : 0;
        sum = p->fused.act_last ? activate(&p->fused, sum + residual) : activate(&p->fused, sum) + residual;
        ot_put(want, i, sum);
    }
}

typedef struct shape {
    int32_t n, c, o, group, h, w, kernel[2], stride[2], dilation[2], pad[4];
} shape;

typedef struct extras {
    ot_layout x, w, bias, r;
    bool has_bias, has_residual, constant;
    bool x_half, y_half; /* input; output and residual: of 16 bits */
    poise_type half;     /* bf16 or f16; 0 = bf16 */
    int rank;
    ps_fused fused;
    double size; /* of inputs; 0 = 1 */
} extras;

/* Sums of k products of numbers in [-1, 1]: single-precision rounding grows with k at worst.  Winograd's transforms,
 * where the driver may choose them, add products of up to 5*5*8*8 of these. */
static double tolerance(const shape *s)
{
    bool winograd = s->kernel[0] == 3 && s->kernel[1] == 3 && s->stride[0] <= 2 && s->stride[1] <= 2 && s->c >= 8;
    return 2e-6 + (winograd ? 1e-6 : 1.2e-7) * s->kernel[0] * s->kernel[1] * (s->c / s->group);
}

static void check_conv(const shape *s, const extras *e)
{
    ps_conv_params p = {.group = s->group, .fused = e->fused};
    for (int i = 0; i < 2; i++) {
        p.kernel[i] = s->kernel[i], p.stride[i] = s->stride[i], p.dilation[i] = s->dilation[i];
        p.pad[i] = s->pad[i], p.pad[i + 2] = s->pad[i + 2];
    }
    int32_t xd[4] = {s->n, s->c, s->h, s->w}, wd[4] = {s->o, s->c / s->group, s->kernel[0], s->kernel[1]};
    if (e->rank == 3) xd[2] = s->w, wd[2] = s->kernel[1];
    double size = e->size > 0 ? e->size : 1;
    poise_type half = e->half ? e->half : POISE_BF16;
    poise_tensor x = ot_random_tensor(e->x_half ? half : POISE_F32, e->rank, xd, e->x, -size, size);
    poise_tensor w = ot_random_tensor(POISE_F32, e->rank, wd, e->constant ? OT_ROW : e->w, -1, 1);
    if (e->x_half) ot_round_to_half(&w);
    poise_tensor bias = ot_random_tensor(POISE_F32, 1, &s->o, e->constant ? OT_ROW : e->bias, -1, 1), r;
    ot_case t = {.op = &ps_op_conv,
                 .params = &p,
                 .n_in = 4,
                 .n_out = 1,
                 .in = {&x, &w},
                 .constants = e->constant ? 6 : 0,
                 .half = (e->x_half ? 1 : 0) | (e->y_half ? 8 | OT_HALF_OUT : 0),
                 .half_type = half,
                 .abs = tolerance(s) * size,
                 .rel = e->y_half ? 0x1p-8 : 1e-5};
    /* Sums of halves (check_gemm_half.c): factors are 1/2 on average. */
    if (e->x_half && half == POISE_F16) t.abs += 0x1p-11 * s->kernel[0] * s->kernel[1] * (s->c / s->group) * size;
    if (e->has_bias) t.in[2] = &bias;
    poise_tensor y;
    if (ot_infer(&t, &y)) fail_msg("refused: %s", poise_error_text());
    if (e->has_residual) {
        r = ot_random_tensor(e->y_half ? half : POISE_F32, y.rank, y.dim, e->r, -1, 1);
        t.in[3] = &r;
    }
    ot_check(&t, conv_oracle);
    ot_free_all();
}

static extras random_extras(void)
{
    static const int32_t acts[] = {PS_ACT_NONE, PS_ACT_RELU, PS_ACT_CLIP, PS_ACT_LEAKY, PS_ACT_SILU};
    static const ot_layout often[] = {OT_LAST, OT_LAST, OT_LAST_GAP, OT_ROW};
    extras e = {
        .rank = 4, .constant = ot_random(4) != 0, .has_bias = ot_random(2), .has_residual = ot_random(2)};
    e.fused = (ps_fused){.act = acts[ot_random(5)], .a = 0.1f, .b = 0.7f, .act_last = (int32_t)ot_random(2)};
    e.x = ot_random(4) ? often[ot_random(4)] : (ot_layout)ot_random(OT_LAYOUTS);
    e.r = ot_random(4) ? often[ot_random(4)] : (ot_layout)ot_random(OT_LAYOUTS);
    e.w = (ot_layout)ot_random(OT_LAYOUTS);
    e.bias = (ot_layout)ot_random(OT_LAYOUTS);
    e.x_half = ot_random(3) == 0;
    e.y_half = ot_random(3) == 0;
    e.half = ot_random(2) ? POISE_BF16 : POISE_F16;
    return e;
}

static bool fits(const shape *s)
{
    int32_t in[2] = {s->h, s->w};
    for (int i = 0; i < 2; i++)
        if (in[i] + s->pad[i] + s->pad[i + 2] < s->dilation[i] * (s->kernel[i] - 1) + 1) return false;
    return true;
}

static void test_known_shapes(void **state)
{
    (void)state;
    static const shape shapes[] = {
        {1, 3, 16, 1, 33, 31, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}}, /* stem */
        {1, 3, 8, 1, 16, 16, {4, 4}, {4, 4}, {1, 1}, {0, 0, 0, 0}},  /* patches */
        {1, 16, 16, 1, 20, 20, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        {2, 24, 33, 1, 9, 11, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        {1, 40, 80, 1, 20, 20, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}}, /* enough work for several threads */
        {1, 40, 70, 1, 17, 23, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        {3, 8, 12, 1, 8, 8, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}},
        {1, 12, 20, 4, 9, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},    /* groups */
        {1, 5, 15, 5, 7, 7, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},     /* depth multiplier 3 */
        {1, 19, 19, 19, 14, 15, {7, 7}, {1, 1}, {1, 1}, {3, 3, 3, 3}}, /* depthwise */
        {2, 33, 33, 33, 30, 31, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
        {1, 48, 48, 48, 40, 40, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}},
        {1, 8, 8, 8, 3, 3, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}},   /* no window fits */
        {1, 6, 7, 1, 15, 16, {3, 3}, {1, 1}, {3, 2}, {3, 2, 3, 2}}, /* dilated */
        {1, 6, 7, 1, 5, 4, {2, 3}, {1, 1}, {1, 1}, {4, 5, 3, 6}},   /* windows outside the image */
        {1, 4, 4, 4, 5, 4, {2, 3}, {1, 1}, {1, 1}, {4, 5, 3, 6}},
        {1, 7, 3, 1, 1, 600, {1, 9}, {1, 2}, {1, 1}, {0, 4, 0, 3}},
        {1, 64, 8, 1, 3, 700, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, /* rows longer than a slab */
        {1, 30, 7, 1, 6, 6, {6, 6}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        {1, 1, 1, 1, 5, 5, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        {1, 1024, 70, 1, 3, 5, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}}, /* pixels 4096 bytes apart */
        {1, 512, 97, 1, 5, 6, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}},
        {1, 512, 66, 1, 3, 7, {2, 2}, {1, 2}, {1, 1}, {0, 0, 0, 0}},
        {1, 512, 66, 1, 3, 7, {1, 3}, {1, 2}, {1, 1}, {0, 1, 0, 1}},
        {1, 5, 6, 1, 3, 4, {1, 1}, {3, 5}, {1, 1}, {0, 0, 2, 9}}, /* a stride that leaves the image */
        {1, 5, 6, 1, 3, 4, {1, 1}, {9, 2}, {1, 1}, {0, 0, 0, 0}},
    };
    static const extras ways[] = {
        {.rank = 4, .constant = true, .x = OT_LAST, .has_bias = true, .fused = {.act = PS_ACT_SILU}},
        {.rank = 4, .constant = true, .x = OT_ROW, .has_residual = true, .r = OT_LAST},
        {.rank = 4,
         .constant = true,
         .x = OT_LAST_GAP,
         .has_bias = true,
         .has_residual = true,
         .r = OT_LAST_GAP,
         .fused = {.act = PS_ACT_RELU, .act_last = 1}},
        {.rank = 4, .x = OT_STRIDED, .w = OT_REVERSED, .bias = OT_STRIDED, .has_bias = true},
        {.rank = 4, .constant = true, .x = OT_LAST, .has_bias = true, .x_half = true, .y_half = true,
         .fused = {.act = PS_ACT_SILU}},
        {.rank = 4, .constant = true, .x = OT_LAST_GAP, .has_residual = true, .r = OT_LAST_GAP, .x_half = true, .y_half = true},
        {.rank = 4, .constant = true, .x = OT_ROW, .x_half = true, .has_residual = true, .r = OT_ROW},
        {.rank = 4, .x = OT_STRIDED, .w = OT_REVERSED, .y_half = true, .has_residual = true, .r = OT_STRIDED},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) check_conv(&shapes[i], &ways[j]);
}

static void test_random_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        static const int32_t groups[] = {1, 1, 1, 2, 3};
        int32_t g = groups[ot_random(5)], cg = ot_between(1, 20), og = ot_between(1, 40);
        if (ot_random(4) == 0) g = ot_between(2, 40), cg = og = 1;
        shape s = {.n = ot_between(1, 2),
                   .group = g,
                   .c = g * cg,
                   .o = g * og,
                   .h = ot_between(1, 12),
                   .w = ot_between(1, 30)};
        for (int d = 0; d < 2; d++) {
            s.kernel[d] = ot_random(3) ? ot_between(1, 3) : ot_between(1, 6);
            s.stride[d] = ot_random(2) ? 1 : ot_between(1, 3);
            s.dilation[d] = ot_random(3) ? 1 : ot_between(1, 3);
            s.pad[d] = ot_random(2) ? 0 : ot_between(0, 4);
            s.pad[d + 2] = ot_random(2) ? s.pad[d] : ot_between(0, 4);
        }
        extras e = random_extras();
        if (fits(&s)) check_conv(&s, &e);
    }
}

/* 3x3 with enough channels for Winograd's tiles: borders, odd sizes, residuals, several images. */
static void test_winograd(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        int32_t stride = ot_between(1, 2);
        shape s = {.n = ot_between(1, 2), .group = 1, .c = ot_between(16, 40), .o = ot_between(16, 70), .h = ot_between(4, 22 * stride),
                   .w = ot_between(4, 30 * stride), .kernel = {3, 3}, .stride = {stride, stride}, .dilation = {1, 1}};
        for (int d = 0; d < 4; d++) s.pad[d] = ot_random(3) ? 1 : ot_between(0, 4);
        extras e = random_extras();
        e.constant = ot_random(4) != 0;
        if (ot_random(4)) e.x = e.r = ot_random(2) ? OT_LAST : OT_LAST_GAP;
        check_conv(&s, &e);
    }
}

/* Sums over channels in several parts, several panels, few tiles; inputs near the ends of what floats can hold. */
static void test_winograd_deep(void **state)
{
    (void)state;
    static const double sizes[] = {0, 0, 1e-25, 1e30};
    for (int i = 0; i < 6; i++) {
        int32_t stride = 1 + i % 3 / 2, most = 12 * stride;
        shape s = {.n = ot_between(1, 2), .group = 1, .c = ot_between(90, 200), .o = ot_between(30, 80), .h = ot_between(5, most),
                   .w = ot_between(5, most), .kernel = {3, 3}, .stride = {stride, stride}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}};
        extras e = random_extras();
        e.x = e.r = ot_random(2) ? OT_LAST : OT_LAST_GAP;
        e.size = sizes[i % 4];
        if (e.size > 0) e.has_bias = e.has_residual = false, e.fused = (ps_fused){.act = PS_ACT_NONE};
        check_conv(&s, &e);
    }
}

static void test_one_dimension(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        shape s = {.n = ot_between(1, 3),
                   .group = 1,
                   .c = ot_between(1, 20),
                   .o = ot_between(1, 20),
                   .h = 1,
                   .w = ot_between(1, 40),
                   .kernel = {1, ot_between(1, 5)},
                   .stride = {1, ot_between(1, 2)},
                   .dilation = {1, ot_between(1, 2)},
                   .pad = {0, ot_between(0, 3), 0, ot_between(0, 3)}};
        extras e = random_extras();
        e.rank = 3;
        if (fits(&s)) check_conv(&s, &e);
    }
}

static void refuse(ps_conv_params p, const int32_t *xd, const int32_t *wd, int32_t bias, const char *part)
{
    poise_tensor x = ot_tensor(POISE_F32, 4, xd, OT_ROW), w = ot_tensor(POISE_F32, 4, wd, OT_ROW);
    poise_tensor b = ot_tensor(POISE_F32, 1, &bias, OT_ROW);
    ot_case t = {.op = &ps_op_conv, .params = &p, .n_in = 3, .n_out = 1, .in = {&x, &w, &b}};
    ot_refuse(&t, part);
    ot_free_all();
}

static void test_refused(void **state)
{
    (void)state;
    const ps_conv_params good = {.kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}, .group = 1};
    const int32_t x[4] = {1, 4, 8, 8}, w[4] = {6, 4, 3, 3}, w3[4] = {6, 3, 3, 3};
    ps_conv_params p = good;
    refuse(p, x, w3, 6, "weights have 3 input channels per group, input has 4 of 1 group");
    refuse(p, x, w, 5, "bias is 5");
    p.group = 0, refuse(p, x, w, 6, "0 groups");
    p.group = 4, refuse(p, x, w, 6, "4 groups do not divide 4 input and 6 output channels");
    p = good, p.kernel[1] = 2, refuse(p, x, w, 6, "horizontal kernel is 2, weights have 3");
    p = good, p.stride[0] = 0, refuse(p, x, w, 6, "vertical kernel 3, stride 0");
    p = good, p.pad[2] = -1, refuse(p, x, w, 6, "must not be negative");
    p = good, p.dilation[0] = 4, refuse(p, x, w, 6, "does not fit");
    p = good, p.dilation[0] = INT32_MAX, refuse(p, x, w, 6, "larger than any image");
    p = good, p.pad[0] = p.pad[2] = INT32_MAX, refuse(p, x, w, 6, "larger than any image");
    p = good, p.fused.act = 99, refuse(p, x, w, 6, "fused activation 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_shapes),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_winograd_deep),
        cmocka_unit_test(test_one_dimension),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
