/* nn/op_conv.c - convolution: rules, packed weights, residual and activation; nn/conv.c does the work. */
#include "nn/fused.h"
#include "nn/layout.h"

#include <stdio.h>

static poise_status conv_infer(const void *params, int n_in, const ps_value *const *in, ps_value *const *out)
{
    const ps_conv_params *p = params;
    const ps_value *x = in[0], *w = in[1];
    PS_TRY(ps_fused_check(&p->fused));
    PS_TRY(ps_window_check(x, w, p->kernel, p->stride, p->dilation, p->pad));
    int32_t c = x->dim[1], o = w->dim[0];
    PS_REQUIRE(p->group >= 1 && c >= 1 && c % p->group == 0 && o % p->group == 0, POISE_BAD_MODEL,
               "%d groups do not divide %d input and %d output channels", (int)p->group, (int)c, (int)o);
    PS_REQUIRE(w->dim[1] == c / p->group, POISE_BAD_MODEL,
               "weights have %d input channels per group, input has %d of %d group%s", (int)w->dim[1], (int)c,
               (int)p->group, p->group == 1 ? "" : "s");
    int64_t size[2];
    for (int i = 0; i < 2; i++) {
        int64_t have = x->rank == 4 || i ? x->dim[x->rank - 2 + i] : 1;
        int64_t padded = have + p->pad[i] + p->pad[i + 2];
        int64_t window = (int64_t)p->dilation[i] * (p->kernel[i] - 1) + 1;
        size[i] = padded < window ? 0 : (padded - window) / p->stride[i] + 1;
    }
    PS_TRY(ps_image_shape(x, o, size, out[0]));
    int64_t terms = (int64_t)p->kernel[0] * p->kernel[1] * w->dim[1]; /* all weights together are below 2^31 */
    PS_TRY(ps_product_types(n_in, in, o, terms, false, out[0]));
    PS_TRY(ps_bias_check(n_in > 2 ? in[2] : NULL, o));
    return ps_residual_check(n_in > 3 ? in[3] : NULL, out[0]);
}

/* Shapes and strides; nothing that exists only while running. */
static ps_conv conv_of(const ps_call *c)
{
    const ps_conv_params *p = c->params;
    const poise_tensor *x = c->in[0], *y = c->out[0], *r = c->n_in > 3 ? c->in[3] : NULL;
    ps_conv v = {.k = c->k,
                 .threads = c->threads,
                 .variant = c->variant,
                 .batch_rank = 1,
                 .batch = {x->dim[0]},
                 .in = {ps_image_height(x), x->dim[x->rank - 1]},
                 .out = {ps_image_height(y), y->dim[y->rank - 1]},
                 .c = x->dim[1],
                 .o = y->dim[1],
                 .group = p->group,
                 .fused = p->fused,
                 .xs = ps_image_strides(x),
                 .ys = ps_image_strides(y)};
    ps_product_set(c, &v);
    for (int i = 0; i < 2; i++) {
        v.kernel[i] = p->kernel[i];
        v.stride[i] = p->stride[i];
        v.dilation[i] = p->dilation[i];
        v.pad[i] = p->pad[i];
    }
    if (r) v.rs = ps_image_strides(r);
    return v;
}

static ps_weights weights_of(const ps_call *c)
{
    const poise_tensor *w = c->in[1];
    int32_t group = ((const ps_conv_params *)c->params)->group;
    ps_weights all = ps_product_weights(c);
    all.group = w->dim[0] / group * w->stride[0];
    all.o = w->stride[0];
    all.c = w->stride[1];
    all.kernel[0] = w->rank == 4 ? w->stride[2] : 0;
    all.kernel[1] = w->stride[w->rank - 1];
    return all;
}

static const char *conv_variant(const ps_call *c, int i)
{
    ps_conv v = conv_of(c);
    return ps_conv_variant(&v, i);
}

static size_t conv_packed(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return c->in[1]->data ? ps_size_cap(ps_conv_packed(&v), sizeof(float)) : 0;
}

static void conv_pack(const ps_call *c, void *dst)
{
    ps_conv v = conv_of(c);
    ps_weights w = weights_of(c);
    w.last_use = c->last_use;
    ps_conv_pack(&v, &w, dst);
}

static unsigned conv_layout(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return ps_conv_layout(&v);
}

static size_t conv_scratch(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return ps_product_scratch(c, &v, ps_size_cap(ps_conv_packed(&v), sizeof(float)));
}

static void conv_run(const ps_call *c)
{
    ps_conv v = conv_of(c);
    ps_weights w = weights_of(c);
    ps_product_run(c, &v, &w, ps_size_cap(ps_conv_packed(&v), sizeof(float)));
}

static uint64_t conv_macs(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params;
    (void)n_in;
    const ps_value *w = in[1];
    uint64_t n = ps_value_count(out), per = 1;
    for (int i = 1; i < w->rank; i++) per *= (uint64_t)w->dim[i];
    return n * per; /* both below 2^31 */
}

/* Depthwise computes in f32.  A few channels (of an image) make short sums, which are as fast in f32. */
static ps_narrow conv_narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)n_in;
    enum { LEAST = 8 };
    if (in[0]->type != POISE_F32) return (ps_narrow){0};
    const ps_conv_params *p = params;
    int32_t c = in[0]->dim[1], o = out->dim[1];
    ps_narrow can = {.out = true, .in = 1 | 8, .tied = 8};
    if (c / p->group >= LEAST && o / p->group >= LEAST) can.must = 1;
    return can;
}

static void conv_describe(const void *params, char *buf, size_t size)
{
    const ps_conv_params *p = params;
    char act[PS_FUSED_TEXT], group[16] = "", dilation[32] = "", pad[64];
    if (p->group != 1) snprintf(group, sizeof group, " g%d", (int)p->group);
    if (p->dilation[0] != 1 || p->dilation[1] != 1)
        snprintf(dilation, sizeof dilation, " d%dx%d", (int)p->dilation[0], (int)p->dilation[1]);
    if (p->pad[0] == p->pad[1] && p->pad[0] == p->pad[2] && p->pad[0] == p->pad[3])
        snprintf(pad, sizeof pad, "p%d", (int)p->pad[0]);
    else
        snprintf(pad, sizeof pad, "p%d,%d,%d,%d", (int)p->pad[0], (int)p->pad[1], (int)p->pad[2],
                 (int)p->pad[3]);
    if (p->stride[0] == p->stride[1])
        snprintf(buf, size, "%dx%d s%d %s%s%s%s", (int)p->kernel[0], (int)p->kernel[1], (int)p->stride[0],
                 pad, dilation, group, ps_fused_text(&p->fused, act));
    else
        snprintf(buf, size, "%dx%d s%dx%d %s%s%s%s", (int)p->kernel[0], (int)p->kernel[1], (int)p->stride[0],
                 (int)p->stride[1], pad, dilation, group, ps_fused_text(&p->fused, act));
}

const ps_op ps_op_conv = {
    .name = "conv",
    .min_in = 2,
    .max_in = 6,
    .n_out = 1,
    .order = PS_ORDER_LAST,
    .flags = PS_OP_QUANTISED,
    .param_bytes = sizeof(ps_conv_params),
    .infer = conv_infer,
    .variant = conv_variant,
    .packed = conv_packed,
    .pack = conv_pack,
    .packs = ps_product_packs,
    .layout = conv_layout,
    .scratch = conv_scratch,
    .run = conv_run,
    .narrow = conv_narrow,
    .macs = conv_macs,
    .describe = conv_describe,
};
