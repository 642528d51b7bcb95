/* nn/op_group_norm.c - normalisation over groups of channels and all positions. */
#include "nn/op.h"
#include "nn/params.h"
#include "nn/quantised.h"
#include "nn/reduction.h"
#include "nn/rules.h"
#include "nn/spread.h"

#include <math.h>
#include <stdio.h>

static poise_status infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_group_norm_params *p = params;
    const ps_value *x = in[0];
    PS_REQUIRE(x->rank >= 2, POISE_BAD_MODEL, "the input has rank %d, must have 2 or more", x->rank);
    PS_REQUIRE(p->groups > 0 && x->dim[1] % p->groups == 0, POISE_BAD_MODEL, "%d channels in %d groups",
               x->dim[1], p->groups);
    for (int i = 0; i < n_in; i++) {
        if (!in[i]) continue;
        PS_TRY(i ? ps_rule_type(in[i], "scale or bias", POISE_F32) : ps_rule_real(x, "the input"));
        char text[PS_SHAPE_TEXT];
        PS_REQUIRE(!i || (in[i]->rank == 1 && in[i]->dim[0] == x->dim[1]), POISE_BAD_MODEL,
                   "scale or bias is %s, must be %d", ps_shape_text(in[i]->rank, in[i]->dim, text),
                   x->dim[1]);
    }
    ps_shape_like(out[0], ps_real_type(1, in, out[0]), x);
    return POISE_OK;
}

static int live(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    (void)in;
    (void)out;
    return i == 0 && axis == 0 ? 0 : -1;
}

/* y = x*mul + add; mul and add are the third and fourth tensor. */
static void piece(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread)
{
    enum { BLOCK = 128 };
    const ps_call *c = ctx;
    (void)thread;
    float room[4][BLOCK];
    bool dense = step[0] == 1 && step[1] == 1;
    if (dense && step[2] == 1 && step[3] == 1) {
        c->k->affine_f32(n, at[1], at[2], at[3], at[0]);
        return;
    }
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        for (int t = 1; t < 4; t++)
            if (t > 1 || !dense)
                ps_gather(sizeof(float), m, (float *)at[t] + (ptrdiff_t)i * step[t], step[t], room[t]);
        float *y = dense ? (float *)at[0] + i : room[0];
        c->k->affine_f32(m, dense ? (float *)at[1] + i : room[1], room[2], room[3], y);
        if (!dense) ps_scatter(sizeof(float), m, y, (float *)at[0] + (ptrdiff_t)i * step[0], step[0]);
    }
}

/* Three tables of one float for each picture and channel. */
static size_t scratch(const ps_call *c)
{
    const poise_tensor *x = c->in[0];
    return 3 * sizeof(float) * (size_t)x->dim[0] * (size_t)x->dim[1];
}

/* A tensor of x's rank over a table of one float for each picture and channel. */
static poise_tensor table(const poise_tensor *x, float *data)
{
    poise_tensor t = *x;
    t.data = data;
    for (int d = 2; d < t.rank; d++) t.dim[d] = 1;
    ps_strides_row_major(&t);
    for (int d = 2; d < t.rank; d++) t.stride[d] = 0;
    return t;
}

/* The sum over each group, divided by `count`, in place of every channel's own sum. */
static void spread_groups(float *sums, size_t groups, size_t channels, double count)
{
    for (size_t g = 0; g < groups; g++, sums += channels) {
        double total = 0;
        for (size_t i = 0; i < channels; i++) total += (double)sums[i];
        for (size_t i = 0; i < channels; i++) sums[i] = (float)(total / count);
    }
}

/* From mean and variance to y = x*mul + add: mul replaces variance, add mean. */
static void factors(const ps_call *c, float *mean, float *variance, float *add)
{
    const ps_group_norm_params *p = c->params;
    const poise_tensor *x = c->in[0], *scale = c->n_in > 1 ? c->in[1] : NULL,
                       *bias = c->n_in > 2 ? c->in[2] : NULL;
    for (ptrdiff_t n = 0, i = 0; n < x->dim[0]; n++)
        for (ptrdiff_t ch = 0; ch < x->dim[1]; ch++, i++) {
            double f = 1 / sqrt((double)variance[i] + (double)p->eps);
            if (scale) f *= (double)((const float *)scale->data)[ch * scale->stride[0]];
            double b = bias ? (double)((const float *)bias->data)[ch * bias->stride[0]] : 0;
            add[i] = (float)(b - (double)mean[i] * f);
            variance[i] = (float)f;
        }
}

static void run(const ps_call *c)
{
    const ps_group_norm_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0];
    size_t all = (size_t)x->dim[0] * (size_t)x->dim[1], channels = (size_t)(x->dim[1] / p->groups);
    if (!poise_tensor_count(x)) return;
    double count = (double)(poise_tensor_count(x) / all * channels);
    uint32_t axes = ((1u << x->rank) - 1) & ~3u;
    float *at = c->scratch;
    poise_tensor mean = table(x, at), variance = table(x, at + all), add = table(x, at + 2 * all);
    ps_reduce(c->k, PS_REDUCE_SUM, x, axes, &mean, NULL, c->threads);
    spread_groups(mean.data, all / channels, channels, count);
    ps_reduce(c->k, PS_REDUCE_SUM_SQUARE, x, axes, &variance, &mean, c->threads);
    spread_groups(variance.data, all / channels, channels, count);
    factors(c, mean.data, variance.data, add.data);
    for (int d = 2; d < x->rank; d++) variance.dim[d] = add.dim[d] = x->dim[d];
    ps_walk w;
    ps_walk_init(&w, 4, (const poise_tensor *[]){y, x, &variance, &add});
    ps_spread(&w, c->threads, 0.5, piece, c);
}

/* Codes go through floats. */
static size_t any_scratch(const ps_call *c)
{
    return ps_float_scratch(c, scratch);
}

static void any_run(const ps_call *c)
{
    ps_float_run(c, run);
}

static void describe(const void *params, char *buf, size_t size)
{
    const ps_group_norm_params *p = params;
    snprintf(buf, size, "%d groups eps %g", p->groups, (double)p->eps);
}

const ps_op ps_op_group_norm = {.name = "group_norm",
                                .min_in = 1,
                                .max_in = 3,
                                .n_out = 1,
                                .order = PS_ORDER_LIKE,
                                .flags = PS_OP_INPLACE | PS_OP_QUANTISED,
                                .param_bytes = sizeof(ps_group_norm_params),
                                .infer = infer,
                                .live = live,
                                .scratch = any_scratch,
                                .run = any_run,
                                .describe = describe};
