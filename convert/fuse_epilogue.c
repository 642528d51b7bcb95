/* convert/fuse_epilogue.c - activations and additions that a convolution or product does on the way out. */
#include "convert/rewrite.h"

#include <string.h>

typedef union ps_any_params {
    ps_conv_params conv;
    ps_conv_transpose_params conv_transpose;
    ps_matmul_params matmul;
    ps_affine_params affine;
} ps_any_params;

/* Gives the output of n to its maker p, with new parameters and inputs, in the earliest slot it can run in. */
static poise_status absorb(ps_rewrite *w, ps_node *p, ps_node *n, const ps_any_params *a, const int32_t *in,
                           bool early, bool *ok)
{
    PS_TRY(ps_rw_set(w, n, p->op, a, PS_RW_INPUTS, in, ok));
    if (*ok && early) ps_rw_move(w, n, p);
    return POISE_OK;
}

static poise_status fuse_act(ps_rewrite *w, ps_node *n)
{
    const ps_unary_params *u = n->params;
    if (n->op != &ps_op_unary || u->kind <= PS_ACT_NONE || u->kind >= PS_ACT_COUNT) return POISE_OK;
    ps_node *p = ps_rw_sole(w, ps_rw_in(w, n, 0), NULL);
    if (!p || !ps_rw_fused(p, p->params)) return POISE_OK;
    ps_any_params a;
    memcpy(&a, p->params, p->op->param_bytes);
    ps_fused *f = ps_rw_fused(p, &a);
    if (f->act != PS_ACT_NONE) return POISE_OK;
    *f = (ps_fused){u->kind, u->a, u->b, ps_rw_has_residual(w, p)};
    int32_t in[PS_RW_INPUTS];
    ps_rw_ins(w, p, in, PS_RW_INPUTS);
    bool ok;
    PS_TRY(absorb(w, p, n, &a, in, true, &ok));
    if (ok) ps_rw_did(w, f->act);
    return POISE_OK;
}

/* A product of codes adds codes only, and the sum here is one of floats. */
static bool takes_residual(ps_rewrite *w, const ps_node *p, const ps_value *sum)
{
    return p && (p->op == &ps_op_conv || p->op == &ps_op_matmul) && !ps_rw_has_residual(w, p) &&
           !ps_value_is_quantised(&w->g->values[ps_rw_in(w, p, 0)]) && sum->type == POISE_F32 && ps_rw_same_dims(&w->g->values[p->out[0]], sum);
}

static poise_status fuse_residual(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_binary || ((const ps_binary_params *)n->params)->kind != PS_BINARY_ADD) return POISE_OK;
    int32_t x[2] = {ps_rw_in(w, n, 0), ps_rw_in(w, n, 1)};
    const ps_value *v = w->g->values;
    if (v[x[0]].data || v[x[1]].data || !ps_rw_same_dims(&v[x[0]], &v[x[1]])) return POISE_OK;
    /* The later of the two finds the other one ready. */
    int first = w->producer[x[0]] > w->producer[x[1]] ? 0 : 1;
    for (int i = 0; i < 2; i++) {
        int32_t sum = x[first ^ i], other = x[first ^ i ^ 1];
        ps_node *p = ps_rw_sole(w, sum, NULL);
        if (!takes_residual(w, p, &v[n->out[0]])) continue;
        bool early = w->producer[other] < w->producer[sum], ok;
        ps_any_params a;
        memcpy(&a, p->params, p->op->param_bytes);
        ps_rw_fused(p, &a)->act_last = 0;
        int32_t in[PS_RW_INPUTS];
        ps_rw_ins(w, p, in, PS_RW_INPUTS);
        in[3] = other;
        PS_TRY(absorb(w, p, n, &a, in, early, &ok));
        if (!ok) continue;
        ps_rw_did(w, PS_DID_RESIDUAL);
        return POISE_OK;
    }
    return POISE_OK;
}

/* What undoes node t, a transpose or reshape whose input has the given dimensions. */
typedef union moving {
    ps_transpose_params transpose;
    ps_shape_params reshape;
} moving;

static moving undoing(const ps_node *t, const ps_value *input)
{
    moving back = {.reshape = {.rank = input->rank}};
    for (int i = 0; i < input->rank; i++) {
        if (t->op == &ps_op_transpose)
            back.transpose.perm[((const ps_transpose_params *)t->params)->perm[i]] = i;
        else
            back.reshape.dim[i] = input->dim[i];
    }
    return back;
}

/* move(p(a)) + x -> move(p(a) + back(x)), where x is ready before p and `move` is a transpose or a reshape:
 * those are views as a rule, the addition was a pass over memory.  The three nodes use the slots of p, the
 * move and the sum. */
static poise_status add_before(ps_rewrite *w, ps_node *n, ps_node *t, ps_node *p, int32_t x)
{
    const ps_value sum = w->g->values[p->out[0]];
    const ps_op *op = p->op, *move = t->op;
    const void *there = t->params;
    moving back = undoing(t, &sum);
    ps_any_params a;
    memcpy(&a, p->params, op->param_bytes);
    ps_rw_fused(p, &a)->act_last = 0;
    int32_t in[PS_RW_INPUTS], v[2];
    ps_rw_ins(w, p, in, PS_RW_INPUTS);
    in[3] = x;
    for (int k = 0; k < 2; k++) PS_TRY(ps_rw_value(w, sum.rank, sum.dim, &v[k]));
    bool ok;
    ps_rw_hold(w, PS_RW_INPUTS, in, 1);
    PS_TRY(ps_rw_set(w, n, move, there, 1, &v[1], &ok));
    ps_rw_hold(w, PS_RW_INPUTS, in, -1);
    if (!ok) return POISE_OK;
    PS_TRY(ps_rw_revive(w, p, move, &back, 1, &x, v[0]));
    in[3] = v[0];
    PS_TRY(ps_rw_revive(w, t, op, &a, PS_RW_INPUTS, in, v[1]));
    ps_rw_did(w, PS_DID_RESIDUAL);
    return POISE_OK;
}

static poise_status fuse_residual_across(ps_rewrite *w, ps_node *n)
{
    if (n->op != &ps_op_binary || ((const ps_binary_params *)n->params)->kind != PS_BINARY_ADD) return POISE_OK;
    for (int i = 0; i < 2; i++) {
        int32_t x = ps_rw_in(w, n, 1 - i);
        ps_node *t = ps_rw_sole(w, ps_rw_in(w, n, i), NULL);
        if (!t || (t->op != &ps_op_transpose && t->op != &ps_op_reshape)) continue;
        ps_node *p = ps_rw_sole(w, ps_rw_in(w, t, 0), NULL);
        if (!p || w->g->values[x].data || w->g->values[x].live >= 0 ||
            !ps_rw_same_dims(&w->g->values[x], &w->g->values[t->out[0]]) ||
            !takes_residual(w, p, &w->g->values[p->out[0]]) || w->producer[x] >= p - w->g->nodes)
            continue;
        return add_before(w, n, t, p, x);
    }
    return POISE_OK;
}

poise_status ps_fuse_epilogue(ps_rewrite *w, ps_node *n)
{
    PS_TRY(fuse_act(w, n));
    if (n->op) PS_TRY(fuse_residual(w, n));
    return n->op ? fuse_residual_across(w, n) : POISE_OK;
}
