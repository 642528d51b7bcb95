/* nn/plan.h - where every value lives: views, places inside concatenations, offsets in the arena. */
#ifndef PS_NN_PLAN_H
#define PS_NN_PLAN_H

#include "nn/graph.h"

#include <stdbool.h>

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
    size_t arena_bytes, lower_bound;
    ps_heap heap;
} ps_plan;

/* Decides views, places and offsets for a graph whose shapes are inferred. */
poise_status ps_plan_make(ps_plan *p, const ps_graph *g);
void ps_plan_free(ps_plan *p);

/* Sets the offset of every block so that blocks whose lifetimes overlap do not, and gives the bytes that
 * takes and the least that any placement could take (nn/arena.c). */
poise_status ps_arena_plan(ps_block *blocks, int32_t n, size_t *bytes, size_t *lower_bound);

#endif
