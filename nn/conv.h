/* nn/conv.h - the driver behind convolutions and matrix products: what is packed, how the work is cut. */
#ifndef PS_NN_CONV_H
#define PS_NN_CONV_H

#include "nn/op.h"
#include "nn/params.h"

enum { PS_CONV_BATCH = POISE_MAX_DIMS - 2 };

/* Images in memory: strides in elements. */
typedef struct ps_conv_strides {
    ptrdiff_t batch[PS_CONV_BATCH], row, pixel, channel;
} ps_conv_strides;

/* A set of convolutions of equal shape, one for each index of `batch`.  The input pixel of output (oy, ox) under
 * tap (ky, kx) is (oy, ox)*stride - pad + (ky, kx)*dilation; pixels outside the input count as zero.  Pads may be
 * negative.  A matrix product is a 1x1 window on an image of one row. */
typedef struct ps_conv {
    const ps_kernels *k;
    int threads;
    int variant; /* number of the way to compute it: ps_conv_variant */
    bool x_half, y_half; /* input; output and residual: bfloat16 instead of float */
    int batch_rank;
    int32_t batch[PS_CONV_BATCH];
    int32_t in[2], out[2]; /* height, width */
    int32_t c, o, group;   /* channels of all groups */
    int32_t kernel[2], stride[2], dilation[2], pad[2];
    ps_conv_strides xs, ys, rs; /* input, output, residual */
    bool residual;
    ptrdiff_t
        weight_step[PS_CONV_BATCH]; /* from one set of packed weights to the next, in sets; 0 = shared */
    ps_fused fused;
    /* for ps_conv_run only */
    union {
        const float *x;
        const uint16_t *x16;
    };
    union {
        const float *r;
        const uint16_t *r16;
    };
    union {
        float *y;
        uint16_t *y16;
    };
    const float *weights, *bias; /* bias [o] or NULL; weights as ps_conv_pack writes them */
    uint8_t *scratch; /* ps_conv_scratch() bytes, aligned to PS_ALIGN */
    const uint8_t *need; /* out[0]*out[1]: 1 = compute this pixel, for one image; others may be left out.  NULL = all */
} ps_conv;

/* Where the weight of (set, group, output channel and input channel within it, ky, kx) is, and what to multiply it
 * by.  Sets are numbered row-major over set_dim. */
typedef struct ps_weights {
    bool half; /* bfloat16 */
    bool last_use; /* ps_conv_pack may give back the memory of what it has packed */
    union {
        const float *at;
        const uint16_t *at16;
    };
    int set_rank; /* 0 = one set */
    int32_t set_dim[PS_CONV_BATCH];
    ptrdiff_t set[PS_CONV_BATCH], group, o, c, kernel[2];
    float scale;
} ps_weights;

/* Whether every channel is a convolution of its own. */
bool ps_conv_is_depthwise(const ps_conv *v);
/* The ways in which a convolution can be computed. */
typedef enum ps_conv_way {
    PS_CONV_DIRECT,
    PS_CONV_DIRECT_SMALL,  /* the same in smaller and larger blocks of activations: 64 and 512 kB */
    PS_CONV_DIRECT_LARGE,
    PS_CONV_DIRECT_PANELS, /* the same with each panel of weights for all pixels of a block, or the other way round, */
    PS_CONV_DIRECT_PIXELS, /* whatever the size of the weights; none of these changes a bit of the result */
    PS_CONV_DEPTHWISE,
    PS_CONV_WINOGRAD4,
    PS_CONV_WAYS
} ps_conv_way;
/* The way with number v->variant (0 = the rule's choice). */
ps_conv_way ps_conv_way_of(const ps_conv *v);
/* Whether it multiplies bfloat16: what reads it and does not widen it first, or splits floats. */
bool ps_conv_multiplies_half(const ps_conv *v);
/* Whether it splits floats into a high and a low bfloat16 and adds up high*high + high*low + low*high, which leaves out
 * 2^-16 of a product: a pixel becomes three times as many channels (high, high, low), its weights (high, low, high). */
bool ps_conv_splits(const ps_conv *v);
/* Name of way i of this convolution, NULL past the last. */
const char *ps_conv_variant(const ps_conv *v, int i);
/* Floats, or pairs of bfloat16, of one set of packed weights (a multiple of 16), SIZE_MAX when that many cannot be counted in bytes. */
size_t ps_conv_packed(const ps_conv *v);
/* Writes all sets, one behind the other.  Of v, only shapes, kernels and threads are used. */
void ps_conv_pack(const ps_conv *v, const ps_weights *w, float *dst);
/* Bytes of working space of ps_conv_run, from shapes and strides alone. */
size_t ps_conv_scratch(const ps_conv *v);
void ps_conv_run(const ps_conv *v);

