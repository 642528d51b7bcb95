/* app/scene_paint.h - shaded capsules, polygons and backgrounds, and which object each pixel shows. */
#ifndef PS_APP_SCENE_PAINT_H
#define PS_APP_SCENE_PAINT_H

#include "app/draw.h"
#include "app/scene_math.h"

/* What is painted on.  owner[] is NULL while nobody counts. */
typedef struct ps_canvas {
    int w, h;
    uint8_t *rgb;
    uint16_t *owner;  /* the object that a pixel shows, 0 = the background */
    uint16_t object;  /* who is painted */
    long own;         /* its pixels so far */
    int x0, y0, x1, y1; /* they lie in [x0, x1) x [y0, y1) */
    float light[3];   /* to the light: right, down, towards the camera */
} ps_canvas;

void ps_canvas_begin(ps_canvas *c, uint16_t object);

/* A limb from a to b, whose radii are ra and rb, in pixels; shaded as a round thing. */
void ps_paint_capsule(ps_canvas *c, float ax, float ay, float bx, float by, float ra, float rb, ps_colour colour);
/* A convex polygon of n <= 8 corners x, y in either direction of turn; brightness 1 = the colour itself. */
void ps_paint_polygon(ps_canvas *c, int n, const float xy[][2], ps_colour colour, float brightness);
/* Darkens an ellipse to `much` of what was there. */
void ps_paint_shadow(ps_canvas *c, float x, float y, float rx, float ry, float much);

/* Sky, ground from row `horizon` on, buildings, and patches of light and dark. */
void ps_paint_background(ps_canvas *c, ps_rand *r, int horizon);

/* What a camera does: the mean of `n` pictures of w x h, noise with this deviation, and a blur whose side taps are
 * `soft` of 1 (0..0.3).  `key` is the noise's seed; `work` has room for 12*w numbers.  out may be one of the pictures. */
void ps_paint_camera(int w, int h, int n, const uint8_t *const *pictures, float noise, float soft, uint64_t key, int16_t *work,
                     uint8_t *out);

#endif
