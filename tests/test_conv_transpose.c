/* tests/test_conv_transpose.c - the conv_transpose operator against scattered sums in double. */
#include "tests/op_test.h"

#include "nn/fused.h"

static double value(const poise_tensor *t, int n, int c, int y, int x)
{
    int32_t at[4] = {n, c, t->rank == 4 ? y : x, x};
    return ot_get(t, at);
}

/* Every input pixel adds its products to the outputs under its window: the definition, unlike the code. */
static void transpose_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_conv_transpose_params *p = t->params;
    const poise_tensor *x = t->in[0], *w = t->in[1], *bias = t->in[2];
    int h = ps_image_height(x), wide = x->dim[x->rank - 1], cg = x->dim[1] / p->group, og = w->dim[1];
    int oh = ps_image_height(want), ow = want->dim[want->rank - 1];
    size_t outputs = poise_tensor_count(want), inputs = poise_tensor_count(x);
    for (size_t i = 0; i < outputs; i++) {
        int32_t at[4];
        ot_index(want, i, at);
        ot_put(want, i, bias ? ot_at(bias, (size_t)at[1]) : 0);
    }
    for (size_t i = 0; i < inputs; i++) {
        int32_t at[4];
        ot_index(x, i, at);
        int n = at[0], c = at[1], iy = x->rank == 4 ? at[2] : 0, ix = at[x->rank - 1];
        if (iy >= h || ix >= wide) continue;
        for (int ky = 0; ky < p->kernel[0]; ky++) {
            for (int kx = 0; kx < p->kernel[1]; kx++) {
                int oy = iy * p->stride[0] - p->pad[0] + ky * p->dilation[0];
                int ox = ix * p->stride[1] - p->pad[1] + kx * p->dilation[1];
                if (oy < 0 || oy >= oh || ox < 0 || ox >= ow) continue;
                for (int o = 0; o < og; o++) {
                    int32_t to[4] = {n, c / cg * og + o, want->rank == 4 ? oy : ox, ox};
                    ot_set(want, to, ot_get(want, to) + ot_get(x, at) * value(w, c, o, ky, kx));
                }
            }
        }
    }
    for (size_t i = 0; i < outputs; i++)
        if (p->fused.act == PS_ACT_RELU && ot_at(want, i) < 0) ot_put(want, i, 0);
}

typedef struct shape {
    int32_t n, c, o, group, h, w;
    ps_conv_transpose_params p;
} shape;

/* As in test_conv.c: the driver may choose Winograd's transforms for 3x3 of stride 1. */
static double tolerance(const shape *s)
{
    const ps_conv_transpose_params *p = &s->p;
    bool winograd =
        p->kernel[0] == 3 && p->kernel[1] == 3 && p->stride[0] == 1 && p->stride[1] == 1 && s->c >= 16;
    return 2e-6 + (winograd ? 1e-6 : 1.2e-7) * p->kernel[0] * p->kernel[1] * s->c;
}

static void check_shape(const shape *s, int rank, ot_layout xl, ot_layout wl, bool constant, bool with_bias)
{
    int32_t xd[4] = {s->n, s->c, s->h, s->w}, o = s->o;
    int32_t wd[4] = {s->c, s->o / s->p.group, s->p.kernel[0], s->p.kernel[1]};
    if (rank == 3) xd[2] = s->w, wd[2] = s->p.kernel[1];
    poise_tensor x = ot_random_tensor(POISE_F32, rank, xd, xl, -1, 1);
    poise_tensor w = ot_random_tensor(POISE_F32, rank, wd, constant ? OT_ROW : wl, -1, 1);
    poise_tensor bias = ot_random_tensor(POISE_F32, 1, &o, OT_ROW, -1, 1);
    ot_case t = {.op = &ps_op_conv_transpose,
                 .params = &s->p,
                 .n_in = 3,
                 .n_out = 1,
                 .in = {&x, &w, with_bias ? &bias : NULL},
                 .constants = constant ? 6 : 0,
                 .abs = tolerance(s),
                 .rel = 1e-5};
    ot_check(&t, transpose_oracle);
    ot_free_all();
}

