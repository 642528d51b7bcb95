/* app/draw.h - boxes, names and skeletons on pictures. */
#ifndef PS_APP_DRAW_H
#define PS_APP_DRAW_H

#include "poise.h"

typedef struct ps_colour {
    uint8_t r, g, b;
} ps_colour;

/* A colour of its own for every class. */
ps_colour ps_draw_palette(int class_id);

/* All drawing is clipped to the image, which has 3 channels; coordinates are pixels and may be anything. */
void ps_draw_fill(poise_image *img, int x, int y, int w, int h, ps_colour c);
/* A frame of `width` pixels, centred on the edges of the box. */
void ps_draw_box(poise_image *img, int x1, int y1, int x2, int y2, int width, ps_colour c);
void ps_draw_line(poise_image *img, int x1, int y1, int x2, int y2, int width, ps_colour c);
void ps_draw_disc(poise_image *img, int x, int y, int radius, ps_colour c);
/* Printable ASCII, others as '?'; each character is 8*scale x 16*scale pixels. */
void ps_draw_text(poise_image *img, int x, int y, int scale, const char *text, ps_colour c);

typedef struct ps_draw_options {
    int line_width; /* 0 = by the size of the image */
    int boxes, labels, scores; /* 0 = leave out */
} ps_draw_options;

/* One object with its label; `name` NULL shows the class number.  Keypoints below 0.5 are left out; 17 of
 * them are joined to the body they belong to. */
void ps_draw_object(poise_image *img, const poise_object *o, const char *name, const ps_draw_options *d);
/* Line `row` of the list of a classifier, at the top left. */
void ps_draw_class(poise_image *img, int row, const poise_object *o, const char *name, const ps_draw_options *d);

#endif
