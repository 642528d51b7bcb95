/* nn/conv_cut.h - how the driver cuts one convolution into blocks. */
#ifndef PS_NN_CONV_CUT_H
#define PS_NN_CONV_CUT_H

#include "nn/conv.h"

typedef struct ps_conv_cut {
    ps_conv v; /* with dimensions merged where strides allow */
    size_t cg, og, mr, nr;
    poise_type type;                   /* what the kernel multiplies */
    poise_type out;                    /* what a dense block of outputs (copy_out) is made of */
    size_t pixel, size;                /* elements of a pixel, and bytes of one, as the kernel reads them */
    size_t taps, k;                    /* of the tile kernel: taps per window row, elements per tap */
    size_t images, rows, cols, panels; /* of a block; panels of weights it is multiplied with */
    size_t row_blocks, col_blocks, panel_blocks, all_panels;
    size_t panel_floats, set_floats;
    bool copy_in, copy_out, panels_first;
    size_t slab_limit; /* bytes of activations behind a block */
    size_t slab_rows, slab_cols, slab_step; /* slab_step: input rows from one row of the slab to the next */
    size_t slab_pixel;                      /* elements from one pixel of the slab to the next */
    size_t in_bytes, out_bytes, res_bytes, thread_bytes;
    size_t items;
    int threads;
} ps_conv_cut;

enum { PS_CONV_BEHIND = 4 }; /* bytes behind a slab of u8 that the last window's row may read */

/* Decides all of it but thread_bytes, from shapes and strides; items == 0: there is nothing to compute. */
void ps_conv_cut_make(const ps_conv *v, ps_conv_cut *c);
/* Adds up the bytes of one thread: tap pointers, slab, outputs, residual of u8.  False when they are too many. */
bool ps_conv_cut_bytes(ps_conv_cut *c);

#endif
