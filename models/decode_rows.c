/* models/decode_rows.c - networks that give finished rows: NMS-free heads and exports with NMS inside. */
#include "models/decode.h"

/* [1,n,6(+k*dims)]: x1, y1, x2, y2, score, class, keypoints; unused rows have score 0. */

static bool looks(const ps_io *io, const ps_task *t)
{
    enum { MOST_ROWS = 2000 }; /* fewer than the cells of any head that is not finished */
    return io->n_outputs == 1 && t->kind != PS_TASK_CLASSIFY && ps_out_is(io, 0, 3) &&
           io->out[0].dim[2] == 6 + t->n_keypoints * t->keypoint_dims && io->out[0].dim[1] <= MOST_ROWS;
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    int32_t k = t->n_keypoints * t->keypoint_dims;
    if (!ps_out_is(io, 0, 3) || io->out[0].dim[2] != 6 + k)
        return ps_bad_outputs(io, "end2end", "f32 [1,rows,6 + values of the keypoints]");
    if (!t->n_classes) t->n_classes = k ? 1 : 80;
    return POISE_OK;
}

/* Coordinates of rows that count decide the unit; a picture without any leaves it open. */
static void decide(const ps_map *m, float conf, int32_t first, int32_t n, int32_t step, ps_units *units)
{
    float most = -1;
    for (int32_t i = 0; i < m->w && *units == PS_UNITS_AUTO; i++)
        for (int32_t c = first; c < first + n * step && ps_map_at(m, 4, 0, i) > conf; c += step)
            if (ps_map_at(m, c, 0, i) > most) most = ps_map_at(m, c, 0, i);
    if (*units == PS_UNITS_AUTO && most >= 0) *units = most > 2 ? PS_UNITS_PIXELS : PS_UNITS_UNIT;
}

static void run(ps_decode *d)
{
    const ps_task *t = d->task;
    ps_map m = ps_map_flat(d->out[0], false);
    decide(&m, d->conf, 2, 2, 1, &d->boxes);
    if (t->n_keypoints) decide(&m, d->conf, 6, t->n_keypoints, t->keypoint_dims, &d->keypoints);
    float sx = d->boxes == PS_UNITS_UNIT ? (float)t->in_w : 1,
          sy = d->boxes == PS_UNITS_UNIT ? (float)t->in_h : 1;
    d->trace.cells += m.w;
    for (int32_t i = 0; i < m.w; i++) {
        float score = ps_map_at(&m, 4, 0, i), id = ps_map_at(&m, 5, 0, i);
        if (!(id > -1 && id < (float)t->n_classes)) continue;
        int32_t class_id = (int32_t)(id + 0.5f);
        if (class_id >= t->n_classes || (d->wanted && !d->wanted[class_id])) continue;
        ps_saw(d, score, class_id);
        float box[4] = {ps_map_at(&m, 0, 0, i) * sx, ps_map_at(&m, 1, 0, i) * sy, ps_map_at(&m, 2, 0, i) * sx,
                        ps_map_at(&m, 3, 0, i) * sy};
        if (score > d->conf) ps_push(d, box, score, class_id, i);
    }
}

static void keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    const ps_task *t = d->task;
    ps_map m = ps_map_flat(d->out[0], false);
    bool unit = d->keypoints == PS_UNITS_UNIT;
    float sx = unit ? (float)t->in_w : 1, sy = unit ? (float)t->in_h : 1;
    for (int32_t i = 0, at = 6; i < t->n_keypoints; i++, at += t->keypoint_dims)
        out[i] = (poise_keypoint){ps_map_at(&m, at, 0, c->cell) * sx, ps_map_at(&m, at + 1, 0, c->cell) * sy,
                                  t->keypoint_dims > 2 ? ps_map_at(&m, at + 2, 0, c->cell) : 1};
}

const ps_decoder ps_decoder_end2end = {.name = "end2end",
                                       .about = "finished rows x1,y1,x2,y2,score,class: [1,n,6(+keypoints)]",
                                       .final = true,
                                       .looks = looks,
                                       .bind = bind,
                                       .run = run,
                                       .keypoints = keypoints};
