/* convert/fuse_linear.c - draws batch norms and other constant scales and shifts into the weights and biases
 * of the nodes before or behind them, and merges chains of them. */
#include "convert/linear.h"

#include <string.h>

/* Channel of element e; see ps_channels. */
static size_t channel(const ps_channels *c, size_t e)
{
    size_t at = e / c->inner % c->count;
    return c->group_size ? at + e / c->group_size * c->count : at;
}

static int32_t index_of(const ps_linear *l, size_t c)
{
    return l->axis < 0 ? 0 : (int32_t)c;
}

/* A copy of weights v times the scale of each element's channel. */
static poise_status scaled(ps_rewrite *w, int32_t v, const ps_channels *c, const ps_linear *l, int32_t *out)
{
    const ps_value old = w->g->values[v];
    size_t count = ps_value_count(&old);
    float *to;
    PS_TRY(ps_rw_floats(w, old.rank, old.dim, out, &to));
    for (size_t e = 0; e < count; e += c->inner) {
        double s = ps_linear_scale(w, l, index_of(l, channel(c, e)));
        for (size_t i = e; i < e + c->inner; i++) to[i] = (float)((double)ps_rw_float(w, v, i) * s);
    }
    return POISE_OK;
}

/* The bias behind the linear node: old*scale + shift, `channels` numbers; old -1 = 0. */
static poise_status shifted(ps_rewrite *w, int32_t old, int32_t channels, const ps_linear *l, int32_t *out)
{
    float *to;
    PS_TRY(ps_rw_floats(w, 1, &channels, out, &to));
    for (int32_t i = 0; i < channels; i++) {
        int32_t k = index_of(l, (size_t)i);
        double b = old >= 0 ? (double)ps_rw_float(w, old, (size_t)i) : 0;
        to[i] = (float)(b * ps_linear_scale(w, l, k) + ps_linear_shift(w, l, k));
    }
    return POISE_OK;
}

/* The scale of a norm that had none. */
static poise_status spread(ps_rewrite *w, int32_t channels, const ps_linear *l, int32_t *out)
{
    float *to;
    PS_TRY(ps_rw_floats(w, 1, &channels, out, &to));
    for (int32_t i = 0; i < channels; i++) to[i] = (float)ps_linear_scale(w, l, index_of(l, (size_t)i));
    return POISE_OK;
}

static bool is_norm(ps_rewrite *w, const ps_node *p)
{
    if (p->op == &ps_op_group_norm) return true;
    const ps_layer_norm_params *l = p->params;
    return p->op == &ps_op_layer_norm && l->axis == w->g->values[p->out[0]].rank - 1;
}

/* The axis of p's output along which its weights have channels, -1 when it takes no scale. */
static int channel_axis(ps_rewrite *w, const ps_node *p)
{
    int last = w->g->values[p->out[0]].rank - 1;
    if (p->op == &ps_op_matmul || (p->op == &ps_op_layer_norm && is_norm(w, p))) return last;
    if (p->op == &ps_op_group_norm || p->op == &ps_op_conv || p->op == &ps_op_conv_transpose) return 1;
    return -1;
}

static int report_of(const ps_linear *l)
{
    return l->kind == PS_LINEAR_AFFINE ? PS_DID_BATCH_NORM : l->scales ? PS_DID_SCALE : PS_DID_BIAS;
}

/* Whether weights v may be rewritten. */
static bool takes_scale(ps_rewrite *w, int32_t v)
{
    if (!ps_rw_is_const(w, v)) return false;
    size_t bytes = ps_value_bytes(&w->g->values[v]);
    return bytes && ps_rw_spend(w, bytes);
}

/* New in[1] and in[2] of p when `l` follows it; *ok = false when they cannot take it. */
static poise_status weights_behind(ps_rewrite *w, const ps_node *p, const ps_linear *l, int32_t channels,
                                   ps_matmul_params *product, int32_t *in, bool *ok)
{
    *ok = in[2] < 0 || (ps_rw_is_const(w, in[2]) && ps_value_count(&w->g->values[in[2]]) == (size_t)channels);
    if (!*ok) return POISE_OK;
    if (!l->scales) {
    } else if (product && l->axis < 0) {
        product->alpha = (float)((double)product->alpha * ps_linear_scale(w, l, 0));
    } else if (in[1] < 0) {
        *ok = is_norm(w, p);
        if (*ok) PS_TRY(spread(w, channels, l, &in[1]));
    } else {
        *ok = takes_scale(w, in[1]);
        ps_channels c;
        if (*ok) c = ps_weight_channels(w, p, false);
        if (*ok) PS_TRY(scaled(w, in[1], &c, l, &in[1]));
    }
    if (*ok && (in[2] >= 0 || l->moves)) PS_TRY(shifted(w, in[2], channels, l, &in[2]));
    return POISE_OK;
}

