/* convert/onnx_ops_reduce.c - ONNX operators along axes: reductions, ArgMax, TopK, CumSum. */
#include "convert/onnx_import.h"

/* Axes are an attribute, and an input from opset 13 (ReduceSum) or 18 (the others) on. */
static void reduce(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), rank = ps_onnx_value(n, x).rank;
    bool given;
    int32_t axes = ps_onnx_axes(n, 1, rank, &given);
    ps_reduce_params p = {n->arg, given ? axes : (1 << rank) - 1, ps_onnx_flag(n, "keepdims", true)};
    if (!given && ps_onnx_flag(n, "noop_with_empty_axes", false)) {
        ps_onnx_result(n, 0, x);
        return;
    }
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_reduce, &p, x));
}

static void arg_reduce(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_arg_reduce_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", 0), ps_onnx_value(n, x).rank),
                              ps_onnx_flag(n, "keepdims", true), n->arg,
                              ps_onnx_flag(n, "select_last_index", false)};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_arg_reduce, &p, x));
}

static void top_k(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), out[2] = {0, 0};
    size_t count = 0;
    int64_t k = ps_onnx_int(n, "k", -1);
    if (n->opset >= 10) {
        const int64_t *given = ps_onnx_const_ints(n, 1, "K", &count);
        k = given && count == 1 ? given[0] : -1;
    }
    ps_top_k_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", -1), ps_onnx_value(n, x).rank), 0,
                         ps_onnx_flag(n, "largest", true), ps_onnx_flag(n, "sorted", true)};
    PS_ONNX_REQUIRE(n, k >= 0 && k <= ps_onnx_value(n, x).dim[p.axis], POISE_BAD_MODEL,
                    "K is %lld along an axis of %d", (long long)k, ps_onnx_value(n, x).dim[p.axis]);
    p.k = (int32_t)k;
    ps_onnx_emit_many(n, &ps_op_top_k, &p, 1, &x, 2, out);
    ps_onnx_result(n, 0, out[0]);
    ps_onnx_result(n, 1, out[1]);
}

static void cum_sum(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    size_t count;
    const int64_t *axis = ps_onnx_const_ints(n, 1, "axis", &count);
    PS_ONNX_REQUIRE(n, axis && count == 1, POISE_BAD_MODEL, "input 'axis' must be one number");
    ps_cum_sum_params p = {ps_onnx_axis(n, axis[0], ps_onnx_value(n, x).rank),
                           ps_onnx_flag(n, "exclusive", false), ps_onnx_flag(n, "reverse", false)};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_cum_sum, &p, x));
}

#define REDUCE(name, kind)                   \
    {                                        \
        name, 1, 0, 1, 2, reduce, kind, NULL \
    }

const ps_onnx_op ps_onnx_ops_reduce[] = {
    REDUCE("ReduceL1", PS_REDUCE_L1),
    REDUCE("ReduceL2", PS_REDUCE_L2),
    REDUCE("ReduceMax", PS_REDUCE_MAX),
    REDUCE("ReduceMean", PS_REDUCE_MEAN),
    REDUCE("ReduceMin", PS_REDUCE_MIN),
    REDUCE("ReduceProd", PS_REDUCE_PROD),
    REDUCE("ReduceSum", PS_REDUCE_SUM),
    REDUCE("ReduceLogSum", PS_REDUCE_LOG_SUM),
    REDUCE("ReduceLogSumExp", PS_REDUCE_LOG_SUM_EXP),
    REDUCE("ReduceSumSquare", PS_REDUCE_SUM_SQUARE),
    {"ArgMax", 1, 0, 1, 1, arg_reduce, 0, NULL},
    {"ArgMin", 1, 0, 1, 1, arg_reduce, 1, NULL},
    {"TopK", 1, 0, 1, 2, top_k, 0, NULL},
    {"CumSum", 11, 0, 2, 2, cum_sum, 0, NULL},
    {.name = NULL},
};
