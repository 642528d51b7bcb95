/* convert/fuse_norm.c - recognises layer and group normalisation that were exported as chains. */
#include "convert/rewrite.h"

static const ps_node *made_by(ps_rewrite *w, int32_t v, const ps_op *op)
{
    const ps_node *n = ps_rw_maker(w, v);
    return n && n->op == op ? n : NULL;
}

static const ps_node *binary(ps_rewrite *w, int32_t v, int kind)
{
    const ps_node *n = made_by(w, v, &ps_op_binary);
    return n && ((const ps_binary_params *)n->params)->kind == kind ? n : NULL;
}

static const ps_node *unary(ps_rewrite *w, int32_t v, int kind)
{
    const ps_node *n = made_by(w, v, &ps_op_unary);
    return n && ((const ps_unary_params *)n->params)->kind == kind ? n : NULL;
}

/* v = mean of *x over *axes, keeping dimensions? */
static bool mean_of(ps_rewrite *w, int32_t v, int32_t *x, int32_t *axes)
{
    const ps_node *n = made_by(w, v, &ps_op_reduce);
    const ps_reduce_params *p = n ? n->params : NULL;
    if (!n || p->kind != PS_REDUCE_MEAN || !p->keep_dims) return false;
    *x = ps_rw_in(w, n, 0);
    *axes = p->axes;
    return true;
}

/* v = d*d or d^2? */
static bool square_of(ps_rewrite *w, int32_t v, int32_t d)
{
    double e;
    const ps_node *n = binary(w, v, PS_BINARY_POW);
    if (n) return ps_rw_in(w, n, 0) == d && ps_rw_scalar(w, ps_rw_in(w, n, 1), &e) && ps_rw_near(e, 2);
    n = binary(w, v, PS_BINARY_MUL);
    return n && ps_rw_in(w, n, 0) == d && ps_rw_in(w, n, 1) == d;
}

/* v = sqrt(mean(d^2) + eps) or (mean(d^2) + eps)^(1/2)?  Gives the axes of the mean and eps. */
static bool deviation_of(ps_rewrite *w, int32_t v, int32_t d, int32_t *axes, double *eps)
{
    double e;
    int32_t sq;
    const ps_node *root = unary(w, v, PS_UNARY_SQRT);
    if (!root) {
        root = binary(w, v, PS_BINARY_POW);
        if (!root || !ps_rw_scalar(w, ps_rw_in(w, root, 1), &e) || !ps_rw_near(e, 0.5)) return false;
    }
    const ps_node *sum = binary(w, ps_rw_in(w, root, 0), PS_BINARY_ADD);
    if (!sum) return false;
    int32_t var = ps_rw_in(w, sum, 0);
    if (!ps_rw_scalar(w, ps_rw_in(w, sum, 1), eps)) {
        var = ps_rw_in(w, sum, 1);
        if (!ps_rw_scalar(w, ps_rw_in(w, sum, 0), eps)) return false;
    }
    return mean_of(w, var, &sq, axes) && square_of(w, sq, d) && *eps >= 0;
}

/* d = x - mean(x) over the given axes? */
static bool centred(ps_rewrite *w, int32_t d, int32_t axes, int32_t *x)
{
    int32_t from, same;
    const ps_node *n = binary(w, d, PS_BINARY_SUB);
    if (!n || !mean_of(w, ps_rw_in(w, n, 1), &from, &same)) return false;
    *x = ps_rw_in(w, n, 0);
    return from == *x && same == axes;
}

/* Whether n = d / s or d * (1 / s), in this order of its operands. */
static bool quotient(ps_rewrite *w, const ps_node *n, int order, int32_t *d, int32_t *s)
{
    int kind = ((const ps_binary_params *)n->params)->kind;
    *d = ps_rw_in(w, n, order);
    *s = ps_rw_in(w, n, 1 - order);
    if (kind == PS_BINARY_DIV) return order == 0;
    if (kind != PS_BINARY_MUL) return false;
    const ps_node *r = unary(w, *s, PS_UNARY_RECIPROCAL);
    if (r && ps_rw_sole(w, *s, NULL)) {
        *s = ps_rw_in(w, r, 0);
        return true;
    }
    double one;
    r = binary(w, *s, PS_BINARY_DIV);
    if (!r || !ps_rw_scalar(w, ps_rw_in(w, r, 0), &one) || !ps_rw_near(one, 1) || !ps_rw_sole(w, *s, NULL)) return false;
    *s = ps_rw_in(w, r, 1);
    return true;
}

/* A layer norm over dimension 1 of x: between two transposes, in the slots of the nodes that go: the sum with
 * eps, the root, and n. */
