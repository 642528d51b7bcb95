/* convert/fuse_pad.c - explicit padding becomes padding of the convolution or pooling behind it. */
#include "convert/rewrite.h"

#include <math.h>

/* Pads of the spatial dimensions as windows have them: top, left, bottom, right.  False when other dimensions
 * are padded too, or something is cut off. */
static bool spatial_pads(const ps_pad_params *p, int32_t pad[4])
{
    if (p->mode != PS_PAD_CONSTANT || p->rank < 3 || p->rank > 4) return false;
    for (int i = 0; i < p->rank; i++)
        if (p->begin[i] < 0 || p->end[i] < 0 || (i < 2 && (p->begin[i] || p->end[i]))) return false;
    pad[0] = p->rank == 4 ? p->begin[2] : 0;
    pad[2] = p->rank == 4 ? p->end[2] : 0;
    pad[1] = p->begin[p->rank - 1];
    pad[3] = p->end[p->rank - 1];
    return true;
}

static bool add_pads(int32_t to[4], const int32_t pad[4])
{
    for (int i = 0; i < 4; i++)
        if (__builtin_add_overflow(to[i], pad[i], &to[i])) return false;
    return true;
}

/* Whether no element of x can be below 0, by the node that makes it. */
static bool is_positive(ps_rewrite *w, int32_t x)
{
    ps_node *n = ps_rw_maker(w, x);
    if (!n) return false;
    int kind = PS_ACT_NONE;
    float low = 0;
    const ps_fused *f = ps_rw_fused(n, n->params);
    if (f && (!ps_rw_has_residual(w, n) || f->act_last)) {
        kind = f->act;
        low = f->a;
    } else if (n->op == &ps_op_unary) {
        const ps_unary_params *u = n->params;
        kind = u->kind;
        low = u->a;
    }
    return kind == PS_ACT_RELU || kind == PS_ACT_SIGMOID || kind == PS_ACT_HARDSIGMOID ||
           (kind == PS_ACT_CLIP && low >= 0);
}

/* Zeros around an average count when padding is counted; the padding of a maximum never wins when it is
 * lower than everything. */
static bool pool_takes(ps_rewrite *w, ps_pool_params *p, int n_out, int32_t x, double value,
                       const int32_t pad[4])
{
    if (p->ceil_mode || n_out > 1) return false; /* the last window would be placed otherwise */
    bool padded = p->pad[0] || p->pad[1] || p->pad[2] || p->pad[3], zero = value >= 0 && value <= 0;
    if (p->kind == PS_POOL_AVERAGE) {
        if (!zero || (padded && !p->count_include_pad)) return false;
        p->count_include_pad = 1;
    } else if (p->kind == PS_POOL_MAX) {
        if (!(value <= -(double)3.4e38F || (zero && is_positive(w, x)))) return false;
    } else {
        return false;
    }
    for (int i = 0; i < 4; i++) /* every window must still see an element */
        if (pad[i] >= p->kernel[i % 2] - p->pad[i] && pad[i]) return false;
    return add_pads(p->pad, pad);
}

/* What pad node p surrounds x with, as a number; of codes, 0 is the lowest, as good as any below it. */
static bool border_of(ps_rewrite *w, const ps_node *p, bool largest, double *value)
{
    int32_t c = ps_rw_in(w, p, 1);
    const ps_value *x = &w->g->values[ps_rw_in(w, p, 0)];
    *value = 0;
    if (c < 0) return true;
    if (!ps_value_is_quantised(x)) return ps_rw_scalar(w, c, value);
    const ps_value *v = &w->g->values[c];
    if (x->type != POISE_U8 || v->type != POISE_U8 || !v->data || ps_value_count(v) != 1) return false;
    int code = *(const uint8_t *)v->data;
    *value = largest && code == 0 ? -HUGE_VAL : (double)x->scale * (code - x->zero);
    return true;
}

poise_status ps_fuse_pad(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_conv && n->op != &ps_op_pool) return POISE_OK;
    const ps_node *p = ps_rw_sole(w, ps_rw_in(w, n, 0), &ps_op_pad);
    int32_t pad[4], in[PS_RW_INPUTS];
    double value;
    if (!p || !spatial_pads(p->params, pad) || !border_of(w, p, n->op == &ps_op_pool, &value)) return POISE_OK;
    ps_rw_ins(w, n, in, PS_RW_INPUTS);
    in[0] = ps_rw_in(w, p, 0);
    bool ok;
    if (n->op == &ps_op_conv) {
        ps_conv_params a = *(const ps_conv_params *)n->params;
        if (value < 0 || value > 0 || !add_pads(a.pad, pad)) return POISE_OK;
        PS_TRY(ps_rw_set(w, n, n->op, &a, PS_RW_INPUTS, in, &ok));
    } else {
        ps_pool_params a = *(const ps_pool_params *)n->params;
        if (!pool_takes(w, &a, n->n_out, in[0], value, pad)) return POISE_OK;
        PS_TRY(ps_rw_set(w, n, n->op, &a, 1, in, &ok));
    }
    if (ok) ps_rw_did(w, PS_DID_PAD);
    return POISE_OK;
}
