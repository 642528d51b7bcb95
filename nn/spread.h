/* nn/spread.h - elementwise work and work along lines, cut into pieces for threads. */
#ifndef PS_NN_SPREAD_H
#define PS_NN_SPREAD_H

#include "nn/op.h"

/* n elements of every tensor of a walk: tensor i's begin at at[i], step[i] elements apart. */
typedef void ps_piece_fn(const void *ctx, size_t n, void *const *at, const ptrdiff_t *step, int thread);

/* Gives every element of the walk to f, in pieces of about 20 us at `ns` nanoseconds an element.  How the
 * elements are cut depends on nothing but the walk and ns; f must not care where it is cut. */
void ps_spread(const ps_walk *w, int threads, double ns, ps_piece_fn *f, const void *ctx);

/* The same for rows that may be too short for f to be quick: then several of them come together as dense blocks, where
 * tensors are not dense already.  Tensor 0 is what f writes, and may be one of the others. */
void ps_spread_short(const ps_walk *w, int threads, double ns, ps_piece_fn *f, const void *ctx);

/* A walk whose elements are lines: dimension `axis` of every tensor is left out, at[] is where the line
 * begins.  Sizes along the axis may differ from tensor to tensor. */
void ps_lines_init(ps_walk *w, int count, const poise_tensor *const *t, int axis);

/* n elements of `size` bytes between a strided and a dense row. */
void ps_gather(size_t size, size_t n, const void *x, ptrdiff_t step, void *dense);
void ps_scatter(size_t size, size_t n, const void *dense, void *y, ptrdiff_t step);

#endif
