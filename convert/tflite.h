/* convert/tflite.h - TFLite in: the bytes of a .tflite file become a graph of Poise's operators. */
#ifndef PS_CONVERT_TFLITE_H
#define PS_CONVERT_TFLITE_H

#include "nn/graph.h"

/* Whether the bytes say that they are such a file. */
bool ps_tflite_is(const uint8_t *bytes, size_t size);

/* Fills the empty graph `g` from the first subgraph of a file of schema 3.  Inputs and outputs keep the file's names, types
 * and dimensions (images are [n,h,w,c]); shapes are inferred, constants folded, nothing is fused.  What the file computes
 * with codes is given as float operators between `quantize` nodes, computed codes always as u8 (zero points of int8 are
 * 128 higher).  Dimensions of inputs are bound from `o` (may be NULL).  Large constants stay in `bytes`, aligned only for
 * their element type: `bytes` must live as long as `g`.
 * POISE_UNSUPPORTED lists every operator that Poise cannot run, in one text. */
poise_status ps_tflite_read(ps_graph *g, const uint8_t *bytes, size_t size, const poise_convert_options *o);

/* A TFLite operator that the reader knows, for the documentation: NULL after the last. */
typedef struct ps_tflite_op ps_tflite_op;
const ps_tflite_op *ps_tflite_op_at(int i);

#endif
