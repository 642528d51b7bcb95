/* models/decode_yolov8.c - YOLOv8, v5u, 9, 11 as Ultralytics export them: boxes already decoded. */
#include "models/decode.h"

#include <string.h>

/* [1,4+nc(+k*dims),n] or transposed: cx, cy, w, h, one score for each class, keypoints. */

static int32_t channels_of(const ps_task *t, int32_t classes)
{
    return 4 + classes + t->n_keypoints * t->keypoint_dims;
}

/* Which of the two last dims counts channels: 1 the first, 0 the last, -1 neither.  Cells of a pyramid decide;
 * other nets have more cells than channels. */
static int orientation(const ps_io *io, const ps_task *t)
{
    if (!ps_out_is(io, 0, 3)) return -1;
    int32_t a = io->out[0].dim[1], b = io->out[0].dim[2];
    ps_task scratch = *t;
    int32_t classes = t->n_classes ? t->n_classes : 80;
    bool fits_a = t->n_classes ? a == channels_of(t, classes) : a > channels_of(t, 0) && a < b;
    bool fits_b = t->n_classes ? b == channels_of(t, classes) : b == channels_of(t, 80);
    if (fits_a && ps_find_levels(&scratch, b, 1)) return 1;
    if (fits_b && ps_find_levels(&scratch, a, 1)) return 0;
    return -1;
}

static bool looks(const ps_io *io, const ps_task *t)
{
    const char *finished = io->meta ? io->meta(io->ctx, "end2end") : NULL;
    if (finished && !strcmp(finished, "True") && io->n_outputs == 1 &&
        io->out[0].dim[2] == 6 + channels_of(t, 0) - 4)
        return false;
    return io->n_outputs == 1 && t->kind != PS_TASK_CLASSIFY && orientation(io, t) >= 0;
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    int first = orientation(io, t);
    if (first < 0 && ps_out_is(io, 0, 3)) first = io->out[0].dim[1] < io->out[0].dim[2]; /* told to be one */
    if (first < 0) return ps_bad_outputs(io, "yolov8", "f32 [1,4+classes,cells]");
    int32_t c = io->out[0].dim[first ? 1 : 2], n = c - channels_of(t, 0);
    if (n < 1 || (t->n_classes && n != t->n_classes))
        return ps_bad_outputs(io, "yolov8",
                              "4 channels of the box, one for each class name, and the keypoints");
    t->channels_first = first;
    t->n_classes = n;
    return POISE_OK;
}

static void run(ps_decode *d)
{
    ps_centre_boxes k = {.map = ps_map_flat(d->out[0], d->task->channels_first)};
    ps_unit_scale(d, &d->boxes, &k.map, 0, 4, &k.sx, &k.sy);
    ps_scan s = {.map = k.map, .first = 4, .n = d->task->n_classes, .box = ps_centre_box, .ctx = &k};
    ps_scan_run(d, &s);
    if (d->task->n_keypoints) {
        float sx, sy;
        ps_unit_scale(d, &d->keypoints, &k.map, 4 + d->task->n_classes, 2, &sx, &sy);
    }
}

static void keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    ps_map m = ps_map_flat(d->out[0], d->task->channels_first);
    float sx, sy;
    ps_units units = d->keypoints;
    int32_t dims = d->task->keypoint_dims, at = 4 + d->task->n_classes;
    ps_unit_scale(d, &units, &m, at, 2, &sx, &sy);
    for (int32_t i = 0; i < d->task->n_keypoints; i++, at += dims)
        out[i] = (poise_keypoint){ps_map_at(&m, at, 0, c->cell) * sx, ps_map_at(&m, at + 1, 0, c->cell) * sy,
                                  dims > 2 ? ps_map_at(&m, at + 2, 0, c->cell) : 1};
}

const ps_decoder ps_decoder_yolov8 = {.name = "yolov8",
                                      .about = "YOLOv8, v5u, 9, 11: [1,4+classes(+keypoints),cells]",
                                      .gated = true,
                                      .looks = looks,
                                      .bind = bind,
                                      .run = run,
                                      .keypoints = keypoints};
