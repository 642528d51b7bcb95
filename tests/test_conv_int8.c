/* tests/test_conv_int8.c - convolutions of quantised tensors, bit for bit, and float ones with weights of fewer bits. */
#include "tests/graph_build.h"
#include "tests/product_int8.h"

#include "convert/optimize.h"
#include "nn/fused.h"
#include "nn/model.h"
#include "runtime/cpu.h"

#include <math.h>
#include <string.h>

/* The sum of (x - zero)*w behind element `at` of the output. */
static int64_t conv_sum(const ot_case *t, const poise_tensor *want, const int32_t *at)
{
    const ps_conv_params *p = t->params;
    const poise_tensor *x = t->in[0], *w = t->in[1];
    int cg = w->dim[1], og = w->dim[0] / p->group, rank = x->rank;
    int h = ps_image_height(x), wide = x->dim[rank - 1], oy = want->rank == 4 ? at[2] : 0, ox = at[rank - 1];
    int64_t sum = 0;
    for (int ky = 0; ky < p->kernel[0]; ky++)
        for (int kx = 0; kx < p->kernel[1]; kx++) {
            int iy = oy * p->stride[0] - p->pad[0] + ky * p->dilation[0];
            int ix = ox * p->stride[1] - p->pad[1] + kx * p->dilation[1];
            if (iy < 0 || iy >= h || ix < 0 || ix >= wide) continue;
            for (int c = 0; c < cg; c++) {
                int32_t xi[4] = {at[0], at[1] / og * cg + c, rank == 4 ? iy : ix, ix};
                int32_t wi[4] = {at[1], c, rank == 4 ? ky : kx, kx};
                sum += ((int64_t)ot_get(x, xi) - x->zero) * (int64_t)ot_get(w, wi);
            }
        }
    return sum;
}

static void conv_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_conv_params *p = t->params;
    size_t count = poise_tensor_count(want);
    for (size_t i = 0; i < count; i++) {
        int32_t at[4];
        ot_index(want, i, at);
        ot_put(want, i, product_finish(t, &p->fused, 1, conv_sum(t, want, at), at[1], at));
    }
}

typedef struct shape {
    int32_t n, c, o, group, h, w, kernel[2], stride[2], dilation[2], pad[4];
} shape;

static ps_conv_params params_of(const shape *s, const ps_fused *f)
{
    ps_conv_params p = {.group = s->group, .fused = *f};
    for (int i = 0; i < 2; i++) {
        p.kernel[i] = s->kernel[i], p.stride[i] = s->stride[i], p.dilation[i] = s->dilation[i];
        p.pad[i] = s->pad[i], p.pad[i + 2] = s->pad[i + 2];
    }
    return p;
}

static void check_conv(const shape *s, int rank, const product_way *e)
{
    ps_conv_params p = params_of(s, &e->fused);
    int32_t xd[4] = {s->n, s->c, s->h, s->w}, wd[4] = {s->o, s->c / s->group, s->kernel[0], s->kernel[1]};
    if (rank == 3) xd[2] = s->w, wd[2] = s->kernel[1];
    poise_tensor x = product_codes(rank, xd, e->x, e->extreme), w = product_weights(rank, wd, e->extreme);
    ot_case t = {.op = &ps_op_conv, .params = &p, .in = {&x, &w}, .constants = 2};
    product_check(&t, e, s->o, (int64_t)wd[1] * s->kernel[0] * s->kernel[1], conv_oracle);
}