static poise_status place_between(ps_rewrite *w, ps_node *n, int32_t x, int32_t s, double eps)
{
    ps_node *root = ps_rw_sole(w, s, NULL), *sum = root ? ps_rw_sole(w, ps_rw_in(w, root, 0), NULL) : NULL;
    int rank = w->g->values[x].rank;
    if (!sum || rank < 3) return POISE_OK;
    ps_transpose_params there = {.rank = rank}, back = {.rank = rank};
    int32_t dim[POISE_MAX_DIMS], v[2];
    for (int i = 0; i < rank; i++) {
        there.perm[i] = i == 0 ? 0 : i == rank - 1 ? 1 : i + 1;
        back.perm[there.perm[i]] = i;
        dim[i] = w->g->values[x].dim[there.perm[i]];
    }
    for (int k = 0; k < 2; k++) PS_TRY(ps_rw_value(w, rank, dim, &v[k]));
    bool ok;
    ps_rw_hold(w, 1, &x, 1);
    PS_TRY(ps_rw_set(w, n, &ps_op_transpose, &back, 1, &v[1], &ok));
    ps_rw_hold(w, 1, &x, -1);
    if (!ok) return POISE_OK;
    PS_TRY(ps_rw_revive(w, sum, &ps_op_transpose, &there, 1, &x, v[0]));
    ps_layer_norm_params p = {rank - 1, (float)eps};
    PS_TRY(ps_rw_revive(w, root, &ps_op_layer_norm, &p, 1, &v[0], v[1]));
    ps_rw_did(w, PS_DID_LAYER_NORM);
    return POISE_OK;
}

static poise_status fuse_layer_norm(ps_rewrite *w, ps_node *n)
{
    for (int order = 0; order < 2; order++) {
        int32_t d, s, x, axes;
        double eps;
        if (!quotient(w, n, order, &d, &s) || !deviation_of(w, s, d, &axes, &eps) || !centred(w, d, axes, &x))
            continue;
        int rank = w->g->values[x].rank, axis = rank - 1;
        while (axis > 0 && (axes >> (axis - 1)) & 1) axis--;
        if ((uint32_t)axes != (1U << rank) - (1U << axis))
            return axes == 2 ? place_between(w, n, x, s, eps) : POISE_OK;
        bool ok;
        PS_TRY(ps_rw_set(w, n, &ps_op_layer_norm, &(ps_layer_norm_params){axis, (float)eps}, 1, &x, &ok));
        if (ok) ps_rw_did(w, PS_DID_LAYER_NORM);
        return POISE_OK;
    }
    return POISE_OK;
}

/* ---- group norm ---- */

/* A constant per group, spread over the channels of each. */
static poise_status per_channel(ps_rewrite *w, int32_t c, int32_t groups, int32_t channels, int32_t *out)
{
    float *to;
    PS_TRY(ps_rw_floats(w, 1, &channels, out, &to));
    for (int32_t i = 0; i < channels; i++) to[i] = ps_rw_float(w, c, (size_t)(i / (channels / groups)));
    return POISE_OK;
}

/* reshape [n,c,...] -> [n,g,...], instance norm, reshape back: each instance is a group of c/g channels. */
static poise_status fuse_group_norm(ps_rewrite *w, ps_node *n)
{
    const ps_node *norm = ps_rw_sole(w, ps_rw_in(w, n, 0), &ps_op_group_norm);
    const ps_node *before = norm ? ps_rw_sole(w, ps_rw_in(w, norm, 0), &ps_op_reshape) : NULL;
    if (!before) return POISE_OK;
    int32_t in[3] = {ps_rw_in(w, before, 0), ps_rw_in(w, norm, 1), ps_rw_in(w, norm, 2)};
    const ps_value *x = &w->g->values[in[0]], *mid = &w->g->values[norm->in[0]];
    ps_group_norm_params p = *(const ps_group_norm_params *)norm->params;
    if (!ps_rw_same_dims(x, &w->g->values[n->out[0]]) || x->rank < 2 || x->dim[0] != mid->dim[0] ||
        p.groups != mid->dim[1] || x->dim[1] < 1 || x->dim[1] % p.groups)
        return POISE_OK;
    int32_t channels = x->dim[1];
    for (int k = 1; k < 3; k++)
        if (in[k] >= 0 && (!ps_rw_is_const(w, in[k]) || !ps_rw_spend(w, (size_t)channels * sizeof(float))))
            return POISE_OK;
    for (int k = 1; k < 3; k++)
        if (in[k] >= 0) PS_TRY(per_channel(w, in[k], p.groups, channels, &in[k]));
    bool ok;
    PS_TRY(ps_rw_set(w, n, &ps_op_group_norm, &p, 3, in, &ok));
    if (ok) ps_rw_did(w, PS_DID_GROUP_NORM);
    return POISE_OK;
}

poise_status ps_fuse_norm(ps_rewrite *w, ps_node *n)
{
    if (n->op == &ps_op_reshape) return fuse_group_norm(w, n);
    if (n->op != &ps_op_binary || w->g->values[n->out[0]].type != POISE_F32) return POISE_OK;
    return fuse_layer_norm(w, n);
}
