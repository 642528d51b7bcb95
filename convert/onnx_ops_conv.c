/* convert/onnx_ops_conv.c - windows and products: Conv, ConvTranspose, pools, Gemm, MatMul. */
#include "convert/onnx_import.h"
#include "convert/onnx_window.h"

#include <string.h>

/* ---- convolution ---- */

static void conv(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0)), w = ps_onnx_value(n, ps_onnx_in(n, 1));
    ps_onnx_window win;
    ps_onnx_window_read(n, &x, &w, &win);
    ps_onnx_window_pad(n, &x, &win);
    ps_conv_params p = {.group = ps_onnx_clamp32(ps_onnx_int(n, "group", 1))};
    ps_onnx_window_store(&win, p.kernel, p.stride, p.dilation, p.pad);
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_conv, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

/* Pads that make the output have the size asked for: the odd one goes to the begin, or to the end for
 * SAME_UPPER. */
static void transposed_pads(ps_onnx_call *n, const ps_value *x, ps_onnx_window *win, const int32_t *out_pad)
{
    size_t count;
    const int64_t *shape = ps_onnx_ints(n, "output_shape", &count);
    if (!shape && win->auto_pad < PS_ONNX_SAME_UPPER) {
        if (win->auto_pad == PS_ONNX_VALID) memset(win->pad, 0, sizeof win->pad);
        return;
    }
    for (int i = 0; i < win->rank; i++) {
        int64_t in = x->dim[i + 2], size = in * win->stride[i];
        if (shape) size = (int)count == win->rank ? shape[i] : shape[count - (size_t)win->rank + (size_t)i];
        int64_t total =
            win->stride[i] * (in - 1) + out_pad[i] + win->dilation[i] * (win->kernel[i] - 1) + 1 - size;
        PS_ONNX_REQUIRE(n, total > INT32_MIN && total < INT32_MAX, POISE_BAD_MODEL, "output size %lld",
                        (long long)size);
        /* an output larger than the windows cover is filled by bias alone: more output padding */
        int64_t inside = total > 0 ? total : 0, less = inside / 2;
        win->pad[i] = (int32_t)(win->auto_pad == PS_ONNX_SAME_UPPER ? less : inside - less);
        win->pad[i + win->rank] = (int32_t)(total - win->pad[i]);
    }
}

static void conv_transpose(ps_onnx_call *n)
{
    ps_value x = ps_onnx_value(n, ps_onnx_in(n, 0)), w = ps_onnx_value(n, ps_onnx_in(n, 1));
    ps_onnx_window win;
    ps_onnx_window_read(n, &x, &w, &win);
    int32_t out_pad[2] = {0, 0};
    size_t count;
    const int64_t *given = ps_onnx_ints(n, "output_padding", &count), *shape;
    PS_ONNX_REQUIRE(n, !given || (int)count == win.rank, POISE_BAD_MODEL, "output_padding has %zu entries",
                    count);
    for (int i = 0; given && i < win.rank; i++) out_pad[i] = ps_onnx_clamp32(given[i]);
    shape = ps_onnx_ints(n, "output_shape", &count);
    PS_ONNX_REQUIRE(n, !shape || (int)count >= win.rank, POISE_BAD_MODEL, "output_shape has %zu entries",
                    count);
    transposed_pads(n, &x, &win, out_pad);
    if (n->status != POISE_OK) return;
    for (int i = 0; i < win.rank; i++) /* negative pads at the end are output padding */
        if (win.pad[i + win.rank] < 0) out_pad[i] -= win.pad[i + win.rank], win.pad[i + win.rank] = 0;
    ps_conv_transpose_params p = {.group = ps_onnx_clamp32(ps_onnx_int(n, "group", 1))};
    ps_onnx_window_store(&win, p.kernel, p.stride, p.dilation, p.pad);
    p.out_pad[0] = win.rank == 2 ? out_pad[0] : 0;
    p.out_pad[1] = out_pad[win.rank - 1];
    ps_onnx_result(
        n, 0, PS_EMIT(n, &ps_op_conv_transpose, &p, ps_onnx_in(n, 0), ps_onnx_in(n, 1), ps_onnx_in(n, 2)));
}