/* linear(p(x)) -> p'(x), also when a transpose lies between the two. */
static poise_status fold_behind(ps_rewrite *w, ps_node *n, ps_linear l)
{
    int32_t across = -1;
    ps_node *p = ps_rw_sole(w, l.x, NULL);
    if (p && p->op == &ps_op_transpose) {
        across = l.x;
        if (l.axis >= 0) l.axis = ((const ps_transpose_params *)p->params)->perm[l.axis];
        p = ps_rw_sole(w, ps_rw_in(w, p, 0), NULL);
    }
    int axis = p ? channel_axis(w, p) : -1;
    if (axis < 0 || (l.axis >= 0 && l.axis != axis)) return POISE_OK;
    const ps_fused *f = ps_rw_fused(p, p->params);
    if ((f && f->act != PS_ACT_NONE) || ps_rw_has_residual(w, p)) return POISE_OK;
    union {
        ps_conv_params conv;
        ps_conv_transpose_params conv_transpose;
        ps_matmul_params matmul;
        ps_layer_norm_params layer_norm;
        ps_group_norm_params group_norm;
    } a;
    memcpy(&a, p->params, p->op->param_bytes);
    int32_t in[PS_RW_INPUTS], channels = w->g->values[p->out[0]].dim[axis];
    ps_rw_ins(w, p, in, PS_RW_INPUTS);
    bool ok;
    const ps_op *op = p->op;
    PS_TRY(weights_behind(w, p, &l, channels, op == &ps_op_matmul ? &a.matmul : NULL, in, &ok));
    if (ok) PS_TRY(ps_rw_set(w, across < 0 ? n : p, op, &a, PS_RW_INPUTS, in, &ok));
    if (!ok) return POISE_OK;
    if (across < 0)
        ps_rw_move(w, n, p);
    else
        ps_rw_bypass(w, n, across);
    ps_rw_did(w, report_of(&l));
    return POISE_OK;
}

/* ---- a linear node before ---- */

/* bias + the sum of weights * shift of their input channel, per output channel. */
static poise_status bias_before(ps_rewrite *w, const ps_node *n, const ps_linear *l, int32_t channels,
                                int32_t *bias)
{
    int32_t b = ps_rw_in(w, n, 1), old = *bias;
    ps_channels from = ps_weight_channels(w, n, true), to = ps_weight_channels(w, n, false);
    size_t count = ps_value_count(&w->g->values[b]);
    double *sum = ps_alloc_array((size_t)channels, sizeof *sum);
    if (!sum) return ps_fail(POISE_NO_MEMORY, "no memory for %d sums", channels);
    for (int32_t i = 0; old >= 0 && i < channels; i++) sum[i] = (double)ps_rw_float(w, old, (size_t)i);
    for (size_t e = 0; e < count; e++)
        sum[channel(&to, e)] +=
            (double)ps_rw_float(w, b, e) * ps_linear_shift(w, l, index_of(l, channel(&from, e)));
    float *data;
    poise_status s = ps_rw_floats(w, 1, &channels, bias, &data);
    for (int32_t i = 0; s == POISE_OK && i < channels; i++) data[i] = (float)sum[i];
    ps_free(sum);
    return s;
}

/* Whether every output element of n sees all its weights: nothing of it looks at padding. */
static bool is_unpadded(const ps_node *n)
{
    if (n->op == &ps_op_conv_transpose) return false;
    const ps_conv_params *p = n->params;
    return n->op != &ps_op_conv || (!p->pad[0] && !p->pad[1] && !p->pad[2] && !p->pad[3]);
}

static bool takes_before(ps_rewrite *w, const ps_node *n, const ps_linear *l)
{
    int32_t b = ps_rw_in(w, n, 1), bias = ps_rw_in(w, n, 2);
    if (!ps_rw_is_const(w, b) || (bias >= 0 && !ps_rw_is_const(w, bias))) return false;
    if (l->moves && !is_unpadded(n)) return false;
    int axis = 1;
    if (n->op == &ps_op_matmul) {
        const ps_matmul_params *p = n->params;
        axis = w->g->values[l->x].rank - 1;
        /* A batch of matrices would need a bias each; alpha would scale the new bias too. */
        if (p->trans_a || w->g->values[b].rank != 2 || (l->moves && !ps_rw_near((double)p->alpha, 1))) return false;
    }
    return l->axis < 0 || l->axis == axis;
}

