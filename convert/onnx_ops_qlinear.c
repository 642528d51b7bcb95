/* convert/onnx_ops_qlinear.c - quantised operators that ONNX Runtime adds to the standard (com.microsoft). */
#include "convert/onnx_ops_quant.h"

static poise_type type_of(const ps_onnx_call *n, int i)
{
    return ps_onnx_value(n, ps_onnx_in(n, i)).type;
}

/* ---- elementwise ---- */

static void binary(ps_onnx_call *n)
{
    int32_t a = ps_onnx_real(n, 0, 1, 2), b = ps_onnx_real(n, 3, 4, 5);
    ps_onnx_give(n, ps_onnx_binary(n, n->arg, a, b), 6, 7, type_of(n, 0));
}

static void sigmoid(ps_onnx_call *n)
{
    int32_t x = ps_onnx_real(n, 0, 1, 2);
    ps_onnx_give(n, ps_onnx_unary(n, PS_ACT_SIGMOID, 0, 0, x), 3, 4, type_of(n, 0));
}

static void leaky(ps_onnx_call *n)
{
    int32_t x = ps_onnx_real(n, 0, 1, 2);
    float alpha = ps_onnx_float(n, "alpha", 0.01F);
    ps_onnx_give(n, ps_onnx_unary(n, PS_ACT_LEAKY, alpha, 0, x), 3, 4, type_of(n, 0));
}

static void where(ps_onnx_call *n)
{
    int32_t x = ps_onnx_real(n, 1, 2, 3), y = ps_onnx_real(n, 4, 5, 6);
    ps_onnx_give(n, PS_EMIT(n, &ps_op_where, NULL, ps_onnx_in(n, 0), x, y), 7, 8, type_of(n, 1));
}

/* ---- along axes ---- */

/* Inputs: scale and zero point of the result, then three of each part. */
static void concat(ps_onnx_call *n)
{
    enum { MOST = 256 };
    int parts = (n->node->n_in - 2) / 3;
    int32_t part[MOST];
    PS_ONNX_REQUIRE(n, n->node->n_in == 2 + 3 * parts && parts > 0 && parts <= MOST, POISE_BAD_MODEL,
                    "it has %d inputs, 2 and 3 for each part are right", n->node->n_in);
    for (int i = 0; i < parts; i++) part[i] = ps_onnx_real(n, 2 + 3 * i, 3 + 3 * i, 4 + 3 * i);
    ps_axis_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", 1), ps_onnx_value(n, part[0]).rank)};
    int32_t y = parts == 1 ? part[0] : ps_onnx_emit(n, &ps_op_concat, &p, parts, part);
    ps_onnx_give(n, y, 0, 1, type_of(n, 2));
}

/* What the standard's operator computes from a part of the inputs, channels last if the node says so. */
static void pool(ps_onnx_call *n)
{
    static const char *const names[] = {"AveragePool", "GlobalAveragePool", "ReduceMean"};
    static const int32_t first[4] = {0, 3, 1, 2}, last[4] = {0, 2, 3, 1};
    int32_t x = ps_onnx_real(n, 0, 1, 2);
    bool channels_last = ps_onnx_flag(n, "channels_last", false) && ps_onnx_value(n, x).rank == 4;
    if (channels_last) x = ps_onnx_transpose(n, x, 4, first);
    int32_t y = ps_onnx_as(n, names[n->arg], 1, &x);
    if (channels_last) y = ps_onnx_transpose(n, y, 4, last);
    ps_onnx_give(n, y, 3, 4, type_of(n, 0));
}

static void softmax(ps_onnx_call *n)
{
    int32_t x = ps_onnx_real(n, 0, 1, 2);
    int opset = n->opset;
    n->opset = ps_onnx_clamp32(ps_onnx_int(n, "opset", opset));
    int32_t y = ps_onnx_as(n, "Softmax", 1, &x);
    n->opset = opset;
    ps_onnx_give(n, y, 3, 4, type_of(n, 0));
}

/* ---- products ---- */

/* A as ab bs b0 bias? ys? y0?: alpha * A.B + bias, whose scale is that of A times that of B. */
static void gemm(ps_onnx_call *n)
{
    ps_onnx_scale as, bs;
    int32_t a = ps_onnx_real_axis(n, 0, 1, 2, 0, &as);
    int32_t b = ps_onnx_real_axis(n, 3, 4, 5, ps_onnx_flag(n, "transB", false) ? 0 : 1, &bs);
    int32_t c = ps_onnx_real_bias(n, 6, &as, &bs);
    float alpha = ps_onnx_float(n, "alpha", 1);
    if (c != PS_ABSENT && (alpha < 1 || alpha > 1))
        c = ps_onnx_binary(n, PS_BINARY_MUL, c, ps_onnx_scalar(n, POISE_F32, (double)alpha));
    int32_t y = ps_onnx_as(n, "Gemm", 3, (int32_t[]){a, b, c});
    if (ps_onnx_in(n, 7) == PS_ABSENT)
        ps_onnx_result(n, 0, y);
    else
        ps_onnx_give(n, y, 7, 8, type_of(n, 0));
}

static void with_bias(ps_onnx_call *n, int32_t a, int32_t b, int bias)
{
    int32_t y = ps_onnx_as(n, "MatMul", 2, (int32_t[]){a, b});
    if (ps_onnx_in(n, bias) != PS_ABSENT) y = ps_onnx_binary(n, PS_BINARY_ADD, y, ps_onnx_in(n, bias));
    ps_onnx_result(n, 0, y);
}

static void matmul_to_float(ps_onnx_call *n)
{
    ps_onnx_scale q;
    int32_t a = ps_onnx_real_axis(n, 0, 2, 4, -2, &q), b = ps_onnx_real_axis(n, 1, 3, 5, -1, &q);
    with_bias(n, a, b, 6);
}

static void dynamic_matmul(ps_onnx_call *n)
{
    int32_t a = ps_onnx_in(n, 0);
    ps_onnx_scale q = ps_onnx_dynamic_scale(n, a), w;
    a = ps_onnx_to_codes(n, a, &q);
    a = ps_onnx_to_real(n, a, &q);
    with_bias(n, a, ps_onnx_real_axis(n, 1, 2, 3, -1, &w), 4);
}

#define ORT "com.microsoft"
const ps_onnx_op ps_onnx_ops_qlinear[] = {
    {"QLinearAdd", 1, 0, 7, 8, binary, PS_BINARY_ADD, ORT},
    {"QLinearMul", 1, 0, 7, 8, binary, PS_BINARY_MUL, ORT},
    {"QLinearSigmoid", 1, 0, 4, 5, sigmoid, 0, ORT},
    {"QLinearLeakyRelu", 1, 0, 4, 5, leaky, 0, ORT},
    {"QLinearWhere", 1, 0, 8, 9, where, 0, ORT},
    {"QLinearConcat", 1, 0, 5, PS_ONNX_MAX_PORTS, concat, 0, ORT},
    {"QLinearAveragePool", 1, 0, 4, 5, pool, 0, ORT},
    {"QLinearGlobalAveragePool", 1, 0, 4, 5, pool, 1, ORT},
    {"QLinearReduceMean", 1, 0, 4, 5, pool, 2, ORT},
    {"QLinearSoftmax", 1, 0, 4, 5, softmax, 0, ORT},
    {"QGemm", 1, 0, 6, 9, gemm, 0, ORT},
    {"MatMulIntegerToFloat", 1, 0, 4, 7, matmul_to_float, 0, ORT},
    {"DynamicQuantizeMatMul", 1, 0, 3, 5, dynamic_matmul, 0, ORT},
    {.name = NULL},
};
