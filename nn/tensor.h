/* nn/tensor.h - strided tensors: sizes, views, walking several of them together. */
#ifndef PS_NN_TENSOR_H
#define PS_NN_TENSOR_H

#include "poise.h"

#include <stdbool.h>

/* Strides of a dense tensor of t's dimensions: row-major, or channels-last (dimension 1 innermost, the
 * others row-major) with `pixel` elements from pixel to pixel (0 = dim[1]).  Rank < 3 is row-major. */
void ps_strides_row_major(poise_tensor *t);
void ps_strides_channels_last(poise_tensor *t, ptrdiff_t pixel);

/* Dense strides in the order of `like`'s strides (same rank); broadcast dimensions go outermost. */
void ps_strides_like(poise_tensor *t, const poise_tensor *like);

bool ps_same_strides(const poise_tensor *a, const poise_tensor *b); /* and same dims; dims of 1 ignored */

/* Copies x into y: same type and dimensions, any strides, no overlap. */
void ps_copy(const poise_tensor *x, const poise_tensor *y);

/* Walks up to PS_MAX_WALK tensors that have the dimensions of the first (others broadcast by stride 0)
 * in the cheapest common order: dimensions are sorted by the first tensor's strides and merged where all
 * tensors allow.  The innermost remaining dimension is `n` elements with step[i] in tensor i.
 *
 *     ps_walk w;
 *     ps_walk_init(&w, 3, (const poise_tensor *[]){y, a, b});
 *     for (size_t r = 0; r < w.rows; r++) { ps_walk_row(&w, r, at); row(w.n, at[0], w.step[0], ...); }
 *
 * Rows are independent, so they can be chunks of ps_parallel. */
enum { PS_MAX_WALK = 6 };
typedef struct ps_walk {
    int count, rank;                /* tensors; outer dimensions left after merging */
    size_t rows, n;                 /* product of outer dimensions; innermost dimension */
    ptrdiff_t step[PS_MAX_WALK];    /* of the innermost dimension, in elements */
    int32_t dim[POISE_MAX_DIMS];
    ptrdiff_t stride[PS_MAX_WALK][POISE_MAX_DIMS];
    char *base[PS_MAX_WALK];
    size_t size[PS_MAX_WALK]; /* of an element */
} ps_walk;
void ps_walk_init(ps_walk *w, int count, const poise_tensor *const *t);
/* Addresses of row r in each tensor. */
void ps_walk_row(const ps_walk *w, size_t r, void **at);

/* x as seen with the dimensions of y by broadcasting (aligned at the last dimension, stride 0 where x has
 * one element).  Ranks may differ; dims must be compatible. */
poise_tensor ps_broadcast(const poise_tensor *x, const poise_tensor *y);

/* Checked number of elements of dims; false when one is negative or the product exceeds 2^31 - 1 (2^28 - 1
 * where size_t has 32 bits, so that its bytes can be counted); a dimension of 0 makes the number 0, but the
 * others have to keep the limit. */
bool ps_dims_count(int rank, const int32_t *dim, size_t *count);

/* "1x3x640x640" into buf; "scalar" for rank 0. */
enum { PS_SHAPE_TEXT = 96 };
const char *ps_shape_text(int rank, const int32_t *dim, char *buf);

#endif
