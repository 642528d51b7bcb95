/* models/decode_faces.c - face detectors with SSD-like heads: UltraFace and YuNet. */
#include "models/decode.h"

#include <math.h>

/* ---- UltraFace: scores [1,n,2] (background, face) after the softmax; boxes [1,n,4] corners 0..1 ---- */

static bool ultra_roles(const ps_io *io, ps_task *t)
{
    if (io->n_outputs != 2 || t->kind != PS_TASK_DETECT || !ps_out_is(io, 0, 3) || !ps_out_is(io, 1, 3))
        return false;
    int scores = io->out[0].dim[2] == 4;
    t->out[0] = scores, t->out[1] = !scores;
    return io->out[scores].dim[2] >= 2 && io->out[!scores].dim[2] == 4 &&
           io->out[0].dim[1] == io->out[1].dim[1] &&
           (!t->n_classes || io->out[scores].dim[2] == t->n_classes + 1);
}

static bool ultra_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return ultra_roles(io, &scratch);
}

static poise_status ultra_bind(const ps_io *io, ps_task *t)
{
    if (!ultra_roles(io, t))
        return ps_bad_outputs(io, "ultraface", "f32 scores [1,n,1+classes] and boxes [1,n,4]");
    t->n_classes = io->out[t->out[0]].dim[2] - 1;
    t->pixels.fit = PS_FIT_STRETCH;
    t->pixels.scale = 1;
    for (int c = 0; c < 3; c++) t->pixels.mean[c] = 127, t->pixels.std[c] = 128;
    if (t->boxes == PS_UNITS_AUTO) t->boxes = PS_UNITS_UNIT;
    return POISE_OK;
}

typedef struct ultra_context {
    ps_map boxes;
    float sx, sy;
} ultra_context;

static void ultra_box(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    (void)d;
    const ultra_context *k = s->ctx;
    for (int32_t c = 0; c < 4; c++) out[c] = ps_map_at(&k->boxes, c, y, x) * (c % 2 ? k->sy : k->sx);
}

static void ultra_run(ps_decode *d)
{
    const ps_task *t = d->task;
    ultra_context k = {.boxes = ps_map_flat(d->out[t->out[1]], false)};
    ps_unit_scale(d, &d->boxes, &k.boxes, 0, 4, &k.sx, &k.sy);
    ps_scan s = {.map = ps_map_flat(d->out[t->out[0]], false),
                 .first = 1,
                 .n = t->n_classes,
                 .box = ultra_box,
                 .ctx = &k};
    ps_scan_run(d, &s);
}

const ps_decoder ps_decoder_ultraface = {.name = "ultraface",
                                         .conf = 0.6f,
                                         .iou = 0.3f,
                                         .about =
                                             "UltraFace and plain SSD: scores [1,n,1+classes], boxes [1,n,4]",
                                         .looks = ultra_looks,
                                         .bind = ultra_bind,
                                         .run = ultra_run};

/* ---- YuNet: for each level cls [1,n,1], obj [1,n,1], bbox [1,n,4], kps [1,n,10], after the sigmoid ----
 * score = sqrt(cls * obj); centre = (cell + b01) * stride, size = exp(b23) * stride, point = (cell + k) * stride. */

enum { YUNET_POINTS = 5 };

static bool yunet_roles(const ps_io *io, ps_task *t)
{
    int levels = io->n_outputs / 4;
    if (io->n_outputs % 4 || levels < 1 || levels > PS_MAX_LEVELS) return false;
    int64_t cells = 0;
    for (int i = 0; i < io->n_outputs; i++) {
        if (!ps_out_is(io, i, 3)) return false;
        if (io->out[i].dim[2] == 4) cells += io->out[i].dim[1];
    }
    if (!ps_find_levels(t, cells, 1) || t->n_levels != levels) return false;
    for (int l = 0; l < levels; l++) {
        int role[4], ones = 0;
        for (int r = 0; r < 4; r++) role[r] = -1;
        for (int i = 0; i < io->n_outputs; i++) {
            const int32_t *dim = io->out[i].dim;
            if (dim[1] != t->grid_h[l] * t->grid_w[l]) continue;
            int r = dim[2] == 4 ? 2 : dim[2] == 2 * YUNET_POINTS ? 3 : dim[2] == 1 && ones < 2 ? ones++ : -1;
            if (r < 0 || role[r] >= 0) return false;
            role[r] = i;
        }
        for (int r = 0; r < 4; r++) {
            if (role[r] < 0) return false;
            t->out[4 * l + r] = role[r];
        }
    }
    return true;
}

