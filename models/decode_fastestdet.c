/* models/decode_fastestdet.c - FastestDet: one coarse grid with joint objectness and classes. */
#include "models/decode.h"

#include <math.h>

/* [1,5+nc,h,w]: objectness (after the sigmoid), 4 offsets, classes (after the softmax).
 * score = obj^0.6 * cls^0.4; cx = (x + tanh o0) / w, cy alike, width = sigmoid o2, height = sigmoid o3. */

static bool looks(const ps_io *io, const ps_task *t)
{
    if (io->n_outputs != 1 || t->kind != PS_TASK_DETECT || !ps_out_is(io, 0, 4)) return false;
    const int32_t *dim = io->out[0].dim;
    return dim[1] == 5 + (t->n_classes ? t->n_classes : 80) && t->in_h == 16 * dim[2] &&
           t->in_w == 16 * dim[3];
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    int32_t n = ps_out_is(io, 0, 4) ? io->out[0].dim[1] - 5 : 0;
    if (n < 1 || (t->n_classes && n != t->n_classes))
        return ps_bad_outputs(io, "fastestdet", "f32 [1,5+classes,h,w]");
    t->n_classes = n;
    t->pixels.fit = PS_FIT_STRETCH;
    t->pixels.bgr = 1;
    return POISE_OK;
}

static float score(float obj, float cls)
{
    return obj > 0 && cls > 0 ? powf(obj, 0.6f) * powf(cls, 0.4f) : 0;
}

static void box_of(const ps_decode *d, const ps_scan *s, int32_t y, int32_t x, float out[4])
{
    const ps_map *m = &s->map;
    float W = (float)d->task->in_w, H = (float)d->task->in_h;
    float cx = ((float)x + tanhf(ps_map_at(m, 1, y, x))) / (float)m->w * W;
    float cy = ((float)y + tanhf(ps_map_at(m, 2, y, x))) / (float)m->h * H;
    float w = ps_sigmoid(ps_map_at(m, 3, y, x)) * W, h = ps_sigmoid(ps_map_at(m, 4, y, x)) * H;
    out[0] = cx - w / 2, out[1] = cy - h / 2, out[2] = cx + w / 2, out[3] = cy + h / 2;
}

static void run(ps_decode *d)
{
    ps_map m = ps_map_image(d->out[0]);
    ps_scan s = {.map = m,
                 .first = 5,
                 .n = d->task->n_classes,
                 .obj = &m,
                 .obj_channel = 0,
                 .score = score,
                 .box = box_of};
    ps_scan_run(d, &s);
}

const ps_decoder ps_decoder_fastestdet = {.name = "fastestdet",
                                          .iou = 0.45f,
                                          .about = "FastestDet: [1,5+classes,h,w], stride 16",
                                          .looks = looks,
                                          .bind = bind,
                                          .run = run};
