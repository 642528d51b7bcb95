/* nn/conv_winograd.h - shared by the files that compute 3x3 convolutions by Winograd's algorithm. */
#ifndef PS_NN_CONV_WINOGRAD_H
#define PS_NN_CONV_WINOGRAD_H

#include "nn/conv.h"

enum { PS_WINOGRAD_LINE = 6, PS_WINOGRAD_MATRICES = PS_WINOGRAD_LINE * PS_WINOGRAD_LINE };

/* How a convolution is cut.  A thread has values of inputs, values of outputs, matrices of weights and widened pixels, one
 * behind the other. */
typedef struct ps_winograd_cut {
    const ps_conv *v;
    bool codes;      /* whole numbers: inputs and matrices of 16 bits, products of 32; else floats */
    int side;        /* rows and columns of input behind a tile, and of values */
    size_t products; /* their square */
    size_t c, o, nr, mr, panels, panel_words;
    size_t tiles_x, tiles, block, blocks, images; /* tiles of an image, tiles in a block */
    size_t joint, share, shares;                  /* panels of an output transform, of an item; items of a block */
    size_t chunks;                                /* parts of the sums over input channels */
    size_t size;                                  /* bytes of a value of inputs, and of an element of a matrix */
    size_t in_ld, out_ld;                         /* elements from tile to tile */
    size_t in_step, out_step, u_step;             /* and from point to point */
    bool keep;                                    /* all matrices are made once, in front of what threads have */
    size_t kept_bytes, in_bytes, out_bytes, u_bytes, pixels_bytes, thread_bytes;
    int threads;
} ps_winograd_cut;

/* Some tiles of a block, in turn: those that are needed (v->need). */
typedef struct ps_winograd_tiles {
    const ps_winograd_cut *c;
    size_t image, from, n;
} ps_winograd_tiles;

/* Tile i of them: its first output pixel, and how many it has; false where none is needed. */
typedef struct ps_winograd_tile {
    size_t y, x, rows, cols;
} ps_winograd_tile;
bool ps_winograd_tile_of(const ps_winograd_tiles *t, size_t i, ps_winograd_tile *tile);
/* The part of its window that is in the image, and the element of the input that the part begins with. */
ps_part ps_winograd_window(const ps_winograd_tiles *t, const ps_winograd_tile *tile, ptrdiff_t *at);
/* The part [from, to) of the input channels of one panel, `cols` output channels. */
typedef struct ps_winograd_part {
    size_t panel, from, to, cols;
} ps_winograd_part;

/* Inputs of the needed tiles, one after the other: gives their number.  `pixels` is room for a tile's. */
size_t ps_winograd_inputs_f32(const ps_winograd_tiles *t, void *in, void *pixels);
size_t ps_winograd_inputs_u8(const ps_winograd_tiles *t, void *in, void *pixels);
/* The matrices of a part: point p of them at u + p*u_step. */
void ps_winograd_weights_f32(const ps_winograd_cut *c, const ps_winograd_part *part, void *u);
void ps_winograd_weights_u8(const ps_winograd_cut *c, const ps_winograd_part *part, void *u);
/* out (+)= in * u for n tiles. */
void ps_winograd_multiply_f32(const ps_winograd_cut *c, const ps_winograd_part *part, size_t n, const void *in,
                              const void *u, void *out);
void ps_winograd_multiply_u8(const ps_winograd_cut *c, const ps_winograd_part *part, size_t n, const void *in,
                             const void *u, void *out);
/* Output channels [channel, channel + cols) of the needed tiles. */
void ps_winograd_outputs_f32(const ps_winograd_tiles *t, size_t channel, size_t cols, const void *out, void *pixels);
void ps_winograd_outputs_u8(const ps_winograd_tiles *t, size_t channel, size_t cols, const void *out, void *pixels);

#endif
