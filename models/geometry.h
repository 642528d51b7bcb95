/* models/geometry.h - where a picture lies in the network's input, and the way back. */
#ifndef PS_MODELS_GEOMETRY_H
#define PS_MODELS_GEOMETRY_H

#include <stdint.h>

/* How a picture of any shape becomes the network's size.  The numbers are not stored; the names are. */
typedef enum ps_fit {
    PS_FIT_CENTER = 0, /* "center": as large as fits, aspect kept, border on both sides (YOLOv5, v8, 11) */
    PS_FIT_TOPLEFT,    /* "topleft": the same in the corner, border right and below (YOLOX) */
    PS_FIT_STRETCH,    /* "stretch": both sides to size (FastestDet, NanoDet, UltraFace) */
    PS_FIT_CROP,       /* "crop": short side to `short_side`, middle cut out (ImageNet classifiers) */
    PS_FIT_COUNT
} ps_fit;
extern const char *const ps_fit_names[PS_FIT_COUNT];

/* Integer pixels of the network's input: the scaled picture has new_w x new_h pixels with its corner at
 * (left, top), which are negative where it is cropped. */
typedef struct ps_geometry {
    int32_t src_w, src_h, dst_w, dst_h;
    int32_t new_w, new_h, left, top;
} ps_geometry;

/* All sizes >= 1.  `short_side` is for PS_FIT_CROP: 0 means 8/7 of the network's size (256 for 224).
 * Rounding as in the networks' own pipelines: half to even and pads of round(d - 0.1) where centred,
 * truncation in the corner, truncation of the long side where cropped. */
ps_geometry ps_geometry_make(ps_fit fit, int32_t short_side, int32_t src_w, int32_t src_h, int32_t dst_w,
                             int32_t dst_h);

/* From pixels of the network's input to pixels of the source, clipped to it.  The scaled picture covers the
 * source exactly, so the factor is src/new: it differs from 1/r by the rounding of new (< 1 px at the edge). */
float ps_geometry_x(const ps_geometry *g, float x);
float ps_geometry_y(const ps_geometry *g, float y);

#endif
