/* tests/product_int8.c - what products of quantised tensors give, to the bit, and what they are tested with. */
#include "tests/product_int8.h"

#include "nn/graph.h"

#include <math.h>

product_way product_random_way(void)
{
    static const int32_t acts[] = {PS_ACT_NONE, PS_ACT_RELU, PS_ACT_CLIP, PS_ACT_LEAKY, PS_ACT_SILU, PS_ACT_HARDSWISH};
    static const ot_layout often[] = {OT_LAST, OT_LAST, OT_LAST_GAP, OT_ROW};
    product_way e = {.bias = ot_random(2), .residual = ot_random(2), .real = ot_random(4) == 0};
    e.table = !e.real && ot_random(3) == 0;
    e.one_scale = ot_random(4) == 0;
    e.extreme = ot_random(4) == 0;
    e.fused = (ps_fused){.act = acts[ot_random(6)], .a = 0.1f, .b = 0.7f, .act_last = (int32_t)ot_random(2)};
    e.x = ot_random(4) ? often[ot_random(4)] : (ot_layout)ot_random(OT_LAYOUTS);
    e.r = ot_random(4) ? often[ot_random(4)] : (ot_layout)ot_random(OT_LAYOUTS);
    return e;
}

poise_tensor product_codes(int rank, const int32_t *dim, ot_layout layout, bool extreme)
{
    poise_tensor x = ot_random_tensor(POISE_U8, rank, dim, layout, extreme ? -400 : 0, extreme ? 655 : 255);
    x.scale = (float)ot_uniform(0.01, 0.02);
    x.zero = ot_random(4) ? ot_between(0, 255) : ot_random(2) ? 0 : 255;
    return x;
}

poise_tensor product_weights(int rank, const int32_t *dim, bool extreme)
{
    int most = extreme ? 500 : ot_random(2) ? 127 : 60; /* 60: pairs fit 16 bits */
    return ot_random_tensor(POISE_I8, rank, dim, OT_ROW, -most, most);
}

double product_finish(const ot_case *t, const ps_fused *f, float alpha, int64_t sum, int32_t channel, const int32_t *at)
{
    const poise_tensor *x = t->in[0], *w = t->in[1], *bias = t->in[2], *r = t->in[3], *each = t->in[4], *table = t->in[5];
    static const ps_kernels none;
    ps_kernels k = none;
    ps_kernels_select(&k, 0);
    float scale = w->scale, b = 0;
    if (each) scale = ((const float *)each->data)[each->dim[0] > 1 ? channel : 0];
    scale = x->scale * scale * alpha;
    if (bias) b = ((const float *)bias->data)[channel];
    assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
    int32_t add = (int32_t)sum;
    uint8_t residual = r ? (uint8_t)ot_get(r, at) : 0, code;
    float out_scale = table ? table->scale : t->scale, real;
    ps_requant q = {.add = &add,
                    .scale = &scale,
                    .bias = bias ? &b : NULL,
                    .act = (ps_act)f->act,
                    .a = f->a,
                    .b = f->b,
                    .act_last = f->act_last != 0,
                    .residual = r ? &residual : NULL,
                    .res_scale = r ? r->scale : 0,
                    .res_zero = r ? r->zero : 0,
                    .to_f32 = t->scale == 0,
                    .inv = out_scale > 0 ? 1 / out_scale : 0,
                    .zero = table ? table->zero : t->zero,
                    .table = table ? table->data : NULL};
    _Alignas(64) static const int8_t weights[4 * PS_MAX_NR];
    static const uint8_t pixel[4];
    const uint8_t *a = pixel;
    k.gemm_u8(1, 1, 4, 1, &a, 4, weights, 4 * PS_MAX_NR, q.to_f32 ? (void *)&real : (void *)&code, 1, &q);
    return q.to_f32 ? (double)real : (double)code;
}

void product_check(ot_case *t, const product_way *way, int32_t channels, int64_t terms, ot_oracle *oracle)
{
    const int32_t one = 1, codes = 256;
    double range = 0.015 * 0.02 * 128 * 60 * sqrt((double)terms + 1); /* of typical sums */
    poise_tensor bias = ot_random_tensor(POISE_F32, 1, &channels, OT_ROW, -1, 1), y, r;
    poise_tensor each = ot_random_tensor(POISE_F32, 1, way->one_scale ? &one : &channels, OT_ROW, 0.001, 0.02);
    poise_tensor table = ot_random_tensor(POISE_U8, 1, &codes, OT_ROW, 0, 255);
    t->n_in = 6;
    t->n_out = 1;
    if (t->in[1]->type == POISE_I8) t->in[4] = &each;
    t->constants |= 4 | 16 | 32;
    if (way->bias) t->in[2] = &bias;
    if (way->table) t->in[5] = &table;
    t->scale = way->real ? 0 : (float)(range / ot_uniform(30, 400));
    t->zero = way->real ? 0 : ot_random(3) ? ot_between(0, 255) : ot_random(2) ? 0 : 128;
    table.scale = way->table ? t->scale * 0.7f : 0;
    table.zero = way->table ? ot_between(0, 255) : 0;
    if (ot_infer(t, &y)) fail_msg("refused: %s", poise_error_text());
    assert_int_equal(y.type, way->real ? POISE_F32 : POISE_U8);
    if (way->residual) {
        r = product_codes(y.rank, y.dim, way->r, false);
        r.scale = (float)range / 300;
        t->in[3] = &r;
    }
    ot_check(t, oracle);
    ot_free_all();
}
