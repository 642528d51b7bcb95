/* convert/onnx_ops_norm.c - normalisations and the softmax family of ONNX. */
#include "convert/onnx_import.h"

#include <string.h>

static int32_t f32(ps_onnx_call *n, float v)
{
    return ps_onnx_scalar(n, POISE_F32, (double)v);
}

/* scale * (x - mean) / sqrt(var + eps) + bias as one product and one sum per channel. */
static void batch_norm(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), scale = ps_onnx_in(n, 1);
    PS_ONNX_REQUIRE(n, !ps_onnx_flag(n, "training_mode", false), POISE_UNSUPPORTED, "training mode");
    bool spatial = ps_onnx_flag(n, "spatial", true) || ps_onnx_value(n, scale).rank <= 1;
    int32_t var =
        ps_onnx_binary(n, PS_BINARY_ADD, ps_onnx_in(n, 4), f32(n, ps_onnx_float(n, "epsilon", 1e-5F)));
    scale = ps_onnx_binary(n, PS_BINARY_DIV, scale, ps_onnx_unary(n, PS_UNARY_SQRT, 0, 0, var));
    int32_t shift = ps_onnx_binary(n, PS_BINARY_MUL, ps_onnx_in(n, 3), scale);
    int32_t bias = ps_onnx_binary(n, PS_BINARY_SUB, ps_onnx_in(n, 2), shift);
    if (spatial) {
        ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_affine, (&(ps_affine_params){{0}}), x, scale, bias));
        return;
    }
    x = ps_onnx_binary(n, PS_BINARY_MUL, x, scale); /* one scale for every element of an image */
    ps_onnx_result(n, 0, ps_onnx_binary(n, PS_BINARY_ADD, x, bias));
}

static void instance_norm(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    PS_ONNX_REQUIRE(n, x.rank >= 3, POISE_BAD_MODEL, "its input has %d dimensions, at least 3 are right",
                    x.rank);
    ps_group_norm_params p = {x.dim[1], ps_onnx_float(n, "epsilon", 1e-5F)};
    ps_onnx_result(n, 0,
                   PS_EMIT(n, &ps_op_group_norm, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

/* Opset 18 has one scale for a group, 21 one for a channel. */
static int32_t per_channel(ps_onnx_call *n, int32_t v, int32_t groups, int32_t channels)
{
    ps_value s = ps_onnx_value(n, v);
    if (n->opset >= 21 || groups == channels || s.rank != 1 || s.dim[0] != groups) return v;
    v = ps_onnx_reshape(n, v, 2, (int32_t[]){groups, 1});
    v = ps_onnx_expand(n, v, 2, (int32_t[]){groups, channels / groups});
    return ps_onnx_reshape(n, v, 1, &channels);
}

static void group_norm(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    int64_t groups = ps_onnx_int(n, "num_groups", 0);
    PS_ONNX_REQUIRE(n, x.rank >= 2 && groups > 0 && x.dim[1] % groups == 0, POISE_BAD_MODEL,
                    "num_groups %lld does not divide %d channels", (long long)groups,
                    x.rank >= 2 ? x.dim[1] : 0);
    ps_group_norm_params p = {(int32_t)groups, ps_onnx_float(n, "epsilon", 1e-5F)};
    int32_t scale = per_channel(n, ps_onnx_in(n, 1), p.groups, x.dim[1]);
    int32_t bias = per_channel(n, ps_onnx_in(n, 2), p.groups, x.dim[1]);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_group_norm, &p, ps_onnx_in(n, 0), scale, bias));
}

static void layer_norm(ps_onnx_call *n)
{
    int32_t in[3] = {ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)};
    ps_value x = ps_onnx_value(n, in[0]);
    int32_t axis = ps_onnx_axis(n, ps_onnx_int(n, "axis", -1), x.rank);
    ps_layer_norm_params p = {axis, ps_onnx_float(n, "epsilon", 1e-5F)};
    for (int i = 1; i < 3 && n->status == POISE_OK; i++)
        if (in[i] != PS_ABSENT) in[i] = ps_onnx_expand(n, in[i], x.rank - axis, x.dim + axis);
    int32_t out[3] = {0, ps_onnx_has_out(n, 1) ? 0 : PS_ABSENT, ps_onnx_has_out(n, 2) ? 0 : PS_ABSENT};
    ps_onnx_emit_many(n, &ps_op_layer_norm, &p, 3, in, 3, out);
    for (int k = 0; k < 3; k++)
        if (out[k] != PS_ABSENT) ps_onnx_result(n, k, out[k]);
}

