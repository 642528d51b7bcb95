/* nn/params.h - the parameters of every operator, as they lie in a .poise file: little-endian 32-bit
 * fields, no padding.  Dimensions, axes and sizes are absolute (no -1, no negative axis): whoever builds
 * a node has resolved them.  Arrays over dimensions use entries 0..rank-1, the rest are 0. */
#ifndef PS_NN_PARAMS_H
#define PS_NN_PARAMS_H

#include "poise.h"

enum { PS_DIMS = POISE_MAX_DIMS };

/* Activation fused behind a node's sum: y = act(sum + bias) + residual, or act(all) when act_last. */
typedef struct ps_fused {
    int32_t act; /* ps_act */
    float a, b;
    int32_t act_last;
} ps_fused;

/* Of conv, conv_transpose and matmul: weights may be constants of f16 or bf16, or of i8 with scales [o] or [1] (in[4]).  Of an
 * x of quantised u8 they are the latter, a residual is quantised u8, and y too if it has a scale, else f32; a table? [256]
 * (in[5], constant quantised u8) gives y's codes for those that the table's own scale and zero make of the sums:
 *   real = float(sum of (x - zero)*w) * (x.scale * wscale) + bias; fused; code = round_half_even(real / scale) + zero
 *
 * conv: x [n,c,(h,)w], w [o,c/group,(kh,)kw], bias? [o], residual? like y, wscale?, table? -> y [n,o,(oh,)ow].
 * Windows are given for (h, w); a network with one spatial dimension uses entry 1 and has 1s (0 pads) in
 * entry 0.  pad: top, left, bottom, right. */
typedef struct ps_conv_params {
    int32_t kernel[2], stride[2], dilation[2], pad[4], group;
    ps_fused fused;
} ps_conv_params;

/* conv_transpose: x [n,c,(h,)w], w [c,o/group,(kh,)kw], bias? [o], -, wscale?, table? -> y [n,o,(oh,)ow] with
 * oh = stride*(h-1) + out_pad + dilation*(kernel-1) + 1 - pad_top - pad_bottom. */
typedef struct ps_conv_transpose_params {
    int32_t kernel[2], stride[2], dilation[2], pad[4], out_pad[2], group;
    ps_fused fused;
} ps_conv_transpose_params;

/* matmul: a [..,m,k] (trans_a: [..,k,m]), b [..,k,n] (trans_b: [..,n,k]), bias? [n], residual? like y
 * wscale?, table? -> y [..,m,n]; leading dimensions broadcast.  Both ranks >= 2.  y = fused(alpha * a.b).  Under a quantised a,
 * b may be quantised u8 too. */
typedef struct ps_matmul_params {
    int32_t trans_a, trans_b;
    float alpha;
    ps_fused fused;
} ps_matmul_params;

/* pool: x [n,c,(h,)w] -> y, indices? (i64, max only, ONNX meaning; column_major: ONNX storage_order). */
enum { PS_POOL_MAX, PS_POOL_AVERAGE, PS_POOL_LP };
typedef struct ps_pool_params {
    int32_t kind, kernel[2], stride[2], dilation[2], pad[4], ceil_mode, count_include_pad, p, column_major;
} ps_pool_params;

/* unary: y = f(x), elementwise, same type unless noted.  Kinds below 32 are ps_act (f32 only). */
enum {
    PS_UNARY_ABS = 32, PS_UNARY_NEG, PS_UNARY_SIGN, PS_UNARY_CEIL, PS_UNARY_FLOOR, PS_UNARY_ROUND, /* half to even */
    PS_UNARY_SQRT, PS_UNARY_RECIPROCAL, PS_UNARY_EXP, PS_UNARY_LOG, PS_UNARY_ERF,
    PS_UNARY_SIN, PS_UNARY_COS, PS_UNARY_TAN, PS_UNARY_ASIN, PS_UNARY_ACOS, PS_UNARY_ATAN,
    PS_UNARY_SINH, PS_UNARY_COSH, PS_UNARY_ASINH, PS_UNARY_ACOSH, PS_UNARY_ATANH,
    PS_UNARY_SELU,     /* b * (x > 0 ? x : a*exp(x) - a) */
    PS_UNARY_CELU,     /* max(0,x) + min(0, a*(exp(x/a) - 1)) */
    PS_UNARY_SOFTSIGN, /* x / (1 + |x|) */
    PS_UNARY_THRESHOLDED_RELU, /* x > a ? x : 0 */
    PS_UNARY_SHRINK,   /* x < -a ? x + b : x > a ? x - b : 0 */
    PS_UNARY_NOT,      /* bool */
    PS_UNARY_BIT_NOT,
    PS_UNARY_IS_NAN,   /* f32 -> bool */
    PS_UNARY_IS_INF,   /* f32 -> bool; a != 0: -inf counts, b != 0: +inf counts */
    PS_UNARY_COUNT
};
typedef struct ps_unary_params {
    int32_t kind;
    float a, b;
} ps_unary_params;

