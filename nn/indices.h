/* nn/indices.h - index tensors: reading, checking, where a tuple of indices points. */
#ifndef PS_NN_INDICES_H
#define PS_NN_INDICES_H

#include "nn/graph.h"

/* Element `at` (offset in elements) of an i32 or i64 tensor. */
int64_t ps_index_read(const poise_tensor *t, ptrdiff_t at);
/* An index into a dimension of n >= 1: negative ones count from its end, those outside are clamped. */
int32_t ps_index_clamp(int64_t i, int32_t n);
/* v must be i32 or i64. */
poise_status ps_index_type(const ps_value *v);
/* Every `step`-th index of a constant from number `first` on must lie in a dimension of n; what is computed
 * later is clamped when it is used. */
poise_status ps_index_range(const ps_value *v, size_t first, size_t step, int32_t n);
/* The first `rank` coordinates of the `linear`-th element in row-major order, as an offset in elements. */
ptrdiff_t ps_offset(const poise_tensor *t, int rank, size_t linear);

#endif
