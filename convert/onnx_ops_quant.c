/* convert/onnx_ops_quant.c - quantised operators of the ONNX standard: QuantizeLinear and its inverse, QLinear*, *Integer.
 * QLinear operators become float operators between codes, as QDQ files have them; *Integer operators are those of scale 1. */
#include "convert/onnx_ops_quant.h"

#include <float.h>
#include <string.h>

/* ---- helpers (also of onnx_ops_qlinear.c) ---- */

static poise_type type_of(const ps_onnx_call *n, int i)
{
    return ps_onnx_value(n, ps_onnx_in(n, i)).type;
}

int32_t ps_onnx_real_axis(ps_onnx_call *n, int x, int scale, int zero, int axis, ps_onnx_scale *q)
{
    *q = ps_onnx_scale_read(n, scale, zero, type_of(n, x));
    int32_t rank = ps_onnx_value(n, ps_onnx_in(n, x)).rank;
    q->axis = axis < 0 ? (rank + axis > 0 ? rank + axis : 0) : axis;
    return ps_onnx_to_real(n, ps_onnx_in(n, x), q);
}

int32_t ps_onnx_real(ps_onnx_call *n, int x, int scale, int zero)
{
    ps_onnx_scale q;
    return ps_onnx_real_axis(n, x, scale, zero, 0, &q);
}

void ps_onnx_give(ps_onnx_call *n, int32_t y, int scale, int zero, poise_type otherwise)
{
    ps_onnx_scale q = ps_onnx_scale_read(n, scale, zero, otherwise);
    ps_onnx_result(n, 0, ps_onnx_to_codes(n, y, &q));
}

int32_t ps_onnx_real_bias(ps_onnx_call *n, int bias, const ps_onnx_scale *x, const ps_onnx_scale *w)
{
    int32_t b = ps_onnx_in(n, bias);
    if (b == PS_ABSENT || n->status != POISE_OK) return b;
    if (type_of(n, bias) != POISE_I32) PS_ONNX_FAIL(n, POISE_BAD_MODEL, "its bias is %s, not int32", poise_type_name(type_of(n, bias)));
    int32_t scale = ps_onnx_binary(n, PS_BINARY_MUL, x->scale, w->scale);
    return ps_onnx_binary(n, PS_BINARY_MUL, ps_onnx_cast(n, POISE_F32, b), scale);
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

static void read_axis(ps_onnx_call *n, ps_onnx_scale *q)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0)), s = ps_onnx_value(n, q->scale);
    int64_t block = ps_onnx_int(n, "block_size", 0), axis = ps_onnx_int(n, "axis", 1);
    PS_ONNX_REQUIRE(n, block >= 0 && block < INT32_MAX, POISE_BAD_MODEL, "block_size %lld", (long long)block);
    q->block = (int32_t)block;
    if (block > 0 || ps_value_count(&s) != 1) q->axis = ps_onnx_axis(n, axis, x.rank);
}

static void quantize_linear(ps_onnx_call *n)
{
    ps_onnx_scale q = ps_onnx_scale_read(n, 1, 2, POISE_U8);
    int32_t type = ps_onnx_clamp32(ps_onnx_int(n, "output_dtype", 0));
    PS_ONNX_REQUIRE(n, !type || ps_onnx_storage_type(type) != POISE_NONE, POISE_UNSUPPORTED, "type %s",
                    ps_onnx_type_name(type));
    if (type && ps_onnx_in(n, 2) == PS_ABSENT) ps_onnx_scale_type(&q, type);
    PS_ONNX_REQUIRE(n, !type || ps_onnx_storage_type(type) == q.codes, POISE_BAD_MODEL,
                    "output_dtype is %s, its zero point is not", ps_onnx_type_name(type));
    read_axis(n, &q);
    ps_onnx_result(n, 0, ps_onnx_to_codes(n, ps_onnx_in(n, 0), &q));
}

static void dequantize_linear(ps_onnx_call *n)
{
    ps_onnx_scale q = ps_onnx_scale_read(n, 1, 2, type_of(n, 0));
    read_axis(n, &q);
    ps_onnx_result(n, 0, ps_onnx_to_real(n, ps_onnx_in(n, 0), &q));
}

/* ---- DynamicQuantizeLinear ---- */

static int32_t extreme(ps_onnx_call *n, int32_t x, int reduce, int binary)
{
    ps_reduce_params p = {reduce, (1 << ps_onnx_value(n, x).rank) - 1, 0};
    return ps_onnx_binary(n, binary, PS_EMIT(n, &ps_op_reduce, &p, x), ps_onnx_scalar(n, POISE_F32, 0));
}

