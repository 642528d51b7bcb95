/* nn/reduction.h - sums, largest elements and the like over some dimensions of a tensor. */
#ifndef PS_NN_REDUCTION_H
#define PS_NN_REDUCTION_H

#include "nn/op.h"
#include "nn/params.h"

/* y = the PS_REDUCE_ `kind` of x over the dimensions in the mask `axes` (0: of each element alone).
 * y has the rank and type of x and 1 in those dimensions.  `center` (f32, the dims of y) or NULL is taken
 * from x first.  f32, i32, i64, u8, i8; bool for the largest and the smallest.
 *
 * A sum has one order for a given layout, whatever the threads.  Along dense rows: kernel sums of at most
 * 256 elements, added in double.  Across rows (channels-last images): up to 128 rows in a partial sum, then
 * the partial sums; so a mean over 160 x 160 adds 200 + 128 floats in a chain, not 25600. */
void ps_reduce(const ps_kernels *k, int32_t kind, const poise_tensor *x, uint32_t axes, const poise_tensor *y,
               const poise_tensor *center, int threads);

/* The sum or the mean of quantised x: whole numbers, and one rounding to y, which is quantised or f32. */
void ps_reduce_codes(const ps_kernels *k, bool mean, const poise_tensor *x, uint32_t axes, const poise_tensor *y, int threads);

#endif
