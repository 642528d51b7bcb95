/* convert/lower_product.c - convolutions and products of quantised tensors. */
#include "convert/lower.h"

#include <string.h>

typedef union any_params {
    ps_conv_params conv;
    ps_conv_transpose_params conv_transpose;
    ps_matmul_params matmul;
} any_params;

enum { X, W, BIAS, RESIDUAL, SCALE, TABLE, INPUTS };

bool ps_lower_is_product(const ps_node *n)
{
    return n->op == &ps_op_conv || n->op == &ps_op_conv_transpose || n->op == &ps_op_matmul;
}

static ps_fused *fused_of(const ps_node *n, any_params *p)
{
    memcpy(p, n->params, n->op->param_bytes);
    if (n->op == &ps_op_conv) return &p->conv.fused;
    if (n->op == &ps_op_conv_transpose) return &p->conv_transpose.fused;
    return &p->matmul.fused;
}

static int32_t input(const ps_node *n, int k)
{
    return k < n->n_in ? n->in[k] : -1;
}

/* Factors and bias; *ok = false when they are not those of a product with integers. */
static poise_status factors(ps_lower *l, const ps_node *n, int32_t *in, bool *ok)
{
    for (int k = 0; k < INPUTS; k++) in[k] = -1;
    PS_TRY(ps_lower_equal(l, input(n, X), &in[X]));
    PS_TRY(ps_lower_weights(l, n, input(n, W), &in[W], &in[SCALE]));
    if (in[W] < 0 && in[X] >= 0 && n->op == &ps_op_matmul) {
        PS_TRY(ps_lower_equal(l, input(n, W), &in[W]));
        in[SCALE] = -1;
    }
    *ok = in[W] >= 0;
    if (*ok && in[X] < 0) PS_TRY(ps_lower_as_is(l, input(n, X), &in[X])); /* weights only: computed in floats */
    if (*ok) PS_TRY(ps_lower_as_is(l, input(n, BIAS), &in[BIAS]));
    return POISE_OK;
}

/* A residual that is not quantised is added behind, and an activation of the whole sum follows. */
static poise_status add_behind(ps_lower *l, const ps_node *n, ps_fused act, int32_t *id)
{
    int32_t in[2] = {*id, -1};
    PS_TRY(ps_lower_as_is(l, input(n, RESIDUAL), &in[1]));
    PS_TRY(ps_lower_emit(l, &ps_op_binary, n, &(ps_binary_params){PS_BINARY_ADD}, 2, in, NULL, id));
    if (!act.act || !act.act_last) return POISE_OK;
    return ps_lower_emit(l, &ps_op_unary, n, &(ps_unary_params){act.act, act.a, act.b}, 1, id, NULL, id);
}

/* The only reader of v, a value that node n makes with operator `op`; see ps_lower_sum. */
static bool sole(const ps_lower *l, int32_t v, const ps_op *op, ps_node *n)
{
    return l->form[v].uses == 1 && ps_lower_maker(l, v, n) && n->op == op;
}

/* The product that v is an activation of, rounded in between and read by nobody else. */
static bool activated(const ps_lower *l, int32_t v, ps_node *product, ps_unary_params *act)
{
    ps_node n;
    if (l->form[v].kind != PS_FORM_TABLE || !sole(l, v, &ps_op_unary, &n)) return false;
    *act = *(const ps_unary_params *)n.params;
    if (act->kind <= PS_ACT_NONE || act->kind >= PS_ACT_COUNT) return false;
    if (!sole(l, n.in[0], &ps_op_quantize, &n) || !sole(l, n.in[0], &ps_op_quantize, &n)) return false;
    if (l->form[n.in[0]].uses != 1 || !ps_lower_maker(l, n.in[0], product)) return false;
    any_params p;
    return (product->op == &ps_op_conv || product->op == &ps_op_matmul) && input(product, RESIDUAL) < 0 &&
           fused_of(product, &p)->act == PS_ACT_NONE;
}

poise_status ps_lower_sum(ps_lower *l, const ps_node *n, ps_scale q, int32_t *id)
{
    if (n->op != &ps_op_binary || ((const ps_binary_params *)n->params)->kind != PS_BINARY_ADD) return POISE_OK;
    for (int k = 0; k < 2; k++) {
        ps_node product;
        ps_unary_params act;
        int32_t r = n->in[1 - k];
        if (l->form[r].kind != PS_FORM_EQUAL || !activated(l, n->in[k], &product, &act)) continue;
        any_params p;
        *fused_of(&product, &p) = (ps_fused){act.kind, act.a, act.b, 0};
        int32_t in[INPUTS];
        bool ok;
        PS_TRY(factors(l, &product, in, &ok));
        if (!ok || l->g->values[in[X]].type != POISE_U8) continue;
        PS_TRY(ps_lower_equal(l, r, &in[RESIDUAL]));
        PS_TRY(ps_lower_try(l, product.op, &product, &p, INPUTS, in, &q, POISE_U8, id));
        if (*id >= 0) return POISE_OK;
    }
    return POISE_OK;
}

poise_status ps_lower_product(ps_lower *l, const ps_node *n, const ps_scale *wish, int32_t *id)
{
    any_params p;
    int32_t in[INPUTS], residual = input(n, RESIDUAL);
    bool ok, behind = false;
    *id = -1;
    PS_TRY(factors(l, n, in, &ok));
    bool codes = ok && l->g->values[in[X]].type == POISE_U8;
    if (!ok || (wish && !codes)) return POISE_OK;
    ps_fused *f = fused_of(n, &p), act = *f;
    if (residual >= 0) {
        if (codes) PS_TRY(ps_lower_equal(l, residual, &in[RESIDUAL]));
        behind = codes && in[RESIDUAL] < 0;
        if (behind && wish) return POISE_OK;
        if (!codes) PS_TRY(ps_lower_as_is(l, residual, &in[RESIDUAL]));
    }
    if (behind && f->act_last) *f = (ps_fused){0};
    PS_TRY(ps_lower_try(l, n->op, n, &p, INPUTS, in, wish, wish ? POISE_U8 : POISE_F32, id));
    return behind && *id >= 0 ? add_behind(l, n, act, id) : POISE_OK;
}