/* The range of x with 0 over 255 codes; all zeros get the smallest scale, for which they are the zero point. */
ps_onnx_scale ps_onnx_dynamic_scale(ps_onnx_call *n, int32_t x)
{
    ps_onnx_scale q = {.codes = POISE_U8, .high = 255, .zero = PS_BROKEN};
    int32_t low = extreme(n, x, PS_REDUCE_MIN, PS_BINARY_MIN), high = extreme(n, x, PS_REDUCE_MAX, PS_BINARY_MAX);
    int32_t range = ps_onnx_binary(n, PS_BINARY_SUB, high, low);
    q.scale = ps_onnx_binary(n, PS_BINARY_DIV, range, ps_onnx_scalar(n, POISE_F32, 255));
    q.scale = ps_onnx_binary(n, PS_BINARY_MAX, q.scale, ps_onnx_scalar(n, POISE_F32, (double)FLT_MIN));
    int32_t zero = ps_onnx_unary(n, PS_UNARY_NEG, 0, 0, ps_onnx_binary(n, PS_BINARY_DIV, low, q.scale));
    zero = ps_onnx_unary(n, PS_ACT_CLIP, 0, 255, ps_onnx_unary(n, PS_UNARY_ROUND, 0, 0, zero));
    q.zero = ps_onnx_cast(n, POISE_I32, zero);
    return q;
}

static void dynamic_quantize_linear(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    PS_ONNX_REQUIRE(n, type_of(n, 0) == POISE_F32, POISE_BAD_MODEL, "its input is %s", poise_type_name(type_of(n, 0)));
    ps_onnx_scale q = ps_onnx_dynamic_scale(n, x);
    ps_onnx_result(n, 0, ps_onnx_to_codes(n, x, &q));
    ps_onnx_result(n, 1, q.scale);
    ps_onnx_result(n, 2, ps_onnx_cast(n, POISE_U8, q.zero));
}

/* ---- products ---- */

static void qlinear_conv(ps_onnx_call *n)
{
    static const int32_t first[4] = {0, 3, 1, 2}, last[4] = {0, 2, 3, 1};
    ps_onnx_scale xs, ws;
    int32_t x = ps_onnx_real_axis(n, 0, 1, 2, 0, &xs), w = ps_onnx_real_axis(n, 3, 4, 5, 0, &ws);
    int32_t b = ps_onnx_real_bias(n, 8, &xs, &ws);
    bool channels_last = ps_onnx_flag(n, "channels_last", false) && ps_onnx_value(n, x).rank == 4;
    if (channels_last) x = ps_onnx_transpose(n, x, 4, first);
    int32_t y = ps_onnx_as(n, "Conv", 3, (int32_t[]){x, w, b});
    if (channels_last) y = ps_onnx_transpose(n, y, 4, last);
    ps_onnx_give(n, y, 6, 7, type_of(n, 0));
}

static void qlinear_matmul(ps_onnx_call *n)
{
    ps_onnx_scale as, bs;
    int32_t a = ps_onnx_real_axis(n, 0, 1, 2, -2, &as), b = ps_onnx_real_axis(n, 3, 4, 5, -1, &bs);
    ps_onnx_give(n, ps_onnx_as(n, "MatMul", 2, (int32_t[]){a, b}), 6, 7, type_of(n, 0));
}

/* Codes of input i less their zero point, as floats. */
static int32_t whole(ps_onnx_call *n, int i, int zero, int axis)
{
    ps_onnx_scale q = ps_onnx_scale_one(n, zero, type_of(n, i));
    int32_t rank = ps_onnx_value(n, ps_onnx_in(n, i)).rank;
    q.axis = axis < 0 ? (rank + axis > 0 ? rank + axis : 0) : axis;
    return ps_onnx_to_real(n, ps_onnx_in(n, i), &q);
}

/* Sums are exact below 2^24 and rounded to 24 bits above. */
static void conv_integer(ps_onnx_call *n)
{
    int32_t x = whole(n, 0, 2, 0), w = whole(n, 1, 3, 0);
    ps_onnx_result(n, 0, ps_onnx_cast(n, POISE_I32, ps_onnx_as(n, "Conv", 2, (int32_t[]){x, w})));
}

static void matmul_integer(ps_onnx_call *n)
{
    int32_t a = whole(n, 0, 2, -2), b = whole(n, 1, 3, -1);
    ps_onnx_result(n, 0, ps_onnx_cast(n, POISE_I32, ps_onnx_as(n, "MatMul", 2, (int32_t[]){a, b})));
}

const ps_onnx_op ps_onnx_ops_quant[] = {
    {"QuantizeLinear", 10, 0, 2, 3, quantize_linear, 0, NULL},
    {"DequantizeLinear", 10, 0, 2, 3, dequantize_linear, 0, NULL},
    {"DynamicQuantizeLinear", 11, 0, 1, 1, dynamic_quantize_linear, 0, NULL},
    {"QLinearConv", 10, 0, 8, 9, qlinear_conv, 0, NULL},
    {"QLinearMatMul", 10, 0, 8, 8, qlinear_matmul, 0, NULL},
    {"ConvInteger", 10, 0, 2, 4, conv_integer, 0, NULL},
    {"MatMulInteger", 10, 0, 2, 4, matmul_integer, 0, NULL},
    {"QuantizeLinear", 1, 0, 2, 3, quantize_linear, 0, "com.microsoft"},
    {"DequantizeLinear", 1, 0, 2, 3, dequantize_linear, 0, "com.microsoft"},
    {"QLinearConv", 1, 0, 8, 9, qlinear_conv, 0, "com.microsoft"},
    {.name = NULL},
};
