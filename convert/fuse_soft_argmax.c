/* convert/fuse_soft_argmax.c - a softmax whose line is then multiplied with constants and added up: one operator
 * (distributions of a box's sides in detectors). */
#include "convert/rewrite.h"

/* Whether n is a sum over axis *axis of its input times the constants w, and nothing else. */
static bool is_weighted_sum(ps_rewrite *w, const ps_node *n, int *axis)
{
    int32_t b = ps_rw_in(w, n, 1), bias = ps_rw_in(w, n, 2);
    if (!ps_rw_is_const(w, b) || ps_rw_has_residual(w, n) || (bias >= 0 && !ps_rw_all(w, bias, 0))) return false;
    const ps_value *x = &w->g->values[ps_rw_in(w, n, 0)], *weights = &w->g->values[b];
    if (n->op == &ps_op_conv) {
        const ps_conv_params *p = n->params;
        *axis = 1;
        for (int i = 0; i < 2; i++)
            if (p->kernel[i] != 1 || p->stride[i] != 1 || p->pad[i] || p->pad[i + 2]) return false;
        return p->group == 1 && weights->dim[0] == 1 && p->fused.act == PS_ACT_NONE;
    }
    const ps_matmul_params *p = n->params;
    *axis = x->rank - 1;
    return !p->trans_a && ps_rw_near((double)p->alpha, 1) && p->fused.act == PS_ACT_NONE &&
           ps_value_count(weights) == (size_t)x->dim[*axis] && weights->rank <= x->rank;
}

poise_status ps_fuse_soft_argmax(ps_rewrite *w, ps_node *n)
{
    int axis;
    if ((n->op != &ps_op_conv && n->op != &ps_op_matmul) || !is_weighted_sum(w, n, &axis)) return POISE_OK;
    const ps_node *s = ps_rw_sole(w, ps_rw_in(w, n, 0), &ps_op_softmax);
    if (!s) return POISE_OK;
    const ps_softmax_params *p = s->params;
    if (p->kind != PS_SOFTMAX || p->axis != axis) return POISE_OK;
    int32_t old = ps_rw_in(w, n, 1), in[2] = {ps_rw_in(w, s, 0)};
    int32_t count = w->g->values[in[0]].dim[axis];
    float *to;
    if (!ps_rw_spend(w, (size_t)count * sizeof *to)) return POISE_OK;
    PS_TRY(ps_rw_floats(w, 1, &count, &in[1], &to));
    for (int32_t i = 0; i < count; i++) to[i] = ps_rw_float(w, old, (size_t)i);
    bool ok;
    PS_TRY(ps_rw_set(w, n, &ps_op_soft_argmax, &(ps_axis_params){axis}, 2, in, &ok));
    if (ok) ps_rw_did(w, PS_DID_SOFT_ARGMAX);
    return POISE_OK;
}