/* ---- pools ---- */

static void pool(ps_onnx_call *n)
{
    int32_t in = ps_onnx_in(n, 0), out[2] = {0, ps_onnx_has_out(n, 1) ? 0 : PS_ABSENT};
    ps_value x = ps_onnx_value(n, in);
    ps_onnx_window win;
    ps_onnx_window_read(n, &x, NULL, &win);
    ps_pool_params p = {.kind = n->arg, .p = 1};
    p.ceil_mode = ps_onnx_flag(n, "ceil_mode", false);
    ps_onnx_window_pad(n, &x, &win);
    if (n->arg == PS_POOL_AVERAGE) p.count_include_pad = ps_onnx_flag(n, "count_include_pad", false);
    if (n->arg == PS_POOL_LP) p.p = ps_onnx_clamp32(ps_onnx_int(n, "p", 2));
    if (n->arg == PS_POOL_MAX) p.column_major = ps_onnx_flag(n, "storage_order", false);
    ps_onnx_window_store(&win, p.kernel, p.stride, p.dilation, p.pad);
    ps_onnx_emit_many(n, &ps_op_pool, &p, 1, &in, 2, out);
    ps_onnx_result(n, 0, out[0]);
    if (out[1] != PS_ABSENT) ps_onnx_result(n, 1, out[1]);
}

/* A reduction over the spatial dimensions, whatever their number. */
static void global_pool(ps_onnx_call *n)
{
    int32_t in = ps_onnx_in(n, 0);
    ps_value x = ps_onnx_value(n, in);
    PS_ONNX_REQUIRE(n, x.rank >= 3, POISE_BAD_MODEL, "a tensor with %d dimensions has no spatial ones",
                    x.rank);
    ps_reduce_params p = {n->arg, ((1 << x.rank) - 1) & ~3, 1};
    if (n->arg == PS_REDUCE_L2) {
        int64_t power = ps_onnx_int(n, "p", 2);
        PS_ONNX_REQUIRE(n, power == 1 || power == 2, POISE_UNSUPPORTED, "p=%lld", (long long)power);
        if (power == 1) p.kind = PS_REDUCE_L1;
    }
    ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_reduce, &p, in));
}

/* MaxUnpool: indices count in the size that the pool had; another output_shape adds zeros at the ends, or cuts. */
static void max_unpool(ps_onnx_call *n)
{
    int32_t in = ps_onnx_in(n, 0);
    ps_value x = ps_onnx_value(n, in);
    ps_onnx_window win;
    ps_onnx_window_read(n, &x, NULL, &win);
    if (n->status != POISE_OK) return;
    ps_max_unpool_params p = {.rank = x.rank};
    ps_pad_params pad = {.mode = PS_PAD_CONSTANT, .rank = x.rank};
    size_t count;
    const int64_t *shape = ps_onnx_const_ints(n, 2, "output_shape", &count);
    PS_ONNX_REQUIRE(n, !shape || (int32_t)count == x.rank, POISE_BAD_MODEL, "output_shape has %zu entries", count);
    memcpy(p.dim, x.dim, sizeof p.dim);
    for (int i = 0; i < win.rank; i++)
        p.dim[i + 2] = ps_onnx_clamp32((int64_t)win.stride[i] * (x.dim[i + 2] - 1) + win.kernel[i] - win.pad[i] -
                                       win.pad[i + win.rank]);
    int32_t y = PS_EMIT(n, &ps_op_max_unpool, &p, in, ps_onnx_in(n, 1));
    bool other = false;
    for (int i = 0; shape && i < x.rank; i++) {
        pad.end[i] = ps_onnx_clamp32(ps_onnx_clamp32(shape[i]) - (int64_t)p.dim[i]);
        other |= pad.end[i] != 0;
    }
    ps_onnx_result(n, 0, other ? PS_EMIT(n, &ps_op_pad, &pad, y) : y);
}

/* ---- products ---- */

