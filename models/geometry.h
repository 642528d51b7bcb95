/* models/geometry.h - where a picture lies in the network's input, and the way back. */
#ifndef PS_MODELS_GEOMETRY_H
#define PS_MODELS_GEOMETRY_H

#include "poise.h"

/* How a picture of any shape becomes the network's size.  The numbers are not stored; the names are. */
typedef enum ps_fit {
    PS_FIT_CENTER = 0, /* "center": as large as fits, aspect kept, border on both sides (YOLOv5, v8, 11) */
    PS_FIT_TOPLEFT,    /* "topleft": the same in the corner, border right and below (YOLOX) */
    PS_FIT_STRETCH,    /* "stretch": both sides to size (FastestDet, NanoDet, UltraFace) */
    PS_FIT_CROP,       /* "crop": short side to `short_side`, middle cut out (ImageNet classifiers) */
    PS_FIT_COUNT
} ps_fit;
extern const char *const ps_fit_names[PS_FIT_COUNT];

/* Along x (y alike): pixel i of the network's input shows the source around start_x + (i - left + 0.5) * step_x
 * pixels from the source's left edge, and the border where that lies outside.  A whole picture has
 * new_w x new_h pixels of the input with its corner at (left, top), which are negative where it is cropped.  A
 * part of a picture fills the input: new = dst, left = top = 0.  The picture in memory may be a smaller version of the
 * source (ps_geometry_of_image); where it is not, img is src, origin 0 and shrink 1.  Has no padding: may be
 * compared as bytes. */
typedef struct ps_geometry {
    int32_t src_w, src_h, dst_w, dst_h;
    int32_t new_w, new_h, left, top;
    int32_t img_w, img_h; /* pixels in memory */
    double start_x, start_y; /* 0 for a whole picture */
    double step_x, step_y;   /* source pixels from one pixel of the input to the next */
    double back_x, back_y;   /* the same for answers on their way back: see ps_geometry_x */
    double origin_x, origin_y, shrink; /* source pixel x lies at origin_x + x / shrink in memory */
} ps_geometry;

/* All sizes >= 1.  `short_side` is for PS_FIT_CROP: 0 means 8/7 of the network's size (256 for 224).
 * Rounding as in the networks' own pipelines: half to even and pads of round(d - 0.1) where centred,
 * truncation in the corner, truncation of the long side where cropped. */
ps_geometry ps_geometry_make(ps_fit fit, int32_t short_side, int32_t src_w, int32_t src_h, int32_t dst_w,
                             int32_t dst_h);

/* The surroundings of `box` (x1 y1 x2 y2 in source pixels, finite, not empty) for a network that sees one
 * person: the same centre, widened to the input's aspect, then by a quarter, as SimplePose, HRNet and their
 * successors are trained.  It may reach beyond the picture. */
ps_geometry ps_geometry_around(const float box[4], int32_t src_w, int32_t src_h, int32_t dst_w,
                               int32_t dst_h);

/* Says which picture is in memory for g: `img`, of src pixels or a smaller version of such a picture. */
void ps_geometry_of_image(ps_geometry *g, const poise_image *img);
/* The size of the picture that `img` is, or is a smaller version of. */
int32_t ps_image_full_w(const poise_image *img);
int32_t ps_image_full_h(const poise_image *img);

/* From pixels of the network's input to pixels of the source, clipped to it.  Where the aspect is kept, the
 * factor is 1/r of the wanted scale r, not src/new of whole pixels: so do the pipelines whose accuracies are
 * published.  The two differ by less than a pixel of the input at the far edge.  YOLO11n 320 has mAP50 .477
 * with 1/r and .471 with src/new on 128 images where its reference has .477. */
float ps_geometry_x(const ps_geometry *g, float x);
float ps_geometry_y(const ps_geometry *g, float y);

#endif