static void test_known_shapes(void **state)
{
    (void)state;
    static const shape shapes[] = {
        {1, 3, 16, 1, 33, 31, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}}, /* stem */
        {1, 1, 9, 1, 17, 16, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}},  /* grey */
        {1, 3, 8, 1, 16, 16, {4, 4}, {4, 4}, {1, 1}, {0, 0, 0, 0}},  /* patches */
        {1, 16, 16, 1, 20, 20, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        {1, 132, 70, 1, 9, 13, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, /* sums over several chunks, in ways of 9 x 132 extreme weights too large ones */
        {2, 20, 150, 1, 30, 41, {3, 3}, {1, 1}, {1, 1}, {0, 1, 2, 0}},
        {1, 40, 36, 1, 41, 38, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
        {1, 132, 20, 1, 40, 43, {3, 3}, {2, 2}, {1, 1}, {1, 0, 1, 2}},
        {2, 24, 33, 1, 9, 11, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        {1, 40, 80, 1, 20, 20, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}}, /* enough work for several threads */
        {1, 40, 70, 1, 17, 23, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
        {3, 7, 12, 1, 8, 8, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}},
        {1, 12, 20, 4, 9, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},    /* groups */
        {1, 5, 15, 5, 7, 7, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},     /* depth multiplier 3 */
        {1, 19, 19, 19, 14, 15, {7, 7}, {1, 1}, {1, 1}, {3, 3, 3, 3}}, /* depthwise */
        {2, 33, 33, 33, 30, 31, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
        {1, 48, 48, 48, 40, 40, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}},
        {1, 16, 16, 16, 9, 9, {3, 3}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        {1, 8, 8, 8, 3, 3, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}},   /* no window fits */
        {1, 6, 7, 1, 15, 16, {3, 3}, {1, 1}, {3, 2}, {3, 2, 3, 2}}, /* dilated */
        {1, 6, 7, 1, 5, 4, {2, 3}, {1, 1}, {1, 1}, {4, 5, 3, 6}},   /* windows outside the image */
        {1, 4, 4, 4, 5, 4, {2, 3}, {1, 1}, {1, 1}, {4, 5, 3, 6}},
        {1, 7, 3, 1, 1, 600, {1, 9}, {1, 2}, {1, 1}, {0, 4, 0, 3}},
        {1, 64, 8, 1, 3, 2100, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, /* rows longer than a slab */
        {1, 1024, 70, 1, 3, 5, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
        {1, 4096, 66, 1, 3, 7, {1, 1}, {1, 2}, {1, 1}, {0, 0, 0, 0}}, /* pixels 4096 bytes apart */
        {1, 5, 6, 1, 3, 4, {1, 1}, {3, 5}, {1, 1}, {0, 0, 2, 9}},     /* a stride that leaves the image */
    };
    static const product_way ways[] = {
        {.x = OT_LAST, .bias = true, .fused = {.act = PS_ACT_SILU}},
        {.x = OT_ROW, .residual = true, .r = OT_LAST, .extreme = true},
        {.x = OT_LAST_GAP, .bias = true, .residual = true, .r = OT_LAST_GAP, .fused = {.act = PS_ACT_RELU, .act_last = 1}},
        {.x = OT_STRIDED, .table = true, .one_scale = true},
        {.x = OT_LAST, .real = true, .bias = true, .residual = true, .r = OT_STRIDED},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof ways / sizeof *ways; j++) check_conv(&shapes[i], 4, &ways[j]);
}

static bool fits(const shape *s)
{
    int32_t in[2] = {s->h, s->w};
    for (int i = 0; i < 2; i++)
        if (in[i] + s->pad[i] + s->pad[i + 2] < s->dilation[i] * (s->kernel[i] - 1) + 1) return false;
    return true;
}

static void test_random_shapes(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        int32_t g = ot_random(2) ? 1 : ot_between(1, 5);
        shape s = {.n = ot_between(1, 2), .group = g, .c = g * ot_between(1, 24), .o = g * ot_between(1, 40)};
        if (ot_random(4) == 0) s.o = s.c = s.group = ot_between(2, 70);
        s.h = ot_between(1, 9), s.w = ot_between(1, 25);
        int rank = ot_random(5) ? 4 : 3;
        for (int d = 0; d < 2; d++) {
            s.kernel[d] = ot_between(1, 4), s.stride[d] = ot_between(1, 3);
            s.dilation[d] = ot_random(3) ? 1 : ot_between(1, 3);
            s.pad[d] = ot_between(0, 3), s.pad[d + 2] = ot_between(0, 3);
            if (d || rank == 4) continue;
            s.h = s.kernel[0] = s.stride[0] = s.dilation[0] = 1;
            s.pad[0] = s.pad[2] = 0;
        }
        product_way e = product_random_way();
        if (fits(&s)) check_conv(&s, rank, &e);
    }
}

/* ---- transposed ---- */

static void transpose_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_conv_transpose_params *p = t->params;
    const poise_tensor *x = t->in[0], *w = t->in[1];
    int cg = x->dim[1] / p->group, og = w->dim[1];
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[4];
        int64_t sum = 0;
        ot_index(want, i, at);
        for (int ky = 0; ky < p->kernel[0]; ky++)
            for (int kx = 0; kx < p->kernel[1]; kx++) {
                int y = at[2] + p->pad[0] - ky * p->dilation[0], z = at[3] + p->pad[1] - kx * p->dilation[1];
                if (y < 0 || z < 0 || y % p->stride[0] || z % p->stride[1]) continue;
                y /= p->stride[0], z /= p->stride[1];
                if (y >= x->dim[2] || z >= x->dim[3]) continue;
                for (int c = 0; c < cg; c++) {
                    int32_t xi[4] = {at[0], at[1] / og * cg + c, y, z}, wi[4] = {xi[1], at[1] % og, ky, kx};
                    sum += ((int64_t)ot_get(x, xi) - x->zero) * (int64_t)ot_get(w, wi);
                }
            }
        ot_put(want, i, product_finish(t, &p->fused, 1, sum, at[1], at));
    }
}

