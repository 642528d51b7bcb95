/* nn/move.h - copies between strided blocks of elements, with kernels and threads. */
#ifndef PS_NN_MOVE_H
#define PS_NN_MOVE_H

#include "nn/op.h"

/* Nested loops over a source and a destination: what a copy is when ranks differ (reshape, tile). */
enum { PS_MAX_NEST = 2 * POISE_MAX_DIMS };
typedef struct ps_nest {
    int rank;
    int32_t dim[PS_MAX_NEST];
    ptrdiff_t sx[PS_MAX_NEST], sy[PS_MAX_NEST]; /* steps in elements: source, destination */
} ps_nest;

/* Adds a loop; the order of the loops does not matter. */
void ps_nest_push(ps_nest *n, int32_t dim, ptrdiff_t sx, ptrdiff_t sy);
/* Copies elements of `size` bytes (1, 2, 4 or 8) from x to y, which do not overlap.  Steps of the source may
 * be 0 (repeat) or negative. */
void ps_move_nest(const ps_kernels *k, int threads, size_t size, const void *x, void *y, const ps_nest *n);
/* ps_copy with kernels and threads: same type and dimensions, any strides, no overlap. */
void ps_move(const ps_kernels *k, int threads, const poise_tensor *x, const poise_tensor *y);
/* run() of an operator whose output is a view of its input: copies what the view shows. */
void ps_move_view(const ps_call *c, bool (*view)(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset));
/* Copies n elements with steps sx and sy. */
void ps_move_row(size_t size, size_t n, const void *x, ptrdiff_t sx, void *y, ptrdiff_t sy);

/* For a block that is copied many times: sorts the loops by the destination's steps and merges those that
 * chain on both sides (false: nothing to copy), then copies on this thread. */
bool ps_nest_compact(ps_nest *d, const ps_nest *n);
void ps_nest_copy(const ps_nest *compacted, size_t size, const void *x, void *y);

/* Address of the element at `offset`. */
static inline void *ps_at(const void *base, ptrdiff_t offset, size_t size)
{
    return (void *)((uintptr_t)base + (uintptr_t)(offset * (ptrdiff_t)size));
}

#endif
