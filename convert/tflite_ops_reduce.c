/* convert/tflite_ops_reduce.c - TFLite operators along axes: reductions, ARG_MAX, TOPK_V2, CUMSUM, SOFTMAX, norms. */
#include "convert/tflite_import.h"

/* Constant axes of input 1 as a mask. */
static int32_t axes_of(ps_tflite_call *n, int32_t rank)
{
    size_t count;
    int32_t mask = 0;
    const int64_t *axes = ps_tflite_const(n, 1, "axis", &count);
    for (size_t i = 0; axes && i < count && n->e.status == POISE_OK; i++) mask |= 1 << ps_emit_axis(&n->e, axes[i], rank);
    return mask;
}

static int32_t reduced(ps_tflite_call *n, int kind, ps_tflite_order *order, int32_t *x)
{
    int32_t rank = ps_tflite_rank(n, 0), axes = axes_of(n, rank), keep = ps_tflite_byte(n, 0, 0) != 0, mask = 0;
    *order = n->c->slots[n->node->in[0]].order;
    /* what is left in [n,c,h,w] must be in the file's order */
    if (*order == PS_TFLITE_NCHW && !keep && (axes & 6) != 6 && !(axes >> 3 & 1)) *order = PS_TFLITE_FILE;
    *x = ps_tflite_in_as(n, 0, *order);
    for (int i = 0; i < rank; i++) mask |= (axes >> i & 1) << ps_tflite_axis_in(*order, i);
    if (kind >= 0) *x = PS_EMIT_NODE(&n->e, &ps_op_reduce, (&(ps_reduce_params){kind, mask, keep}), *x);
    if (!keep) *order = PS_TFLITE_FILE;
    return mask;
}

static void reduce(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t y;
    reduced(n, n->arg, &order, &y);
    ps_tflite_result(n, 0, y, order);
}

/* REDUCE_ANY, REDUCE_ALL: of truths. */
static void reduce_truths(ps_tflite_call *n)
{
    ps_tflite_order order;
    int32_t x, mask = reduced(n, -1, &order, &x);
    ps_reduce_params p = {n->arg, mask, ps_tflite_byte(n, 0, 0) != 0};
    x = PS_EMIT_NODE(&n->e, &ps_op_reduce, &p, ps_emit_cast(&n->e, POISE_I32, x));
    ps_tflite_result(n, 0, ps_emit_cast(&n->e, POISE_BOOL, x), order);
}

/* Indices have the type that the file gives its result. */
static int32_t indices(ps_tflite_call *n, int k, int32_t x)
{
    return ps_emit_cast(&n->e, ps_tflite_output(n, k)->type == PS_TFLITE_I64 ? POISE_I64 : POISE_I32, x);
}

static void arg_reduce(ps_tflite_call *n)
{
    int32_t x = ps_tflite_in(n, 0);
    ps_arg_reduce_params p = {
        ps_emit_axis(&n->e, ps_tflite_const_one(n, 1, "axis"), ps_emit_value(&n->e, x).rank), 0, n->arg, 0};
    ps_tflite_result(n, 0, indices(n, 0, PS_EMIT_NODE(&n->e, &ps_op_arg_reduce, &p, x)), PS_TFLITE_FILE);
}

static void top_k(ps_tflite_call *n)
{
    int32_t x = ps_tflite_in(n, 0), out[2] = {0, 0};
    ps_value v = ps_emit_value(&n->e, x);
    int64_t k = ps_tflite_const_one(n, 1, "k");
    PS_TFLITE_REQUIRE(n, v.rank > 0 && k >= 0 && k <= v.dim[v.rank - 1], POISE_BAD_MODEL, "k is %lld along an axis of %d",
                      (long long)k, v.rank ? v.dim[v.rank - 1] : 0);
    ps_top_k_params p = {v.rank - 1, (int32_t)k, 1, 1};
    ps_emit_nodes(&n->e, &ps_op_top_k, &p, 1, &x, 2, out);
    ps_tflite_result(n, 0, out[0], PS_TFLITE_FILE);
    if (n->node->n_out > 1) ps_tflite_result(n, 1, indices(n, 1, out[1]), PS_TFLITE_FILE);
}

