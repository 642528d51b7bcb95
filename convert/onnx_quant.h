/* convert/onnx_quant.h - quantised tensors of ONNX: scales and zero points, real numbers and codes, and what operators
 * that know nothing of them get.
 *
 * A result of QuantizeLinear with one constant scale and 8 bits is a quantised value (ps_value.scale); with scales along an
 * axis, computed ones, blocks or 4 or 16 bits it is plain integers.  Either way the file's operators may read its
 * codes as integers: ps_onnx_codes gives them.  Float operators stand between `quantize` nodes, as in the file; the
 * lowering pass makes integer operators of them. */
#ifndef PS_CONVERT_ONNX_QUANT_H
#define PS_CONVERT_ONNX_QUANT_H

#include "convert/onnx_import.h"

/* Scales and zero points of a tensor, as values of the graph. */
typedef struct ps_onnx_scale {
    int32_t scale; /* f32: one, [n] along `axis`, or of the tensor's rank with one for each block along `axis` */
    int32_t zero;  /* i32, as many; PS_ABSENT = 0 */
    int32_t axis, block; /* block 0: none */
    poise_type codes; /* u8, i8; i32 where they have 16 or 32 bits */
    int32_t low, high; /* least and largest code */
    bool fixed;        /* one constant scale and zero point: s and z */
    float s;
    int32_t z;
} ps_onnx_scale;

/* Reads them from inputs `scale` and `zero` (-1: none) of the node; the type of codes is that of the zero point, else
 * `otherwise`.  Fails on constant scales that are not positive and finite, and on zero points that do not match.  axis
 * and block are left for the caller. */
ps_onnx_scale ps_onnx_scale_read(ps_onnx_call *n, int scale, int zero, poise_type otherwise);
/* Scale 1 for each and the zero points of an input, or none. */
ps_onnx_scale ps_onnx_scale_one(ps_onnx_call *n, int zero, poise_type codes);

/* Codes of a type of TensorProto. */
void ps_onnx_scale_type(ps_onnx_scale *q, int32_t file_type);

/* Codes, quantised or plain, to real numbers. */
int32_t ps_onnx_to_real(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q);
/* f32 or i32 to codes: a quantised value, or plain ones (see above). */
int32_t ps_onnx_to_codes(ps_onnx_call *n, int32_t x, const ps_onnx_scale *q);
/* A quantised value as plain integers; others are given back. */
int32_t ps_onnx_plain(ps_onnx_call *n, int32_t x);

/* The value that the first output of another operator has for these inputs; attributes are those of the node. */
int32_t ps_onnx_as(ps_onnx_call *n, const char *op, int n_in, const int32_t *in);

/* Translates the node: its operator gets quantised inputs as they are if it knows them or only moves elements, as real
 * numbers whose result is quantised again if it picks among them, else as plain codes. */
void ps_onnx_translate_quantised(ps_onnx_call *n);

#endif