static void test_usual(void **state)
{
    (void)state;
    static const struct {
        int32_t k, s, pad, out_pad;
    } usual[] = {{4, 2, 1, 0}, {2, 2, 0, 0}, {3, 2, 1, 1}, {3, 1, 1, 0},
                 {4, 4, 0, 0}, {1, 3, 0, 2}, {5, 3, 2, 0}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        for (int grouped = 0; grouped < 3; grouped++) {
            int32_t k = usual[i].k, s = usual[i].s, pad = usual[i].pad, g = grouped == 2 ? 24 : grouped + 1;
            shape t = {.n = 1,
                       .c = 24,
                       .o = grouped == 2 ? 24 : 40,
                       .h = 9,
                       .w = 11,
                       .p = {.kernel = {k, k},
                             .stride = {s, s},
                             .dilation = {1, 1},
                             .pad = {pad, pad, pad, pad},
                             .out_pad = {usual[i].out_pad, usual[i].out_pad},
                             .group = g,
                             .fused = {.act = PS_ACT_RELU}}};
            check_shape(&t, 4, OT_LAST, OT_ROW, true, true);
            check_shape(&t, 4, OT_ROW, OT_STRIDED, false, false);
        }
    }
}

/* Enough work in each phase for several threads. */
static void test_large(void **state)
{
    (void)state;
    const shape s = {
        .n = 1,
        .c = 64,
        .o = 70,
        .h = 13,
        .w = 15,
        .p = {.kernel = {4, 4}, .stride = {2, 2}, .dilation = {1, 1}, .pad = {1, 1, 1, 1}, .group = 1}};
    check_shape(&s, 4, OT_LAST, OT_ROW, true, true);
}

static bool has_outputs(const shape *s)
{
    int32_t in[2] = {s->h, s->w};
    const ps_conv_transpose_params *p = &s->p;
    for (int i = 0; i < 2; i++)
        if (p->stride[i] * (in[i] - 1) + p->out_pad[i] + p->dilation[i] * (p->kernel[i] - 1) + 1 <=
            p->pad[i] + p->pad[i + 2])
            return false;
    return true;
}

static void test_random_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < 120; i++) {
        int32_t g = ot_random(2) ? 1 : ot_between(1, 6);
        shape s = {.n = ot_between(1, 2),
                   .c = g * ot_between(1, 12),
                   .o = g * ot_between(1, 20),
                   .h = ot_between(1, 7),
                   .w = ot_between(1, 12),
                   .p = {.group = g}};
        if (ot_random(4) == 0) s.o = s.c = s.p.group = ot_between(2, 33);
        int rank = ot_random(4) ? 4 : 3;
        for (int d = 0; d < 2; d++) {
            s.p.kernel[d] = ot_between(1, 5);
            s.p.stride[d] = ot_between(1, 4);
            s.p.dilation[d] = ot_random(2) ? 1 : ot_between(1, 4);
            s.p.pad[d] = ot_between(0, 4);
            s.p.pad[d + 2] = ot_between(0, 4);
            s.p.out_pad[d] = ot_random(2) ? 0 : ot_between(0, 3);
            if (d || rank == 4) continue;
            s.h = s.p.kernel[0] = s.p.stride[0] = s.p.dilation[0] = 1;
            s.p.pad[0] = s.p.pad[2] = s.p.out_pad[0] = 0;
        }
        if (has_outputs(&s))
            check_shape(&s, rank, (ot_layout)ot_random(OT_LAYOUTS), (ot_layout)ot_random(OT_LAYOUTS),
                        ot_random(2), ot_random(2));
    }
}

static void test_refused(void **state)
{
    (void)state;
    const int32_t xd[4] = {1, 4, 5, 5}, wd[4] = {4, 3, 2, 2}, bad[4] = {5, 3, 2, 2};
    poise_tensor x = ot_tensor(POISE_F32, 4, xd, OT_ROW), w = ot_tensor(POISE_F32, 4, wd, OT_ROW);
    poise_tensor w5 = ot_tensor(POISE_F32, 4, bad, OT_ROW), i64 = ot_tensor(POISE_I64, 4, xd, OT_ROW);
    ps_conv_transpose_params p = {.kernel = {2, 2}, .stride = {2, 2}, .dilation = {1, 1}, .group = 1};
    ot_case t = {.op = &ps_op_conv_transpose, .params = &p, .n_in = 2, .n_out = 1, .in = {&x, &w5}};
    ot_refuse(&t, "weights have 5 input channels, input has 4");
    t.in[1] = &w;
    t.in[0] = &i64;
    ot_refuse(&t, "input is i64");
    t.in[0] = &x;
    p.group = 3, ot_refuse(&t, "3 groups do not divide 4 input channels");
    p.group = 1, p.pad[1] = p.pad[3] = 5, ot_refuse(&t, "0 pixels wide");
    p.pad[1] = 0, p.out_pad[0] = -1, ot_refuse(&t, "output padding -1");
    p.out_pad[0] = 0, p.stride[0] = INT32_MAX, ot_refuse(&t, "pixels high");
    p.stride[0] = 4096, ot_refuse(&t, "their product can be 4096");
    ot_free_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