/* ---- shared by the files of the driver ---- */

static inline size_t ps_ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static inline size_t ps_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t ps_size_of(bool half)
{
    return half ? sizeof(uint16_t) : sizeof(float);
}

/* The panels that a direct convolution multiplies with: bfloat16 with bfloat16, else float.  A pixel's channels are an
 * even number there (one of zero is added when a group has an odd one), three times for split floats. */
static inline ps_tile ps_conv_tile(const ps_conv *v)
{
    return ps_conv_multiplies_half(v) ? v->k->gemm_bf16_tile : v->k->gemm_f32_tile;
}

static inline size_t ps_conv_pixel(const ps_conv *v)
{
    size_t cg = (size_t)(v->c / v->group);
    size_t even = (cg + 1) / 2 * 2;
    return ps_conv_splits(v) ? 3 * even : ps_conv_multiplies_half(v) ? even : cg;
}

/* Floats or pairs of packed weights of one tap, nr columns wide. */
static inline size_t ps_conv_tap(const ps_conv *v)
{
    return ps_size_cap(ps_conv_pixel(v) / (ps_conv_multiplies_half(v) ? 2 : 1), (size_t)ps_conv_tile(v).nr);
}

/* A part of one image to be read as a [rows][cols][channels] block.  Row i is input row row0 + i*row_step. */
typedef struct ps_slab {
    const void *x; /* pixel (0, 0), first channel */
    bool half, to_half; /* x is bfloat16; the copy too */
    size_t split;       /* not 0: x is float, the copy bfloat16: high, high and low parts of so many elements each */
    ptrdiff_t row, pixel, channel;
    int32_t in[2];
    ptrdiff_t row0, row_step, col0;
    size_t rows, cols, channels;
    size_t step; /* floats from one pixel of the copy to the next, >= channels; what is between is left alone */
} ps_slab;

/* Copies it: pixels outside the image are zero; rows outside are left undefined. */
void ps_slab_copy(const ps_kernels *k, const ps_slab *s, void *dst);
/* Between a dense block [m][n] of floats and one of floats or bfloat16 with two strides, either way. */
void ps_block_gather(const ps_kernels *k, bool half, size_t m, size_t n, const void *x, ptrdiff_t row, ptrdiff_t col,
                     float *dst);
void ps_block_scatter(const ps_kernels *k, bool half, size_t m, size_t n, const float *src, void *y, ptrdiff_t row,
                      ptrdiff_t col);

/* The taps ky of output row oy whose input row exists: [*first, *end). */
void ps_conv_taps(const ps_conv *v, ptrdiff_t oy, size_t *first, size_t *end);
/* Element offset of row-major number i over `dim`, for strides `step`. */
ptrdiff_t ps_conv_offset(int rank, const int32_t *dim, size_t i, const ptrdiff_t *step);
size_t ps_conv_images(const ps_conv *v);

/* The next run of needed ones among n pixels, from *at on: [*at, *end).  False when there is none; need NULL = all. */
bool ps_conv_needed(const uint8_t *need, size_t n, size_t *at, size_t *end);

/* How much one call of the driver cuts its work into. */
enum {
    PS_CONV_SERIAL = 1 << 20,  /* multiply-adds below which one thread is faster: ~40 us at 25 G/s */
    PS_CONV_CHUNK = 1 << 19,   /* least work of a chunk: ~20 us */
    PS_CONV_SLAB = 256 << 10,  /* bytes of activations worked on at a time: half of a small L2 */
    PS_CONV_PANELS = 512 << 10 /* bytes of weights that stay in L2 beside them */
};
size_t ps_conv_chunks_wanted(const ps_conv *v);

size_t ps_depthwise_scratch(const ps_conv *v);
void ps_depthwise_run(const ps_conv *v);

/* nn/conv_winograd.c: whether it can do this convolution, and whether that is faster.  Packed weights are those of the
 * direct way. */
bool ps_winograd_can(const ps_conv *v);
bool ps_winograd_pays(const ps_conv *v);
size_t ps_winograd_scratch(const ps_conv *v);
void ps_winograd_run(const ps_conv *v);

#endif
