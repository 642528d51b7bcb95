/* nn/conv.h - the driver behind convolutions and matrix products: what is packed, how the work is cut. */
#ifndef PS_NN_CONV_H
#define PS_NN_CONV_H

#include "nn/half.h"
#include "nn/op.h"
#include "nn/params.h"

enum { PS_CONV_BATCH = POISE_MAX_DIMS - 2 };

/* Images in memory: strides in elements. */
typedef struct ps_conv_strides {
    ptrdiff_t batch[PS_CONV_BATCH], row, pixel, channel;
} ps_conv_strides;

/* What the codes of a convolution of quantised u8 stand for: q for scale*(q - zero).  Its weights are s8 with a scale for
 * each output channel, its sums s32; residual and output are u8, or the output is f32. */
typedef struct ps_conv_codes {
    float x_scale, r_scale, y_scale; /* y_scale: of what `table` is asked, if there is one; 0 for an output of f32 */
    int32_t x_zero, r_zero, y_zero;
    const uint8_t *table; /* 256 codes to write instead of those that come out, or NULL */
} ps_conv_codes;

/* A set of convolutions of equal shape, one for each index of `batch`.  The input pixel of output (oy, ox) under
 * tap (ky, kx) is (oy, ox)*stride - pad + (ky, kx)*dilation; pixels outside the input count as zero (u8: the zero point).  Pads may be
 * negative.  A matrix product is a 1x1 window on an image of one row. */
typedef struct ps_conv {
    const ps_kernels *k;
    int threads;
    int variant; /* number of the way to compute it: ps_conv_variant */
    poise_type x_type, y_type, r_type; /* input, output, residual: f32, bf16, f16 or u8 */
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
    ps_conv_codes codes; /* where x is u8 */
    /* for ps_conv_run only */
    const void *x, *r;
    void *y;
    const float *weights, *bias; /* bias [o] or NULL; weights as ps_conv_pack writes them */
    uint8_t *scratch; /* ps_conv_scratch() bytes, aligned to PS_ALIGN */
    const uint8_t *need; /* out[0]*out[1]: 1 = compute this pixel, for one image; others may be left out.  NULL = all */
} ps_conv;

/* Where the weight of (set, group, output channel and input channel within it, ky, kx) is, and what to multiply it
 * by.  Sets are numbered row-major over set_dim. */