/* alpha * A.B + beta * C, C broadcast to [m,n]. */
static void gemm(ps_onnx_call *n)
{
    int32_t a = ps_onnx_in(n, 0), b = ps_onnx_in(n, 1), c = ps_onnx_in(n, 2);
    float beta = ps_onnx_float(n, "beta", 1);
    ps_matmul_params p = {ps_onnx_flag(n, "transA", false),
                          ps_onnx_flag(n, "transB", false),
                          ps_onnx_float(n, "alpha", 1),
                          {0}};
    ps_value w = ps_onnx_value(n, b), bias = ps_onnx_value(n, c);
    PS_ONNX_REQUIRE(n, ps_onnx_value(n, a).rank == 2 && w.rank == 2, POISE_BAD_MODEL, "Gemm takes matrices");
    int32_t cols = w.dim[p.trans_b ? 0 : 1];
    bool fits = c != PS_ABSENT && bias.type == POISE_F32 && ps_value_count(&bias) == (size_t)cols &&
                bias.rank > 0 && bias.dim[bias.rank - 1] == cols;
    if (c != PS_ABSENT && beta != 1)
        c = ps_onnx_binary(n, PS_BINARY_MUL, c, ps_onnx_scalar(n, bias.type, (double)beta));
    if (fits) {
        c = ps_onnx_reshape(n, c, 1, &cols);
        ps_onnx_result(n, 0, PS_EMIT(n, &ps_op_matmul, &p, a, b, c));
        return;
    }
    int32_t y = PS_EMIT(n, &ps_op_matmul, &p, a, b);
    if (c != PS_ABSENT) y = ps_onnx_binary(n, PS_BINARY_ADD, y, c);
    ps_onnx_result(n, 0, y);
}

/* Vectors become matrices with a dimension of 1, which the result loses again. */
static void matmul(ps_onnx_call *n)
{
    int32_t a = ps_onnx_in(n, 0), b = ps_onnx_in(n, 1);
    ps_value va = ps_onnx_value(n, a), vb = ps_onnx_value(n, b);
    PS_ONNX_REQUIRE(n, va.rank >= 1 && vb.rank >= 1, POISE_BAD_MODEL, "MatMul of a scalar");
    if (va.rank == 1) a = ps_onnx_reshape(n, a, 2, (int32_t[]){1, va.dim[0]});
    if (vb.rank == 1) b = ps_onnx_reshape(n, b, 2, (int32_t[]){vb.dim[0], 1});
    int32_t y = PS_EMIT(n, &ps_op_matmul, (&(ps_matmul_params){.alpha = 1}), a, b);
    if (va.rank == 1 || vb.rank == 1) {
        ps_value v = ps_onnx_value(n, y);
        int32_t dim[POISE_MAX_DIMS], rank = 0;
        for (int i = 0; i < v.rank; i++)
            if (!(va.rank == 1 && i == v.rank - 2) && !(vb.rank == 1 && i == v.rank - 1))
                dim[rank++] = v.dim[i];
        y = ps_onnx_reshape(n, y, rank, dim);
    }
    ps_onnx_result(n, 0, y);
}

const ps_onnx_op ps_onnx_ops_conv[] = {
    {"Conv", 1, 0, 2, 3, conv, 0, NULL},
    {"ConvTranspose", 1, 0, 2, 3, conv_transpose, 0, NULL},
    {"MaxPool", 1, 0, 1, 1, pool, PS_POOL_MAX, NULL},
    {"AveragePool", 7, 0, 1, 1, pool, PS_POOL_AVERAGE, NULL},
    {"LpPool", 2, 0, 1, 1, pool, PS_POOL_LP, NULL},
    {"GlobalAveragePool", 1, 0, 1, 1, global_pool, PS_REDUCE_MEAN, NULL},
    {"GlobalMaxPool", 1, 0, 1, 1, global_pool, PS_REDUCE_MAX, NULL},
    {"GlobalLpPool", 2, 0, 1, 1, global_pool, PS_REDUCE_L2, NULL},
    {"MaxUnpool", 9, 0, 2, 3, max_unpool, 0, NULL},
    {"Gemm", 7, 0, 2, 3, gemm, 0, NULL},
    {"MatMul", 1, 0, 2, 2, matmul, 0, NULL},
    {.name = NULL},
};
