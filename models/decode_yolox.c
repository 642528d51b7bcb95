/* models/decode_yolox.c - YOLOX: one anchor-free row for each cell, raw or decoded. */
#include "models/decode.h"

#include <math.h>

/* [1,cells,5+nc]: x, y, w, h, objectness, classes; the last two after the sigmoid.  Raw coordinates are
 * offsets in the cell and logarithms, in strides: (xy + cell) * stride, exp(wh) * stride. */

static bool looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    if (io->n_outputs != 1 || t->kind != PS_TASK_DETECT || !ps_out_is(io, 0, 3)) return false;
    int32_t c = io->out[0].dim[2];
    return (t->n_classes ? c == 5 + t->n_classes : c == 85) && ps_find_levels(&scratch, io->out[0].dim[1], 1);
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    int32_t n = ps_out_is(io, 0, 3) ? io->out[0].dim[2] - 5 : 0;
    if (n < 1 || (t->n_classes && t->n_classes != n) || !ps_find_levels(t, io->out[0].dim[1], 1))
        return ps_bad_outputs(io, "yolox", "f32 [1,cells,5 + classes], cells of strides 8, 16, 32");
    t->n_classes = n;
    t->pixels.fit = PS_FIT_TOPLEFT;
    t->pixels.bgr = 1;
    t->pixels.scale = 1;
    return POISE_OK;
}

typedef struct context {
    ps_map map;
    ps_units units;
    float stride, sx, sy;
} context;

static void box_of(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    (void)d;
    const context *k = s->ctx;
    float v[4];
    for (int32_t c = 0; c < 4; c++) v[c] = ps_map_at(&k->map, c, y, x);
    if (k->units == PS_UNITS_GRID) {
        v[0] = (v[0] + (float)x) * k->stride, v[1] = (v[1] + (float)y) * k->stride;
        v[2] = expf(v[2]) * k->stride, v[3] = expf(v[3]) * k->stride;
    } else {
        v[0] *= k->sx, v[1] *= k->sy, v[2] *= k->sx, v[3] *= k->sy;
    }
    out[0] = v[0] - v[2] / 2, out[1] = v[1] - v[3] / 2, out[2] = v[0] + v[2] / 2, out[3] = v[1] + v[3] / 2;
}

/* Decoded centres reach across the picture.  Raw ones stay near their cell, logarithms of sizes below 6. */
static void decide(ps_decode *d, const ps_map *m)
{
    if (d->boxes != PS_UNITS_AUTO) return;
    float most = 0, least = 0;
    for (int32_t x = 0; x < m->w; x += 7) {
        float v = ps_map_at(m, 0, 0, x), w = ps_map_at(m, 2, 0, x);
        if (v > most) most = v;
        if (w < least) least = w;
    }
    d->boxes = most > (float)d->task->in_w / 4 ? PS_UNITS_PIXELS : PS_UNITS_GRID;
    if (d->boxes == PS_UNITS_GRID && least >= 0 && most > 0.5f && most <= 1.5f) d->boxes = PS_UNITS_UNIT;
}

static void run(ps_decode *d)
{
    const ps_task *t = d->task;
    ps_map flat = ps_map_flat(d->out[0], false);
    decide(d, &flat);
    for (int l = 0, base = 0; l < t->n_levels; base += t->grid_h[l] * t->grid_w[l], l++) {
        context k = {ps_map_level(&flat, base, t->grid_h[l], t->grid_w[l]), d->boxes, (float)t->stride[l], 1,
                     1};
        if (k.units == PS_UNITS_UNIT) k.sx = (float)t->in_w, k.sy = (float)t->in_h;
        ps_scan s = {.map = k.map,
                     .first = 5,
                     .n = t->n_classes,
                     .obj = &k.map,
                     .obj_channel = 4,
                     .box = box_of,
                     .ctx = &k,
                     .level = l,
                     .base = base};
        ps_scan_run(d, &s);
    }
}

const ps_decoder ps_decoder_yolox = {.name = "yolox",
                                     .iou = 0.45f,
                                     .about = "YOLOX, raw or decoded: [1,cells,5+classes]",
                                     .looks = looks,
                                     .bind = bind,
                                     .run = run};