static void test_transposed(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        int32_t g = ot_random(2) ? 1 : ot_between(1, 4);
        ps_conv_transpose_params p = {.group = g};
        int32_t xd[4] = {ot_between(1, 2), g * ot_between(1, 20), ot_between(2, 7), ot_between(2, 12)};
        for (int d = 0; d < 2; d++) {
            p.kernel[d] = ot_between(1, 5), p.stride[d] = ot_between(1, 4);
            p.dilation[d] = ot_random(3) ? 1 : ot_between(1, 3);
            p.pad[d] = ot_between(0, p.kernel[d] / 2), p.pad[d + 2] = ot_between(0, p.kernel[d] / 2);
            p.out_pad[d] = ot_random(2) ? 0 : ot_between(0, 3);
            xd[2 + d] += p.pad[d] + p.pad[d + 2];
        }
        int32_t wd[4] = {xd[1], ot_between(1, 30), p.kernel[0], p.kernel[1]};
        if (ot_random(4) == 0) p.group = xd[1], wd[1] = 1;
        product_way e = product_random_way();
        e.residual = false;
        p.fused = e.fused;
        poise_tensor x = product_codes(4, xd, e.x, e.extreme), w = product_weights(4, wd, e.extreme);
        ot_case t = {.op = &ps_op_conv_transpose, .params = &p, .in = {&x, &w}, .constants = 2};
        product_check(&t, &e, wd[1] * p.group, (int64_t)xd[1] / p.group * p.kernel[0] * p.kernel[1], transpose_oracle);
    }
}

/* ---- weights of fewer bits under floats ---- */

static void float_oracle(const ot_case *t, const poise_tensor *want)
{
    const ps_conv_params *p = t->params;
    const poise_tensor *x = t->in[0], *w = t->in[1], *each = t->in[4];
    int cg = w->dim[1], og = w->dim[0] / p->group;
    for (size_t i = 0; i < poise_tensor_count(want); i++) {
        int32_t at[4];
        double sum = 0;
        ot_index(want, i, at);
        for (int ky = 0; ky < p->kernel[0]; ky++)
            for (int kx = 0; kx < p->kernel[1]; kx++) {
                int y = at[2] - p->pad[0] + ky, z = at[3] - p->pad[1] + kx;
                if (y < 0 || y >= x->dim[2] || z < 0 || z >= x->dim[3]) continue;
                for (int c = 0; c < cg; c++) {
                    int32_t xi[4] = {at[0], at[1] / og * cg + c, y, z}, wi[4] = {at[1], c, ky, kx};
                    sum += ot_get(x, xi) * ot_get(w, wi);
                }
            }
        ot_put(want, i, each ? sum * ot_at(each, each->dim[0] > 1 ? (size_t)at[1] : 0) : sum);
    }
}