static bool yunet_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return t->kind != PS_TASK_CLASSIFY && io->n_outputs >= 8 && yunet_roles(io, &scratch);
}

static poise_status yunet_bind(const ps_io *io, ps_task *t)
{
    if (!yunet_roles(io, t))
        return ps_bad_outputs(io, "yunet", "for each level f32 [1,n,1] twice, [1,n,4] and [1,n,10]");
    t->kind = PS_TASK_POSE;
    t->n_classes = 1;
    t->n_keypoints = YUNET_POINTS;
    t->keypoint_dims = 2;
    t->pixels.fit = PS_FIT_TOPLEFT;
    t->pixels.border = 0;
    t->pixels.bgr = 1;
    t->pixels.scale = 1;
    return POISE_OK;
}

static float yunet_score(float obj, float cls)
{
    float v = (obj < 1 ? obj : 1) * (cls < 1 ? cls : 1);
    return v > 0 ? sqrtf(v) : 0;
}

static ps_map yunet_map(const ps_decode *d, int l, int role)
{
    const ps_task *t = d->task;
    ps_map flat = ps_map_flat(d->out[t->out[4 * l + role]], false);
    return ps_map_level(&flat, 0, t->grid_h[l], t->grid_w[l]);
}

static void yunet_box(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    const ps_map *m = s->ctx;
    float stride = (float)d->task->stride[s->level];
    float cx = ((float)x + ps_map_at(m, 0, y, x)) * stride, cy = ((float)y + ps_map_at(m, 1, y, x)) * stride;
    float w = expf(ps_map_at(m, 2, y, x)) * stride, h = expf(ps_map_at(m, 3, y, x)) * stride;
    out[0] = cx - w / 2, out[1] = cy - h / 2, out[2] = cx + w / 2, out[3] = cy + h / 2;
}

static void yunet_run(ps_decode *d)
{
    const ps_task *t = d->task;
    for (int l = 0, base = 0; l < t->n_levels; base += t->grid_h[l] * t->grid_w[l], l++) {
        ps_map obj = yunet_map(d, l, 1), boxes = yunet_map(d, l, 2);
        ps_scan s = {.map = yunet_map(d, l, 0),
                     .n = 1,
                     .obj = &obj,
                     .score = yunet_score,
                     .box = yunet_box,
                     .ctx = &boxes,
                     .level = l,
                     .base = base};
        ps_scan_run(d, &s);
    }
}

static void yunet_keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    const ps_task *t = d->task;
    int l = 0;
    int32_t cell = c->cell;
    while (l + 1 < t->n_levels && cell >= t->grid_h[l] * t->grid_w[l])
        cell -= t->grid_h[l] * t->grid_w[l], l++;
    int32_t y = cell / t->grid_w[l], x = cell % t->grid_w[l];
    ps_map m = yunet_map(d, l, 3);
    float stride = (float)t->stride[l];
    for (int32_t i = 0; i < YUNET_POINTS; i++)
        out[i] = (poise_keypoint){((float)x + ps_map_at(&m, 2 * i, y, x)) * stride,
                                  ((float)y + ps_map_at(&m, 2 * i + 1, y, x)) * stride, c->score};
}

const ps_decoder ps_decoder_yunet = {.name = "yunet",
                                     .conf = 0.6f,
                                     .iou = 0.3f,
                                     .about = "YuNet: cls, obj, bbox and kps for each of strides 8, 16, 32",
                                     .kind = PS_TASK_POSE,
                                     .looks = yunet_looks,
                                     .bind = yunet_bind,
                                     .run = yunet_run,
                                     .keypoints = yunet_keypoints};
