/* convert/optimize.h - rewrites a graph into a smaller one that computes the same. */
#ifndef PS_CONVERT_OPTIMIZE_H
#define PS_CONVERT_OPTIMIZE_H

#include "nn/graph.h"

/* Rewrites g until nothing changes (bounded): folds constants, removes dead nodes and nodes without effect,
 * merges equal ones, recognises activations and normalisations that were exported as chains, moves scales and
 * shifts into weights and activations, additions and padding into the nodes that can do them on the way.
 * Inputs and outputs of the graph keep their names, types and dimensions.  Results agree to fp32 rounding.
 * Shapes must have been inferred.  Values and nodes are renumbered; the metadata key "optimizer" tells what
 * was done ("batch_norm 57, silu 57, residual 6").  Work is linear in nodes and bytes of constants.
 * Fails only for want of memory, or when a node breaks its operator's rules. */
poise_status ps_optimize(ps_graph *g);

#endif
