/* app/draw.c - draws results into pictures: fills, lines, text, and objects made of them. */
#include "app/draw.h"

#include "app/coco.h"
#include "app/font.h"
#include "models/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far beyond any picture, and small enough that sums of a few do not overflow. */
enum { FAR = 1 << 24 };

static int bounded(float v)
{
    return v < -FAR ? -FAR : v > FAR ? FAR : (int)(v + (v < 0 ? -0.5f : 0.5f));
}

/* Hues a golden angle apart, so that neighbouring classes differ most. */
ps_colour ps_draw_palette(int class_id)
{
    unsigned h = (unsigned)class_id * 137u % 360u, value = 255, low = class_id / 8 % 2 ? 90 : 30;
    unsigned part = h % 60, up = low + (value - low) * part / 60, down = value - (value - low) * part / 60;
    unsigned rgb[6][3] = {{value, up, low},   {down, value, low}, {low, value, up},
                          {low, down, value}, {up, low, value},   {value, low, down}};
    const unsigned *c = rgb[h / 60];
    return (ps_colour){(uint8_t)c[0], (uint8_t)c[1], (uint8_t)c[2]};
}

/* Black or white, whichever can be read on c. */
static ps_colour readable_on(ps_colour c)
{
    int luma = 299 * c.r + 587 * c.g + 114 * c.b;
    return luma > 140000 ? (ps_colour){0, 0, 0} : (ps_colour){255, 255, 255};
}

void ps_draw_fill(poise_image *img, int x, int y, int w, int h, ps_colour c)
{
    int x1 = x < 0 ? 0 : x, y1 = y < 0 ? 0 : y;
    int x2 = x + w > img->w ? img->w : x + w, y2 = y + h > img->h ? img->h : y + h;
    for (int row = y1; row < y2; row++) {
        uint8_t *p = img->plane[0] + row * img->stride[0] + (ptrdiff_t)x1 * 3;
        for (int column = x1; column < x2; column++) *p++ = c.r, *p++ = c.g, *p++ = c.b;
    }
}

void ps_draw_box(poise_image *img, int x1, int y1, int x2, int y2, int width, ps_colour c)
{
    int half = width / 2, w = x2 - x1 + width, h = y2 - y1 + width;
    ps_draw_fill(img, x1 - half, y1 - half, w, width, c);
    ps_draw_fill(img, x1 - half, y2 - half, w, width, c);
    ps_draw_fill(img, x1 - half, y1 - half, width, h, c);
    ps_draw_fill(img, x2 - half, y1 - half, width, h, c);
}

void ps_draw_line(poise_image *img, int x1, int y1, int x2, int y2, int width, ps_colour c)
{
    int dx = abs(x2 - x1), dy = abs(y2 - y1), steps = dx > dy ? dx : dy, half = width / 2;
    if (steps > 4 * (img->w + img->h)) return; /* mostly outside: not worth walking */
    for (int i = 0; i <= steps; i++) {
        double t = steps ? (double)i / steps : 0;
        int x = (int)(x1 + (x2 - x1) * t + 0.5), y = (int)(y1 + (y2 - y1) * t + 0.5);
        ps_draw_fill(img, x - half, y - half, width, width, c);
    }
}

void ps_draw_disc(poise_image *img, int x, int y, int radius, ps_colour c)
{
    for (int dy = -radius; dy <= radius; dy++) {
        int half = 0;
        while ((half + 1) * (half + 1) + dy * dy <= radius * radius) half++;
        ps_draw_fill(img, x - half, y + dy, 2 * half + 1, 1, c);
    }
}

void ps_draw_text(poise_image *img, int x, int y, int scale, const char *text, ps_colour c)
{
    for (; *text; text++, x += PS_FONT_W * scale) {
        int glyph = (unsigned char)*text - PS_FONT_FIRST;
        if (glyph < 0 || glyph >= PS_FONT_COUNT) glyph = '?' - PS_FONT_FIRST;
        for (int row = 0; row < PS_FONT_H; row++)
            for (int column = 0; column < PS_FONT_W; column++)
                if (ps_font[glyph][row] & (0x80 >> column))
                    ps_draw_fill(img, x + column * scale, y + row * scale, scale, scale, c);
    }
}

/* 3 in 1000 of the mean side, at least 2: as Ultralytics' pictures have it. */
static int line_width(const poise_image *img, const ps_draw_options *d)
{
    int w = d->line_width ? d->line_width : (int)((double)(img->w + img->h) * 0.0015 + 0.5);
    return w < 2 && !d->line_width ? 2 : w;
}

static int text_scale(int width)
{
    return width < 2 ? 1 : (width + 1) / 2;
}

static const char *label(const poise_object *o, const char *name, const ps_draw_options *d, char buf[96])
{
    int n = 0;
    buf[0] = 0;
    if (d->labels && name) n = snprintf(buf, 80, "%s", name);
    else if (d->labels) n = snprintf(buf, 80, "%d", o->class_id);
    if (n > 79) n = 79;
    if (d->scores) snprintf(buf + n, 96 - (size_t)n, "%s%.2f", n ? " " : "", (double)o->conf);
    return buf;
}

static void draw_label(poise_image *img, int x, int y, int scale, const char *text, ps_colour c)
{
    int w = (int)strlen(text) * PS_FONT_W * scale, h = PS_FONT_H * scale;
    if (x + w > img->w) x = img->w - w;
    if (x < 0) x = 0;
    y = y - h < 0 ? y : y - h; /* inside the box where there is no room above */
    ps_draw_fill(img, x, y, w + scale, h, c);
    ps_draw_text(img, x + scale, y, scale, text, readable_on(c));
}

static void draw_skeleton(poise_image *img, const poise_object *o, int width)
{
    enum { SEEN = 50 }; /* percent */
    for (int i = 0; o->n_keypoints == PS_COCO_JOINTS && i < PS_COCO_LIMBS; i++) {
        const poise_keypoint *a = &o->keypoint[ps_coco_limbs[i][0]], *b = &o->keypoint[ps_coco_limbs[i][1]];
        if (a->conf * 100 < SEEN || b->conf * 100 < SEEN) continue;
        ps_draw_line(img, bounded(a->x), bounded(a->y), bounded(b->x), bounded(b->y), width,
                     ps_draw_palette(3 + ps_coco_limbs[i][1] % 2 * 4));
    }
    for (int i = 0; i < o->n_keypoints; i++) {
        const poise_keypoint *p = &o->keypoint[i];
        if (p->conf * 100 >= SEEN) ps_draw_disc(img, bounded(p->x), bounded(p->y), width + 1, ps_draw_palette(i));
    }
}

void ps_draw_object(poise_image *img, const poise_object *o, const char *name, const ps_draw_options *d)
{
    char buf[96];
    int width = line_width(img, d), x1 = bounded(o->x1), y1 = bounded(o->y1);
    ps_colour c = ps_draw_palette(o->class_id);
    if (d->boxes) ps_draw_box(img, x1, y1, bounded(o->x2), bounded(o->y2), width, c);
    draw_skeleton(img, o, width);
    if (d->boxes && *label(o, name, d, buf)) draw_label(img, x1, y1, text_scale(width), buf, c);
}

void ps_draw_class(poise_image *img, int row, const poise_object *o, const char *name, const ps_draw_options *d)
{
    char buf[96];
    int scale = text_scale(line_width(img, d)), h = PS_FONT_H * scale;
    if (*label(o, name, d, buf)) draw_label(img, 0, (row + 1) * h, scale, buf, (ps_colour){40, 40, 40});
}