static void lrn(ps_onnx_call *n)
{
    ps_lrn_params p = {ps_onnx_clamp32(ps_onnx_int(n, "size", 0)), ps_onnx_float(n, "alpha", 1e-4F),
                       ps_onnx_float(n, "beta", 0.75F), ps_onnx_float(n, "bias", 1)};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_lrn, &p, ps_onnx_in(n, 0)));
}

static void lp_norm(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0));
    ps_lp_norm_params p = {ps_onnx_axis(n, ps_onnx_int(n, "axis", -1), x.rank),
                           ps_onnx_clamp32(ps_onnx_int(n, "p", 2))};
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_lp_norm, &p, ps_onnx_in(n, 0)));
}

static void mean_variance(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0), rank = ps_onnx_value(n, x).rank;
    bool given;
    int32_t axes = ps_onnx_axes(n, -1, rank, &given);
    PS_ONNX_REQUIRE(n, given || rank == 4, POISE_BAD_MODEL, "it needs axes for %d dimensions", rank);
    ps_reduce_params p = {PS_REDUCE_MEAN, given ? axes : 1 << 0 | 1 << 2 | 1 << 3, 1};
    int32_t d = ps_onnx_binary(n, PS_BINARY_SUB, x, PS_EMIT(n, &ps_op_reduce, &p, x));
    int32_t var = PS_EMIT(n, &ps_op_reduce, &p, ps_onnx_binary(n, PS_BINARY_MUL, d, d));
    int32_t dev = ps_onnx_unary(n, PS_UNARY_SQRT, 0, 0, var);
    dev = ps_onnx_binary(n, PS_BINARY_ADD, dev, f32(n, 1e-9F)); /* as the standard defines it */
    ps_onnx_result(n, 0, ps_onnx_binary(n, PS_BINARY_DIV, d, dev));
}

/* Before opset 13 the dimensions from `axis` on are one long axis. */
static void softmax(ps_onnx_call *n)
{
    int32_t x = ps_onnx_in(n, 0);
    ps_value v = ps_onnx_value(n, x);
    int32_t axis = ps_onnx_axis(n, ps_onnx_int(n, "axis", n->opset < 13 ? 1 : -1), v.rank);
    int32_t last = axis;
    for (int i = axis + 1; i < v.rank; i++)
        if (v.dim[i] != 1) last = i;
    ps_softmax_params p = {n->arg, axis};
    if (n->opset >= 13 || last == axis) {
        ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_softmax, &p, x));
        return;
    }
    p.axis = 1;
    int32_t flat[2] = {ps_onnx_product(&v, 0, axis), ps_onnx_product(&v, axis, v.rank)};
    x = PS_EMIT(n, &ps_op_softmax, &p, ps_onnx_reshape(n, x, 2, flat));
    ps_onnx_result(n, 0, ps_onnx_reshape(n, x, v.rank, v.dim));
}

const ps_onnx_op ps_onnx_ops_norm[] = {
    {"BatchNormalization", 7, 0, 5, 5, batch_norm, 0, NULL},
    {"InstanceNormalization", 6, 0, 3, 3, instance_norm, 0, NULL},
    {"LayerNormalization", 17, 0, 2, 3, layer_norm, 0, NULL},
    {"GroupNormalization", 18, 0, 3, 3, group_norm, 0, NULL},
    {"LRN", 1, 0, 1, 1, lrn, 0, NULL},
    {"LpNormalization", 1, 0, 1, 1, lp_norm, 0, NULL},
    {"MeanVarianceNormalization", 9, 0, 1, 1, mean_variance, 0, NULL},
    {"Softmax", 1, 0, 1, 1, softmax, PS_SOFTMAX, NULL},
    {"LogSoftmax", 1, 0, 1, 1, softmax, PS_LOG_SOFTMAX, NULL},
    {"Hardmax", 1, 0, 1, 1, softmax, PS_HARDMAX, NULL},
    {.name = NULL},
};