/* binary: y = f(x0, x1) with broadcasting (ONNX rules); comparisons give bool. */
enum {
    PS_BINARY_ADD, PS_BINARY_SUB, PS_BINARY_MUL, PS_BINARY_DIV, PS_BINARY_MIN, PS_BINARY_MAX,
    PS_BINARY_POW,  /* type of x0; the exponent may have another type */
    PS_BINARY_MOD,  /* sign of the divisor */
    PS_BINARY_FMOD, /* sign of the dividend */
    PS_BINARY_PRELU, /* x0 < 0 ? x0*x1 : x0 */
    PS_BINARY_EQUAL, PS_BINARY_GREATER, PS_BINARY_GREATER_EQUAL, PS_BINARY_LESS, PS_BINARY_LESS_EQUAL,
    PS_BINARY_AND, PS_BINARY_OR, PS_BINARY_XOR, /* bool */
    PS_BINARY_BIT_AND, PS_BINARY_BIT_OR, PS_BINARY_BIT_XOR, PS_BINARY_SHIFT_LEFT, PS_BINARY_SHIFT_RIGHT,
    PS_BINARY_COUNT
};
typedef struct ps_binary_params {
    int32_t kind;
} ps_binary_params;

/* cast: to poise_type (-POISE_F16: where what is too large becomes the largest, as nn/precision.c adds it); f32 -> integer truncates and saturates; anything -> bool is != 0. */
typedef struct ps_cast_params {
    int32_t to;
} ps_cast_params;

/* quantize: f32 to codes and back.  Without in[1]: f32 -> `to` with the output's scale and zero; quantised -> f32; quantised
 * -> quantised with others.  With scales in[1] (f32, one or dim[axis]) and zeros in[2]? (i32, as many): f32 -> plain u8, i8;
 * plain u8, i8, i32 -> f32.  A code is round_half_even(x / scale) + zero, saturated. */
typedef struct ps_quantize_params {
    int32_t to, axis;
} ps_quantize_params;

/* lookup: codes u8, table [256] u8 -> table[x], quantised as the output says.  No parameters. */

/* where: condition (bool), x, y -> condition ? x : y, broadcasting.  No parameters. */

/* reduce: over the axes in the mask (bit i = axis i; 0: each element alone). */
enum {
    PS_REDUCE_SUM, PS_REDUCE_MEAN, PS_REDUCE_MAX, PS_REDUCE_MIN, PS_REDUCE_PROD, PS_REDUCE_L1, PS_REDUCE_L2,
    PS_REDUCE_LOG_SUM, PS_REDUCE_LOG_SUM_EXP, PS_REDUCE_SUM_SQUARE, PS_REDUCE_COUNT
};
typedef struct ps_reduce_params {
    int32_t kind, axes, keep_dims;
} ps_reduce_params;

/* softmax along one axis. */
enum { PS_SOFTMAX, PS_LOG_SOFTMAX, PS_HARDMAX };
typedef struct ps_softmax_params {
    int32_t kind, axis;
} ps_softmax_params;

/* soft_argmax: ps_axis_params; x, w [n] -> the mean of w under a softmax along `axis` (n elements): 1 element there. */

/* layer_norm: x, scale?, bias? (dims of x from `axis` on) -> y, mean?, 1/deviation? */
typedef struct ps_layer_norm_params {
    int32_t axis;
    float eps;
} ps_layer_norm_params;

/* group_norm: x [n,c,...], scale? [c], bias? [c]; groups == c is instance normalisation. */
typedef struct ps_group_norm_params {
    int32_t groups;
    float eps;
} ps_group_norm_params;

/* lrn: across channels (dimension 1), ONNX LRN. */
typedef struct ps_lrn_params {
    int32_t size;
    float alpha, beta, bias;
} ps_lrn_params;

/* lp_norm: x / (sum over axis of |x|^p)^(1/p), p 1 or 2. */
typedef struct ps_lp_norm_params {
    int32_t axis, p;
} ps_lp_norm_params;

/* affine: y = act(x*scale[c] + bias[c]) along dimension 1; scale, bias [c]. */
typedef struct ps_affine_params {
    ps_fused fused;
} ps_affine_params;

/* reshape: the new dimensions, in row-major order of the elements. */
typedef struct ps_shape_params {
    int32_t rank, dim[PS_DIMS];
} ps_shape_params;

/* transpose: y's dimension i is x's dimension perm[i]. */
typedef struct ps_transpose_params {
    int32_t rank, perm[PS_DIMS];
} ps_transpose_params;

/* slice: y[i] = x[start + i*step], i < size, per dimension; step may be negative. */
typedef struct ps_slice_params {
    int32_t rank, start[PS_DIMS], step[PS_DIMS], size[PS_DIMS];
} ps_slice_params;

