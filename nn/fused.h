/* nn/fused.h - rules and texts that operators with a fused activation share, and products of codes. */
#ifndef PS_NN_FUSED_H
#define PS_NN_FUSED_H

#include "nn/conv.h"

enum { PS_FUSED_TEXT = 24 };

poise_status ps_fused_check(const ps_fused *f);
/* " silu", or "" for none, into buf (PS_FUSED_TEXT bytes). */
const char *ps_fused_text(const ps_fused *f, char *buf);

/* One f32 per output channel, or absent. */
poise_status ps_bias_check(const ps_value *bias, int32_t channels);
/* Like y, or absent. */
poise_status ps_residual_check(const ps_value *residual, const ps_value *y);
poise_status ps_f32_check(const ps_value *v, const char *what);

/* The types of a product: inputs x, weights, bias, residual, scales of weights and table, the last four of which may be
 * absent.  Sums are of `terms` products and go to `channels` outputs.
 *   f32 x: weights of f32, or constants to be widened when they are packed: f16, bf16, or i8 with scales
 *   quantised u8 x: i8 constants with scales, or (`both`) quantised u8; residual quantised u8; a table of 256 codes with
 *     scale and zero point of those it is asked for
 * Sets y's type: u8 where x is quantised and y has a scale, else f32. */
poise_status ps_product_types(int n_in, const ps_value *const *in, int32_t channels, int64_t terms, bool both, ps_value *y);

/* Window of a convolution on rank-3 or rank-4 images: everything positive, pads not negative, kernel as in w. */
poise_status ps_window_check(const ps_value *x, const ps_value *w, const int32_t *kernel,
                             const int32_t *stride, const int32_t *dilation, const int32_t *pad);
/* Sets y to [n, o, (h,) w], leaving its type; refuses sizes that are not positive or too large. */
poise_status ps_image_shape(const ps_value *x, int64_t o, const int64_t size[2], ps_value *y);

/* Places the strides of an image tensor (batch, row, pixel, channel). */
ps_conv_strides ps_image_strides(const poise_tensor *t);
int32_t ps_image_height(const poise_tensor *t);

/* Working space in front of the driver's: a dense copy of a bias that is not dense, weights packed at run time. */
typedef struct ps_front {
    size_t bias, weights; /* bytes, multiples of PS_ALIGN; SIZE_MAX = too many */
} ps_front;
/* For a node whose in[1] is weights and in[2] an optional bias; `ready`: the weights were packed when the model was
 * opened (before running: they are constants); `packed`: their bytes once packed. */
ps_front ps_front_of(const ps_call *c, bool ready, size_t packed);
size_t ps_front_bytes(const ps_front *f, size_t rest);
/* The bias as n floats side by side: itself, or copied to dst.  NULL for NULL. */
const float *ps_bias_dense(const poise_tensor *bias, float *dst);

/* Types and codes of x, residual in[3], table in[5] and y; and of weights in[1] with scales in[4]: all but strides. */
void ps_product_set(const ps_call *c, ps_conv *v);
ps_weights ps_product_weights(const ps_call *c);

/* scratch, run and packs of a node that is one ps_conv (shapes and strides set): x in[0], weights in[1], bias in[2],
 * residual in[3]. */
size_t ps_product_scratch(const ps_call *c, const ps_conv *v, size_t packed);
void ps_product_run(const ps_call *c, ps_conv *v, const ps_weights *w, size_t packed);
bool ps_product_packs(const ps_call *c, int i);

#endif
