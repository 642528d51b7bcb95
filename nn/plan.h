/* nn/plan.h - where every value lives: views, places inside concatenations, offsets in the arena. */
#ifndef PS_NN_PLAN_H
#define PS_NN_PLAN_H

#include "nn/graph.h"

/* A piece of the arena, for one value or for several that share it. */
typedef struct ps_block {
    size_t offset, bytes;
    int32_t first, last; /* nodes between which its contents matter; -1 = before the first, n_nodes = after the last */
    int32_t value;       /* the value it was made for */
} ps_block;

/* Where a value is: in block `block` (-1: a constant, or not used), `offset` bytes in, with its strides. */
typedef struct ps_place {
    int32_t block;
    ptrdiff_t offset;
    poise_tensor tensor; /* type, rank, dims and strides; data only for constants */
} ps_place;

typedef struct ps_plan {
    ps_place *places; /* per value */
    ps_block *blocks;
    int32_t n_blocks;
    bool *skip; /* per node: its output is a view, nothing to run */
    size_t *scratch; /* per node */
    size_t arena_bytes, scratch_bytes, lower_bound;
    ps_heap heap;
} ps_plan;

#endif