/* concat, gather, gather_elements, one axis. */
typedef struct ps_axis_params {
    int32_t axis;
} ps_axis_params;

/* expand: ps_shape_params, the resulting dimensions.  tile: ps_shape_params, dim = repeats. */

/* pad: amounts >= 0 or negative (crop); value? is a scalar of x's type (constant mode, absent = 0). */
enum { PS_PAD_CONSTANT, PS_PAD_REFLECT, PS_PAD_EDGE, PS_PAD_WRAP };
typedef struct ps_pad_params {
    int32_t mode, rank, begin[PS_DIMS], end[PS_DIMS];
} ps_pad_params;

/* gather_nd: indices i64 or i32. */
typedef struct ps_gather_nd_params {
    int32_t batch_dims;
} ps_gather_nd_params;

/* scatter_elements: data, indices, updates.  scatter_nd: same inputs, axis unused. */
enum { PS_SCATTER_SET, PS_SCATTER_ADD, PS_SCATTER_MUL, PS_SCATTER_MAX, PS_SCATTER_MIN };
typedef struct ps_scatter_params {
    int32_t axis, reduction;
} ps_scatter_params;

/* resize: ONNX Resize.  dim = resulting dimensions; scale as given, or dim/in where sizes were given;
 * roi only for PS_COORD_TF_CROP. */
enum { PS_RESIZE_NEAREST, PS_RESIZE_LINEAR, PS_RESIZE_CUBIC };
enum {
    PS_COORD_HALF_PIXEL, PS_COORD_HALF_PIXEL_SYMMETRIC, PS_COORD_PYTORCH_HALF_PIXEL, PS_COORD_ALIGN_CORNERS,
    PS_COORD_ASYMMETRIC, PS_COORD_TF_CROP, PS_COORD_TF_HALF_PIXEL_NN
};
enum { PS_NEAREST_ROUND_PREFER_FLOOR, PS_NEAREST_ROUND_PREFER_CEIL, PS_NEAREST_FLOOR, PS_NEAREST_CEIL };
typedef struct ps_resize_params {
    int32_t mode, coord, nearest, exclude_outside, antialias;
    float cubic_a, extrapolation;
    int32_t rank, dim[PS_DIMS];
    float scale[PS_DIMS], roi[2 * PS_DIMS];
} ps_resize_params;

/* grid_sample: x [n,c,h,w], grid [n,oh,ow,2]. */
enum { PS_GRID_LINEAR, PS_GRID_NEAREST, PS_GRID_CUBIC };
enum { PS_BORDER_ZEROS, PS_BORDER_EDGE, PS_BORDER_REFLECT };
typedef struct ps_grid_sample_params {
    int32_t mode, border, align_corners;
} ps_grid_sample_params;

/* arg_reduce: i64 index of the largest (or smallest) element. */
typedef struct ps_arg_reduce_params {
    int32_t axis, keep_dims, smallest, select_last;
} ps_arg_reduce_params;

/* top_k -> values, indices (i64). */
typedef struct ps_top_k_params {
    int32_t axis, k, largest, sorted;
} ps_top_k_params;

typedef struct ps_cum_sum_params {
    int32_t axis, exclusive, reverse;
} ps_cum_sum_params;

/* one_hot: indices, values [2] (off, on); negative indices count from depth. */
typedef struct ps_one_hot_params {
    int32_t axis, depth;
} ps_one_hot_params;

/* non_zero: x -> i64 [rank, bound]; the bound is x's number of elements.  No parameters. */

/* nms: boxes [n,b,4], scores [n,c,b] -> i64 [bound,3] (batch, class, box), ONNX NonMaxSuppression;
 * bound = n*c*min(b, max_per_class). */
typedef struct ps_nms_params {
    int32_t center_box, max_per_class;
    float iou, score;
    int32_t has_score; /* 0: no score threshold */
} ps_nms_params;

typedef struct ps_trilu_params {
    int32_t upper, k;
} ps_trilu_params;

/* roi_align: x [n,c,h,w], rois [r,4], batch index [r] -> [r,c,out_h,out_w]. */
typedef struct ps_roi_align_params {
    int32_t max, half_pixel, out_h, out_w, sampling_ratio;
    float spatial_scale;
} ps_roi_align_params;

/* reverse_sequence: x, lengths i64. */
typedef struct ps_reverse_sequence_params {
    int32_t batch_axis, time_axis;
} ps_reverse_sequence_params;

/* einsum: labels 0..25 of each dimension; -1 ends a list.  Up to 3 inputs; labels not in out are summed. */
typedef struct ps_einsum_params {
    int32_t in[3][PS_DIMS], out[PS_DIMS];
} ps_einsum_params;

/* max_unpool: x, indices (i64, as pool gives them) -> y of the given dimensions. */
typedef struct ps_max_unpool_params {
    int32_t rank, dim[PS_DIMS];
} ps_max_unpool_params;

#endif
