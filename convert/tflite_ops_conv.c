/* convert/tflite_ops_conv.c - windows and products of TFLite: convolutions, pools, FULLY_CONNECTED, BATCH_MATMUL. */
#include "convert/tflite_import.h"

#include <string.h>

enum { SAME, VALID };

typedef struct window {
    int32_t kernel[2], stride[2], dilation[2]; /* height, width */
    int32_t pad[4];                            /* top, left, bottom, right */
} window;

static void check_window(ps_tflite_call *n, const window *w)
{
    for (int i = 0; i < 2; i++)
        PS_TFLITE_REQUIRE(n, w->kernel[i] > 0 && w->stride[i] > 0 && w->dilation[i] > 0, POISE_BAD_MODEL,
                          "kernel %d, stride %d and dilation %d must be positive", w->kernel[i], w->stride[i],
                          w->dilation[i]);
}

/* Pads for an input of h x w: SAME gives ceil(in / stride) outputs, the odd pixel goes to the end. */
static void set_pads(ps_tflite_call *n, window *w, int32_t padding, int32_t height, int32_t width)
{
    int32_t in[2] = {height, width};
    PS_TFLITE_REQUIRE(n, padding == SAME || padding == VALID, POISE_UNSUPPORTED, "padding %d", padding);
    check_window(n, w);
    for (int i = 0; i < 2 && padding == SAME && n->e.status == POISE_OK; i++) {
        int64_t out = ((int64_t)in[i] + w->stride[i] - 1) / w->stride[i];
        int64_t total = (out - 1) * w->stride[i] + (int64_t)w->dilation[i] * (w->kernel[i] - 1) + 1 - in[i];
        if (total < 0) total = 0;
        PS_TFLITE_REQUIRE(n, total < INT32_MAX, POISE_BAD_MODEL, "a kernel of %d with dilation %d", w->kernel[i],
                          w->dilation[i]);
        w->pad[i] = (int32_t)(total / 2);
        w->pad[i + 2] = (int32_t)(total - total / 2);
    }
}

static bool need_image(ps_tflite_call *n, const ps_value *x)
{
    if (n->e.status == POISE_OK && x->rank == 4) return true;
    PS_TFLITE_FAIL(n, POISE_UNSUPPORTED, "its input has %d dimensions, 4 are supported", x->rank);
    return false;
}

/* ---- convolutions ---- */

/* Input 0 of a convolution: without the borders, or the dilation, that an operator before it leaves to this window. */
static int32_t padded_input(ps_tflite_call *n, window *w, ps_value *x)
{
    const ps_tflite_slot *s = &n->c->slots[n->node->in[0]];
    if (s->pad_of == PS_ABSENT) {
        int32_t v = ps_tflite_in_as(n, 0, PS_TFLITE_NCHW);
        *x = ps_emit_value(&n->e, v);
        return v;
    }
    memcpy(w->pad, s->pad, sizeof w->pad);
    if (s->dilation[0]) memcpy(w->dilation, s->dilation, sizeof w->dilation);
    if (s->dilation[0]) n->c->slots[n->node->out[0]].spread = true;
    int32_t v = ps_tflite_real(n->c, &n->e, s->pad_of, PS_TFLITE_NCHW);
    *x = ps_emit_value(&n->e, v);
    return v;
}

/* Weights [o,kh,kw,c/group]; depthwise [1,kh,kw,c*multiplier]: a group for each channel. */
static void conv(ps_tflite_call *n)
{
    bool depthwise = n->arg;
    int at = depthwise ? 4 : 3; /* the first option that only one of both has before it */
    static const int32_t ordinary[4] = {0, 3, 1, 2}, channels[4] = {3, 0, 1, 2};
    window win = {.stride = {ps_tflite_int(n, 2, 0), ps_tflite_int(n, 1, 0)},
                  .dilation = {ps_tflite_int(n, at + 2, 1), ps_tflite_int(n, at + 1, 1)}};
    ps_value x = ps_tflite_shape(n, 0);
    if (!need_image(n, &x)) return;
    int32_t in = padded_input(n, &win, &x), w = ps_tflite_weights(n, 1, 4, depthwise ? channels : ordinary, 0);
    ps_value v = ps_emit_value(&n->e, w);
    if (n->e.status != POISE_OK) return;
    memcpy(win.kernel, v.dim + 2, sizeof win.kernel);
    set_pads(n, &win, ps_tflite_byte(n, 0, SAME), x.dim[2], x.dim[3]);
    int32_t c = x.dim[1], each = v.dim[1];
    PS_TFLITE_REQUIRE(n, each > 0 && c > 0 && c % each == 0 && (!depthwise || each == 1), POISE_BAD_MODEL,
                      "weights for %d channels, its input has %d", each, c);
    ps_conv_params p = {.group = c / each};
    memcpy(p.kernel, win.kernel, sizeof p.kernel);
    memcpy(p.stride, win.stride, sizeof p.stride);
    memcpy(p.dilation, win.dilation, sizeof p.dilation);
    memcpy(p.pad, win.pad, sizeof p.pad);
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_conv, &p, in, w, ps_tflite_bias(n, 2, 0, v.dim[0]));
    ps_tflite_result(n, 0, ps_tflite_activate(n, ps_tflite_byte(n, at, 0), y), PS_TFLITE_NCHW);
}

