/* models/image.h - what the picture formats share: limits, allocation, orientation. */
#ifndef PS_MODELS_IMAGE_H
#define PS_MODELS_IMAGE_H

#include "poise.h"

#include <stdbool.h>

/* The largest picture Poise opens.  Checked against a file's header before anything is allocated.  The limit
 * of a side bounds the scaling tables of thin pictures. */
#define PS_MAX_PIXELS 100000000ull
#define PS_MAX_SIDE 1000000ull

/* Checks w x h against the limits; the other also allocates pixels (zero) of a format with one plane, rows without gaps. */
poise_status ps_image_check_size(uint64_t w, uint64_t h);
poise_status ps_image_alloc(poise_image *img, uint64_t w, uint64_t h, poise_format format);

/* Bytes from pixel to pixel in the first plane. */
static inline int ps_format_step(int32_t format)
{
    if (format == POISE_RGB || format == POISE_BGR) return 3;
    return format == POISE_RGBA || format == POISE_BGRA ? 4 : 1;
}


/* How small a picture may be read: `most` gives, for an upright picture of w x h pixels, by how much its sides may
 * be divided (1 or less: not at all). */
typedef struct ps_shrink {
    double (*most)(const void *ctx, int32_t w, int32_t h);
    const void *ctx;
} ps_shrink;

/* poise_image_open where a JPEG may be read smaller.  `s` may be NULL. */
poise_status ps_image_open_shrunk(const char *path, const ps_shrink *s, poise_image *out);

/* One reader and one writer for each format.  Readers give RGB; on failure *out owns nothing.
 * Writers give a block from ps_alloc in *bytes. */
poise_status ps_jpeg_read(const uint8_t *p, size_t n, const ps_shrink *s, poise_image *out);
poise_status ps_jpeg_write(const poise_image *img, int quality, uint8_t **bytes, size_t *size);
poise_status ps_png_read(const uint8_t *p, size_t n, poise_image *out);
poise_status ps_png_write(const poise_image *img, uint8_t **bytes, size_t *size);
poise_status ps_pnm_read(const uint8_t *p, size_t n, poise_image *out);
poise_status ps_pnm_write(const poise_image *img, uint8_t **bytes, size_t *size);
poise_status ps_bmp_read(const uint8_t *p, size_t n, poise_image *out);
poise_status ps_bmp_write(const poise_image *img, uint8_t **bytes, size_t *size);

/* The EXIF orientation, 1..8, of a JPEG file or of a TIFF block; 1 where there is none or it is damaged. */
int ps_exif_of_jpeg(const uint8_t *p, size_t n);
int ps_exif_of_tiff(const uint8_t *p, size_t n);

/* Turns an RGB picture upright: orientation as in EXIF tag 0x0112.  1 does nothing. */
poise_status ps_image_turn(poise_image *img, int orientation);
/* What ps_image_turn does: whether the sides are swapped, after the stored picture was mirrored. */
typedef struct ps_turn {
    bool swap, flip_x, flip_y;
} ps_turn;
ps_turn ps_turn_of(int orientation);

#endif