typedef struct ps_weights {
    poise_type type; /* f32, bf16, f16 or i8; u8: the codes of a computed tensor */
    bool last_use; /* ps_conv_pack may give back the memory of what it has packed */
    const void *at; /* NULL: all weights are zero */
    int set_rank; /* 0 = one set */
    int32_t set_dim[PS_CONV_BATCH];
    ptrdiff_t set[PS_CONV_BATCH], group, o, c, kernel[2];
    float scale;
    const float *each; /* i8: the scale of output channel j of all groups is each[j*each_step]; else NULL */
    ptrdiff_t each_step;
    int32_t zero; /* u8: what stands for 0 */
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
/* What it multiplies: u8 (with s8), bf16 or f16 where the input is that, bf16 where floats are split, else f32, to which
 * depthwise and Winograd's convolutions widen both. */
poise_type ps_conv_multiplies(const ps_conv *v);
/* Whether it splits floats into a high and a low bfloat16 and adds up high*high + high*low + low*high, which leaves out
 * 2^-16 of a product: a pixel becomes three times as many channels (high, high, low), its weights (high, low, high). */
bool ps_conv_splits(const ps_conv *v);
/* Name of way i of this convolution, NULL past the last. */
const char *ps_conv_variant(const ps_conv *v, int i);
/* Words of 4 bytes (floats, two of 16 bits, four s8) of one set of packed weights (a multiple of 16), SIZE_MAX when that
 * many cannot be counted in bytes. */
size_t ps_conv_packed(const ps_conv *v);
/* Writes all sets, one behind the other.  Of v, only shapes, kernels, threads and the scale and zero point of x are used. */
void ps_conv_pack(const ps_conv *v, const ps_weights *w, float *dst);
/* What follows the panels of a set of s8: for each output channel what is added to its sum and the scale of that, for
 * each panel what its weights are not too large for.  A depthwise set has one panel. */
enum {
    PS_CONV_NARROW = 1,          /* `narrow` in ps_requant */
    PS_CONV_NO_128 = 4,          /* `no_128` in ps_requant */
    PS_CONV_SMALL_SUMS = 2,      /* sums of codes are below 2^25 on either side of 0, whatever the input */
    PS_CONV_SMALL = (1 << 25) / 255 /* ... because weights of one sign add up to less than this */
};
typedef struct ps_conv_sums {
    int32_t *add, *sum; /* `add` and `sums` in ps_requant */
    float *scale;
    int32_t *fits; /* PS_CONV_NARROW and others */
} ps_conv_sums;
ps_conv_sums ps_conv_sums_of(const ps_conv *v, const float *set);
/* In how many parts weights of quantised u8 with this zero point are multiplied, each a tap of its own on the same pixel. */
int ps_conv_parts(int32_t zero);
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

/* Bytes of an element of f32, bf16, f16 or u8. */
static inline size_t ps_size_of(poise_type t)
{
    return t == POISE_F32 ? sizeof(float) : ps_is_half(t) ? sizeof(uint16_t) : sizeof(uint8_t);
}

/* The panels that a direct convolution multiplies with. */
static inline ps_tile ps_conv_tile(const ps_conv *v)
{
    poise_type t = ps_conv_multiplies(v);
    return t == POISE_U8 ? v->k->gemm_u8_tile : ps_is_half(t) ? ps_half_tile(v->k, t) : v->k->gemm_f32_tile;
}

/* Elements of a pixel as the kernel reads them: whole words.  16 bits get channels of zero where a group has not a multiple
 * of kr, three times as many for split floats; u8 up to three channels of anything, whose weights are zero, unless
 * the taps of a window row are adjacent: then only the row is filled up to whole words. */
static inline size_t ps_conv_pixel(const ps_conv *v)
{
    size_t cg = (size_t)(v->c / v->group);
    poise_type t = ps_conv_multiplies(v);
    if (t == POISE_U8) return v->kernel[1] > 1 && v->dilation[1] == 1 ? cg : (cg + 3) / 4 * 4;
    if (!ps_is_half(t)) return cg;
    size_t kr = (size_t)ps_half_tile(v->k, t).kr;
    return ps_round_up(cg, kr < 2 ? 2 : kr) * (ps_conv_splits(v) ? 3 : 1);
}

/* Whether packed s8 weights lie in eights (ps_requant): any tap then begins with one. */
static inline bool ps_conv_eights(const ps_conv *v)
{
    return v->k->fast & PS_FAST_EIGHTS && ps_conv_multiplies(v) == POISE_U8 && ps_conv_pixel(v) % 8 == 0;
}

/* Words of packed weights of one row of the window, nr columns wide. */
static inline size_t ps_conv_window_row(const ps_conv *v)
{
    size_t word = sizeof(float) / ps_size_of(ps_conv_multiplies(v));
    size_t row = ps_size_cap((size_t)v->kernel[1], ps_conv_pixel(v));
    return ps_size_cap(row / word + (row % word != 0), (size_t)ps_conv_tile(v).nr);
}

/* A part of one image to be read as a [rows][cols][channels] block.  Row i is input row row0 + i*row_step. */
typedef struct ps_slab {
    const void *x; /* pixel (0, 0), first channel */
    poise_type type, to; /* of x, of the copy: f32, bf16 or f16 to f32, the others to themselves */
    uint8_t border;      /* of u8: what is outside the image */
    size_t split;       /* not 0: x is float, the copy bfloat16: high, high and low parts of so many elements each */
    ptrdiff_t row, pixel, channel;
    int32_t in[2];
    ptrdiff_t row0, row_step, col0;
    size_t rows, cols, channels;
    size_t step; /* elements from one pixel of the copy to the next, >= channels; what is between is left alone */
} ps_slab;

/* Copies it: pixels outside the image are zero, or s->border; rows outside are left undefined, those of u8 are filled. */
void ps_slab_copy(const ps_kernels *k, const ps_slab *s, void *dst);
/* Between a dense block [m][n] of floats and one of floats, bf16 or f16 with two strides, either way. */
void ps_block_gather(const ps_kernels *k, poise_type type, size_t m, size_t n, const void *x, ptrdiff_t row, ptrdiff_t col,
                     float *dst);
void ps_block_scatter(const ps_kernels *k, poise_type type, size_t m, size_t n, const float *src, void *y, ptrdiff_t row,
                      ptrdiff_t col);
/* The same of bytes. */
void ps_bytes_gather(size_t m, size_t n, const uint8_t *x, ptrdiff_t row, ptrdiff_t col, uint8_t *dst);
void ps_bytes_scatter(size_t m, size_t n, const uint8_t *src, uint8_t *y, ptrdiff_t row, ptrdiff_t col);

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

/* The epilogue for output channels from `from` on, without residual; narrow = false. */
ps_requant ps_conv_requant(const ps_conv *v, const ps_conv_sums *sums, size_t from);

size_t ps_depthwise_scratch(const ps_conv *v);
void ps_depthwise_run(const ps_conv *v);

/* nn/conv_winograd.c: whether it can do this convolution, and whether that is faster.  Packed weights are those of the
 * direct way. */
bool ps_winograd_can(const ps_conv *v);
bool ps_winograd_pays(const ps_conv *v);
size_t ps_winograd_scratch(const ps_conv *v);
void ps_winograd_run(const ps_conv *v);
/* Whether sums of codes are small enough, now that weights are known; always of floats. */
bool ps_winograd_fits(const ps_conv *v);

#endif