static void cum_sum(ps_tflite_call *n)
{
    int32_t x = ps_tflite_in(n, 0);
    ps_cum_sum_params p = {ps_emit_axis(&n->e, ps_tflite_const_one(n, 1, "axis"), ps_emit_value(&n->e, x).rank),
                           ps_tflite_byte(n, 0, 0) != 0, ps_tflite_byte(n, 1, 0) != 0};
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_cum_sum, &p, x), PS_TFLITE_FILE);
}

/* ---- along the last axis ---- */

/* Input 0 as it was made; *axis is where its last axis is. */
static int32_t along_last(ps_tflite_call *n, ps_tflite_order *order, int32_t *axis)
{
    int32_t rank = ps_tflite_rank(n, 0);
    if (rank < 1) PS_TFLITE_FAIL(n, POISE_BAD_MODEL, "a scalar has no axis");
    *order = n->c->slots[n->node->in[0]].order;
    *axis = rank < 1 ? 0 : ps_tflite_axis_in(*order, rank - 1);
    return ps_tflite_in_as(n, 0, *order);
}

static void softmax(ps_tflite_call *n)
{
    ps_tflite_order order;
    ps_softmax_params p = {.kind = n->arg};
    int32_t x = along_last(n, &order, &p.axis);
    float beta = n->arg == PS_SOFTMAX ? ps_tflite_float(n, 0, 0) : 1;
    if (beta != 1 && beta != 0) /* old files leave it out, and mean 1 */
        x = ps_emit_binary(&n->e, PS_BINARY_MUL, x, ps_emit_scalar(&n->e, POISE_F32, (double)beta));
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_softmax, &p, x), order);
}

static void l2_norm(ps_tflite_call *n)
{
    ps_tflite_order order;
    ps_lp_norm_params p = {.p = 2};
    int32_t x = along_last(n, &order, &p.axis);
    x = PS_EMIT_NODE(&n->e, &ps_op_lp_norm, &p, x);
    ps_tflite_result(n, 0, ps_tflite_activate(n, ps_tflite_byte(n, 0, 0), x), order);
}

/* x / (bias + alpha * sum of squares within `radius` channels)^beta; lrn divides alpha by the number of channels. */
static void local_response_norm(ps_tflite_call *n)
{
    int32_t radius = ps_tflite_int(n, 0, 0), rank = ps_tflite_rank(n, 0);
    PS_TFLITE_REQUIRE(n, radius >= 0 && radius < 1 << 20 && rank == 4, POISE_UNSUPPORTED, "radius %d in %d dimensions", radius,
                      rank);
    float size = (float)(2 * radius + 1);
    ps_lrn_params p = {2 * radius + 1, ps_tflite_float(n, 2, 0) * size, ps_tflite_float(n, 3, 0), ps_tflite_float(n, 1, 0)};
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_lrn, &p, ps_tflite_in_as(n, 0, PS_TFLITE_NCHW)), PS_TFLITE_NCHW);
}

const ps_tflite_op ps_tflite_ops_reduce[] = {
    {"MEAN", 40, 2, 2, reduce, PS_REDUCE_MEAN},
    {"SUM", 74, 2, 2, reduce, PS_REDUCE_SUM},
    {"REDUCE_MAX", 82, 2, 2, reduce, PS_REDUCE_MAX},
    {"REDUCE_MIN", 89, 2, 2, reduce, PS_REDUCE_MIN},
    {"REDUCE_PROD", 81, 2, 2, reduce, PS_REDUCE_PROD},
    {"REDUCE_ANY", 91, 2, 2, reduce_truths, PS_REDUCE_MAX},
    {"REDUCE_ALL", 140, 2, 2, reduce_truths, PS_REDUCE_MIN},
    {"ARG_MAX", 56, 2, 2, arg_reduce, 0},
    {"ARG_MIN", 79, 2, 2, arg_reduce, 1},
    {"TOPK_V2", 48, 2, 2, top_k, 0},
    {"CUMSUM", 128, 2, 2, cum_sum, 0},
    {"SOFTMAX", 25, 1, 1, softmax, PS_SOFTMAX},
    {"LOG_SOFTMAX", 50, 1, 1, softmax, PS_LOG_SOFTMAX},
    {"L2_NORMALIZATION", 11, 1, 1, l2_norm, 0},
    {"LOCAL_RESPONSE_NORMALIZATION", 13, 1, 1, local_response_norm, 0},
    {.name = NULL},
};
