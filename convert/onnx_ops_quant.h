/* convert/onnx_ops_quant.h - what the translators of quantised operators share. */
#ifndef PS_CONVERT_ONNX_OPS_QUANT_H
#define PS_CONVERT_ONNX_OPS_QUANT_H

#include "convert/onnx_quant.h"

/* Input x as real numbers, with the scale and zero point that are inputs of the node (zero -1: none); several scales lie
 * along `axis`, which counts from the end where it is negative. */
int32_t ps_onnx_real(ps_onnx_call *n, int x, int scale, int zero);
int32_t ps_onnx_real_axis(ps_onnx_call *n, int x, int scale, int zero, int axis, ps_onnx_scale *q);
/* An i32 bias, whose scale is the product of two. */
int32_t ps_onnx_real_bias(ps_onnx_call *n, int bias, const ps_onnx_scale *x, const ps_onnx_scale *w);
/* y as codes is the result of the node; their type is that of the zero point, else `otherwise`. */
void ps_onnx_give(ps_onnx_call *n, int32_t y, int scale, int zero, poise_type otherwise);
/* What DynamicQuantizeLinear computes from x. */
ps_onnx_scale ps_onnx_dynamic_scale(ps_onnx_call *n, int32_t x);

#endif