/* Inputs: size of the result, weights [o,kh,kw,c], x, bias.  Options: padding, strides, activation. */
static void transpose_conv(ps_tflite_call *n)
{
    static const int32_t order[4] = {3, 0, 1, 2};
    size_t count;
    const int64_t *size = ps_tflite_const(n, 0, "output_shape", &count);
    int32_t in = ps_tflite_in_as(n, 2, PS_TFLITE_NCHW), w;
    ps_value x = ps_emit_value(&n->e, in);
    if (!need_image(n, &x)) return;
    PS_TFLITE_REQUIRE(n, size && count == 4, POISE_BAD_MODEL, "input 'output_shape' has %zu entries", count);
    w = ps_tflite_weights(n, 1, 4, order, 1);
    ps_value v = ps_emit_value(&n->e, w);
    window win = {.stride = {ps_tflite_int(n, 2, 0), ps_tflite_int(n, 1, 0)}, .dilation = {1, 1}};
    memcpy(win.kernel, v.dim + 2, sizeof win.kernel);
    check_window(n, &win);
    if (n->e.status != POISE_OK) return;
    ps_conv_transpose_params p = {.dilation = {1, 1}, .group = 1};
    for (int i = 0; i < 2; i++) {
        int64_t full = (int64_t)win.stride[i] * (x.dim[i + 2] - 1) + win.kernel[i], cut = full - size[i + 1];
        PS_TFLITE_REQUIRE(n, cut > INT32_MIN && cut < full, POISE_BAD_MODEL, "a result of %lld pixels", (long long)size[i + 1]);
        p.kernel[i] = win.kernel[i];
        p.stride[i] = win.stride[i];
        p.pad[i] = (int32_t)(cut > 0 && ps_tflite_byte(n, 0, SAME) == SAME ? cut / 2 : 0);
        p.pad[i + 2] = (int32_t)(cut > 0 ? cut - p.pad[i] : 0);
        p.out_pad[i] = (int32_t)(cut < 0 ? -cut : 0);
    }
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_conv_transpose, &p, in, w, ps_tflite_bias(n, 3, 2, v.dim[1]));
    ps_tflite_result(n, 0, ps_tflite_activate(n, ps_tflite_byte(n, 3, 0), y), PS_TFLITE_NCHW);
}

/* ---- pools ---- */

static int32_t mean_of(ps_tflite_call *n, const ps_pool_params *p, bool whole, int32_t x)
{
    ps_reduce_params all = {PS_REDUCE_MEAN, 1 << 2 | 1 << 3, 1};
    return whole ? PS_EMIT_NODE(&n->e, &ps_op_reduce, &all, x) : PS_EMIT_NODE(&n->e, &ps_op_pool, p, x);
}

