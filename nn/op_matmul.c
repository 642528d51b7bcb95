/* nn/op_matmul.c - matrix products over broadcast batches, as 1x1 convolutions of one-row images whose weights are
 * the right side: packed once when it is constant, else into working space on every run. */
#include "nn/fused.h"
#include "nn/layout.h"

#include <stdio.h>

/* Rows and columns of the last two dimensions, as the product sees them. */
static int32_t row_axis(int rank, int32_t trans)
{
    return trans ? rank - 1 : rank - 2;
}

static int32_t col_axis(int rank, int32_t trans)
{
    return trans ? rank - 2 : rank - 1;
}

static poise_status matmul_infer(const void *params, int n_in, const ps_value *const *in,
                                 ps_value *const *out)
{
    const ps_matmul_params *p = params;
    const ps_value *a = in[0], *b = in[1];
    ps_value *y = out[0];
    char left[PS_SHAPE_TEXT], right[PS_SHAPE_TEXT];
    PS_TRY(ps_fused_check(&p->fused));
    ps_shape_text(a->rank, a->dim, left);
    ps_shape_text(b->rank, b->dim, right);
    PS_REQUIRE(a->rank >= 2 && b->rank >= 2, POISE_BAD_MODEL, "%s times %s: both sides need 2 dimensions",
               left, right);
    int32_t k = a->dim[col_axis(a->rank, p->trans_a)], kb = b->dim[row_axis(b->rank, p->trans_b)];
    PS_REQUIRE(k == kb, POISE_BAD_MODEL, "%s%s times %s%s: %d columns on the left, %d rows on the right",
               left, p->trans_a ? " transposed" : "", right, p->trans_b ? " transposed" : "", (int)k,
               (int)kb);
    y->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < y->rank - 2; i++) {
        int ia = i - (y->rank - a->rank), ib = i - (y->rank - b->rank);
        int32_t da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        PS_REQUIRE(da == db || da == 1 || db == 1, POISE_BAD_MODEL,
                   "%s times %s: leading dimensions do not broadcast", left, right);
        y->dim[i] = da == 1 ? db : da;
    }
    y->dim[y->rank - 2] = a->dim[row_axis(a->rank, p->trans_a)];
    y->dim[y->rank - 1] = b->dim[col_axis(b->rank, p->trans_b)];
    PS_TRY(ps_product_types(n_in, in, y->dim[y->rank - 1], k, true, y));
    PS_TRY(ps_bias_check(n_in > 2 ? in[2] : NULL, y->dim[y->rank - 1]));
    return ps_residual_check(n_in > 3 ? in[3] : NULL, y);
}

static ps_conv_strides strides_of(const poise_tensor *t, int y_rank, int32_t trans)
{
    ps_conv_strides s = {.pixel = t->stride[row_axis(t->rank, trans)],
                         .channel = t->stride[col_axis(t->rank, trans)]};
    for (int i = y_rank - t->rank; i < y_rank - 2; i++) {
        int d = i - (y_rank - t->rank);
        s.batch[i] = t->dim[d] == 1 ? 0 : t->stride[d];
    }
    return s;
}

/* Shapes and strides; nothing that exists only while running. */
static ps_conv conv_of(const ps_call *c)
{
    const ps_matmul_params *p = c->params;
    const poise_tensor *a = c->in[0], *b = c->in[1], *y = c->out[0], *r = c->n_in > 3 ? c->in[3] : NULL;
    int32_t m = y->dim[y->rank - 2];
    ps_conv v = {.k = c->k,
                 .threads = c->threads,
                 .variant = c->variant,
                 .batch_rank = y->rank - 2,
                 .in = {1, m},
                 .out = {1, m},
                 .c = a->dim[col_axis(a->rank, p->trans_a)],
                 .o = y->dim[y->rank - 1],
                 .group = 1,
                 .kernel = {1, 1},
                 .stride = {1, 1},
                 .dilation = {1, 1},
                 .fused = p->fused,
                 .xs = strides_of(a, y->rank, p->trans_a),
                 .ys = strides_of(y, y->rank, 0)};
    ps_product_set(c, &v);
    if (r) v.rs = strides_of(r, y->rank, 0);
    if (b->type == POISE_U8 && ps_conv_parts(b->zero) > 1) {
        v.kernel[1] = ps_conv_parts(b->zero);
        v.dilation[1] = 0;
    }
    ptrdiff_t sets = 1;
    for (int i = y->rank - 3; i >= 0; i--) {
        int d = i - (y->rank - b->rank);
        v.batch[i] = y->dim[i];
        if (d < 0 || b->dim[d] == 1) continue;
        v.weight_step[i] = sets;
        sets *= b->dim[d];
    }
    return v;
}

