/* models/decode_mediapipe.c - networks of MediaPipe and TensorFlow Hub: BlazeFace and MoveNet. */
#include "models/decode.h"

/* ---- BlazeFace: regressors [1,896,16], classificators [1,896,1] before the sigmoid ----
 * 16x16 cells with 2 anchors each, then 8x8 with 6; an anchor is the centre of its cell.  Of 16 numbers, in pixels of the
 * input from the anchor: centre, width and height of the box, then x and y of six points (eyes, nose, mouth, ears). */

enum { FACE_POINTS = 6, FACE_CELLS = 16 * 16 * 2 + 8 * 8 * 6 };

static bool face_roles(const ps_io *io, ps_task *t)
{
    if (io->n_outputs != 2 || t->kind == PS_TASK_CLASSIFY || !ps_out_is(io, 0, 3) || !ps_out_is(io, 1, 3)) return false;
    int scores = io->out[0].dim[2] != 1;
    t->out[0] = scores, t->out[1] = !scores;
    return io->out[scores].dim[1] == FACE_CELLS && io->out[!scores].dim[1] == FACE_CELLS && io->out[scores].dim[2] == 1 &&
           io->out[!scores].dim[2] == 4 + 2 * FACE_POINTS && t->in_h == t->in_w && t->in_w % 16 == 0;
}

static bool face_looks(const ps_io *io, const ps_task *t)
{
    ps_task scratch = *t;
    return face_roles(io, &scratch);
}

static poise_status face_bind(const ps_io *io, ps_task *t)
{
    if (!face_roles(io, t)) return ps_bad_outputs(io, "blazeface", "f32 [1,896,16] and [1,896,1]");
    t->kind = PS_TASK_POSE;
    t->n_classes = 1;
    t->n_keypoints = FACE_POINTS;
    t->keypoint_dims = 2;
    t->boxes = t->keypoints = PS_UNITS_PIXELS;
    t->scores = PS_SCORES_LOGITS;
    t->pixels.border = 0;
    t->pixels.scale = 1 / 127.5f;
    for (int c = 0; c < 3; c++) t->pixels.mean[c] = 1;
    return POISE_OK;
}

static void face_anchor(const ps_task *t, int32_t cell, float *x, float *y)
{
    bool fine = cell < 16 * 16 * 2;
    int32_t side = fine ? 16 : 8, i = fine ? cell / 2 : (cell - 16 * 16 * 2) / 6;
    float step = (float)t->in_w / (float)side;
    *x = ((float)(i % side) + 0.5f) * step;
    *y = ((float)(i / side) + 0.5f) * step;
}

static void face_box(const ps_decode *d, const ps_scan *s, int32_t row, int32_t cell, float out[4])
{
    const ps_map *m = s->ctx;
    float x, y, w = ps_map_at(m, 2, row, cell) / 2, h = ps_map_at(m, 3, row, cell) / 2;
    face_anchor(d->task, cell, &x, &y);
    x += ps_map_at(m, 0, row, cell), y += ps_map_at(m, 1, row, cell);
    out[0] = x - w, out[1] = y - h, out[2] = x + w, out[3] = y + h;
}

static void face_run(ps_decode *d)
{
    ps_map boxes = ps_map_flat(d->out[d->task->out[1]], false);
    ps_scan s = {.map = ps_map_flat(d->out[d->task->out[0]], false), .n = 1, .logits = true, .box = face_box, .ctx = &boxes};
    ps_scan_run(d, &s);
}

static void face_keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    ps_map m = ps_map_flat(d->out[d->task->out[1]], false);
    float x, y;
    face_anchor(d->task, c->cell, &x, &y);
    for (int32_t i = 0; i < FACE_POINTS; i++)
        out[i] = (poise_keypoint){x + ps_map_at(&m, 4 + 2 * i, 0, c->cell), y + ps_map_at(&m, 5 + 2 * i, 0, c->cell), c->score};
}

const ps_decoder ps_decoder_blazeface = {.name = "blazeface",
                                         .conf = 0.5f,
                                         .iou = 0.3f,
                                         .about = "BlazeFace: [1,896,16] and [1,896,1], 6 points of a face",
                                         .kind = PS_TASK_POSE,
                                         .looks = face_looks,
                                         .bind = face_bind,
                                         .run = face_run,
                                         .keypoints = face_keypoints};

/* ---- MoveNet, one person: [1,1,17,3] of y, x and score, 0..1 of the input ---- */

enum { BODY_POINTS = 17 };

static bool body_looks(const ps_io *io, const ps_task *t)
{
    const int32_t *dim = io->out[0].dim;
    return io->n_outputs == 1 && t->kind != PS_TASK_CLASSIFY && ps_out_is(io, 0, 4) && dim[1] == 1 && dim[2] == BODY_POINTS &&
           dim[3] == 3;
}

static poise_status body_bind(const ps_io *io, ps_task *t)
{
    if (!body_looks(io, t)) return ps_bad_outputs(io, "movenet", "f32 [1,1,17,3]");
    t->kind = PS_TASK_POSE;
    t->n_classes = 1;
    t->n_keypoints = BODY_POINTS;
    t->keypoint_dims = 3;
    t->keypoints = PS_UNITS_UNIT;
    t->scores = PS_SCORES_UNIT;
    t->pixels.border = 0;
    t->pixels.scale = 1; /* its first layers take pixels of 0..255 */
    return POISE_OK;
}

static void body_keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    (void)c;
    ps_map m = ps_map_image(d->out[0]); /* rows are joints, columns y, x, score */
    float w = (float)d->task->in_w, h = (float)d->task->in_h;
    for (int32_t j = 0; j < BODY_POINTS; j++)
        out[j] = (poise_keypoint){ps_map_at(&m, 0, j, 1) * w, ps_map_at(&m, 0, j, 0) * h, ps_map_at(&m, 0, j, 2)};
}

/* Scored as `heatmap` does it: the mean of the joints that are seen. */
static void body_run(ps_decode *d)
{
    static const float seen = 0.2f;
    poise_keypoint k[BODY_POINTS];
    float sum = 0, box[4] = {0, 0, (float)d->task->in_w, (float)d->task->in_h};
    int32_t n = 0;
    body_keypoints(d, NULL, k);
    for (int32_t j = 0; j < BODY_POINTS; j++)
        if (k[j].conf > seen) sum += k[j].conf, n++;
    float score = n ? sum / (float)n : 0;
    d->trace.cells += 1;
    ps_saw(d, score, 0);
    if (score > d->conf && (!d->wanted || d->wanted[0])) ps_push(d, box, score, 0, 0);
}

const ps_decoder ps_decoder_movenet = {.name = "movenet",
                                       .about = "MoveNet, one person: [1,1,17,3]",
                                       .kind = PS_TASK_POSE,
                                       .final = true,
                                       .one_person = true,
                                       .looks = body_looks,
                                       .bind = body_bind,
                                       .run = body_run,
                                       .keypoints = body_keypoints};
