/* convert/onnx.h - ONNX in: the bytes of a .onnx file become a graph of Poise's operators. */
#ifndef PS_CONVERT_ONNX_H
#define PS_CONVERT_ONNX_H

#include "nn/graph.h"

/* Fills the empty graph `g` from a ModelProto (opset 7 to 21).  All shapes are static and inferred,
 * constants are folded; nothing is fused.  Dynamic dimensions of inputs are bound from `o` (may be NULL).
 * Large constants stay in `bytes`, aligned only for their element type: `bytes` must live as long as `g`.  Where
 * g->mapped says that they are a mapped file, pages are given back once they are read.
 * POISE_UNSUPPORTED lists every node that Poise cannot run, in one text. */
poise_status ps_onnx_read(ps_graph *g, const uint8_t *bytes, size_t size, const poise_convert_options *o);

/* An ONNX operator that the reader knows, for the documentation: NULL after the last. */
typedef struct ps_onnx_op ps_onnx_op;
const ps_onnx_op *ps_onnx_op_at(int i);

#endif