static ps_weights weights_of(const ps_call *c)
{
    const ps_matmul_params *p = c->params;
    const poise_tensor *b = c->in[1];
    ps_weights w = ps_product_weights(c);
    w.set_rank = b->rank - 2;
    w.o = b->stride[col_axis(b->rank, p->trans_b)];
    w.c = b->stride[row_axis(b->rank, p->trans_b)];
    w.scale = p->alpha;
    for (int i = 0; i < w.set_rank; i++) {
        w.set_dim[i] = b->dim[i];
        w.set[i] = b->stride[i];
    }
    return w;
}

static const char *matmul_variant(const ps_call *c, int i)
{
    ps_conv v = conv_of(c);
    return ps_conv_variant(&v, i);
}

/* Bytes of all packed sets, never 0. */
static size_t packed_bytes(const ps_call *c, const ps_conv *v)
{
    const poise_tensor *b = c->in[1];
    size_t n = ps_conv_packed(v);
    for (int i = 0; i < b->rank - 2; i++) n = ps_size_cap(n, (size_t)b->dim[i]);
    return n ? ps_size_cap(n, sizeof(float)) : PS_ALIGN;
}

static size_t matmul_packed(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return c->in[1]->data ? packed_bytes(c, &v) : 0;
}

static void matmul_pack(const ps_call *c, void *dst)
{
    ps_conv v = conv_of(c);
    ps_weights w = weights_of(c);
    w.last_use = c->last_use;
    ps_conv_pack(&v, &w, dst);
}

static unsigned matmul_layout(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return ps_conv_layout(&v);
}

static size_t matmul_scratch(const ps_call *c)
{
    ps_conv v = conv_of(c);
    return ps_product_scratch(c, &v, packed_bytes(c, &v));
}

static void matmul_run(const ps_call *c)
{
    ps_conv v = conv_of(c);
    ps_weights w = weights_of(c);
    ps_product_run(c, &v, &w, packed_bytes(c, &v));
}

static uint64_t matmul_macs(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)n_in;
    const ps_value *a = in[0];
    return (uint64_t)ps_value_count(out) *
           (uint64_t)a->dim[col_axis(a->rank, ((const ps_matmul_params *)params)->trans_a)];
}

static ps_narrow matmul_narrow(const void *params, int n_in, const ps_value *const *in, const ps_value *out)
{
    (void)params, (void)n_in, (void)out;
    if (in[0]->type != POISE_F32) return (ps_narrow){0};
    return (ps_narrow){.out = true, .in = 1 | 2 | 8, .tied = 8, .must = 1 | 2};
}

static void matmul_describe(const void *params, char *buf, size_t size)
{
    const ps_matmul_params *p = params;
    char act[PS_FUSED_TEXT], scale[32] = "";
    if (p->alpha != 1.0f) snprintf(scale, sizeof scale, " x%g", (double)p->alpha);
    snprintf(buf, size, "a%s.b%s%s%s", p->trans_a ? "'" : "", p->trans_b ? "'" : "", scale,
             ps_fused_text(&p->fused, act));
}

const ps_op ps_op_matmul = {
    .name = "matmul",
    .min_in = 2,
    .max_in = 6,
    .n_out = 1,
    .order = PS_ORDER_ROW,
    .flags = PS_OP_QUANTISED,
    .param_bytes = sizeof(ps_matmul_params),
    .infer = matmul_infer,
    .variant = matmul_variant,
    .packed = matmul_packed,
    .pack = matmul_pack,
    .packs = ps_product_packs,
    .layout = matmul_layout,
    .scratch = matmul_scratch,
    .run = matmul_run,
    .narrow = matmul_narrow,
    .macs = matmul_macs,
    .describe = matmul_describe,
};
