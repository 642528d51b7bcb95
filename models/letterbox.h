/* models/letterbox.h - from pixels of a picture to the network's input, in one pass. */
#ifndef PS_MODELS_LETTERBOX_H
#define PS_MODELS_LETTERBOX_H

#include "models/geometry.h"
#include "models/resample.h"
#include "ops/kernels.h"
#include "poise.h"

/* What the network wants to see: input = (colour * scale - mean) / std, channel by channel in its order. */
typedef struct ps_pixels {
    ps_fit fit;
    ps_filter filter;
    int32_t short_side;    /* for PS_FIT_CROP; 0 = 8/7 of the size */
    int bgr;               /* channel order of the network */
    int border;            /* 0..255, outside the picture */
    float scale;           /* 1/255, or 1 */
    float mean[3], std[3]; /* in the network's channel order, after scale */
} ps_pixels;

/* Scaling tables and row buffers for one geometry; kept and reused while sizes stay. */
typedef struct ps_letterbox {
    ps_geometry geometry;
    ps_pixels pixels;
    ps_axis x, y;
    int32_t x0, x1, y0, y1; /* the part of the input that shows the picture */
    int32_t slots;          /* rows that a thread remembers */
    int threads;
    uint8_t *block; /* tables, then one piece of `piece` bytes for each thread */
    size_t cap, tables, piece;
} ps_letterbox;

/* Prepares for pictures of g's size and an input of g's; takes memory only when more is needed. */
poise_status ps_letterbox_plan(ps_letterbox *lb, const ps_pixels *px, const ps_geometry *g, int threads);

/* Fills `input` (f32, plain u8, or quantised u8 or i8, which gets the codes of what an f32 input would get; [1,c,h,w], or [1,h,w,c] where that is told by the dims; c 1 or 3; any strides)
 * from a picture of the planned size, in any format.  Bilinear as planned, bits do not depend on the number of threads. */
poise_status ps_letterbox_run(const ps_letterbox *lb, const ps_kernels *k, const poise_image *img,
                              const poise_tensor *input);

void ps_letterbox_free(ps_letterbox *lb);

/* Height, width and channels of an image input, and their strides.  Fails for anything else. */
typedef struct ps_image_dims {
    int32_t c, h, w;
    ptrdiff_t sc, sh, sw;
} ps_image_dims;
poise_status ps_image_dims_of(const poise_tensor *input, ps_image_dims *out);

#endif