/* Options: padding, stride w, h, window w, h, activation.  Borders count neither for averages nor for maxima. */
static void pool(ps_tflite_call *n)
{
    ps_value x = ps_tflite_shape(n, 0);
    if (!need_image(n, &x)) return;
    int32_t in = ps_tflite_in_as(n, 0, PS_TFLITE_NCHW), y;
    x = ps_emit_value(&n->e, in);
    window win = {.stride = {ps_tflite_int(n, 2, 0), ps_tflite_int(n, 1, 0)},
                  .kernel = {ps_tflite_int(n, 4, 0), ps_tflite_int(n, 3, 0)},
                  .dilation = {1, 1}};
    set_pads(n, &win, ps_tflite_byte(n, 0, SAME), x.dim[2], x.dim[3]);
    ps_pool_params p = {.kind = n->arg == PS_POOL_MAX ? PS_POOL_MAX : PS_POOL_AVERAGE, .p = 1, .dilation = {1, 1}};
    memcpy(p.kernel, win.kernel, sizeof p.kernel);
    memcpy(p.stride, win.stride, sizeof p.stride);
    memcpy(p.pad, win.pad, sizeof p.pad);
    bool whole = win.kernel[0] == x.dim[2] && win.kernel[1] == x.dim[3] && !win.pad[0] && !win.pad[1] && !win.pad[2] && !win.pad[3];
    if (n->arg == PS_POOL_LP) { /* the root of the mean of squares */
        y = mean_of(n, &p, whole, ps_emit_binary(&n->e, PS_BINARY_MUL, in, in));
        y = ps_emit_unary(&n->e, PS_UNARY_SQRT, 0, 0, y);
    } else {
        y = n->arg == PS_POOL_AVERAGE ? mean_of(n, &p, whole, in) : PS_EMIT_NODE(&n->e, &ps_op_pool, &p, in);
    }
    ps_tflite_result(n, 0, ps_tflite_activate(n, ps_tflite_byte(n, 5, 0), y), PS_TFLITE_NCHW);
}

/* ---- products ---- */

/* x [..,k] times weights [o,k].  Options: activation, format of the weights, whether dimensions are kept. */
static void fully_connected(ps_tflite_call *n)
{
    static const int32_t order[2] = {0, 1};
    PS_TFLITE_REQUIRE(n, ps_tflite_byte(n, 1, 0) == 0, POISE_UNSUPPORTED, "shuffled weights");
    int32_t in = ps_tflite_in(n, 0), w = ps_tflite_weights(n, 1, 2, order, 0);
    ps_value x = ps_emit_value(&n->e, in), v = ps_emit_value(&n->e, w);
    if (n->e.status != POISE_OK) return;
    int32_t o = v.dim[0], k = v.dim[1], dim[POISE_MAX_DIMS];
    size_t all = ps_value_count(&x);
    bool keep = ps_tflite_byte(n, 2, 0) && x.rank > 0;
    PS_TFLITE_REQUIRE(n, k > 0 && all % (size_t)k == 0 && (!keep || x.dim[x.rank - 1] == k), POISE_BAD_MODEL,
                      "weights for %d columns, its input has %zu elements", k, all);
    int32_t flat[2] = {(int32_t)(all / (size_t)k), k};
    if (!keep || x.rank < 2) in = ps_emit_reshape(&n->e, in, 2, flat);
    ps_matmul_params p = {.trans_b = 1, .alpha = 1};
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_matmul, &p, in, w, ps_tflite_bias(n, 2, 0, o));
    if (keep) {
        memcpy(dim, x.dim, sizeof dim);
        dim[x.rank - 1] = o;
        y = ps_emit_reshape(&n->e, y, x.rank, dim);
    }
    ps_tflite_result(n, 0, ps_tflite_activate(n, ps_tflite_byte(n, 0, 0), y), PS_TFLITE_FILE);
}

static void batch_matmul(ps_tflite_call *n)
{
    ps_matmul_params p = {ps_tflite_byte(n, 0, 0) != 0, ps_tflite_byte(n, 1, 0) != 0, 1, {0}};
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_matmul, &p, ps_tflite_in(n, 0), ps_tflite_in(n, 1)), PS_TFLITE_FILE);
}

const ps_tflite_op ps_tflite_ops_conv[] = {
    {"CONV_2D", 3, 2, 3, conv, 0},
    {"DEPTHWISE_CONV_2D", 4, 2, 3, conv, 1},
    {"TRANSPOSE_CONV", 67, 3, 4, transpose_conv, 0},
    {"AVERAGE_POOL_2D", 1, 1, 1, pool, PS_POOL_AVERAGE},
    {"MAX_POOL_2D", 17, 1, 1, pool, PS_POOL_MAX},
    {"L2_POOL_2D", 12, 1, 1, pool, PS_POOL_LP},
    {"FULLY_CONNECTED", 9, 2, 3, fully_connected, 0},
    {"BATCH_MATMUL", 126, 2, 2, batch_matmul, 0},
    {.name = NULL},
};
