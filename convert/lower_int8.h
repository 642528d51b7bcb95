/* convert/lower_int8.h - turns quantised numbers that are computed with as floats into integer operators. */
#ifndef PS_CONVERT_LOWER_INT8_H
#define PS_CONVERT_LOWER_INT8_H

#include "nn/graph.h"

/* Rewrites g, in which `quantize` nodes stand around float operators, as ONNX's QDQ files, TFLite files and our own
 * quantiser have them: products whose factors are quantised become integer products, a function of one quantised value
 * becomes a table, moves happen on codes, what is next to a quantisation is computed with the codes it gives.  Roundings
 * happen where the graph says, so that codes stay the same, but for sums that were halfway between two (float sums
 * are not exact; integer ones are), and for two things around sums: an addend that the graph does not round gets codes as
 * fine as the result's; and an activation of a rounded product that only a sum reads is computed from the product as it
 * is, which is nearer to the float network.  Where there is no integer form, `quantize` nodes stay around floats.
 * Does nothing to a graph without `quantize` nodes.  Unread nodes may be left.  Shapes must have been inferred.
 * Fails only for want of memory, or when a node breaks its operator's rules. */
poise_status ps_lower_int8(ps_graph *g);

/* Writes the metadata key "poise.int8": how many operators compute with codes and how many with floats, and which these
 * are ("61 of codes; float: softmax 1, binary 5"), or removes it where there are no quantised values. */
poise_status ps_note_int8(ps_graph *g);

#endif
