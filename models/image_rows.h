/* models/image_rows.h - rows of a picture in any format, as the scaling reads them. */
#ifndef PS_MODELS_IMAGE_ROWS_H
#define PS_MODELS_IMAGE_ROWS_H

#include "ops/kernels.h"
#include "poise.h"

#include <stdbool.h>

/* Refuses pictures that have no pixels, an unknown format or a plane too few. */
poise_status ps_image_check(const poise_image *img);

/* How a format is read: `step` bytes from pixel to pixel, 1 (grey) or the colours first.  `planar`: rows must be
 * converted by ps_image_row_rgb, which gives step 3. */
typedef struct ps_row_kind {
    int step;
    bool bgr, planar;
} ps_row_kind;
ps_row_kind ps_row_kind_of(int32_t format);

/* Pixels [from, to) of row y of a planar picture, as RGB at rgb + 3 * from.  A chroma sample holds for the 2 x 2
 * pixels that share it. */
void ps_image_row_rgb(const ps_kernels *k, const poise_image *img, int32_t y, int32_t from, int32_t to,
                      uint8_t *rgb);

#endif