static void test_weight_only(void **state)
{
    (void)state;
    static const poise_type types[] = {POISE_I8, POISE_F16, POISE_BF16};
    static const shape shapes[] = {{1, 24, 40, 1, 9, 11, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
                                   {1, 33, 33, 33, 9, 11, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
                                   {1, 12, 20, 4, 5, 6, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}}};
    for (size_t i = 0; i < 9; i++) {
        const shape *s = &shapes[i / 3];
        bool codes = types[i % 3] == POISE_I8;
        ps_conv_params p = params_of(s, &(ps_fused){.act = PS_ACT_NONE});
        int32_t xd[4] = {s->n, s->c, s->h, s->w}, wd[4] = {s->o, s->c / s->group, s->kernel[0], s->kernel[1]};
        poise_tensor x = ot_random_tensor(POISE_F32, 4, xd, OT_LAST, -1, 1);
        poise_tensor w = ot_tensor(types[i % 3], 4, wd, OT_ROW);
        poise_tensor each = ot_tensor(POISE_F32, 1, &s->o, OT_ROW);
        for (size_t j = 0; j < poise_tensor_count(&w); j++) /* all exact in bf16, to which a bf16 run rounds */
            ot_put(&w, j, codes ? ot_between(-127, 127) : ot_between(-127, 127) / 128.0);
        for (int32_t j = 0; j < s->o; j++) ot_put(&each, (size_t)j, ldexp(1, -ot_between(6, 9)));
        ot_case t = {.op = &ps_op_conv, .params = &p, .n_in = 5, .n_out = 1, .in = {&x, &w}, .constants = 2 | 16};
        if (codes) t.in[4] = &each;
        t.abs = 2e-6 + 1e-6 * s->kernel[0] * s->kernel[1] * wd[1];
        t.rel = 1e-5;
        ot_check(&t, float_oracle);
        ot_free_all();
    }
}

/* ---- rules ---- */

typedef struct rules {
    poise_tensor x, w, bias, r, each, table;
    ps_conv_params p;
    ot_case t;
} rules;

static void make_rules(rules *c)
{
    const int32_t xd[4] = {1, 8, 5, 5}, wd[4] = {4, 8, 1, 1}, yd[4] = {1, 4, 5, 5}, o = 4, codes = 256;
    c->x = product_codes(4, xd, OT_LAST, false);
    c->w = product_weights(4, wd, false);
    c->bias = ot_tensor(POISE_F32, 1, &o, OT_ROW);
    c->r = product_codes(4, yd, OT_LAST, false);
    c->each = ot_random_tensor(POISE_F32, 1, &o, OT_ROW, 0.1, 0.2);
    c->table = product_codes(1, &codes, OT_ROW, false);
    c->p = (ps_conv_params){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .group = 1};
    c->t = (ot_case){.op = &ps_op_conv, .params = &c->p, .n_in = 6, .n_out = 1, .constants = 2 | 16 | 32, .scale = 1};
    const poise_tensor *in[6] = {&c->x, &c->w, &c->bias, &c->r, &c->each, &c->table};
    memcpy(c->t.in, in, sizeof in);
}

static void test_refused(void **state)
{
    (void)state;
    rules c;
    poise_tensor y;
    make_rules(&c);
    assert_int_equal(ot_infer(&c.t, &y), POISE_OK);
    c.t.in[4] = NULL, ot_refuse(&c.t, "weights of i8 have no scales");
    make_rules(&c), c.each.dim[0] = 3, ot_refuse(&c.t, "one for each of 4 output channels");
    make_rules(&c), ((float *)c.each.data)[2] = -1, ot_refuse(&c.t, "the scale of weights 2 is -1");
    make_rules(&c), ((float *)c.each.data)[1] = NAN, ot_refuse(&c.t, "the scale of weights 1 is");
    make_rules(&c), c.t.constants = 2 | 32, ot_refuse(&c.t, "scales of weights are computed");
    make_rules(&c), c.t.constants = 16 | 32, ot_refuse(&c.t, "weights of i8 are computed");
    make_rules(&c), c.w.scale = 1, ot_refuse(&c.t, "weights of i8 have a scale of their own");
    make_rules(&c), c.w.type = POISE_U8, ot_refuse(&c.t, "of a quantised input they must be i8");
    make_rules(&c), c.x.type = POISE_I8, c.x.zero = 0, ot_refuse(&c.t, "input is quantised i8, it must be quantised u8");
    make_rules(&c), c.x.scale = 0, ot_refuse(&c.t, "input is u8");
    make_rules(&c), c.r.scale = 0, ot_refuse(&c.t, "residual is u8, it must be quantised u8");
    make_rules(&c), c.r.type = POISE_F32, c.r.scale = 0, ot_refuse(&c.t, "residual is f32");
    make_rules(&c), c.table.dim[0] = 255, ot_refuse(&c.t, "it must be 256 constants");
    make_rules(&c), c.table.scale = 0, ot_refuse(&c.t, "the table is u8");
    make_rules(&c), c.t.constants = 2 | 16, ot_refuse(&c.t, "the table is computed");
    make_rules(&c), c.t.scale = 0, ot_refuse(&c.t, "its output is not quantised");
    make_rules(&c), c.x.type = POISE_F32, c.x.scale = 0, c.t.in[3] = NULL, ot_refuse(&c.t, "its input is not quantised");
    make_rules(&c), c.t.zero = 256, ot_refuse(&c.t, "zero point 256");
    ot_free_all();
    const int32_t xd[4] = {1, 65794, 1, 1}, wd[4] = {1, 65794, 1, 1};
    make_rules(&c);
    c.x = product_codes(4, xd, OT_LAST, false), c.w = product_weights(4, wd, false);
    c.t.in[2] = c.t.in[3] = NULL, c.each.dim[0] = 1;
    ot_refuse(&c.t, "sums of 65794 products");
    ot_free_all();
}

/* ---- a network ---- */

enum { SIDE = 45, OUT = 12 };

static int32_t silu(ps_graph *g, int32_t x)
{
    return gb_binary(g, PS_BINARY_MUL, x, gb_unary(g, PS_ACT_SIGMOID, 0, 0, x));
}

/* A stem, a depthwise convolution, a residual, a concatenation; numbers come out. */
static void build_network(ps_graph *g)
{
    int32_t x = gb_round(g, gb_input(g, GB_DIMS(1, 3, SIDE, SIDE)), 1 / 255.0f, 0);
    int32_t a = gb_round(g, silu(g, gb_round(g, gb_conv_int8(g, x, 24, 3, 1, 1), 0.1f, 120)), 0.08f, 10);
    int32_t b = gb_round(g, silu(g, gb_round(g, gb_conv_int8(g, a, 24, 3, 1, 24), 0.2f, 128)), 0.1f, 5);
    int32_t c = gb_round(g, gb_conv_int8(g, b, 24, 1, 0, 1), 0.3f, 128);
    int32_t d = gb_round(g, gb_binary(g, PS_BINARY_ADD, c, a), 0.3f, 100);
    int32_t e = gb_round(g, gb_concat(g, 1, 2, (int32_t[]){d, a}), 0.3f, 100);
    gb_output(g, gb_conv_int8(g, e, OUT, 3, 1, 1));
    assert_int_equal(ps_optimize(g), POISE_OK);
    for (int32_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == &ps_op_conv) assert_int_equal(g->values[g->nodes[i].in[0]].type, POISE_U8);
}

static void run_network(const char *isa, int threads, float *out)
{
    ps_graph g = {0};
    void *bytes;
    size_t size;
    poise_model *m;
    poise_session *s;
    static float x[3 * SIDE * SIDE];
    for (int i = 0; i < 3 * SIDE * SIDE; i++) x[i] = (float)(i * 7919 % 256) / 255;
    build_network(&g);
    assert_int_equal(ps_format_write(&g, &bytes, &size), POISE_OK);
    ps_graph_free(&g);
    const poise_options o = {.threads = threads, .isa = isa};
    if (ps_model_adopt(bytes, size, NULL, &o, &m)) fail_msg("%s", poise_error_text());
    assert_int_equal(poise_session_open(m, &s), POISE_OK);
    poise_tensor_write(poise_session_input(s, 0), x);
    poise_session_run(s);
    poise_tensor_read(poise_session_output(s, 0), out);
    poise_session_close(s);
    poise_model_close(m);
}

static void test_network_has_the_same_bits(void **state)
{
    (void)state;
    static float first[OUT * SIDE * SIDE], other[OUT * SIDE * SIDE];
    gb_seed(7);
    run_network("c", 1, first);
    float least = first[0], most = first[0];
    for (int i = 1; i < OUT * SIDE * SIDE; i++) least = fminf(least, first[i]), most = fmaxf(most, first[i]);
    assert_true(most > least + 1);
    for (const ps_isa *isa = ps_isas; isa->name; isa++) {
        if ((isa->need & ps_cpu_flags()) != isa->need) continue;
        for (int threads = 1; threads <= 4; threads *= 2) {
            gb_seed(7);
            run_network(isa->name, threads, other);
            if (memcmp(first, other, sizeof first)) fail_msg("other bits on %s with %d threads", isa->name, threads);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_shapes), cmocka_unit_test(test_random_shapes), cmocka_unit_test(test_transposed),
        cmocka_unit_test(test_weight_only),  cmocka_unit_test(test_network_has_the_same_bits), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
