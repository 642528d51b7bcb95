/* models/decode_yolov5.c - YOLOv5 with anchors: decoded rows, and raw heads. */
#include "models/decode.h"

#include <math.h>

/* Decoded: [1,n,5+nc], n = 3 anchors of each cell: cx, cy, w, h, objectness, classes, all after the sigmoid. */

static bool looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return io->n_outputs >= 1 && t->kind == PS_TASK_DETECT && ps_out_is(io, 0, 3) && io->out[0].dim[2] > 5 &&
           (!t->n_classes || io->out[0].dim[2] == 5 + t->n_classes) &&
           ps_find_levels(&scratch, io->out[0].dim[1], 3);
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    int32_t n = ps_out_is(io, 0, 3) ? io->out[0].dim[2] - 5 : 0;
    if (n < 1 || (t->n_classes && t->n_classes != n))
        return ps_bad_outputs(io, "yolov5", "f32 [1,cells,5 + classes], one class for each name");
    t->n_classes = n;
    return POISE_OK;
}

static void run(ps_decode *d)
{
    ps_centre_boxes k = {.map = ps_map_flat(d->out[0], false)};
    ps_unit_scale(d, &d->boxes, &k.map, 0, 4, &k.sx, &k.sy);
    ps_scan s = {.map = k.map,
                 .first = 5,
                 .n = d->task->n_classes,
                 .obj = &k.map,
                 .obj_channel = 4,
                 .box = ps_centre_box,
                 .ctx = &k};
    ps_scan_run(d, &s);
}

const ps_decoder ps_decoder_yolov5 = {.name = "yolov5",
                                      .iou = 0.45f,
                                      .about = "YOLOv5 with anchors, decoded: [1,3*cells,5+classes]",
                                      .looks = looks,
                                      .bind = bind,
                                      .run = run};

/* Raw: per level [1,3*(5+nc),h,w] or [1,3,h,w,5+nc], logits.
 * xy = (2s - 0.5 + cell) * stride, wh = (2s)^2 * anchor. */

static const float usual_anchors[4][3][2] = {
    {{10, 13}, {16, 30}, {33, 23}}, {{30, 61}, {62, 45}, {59, 119}}, {{116, 90}, {156, 198}, {373, 326}}};

/* Channels of one anchor in output i, 0 when it cannot be one; its grid in *h and *w. */
static int32_t head_of(const ps_io *io, const ps_task *t, int i, int32_t *h, int32_t *w)
{
    const int32_t *dim = io->out[i].dim;
    int32_t c = 0;
    if (ps_out_is(io, i, 5) && dim[1] == 3)
        *h = dim[2], *w = dim[3], c = dim[4];
    else if (ps_out_is(io, i, 4) && dim[1] % 3 == 0)
        *h = dim[2], *w = dim[3], c = dim[1] / 3;
    if (c <= 5 || (t->n_classes && c != 5 + t->n_classes) || (!t->n_classes && c != 85)) return 0;
    return t->in_h % *h || t->in_w % *w || t->in_h / *h != t->in_w / *w ? 0 : c;
}

static bool raw_looks(const ps_io *io, const ps_task *t)
{
    int32_t h, w;
    if (io->n_outputs != 3 || t->kind != PS_TASK_DETECT) return false;
    for (int i = 0; i < io->n_outputs; i++)
        if (!head_of(io, t, i, &h, &w)) return false;
    return true;
}

static poise_status raw_bind(const ps_io *io, ps_task *t)
{
    if (!raw_looks(io, t))
        return ps_bad_outputs(io, "yolov5-raw", "three f32 [1,3*(5+classes),h,w] or [1,3,h,w,5+classes]");
    t->n_levels = 0;
    for (int i = 0; i < io->n_outputs; i++) {
        int32_t h = 0, w = 0;
        t->n_classes = head_of(io, t, i, &h, &w) - 5;
        int at = t->n_levels++;
        for (; at > 0 && t->grid_h[at - 1] < h; at--)
            t->grid_h[at] = t->grid_h[at - 1], t->grid_w[at] = t->grid_w[at - 1], t->out[at] = t->out[at - 1];
        t->grid_h[at] = h, t->grid_w[at] = w, t->out[at] = i;
    }
    bool told = t->anchor[0][0][0] > 0;
    for (int l = 0; l < t->n_levels; l++) {
        t->stride[l] = t->in_h / t->grid_h[l];
        for (int a = 0; a < PS_MAX_ANCHORS && !told; a++)
            t->anchor[l][a][0] = usual_anchors[l][a][0], t->anchor[l][a][1] = usual_anchors[l][a][1];
    }
    return POISE_OK;
}

typedef struct raw_context {
    ps_map map;
    float stride, w, h;
} raw_context;

static void raw_box(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    (void)d;
    const raw_context *k = s->ctx;
    float v[4];
    for (int32_t c = 0; c < 4; c++) v[c] = 2 * ps_sigmoid(ps_map_at(&k->map, c, y, x));
    float cx = (v[0] - 0.5f + (float)x) * k->stride, cy = (v[1] - 0.5f + (float)y) * k->stride;
    float w = v[2] * v[2] * k->w, h = v[3] * v[3] * k->h;
    out[0] = cx - w / 2, out[1] = cy - h / 2, out[2] = cx + w / 2, out[3] = cy + h / 2;
}

static void raw_run(ps_decode *d)
{
    const ps_task *t = d->task;
    int32_t base = 0;
    d->scores = PS_SCORES_LOGITS;
    for (int l = 0; l < t->n_levels; l++)
        for (int a = 0; a < PS_MAX_ANCHORS; a++) {
            const poise_tensor *o = d->out[t->out[l]];
            int32_t c = 5 + t->n_classes, h = t->grid_h[l], w = t->grid_w[l];
            raw_context k = {.stride = (float)t->stride[l], .w = t->anchor[l][a][0], .h = t->anchor[l][a][1]};
            if (o->rank == 5)
                k.map = (ps_map){(const float *)o->data + a * o->stride[1],
                                 c,
                                 h,
                                 w,
                                 o->stride[4],
                                 o->stride[2],
                                 o->stride[3]};
            else
                k.map = (ps_map){(const float *)o->data + a * c * o->stride[1],
                                 c,
                                 h,
                                 w,
                                 o->stride[1],
                                 o->stride[2],
                                 o->stride[3]};
            ps_scan s = {.map = k.map,
                         .first = 5,
                         .n = t->n_classes,
                         .obj = &k.map,
                         .obj_channel = 4,
                         .logits = true,
                         .box = raw_box,
                         .ctx = &k,
                         .level = l,
                         .base = base};
            ps_scan_run(d, &s);
            base += h * w;
        }
}

const ps_decoder ps_decoder_yolov5_raw = {.name = "yolov5-raw",
                                          .iou = 0.45f,
                                          .about =
                                              "YOLOv5 heads before decoding: three [1,3*(5+classes),h,w]",
                                          .looks = raw_looks,
                                          .bind = raw_bind,
                                          .run = raw_run};