/* n(linear(x)) -> n'(x) for convolutions and products. */
static poise_status fold_before(ps_rewrite *w, ps_node *n)
{
    ps_linear l;
    ps_node *p = ps_rw_sole(w, ps_rw_in(w, n, 0), NULL);
    if (!p || !ps_linear_of(w, p, &l) || !takes_before(w, n, &l)) return POISE_OK;
    int32_t in[PS_RW_INPUTS];
    ps_rw_ins(w, n, in, PS_RW_INPUTS);
    if (!takes_scale(w, in[1])) return POISE_OK;
    const ps_value *y = &w->g->values[n->out[0]];
    int32_t channels = y->dim[n->op == &ps_op_matmul ? y->rank - 1 : 1];
    if (l.moves) PS_TRY(bias_before(w, n, &l, channels, &in[2]));
    ps_channels c = ps_weight_channels(w, n, true);
    if (l.scales) PS_TRY(scaled(w, in[1], &c, &l, &in[1]));
    in[0] = l.x;
    bool ok;
    PS_TRY(ps_rw_set(w, n, n->op, n->params, PS_RW_INPUTS, in, &ok));
    if (ok) ps_rw_did(w, report_of(&l));
    return POISE_OK;
}

/* A factor on either side of a product goes into its alpha. */
static poise_status fold_factor(ps_rewrite *w, ps_node *n)
{
    for (int side = 0; side < 2; side++) {
        ps_linear l;
        ps_node *p = ps_rw_sole(w, ps_rw_in(w, n, side), NULL);
        if (!p || !ps_linear_of(w, p, &l) || l.axis >= 0 || l.moves) continue;
        ps_matmul_params a = *(const ps_matmul_params *)n->params;
        a.alpha = (float)((double)a.alpha * ps_linear_scale(w, &l, 0));
        int32_t in[PS_RW_INPUTS];
        ps_rw_ins(w, n, in, PS_RW_INPUTS);
        in[side] = l.x;
        bool ok;
        PS_TRY(ps_rw_set(w, n, n->op, &a, PS_RW_INPUTS, in, &ok));
        if (ok) ps_rw_did(w, PS_DID_SCALE);
    }
    return POISE_OK;
}

/* ---- chains ---- */

/* Two linear nodes -> one affine, or one multiplication, or one addition. */
static poise_status merge(ps_rewrite *w, ps_node *n, const ps_linear *l)
{
    ps_linear f; /* the first */
    ps_node *p = ps_rw_sole(w, l->x, NULL);
    if (!p || !ps_linear_of(w, p, &f) || (f.axis >= 0 && l->axis >= 0 && f.axis != l->axis)) return POISE_OK;
    const ps_value y = w->g->values[n->out[0]];
    int axis = f.axis >= 0 ? f.axis : l->axis;
    bool only_scales = !f.moves && !l->moves, only_moves = !f.scales && !l->scales, ok;
    bool affine = !only_scales && !only_moves;
    if (affine && (y.rank < 2 || (axis >= 0 && axis != 1))) return POISE_OK;
    int32_t channels = affine ? y.dim[1] : axis < 0 ? 1 : y.dim[axis];
    if (!ps_rw_spend(w, (size_t)channels * 2 * sizeof(float))) return POISE_OK;
    int32_t dim[POISE_MAX_DIMS], at[2];
    for (int i = 0; i < POISE_MAX_DIMS; i++) dim[i] = !affine && i == axis ? channels : 1;
    float *to[2];
    for (int k = 0; k < 2; k++)
        PS_TRY(ps_rw_floats(w, affine ? 1 : axis < 0 ? 0 : y.rank, affine ? &channels : dim, &at[k], &to[k]));
    for (int32_t i = 0; i < channels; i++) {
        int32_t a = index_of(&f, (size_t)i), b = index_of(l, (size_t)i);
        double s = ps_linear_scale(w, l, b);
        to[0][i] = (float)(ps_linear_scale(w, &f, a) * s);
        to[1][i] = (float)(ps_linear_shift(w, &f, a) * s + ps_linear_shift(w, l, b));
    }
    if (affine) {
        PS_TRY(ps_rw_set(w, n, &ps_op_affine, &(ps_affine_params){0}, 3, (int32_t[]){f.x, at[0], at[1]}, &ok));
    } else {
        ps_binary_params kind = {only_scales ? PS_BINARY_MUL : PS_BINARY_ADD};
        PS_TRY(ps_rw_set(w, n, &ps_op_binary, &kind, 2, (int32_t[]){f.x, at[only_scales ? 0 : 1]}, &ok));
    }
    if (ok) ps_rw_did(w, only_moves ? PS_DID_BIAS : PS_DID_SCALE);
    return POISE_OK;
}

poise_status ps_fuse_linear(ps_rewrite *w, ps_node *n)
{
    if (n->op == &ps_op_matmul) PS_TRY(fold_factor(w, n));
    if (n->op == &ps_op_conv || n->op == &ps_op_conv_transpose || n->op == &ps_op_matmul) return fold_before(w, n);
    ps_linear l;
    if (!ps_linear_of(w, n, &l)) return POISE_OK;
    ps_node *p = ps_rw_sole(w, l.x, NULL);
    if (!p) return POISE_OK;
    PS_TRY(fold_behind(w, n, l));
    if (n->op && ps_linear_of(w, n, &l)) PS_TRY(merge(w, n, &l));
    return POISE_OK;
}
