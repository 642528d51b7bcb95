/* models/decode_heatmap.c - top-down pose: one heatmap for each joint of one person. */
#include "models/decode.h"

#include <string.h>

/* [1,joints,h,w]: the centre of the peak's cell, moved a quarter of a cell towards its higher neighbour. */

static bool looks(const ps_io *io, const ps_task *t)
{
    if (io->n_outputs != 1 || t->kind == PS_TASK_CLASSIFY || !ps_out_is(io, 0, 4)) return false;
    const int32_t *dim = io->out[0].dim;
    int32_t joints = t->n_keypoints ? t->n_keypoints : 17;
    return dim[1] == joints && dim[2] > 1 && dim[3] > 1 && t->in_h / dim[2] == 4 && t->in_w / dim[3] == 4;
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    if (!ps_out_is(io, 0, 4) || io->out[0].dim[1] > POISE_MAX_KEYPOINTS)
        return ps_bad_outputs(io, "heatmap", "f32 [1,joints,h,w] of at most 64 joints");
    t->kind = PS_TASK_POSE;
    t->n_classes = 1;
    t->n_keypoints = io->out[0].dim[1];
    t->keypoint_dims = 3;
    t->pixels.border = 0;
    t->pixels.filter = PS_FILTER_POINT;
    memcpy(t->pixels.mean, mean, sizeof mean);
    memcpy(t->pixels.std, std, sizeof std);
    return POISE_OK;
}

/* -1/4, 0 or 1/4, towards the larger of two values. */
static float quarter(float before, float after)
{
    return after > before ? 0.25f : after < before ? -0.25f : 0;
}

static void keypoints(const ps_decode *d, const ps_candidate *c, poise_keypoint *out)
{
    (void)c;
    ps_map m = ps_map_image(d->out[0]);
    float sx = (float)d->task->in_w / (float)m.w, sy = (float)d->task->in_h / (float)m.h;
    for (int32_t j = 0; j < m.c; j++) {
        int32_t top_x = 0, top_y = 0;
        float top = ps_map_at(&m, j, 0, 0);
        for (int32_t y = 0; y < m.h; y++)
            for (int32_t x = 0; x < m.w; x++)
                if (ps_map_at(&m, j, y, x) > top) top = ps_map_at(&m, j, y, x), top_x = x, top_y = y;
        float x = (float)top_x + 0.5f, y = (float)top_y + 0.5f;
        if (top_x > 0 && top_x < m.w - 1)
            x += quarter(ps_map_at(&m, j, top_y, top_x - 1), ps_map_at(&m, j, top_y, top_x + 1));
        if (top_y > 0 && top_y < m.h - 1)
            y += quarter(ps_map_at(&m, j, top_y - 1, top_x), ps_map_at(&m, j, top_y + 1, top_x));
        out[j] = (poise_keypoint){x * sx, y * sy, top > 0 ? (top < 1 ? top : 1) : 0};
    }
}

/* The one person is scored by the mean of its joints that are seen (above 0.2), as top-down networks are judged on
 * COCO (Xiao et al. 2018, Simple Baselines): a person who is half hidden is still a person. */
static void run(ps_decode *d)
{
    static const float seen = 0.2f;
    poise_keypoint k[POISE_MAX_KEYPOINTS];
    float sum = 0, box[4] = {0, 0, (float)d->task->in_w, (float)d->task->in_h};
    int32_t n = 0;
    keypoints(d, NULL, k);
    for (int32_t j = 0; j < d->task->n_keypoints; j++)
        if (k[j].conf > seen) sum += k[j].conf, n++;
    float score = n ? sum / (float)n : 0;
    d->trace.cells += 1;
    ps_saw(d, score, 0);
    if (score > d->conf && (!d->wanted || d->wanted[0])) ps_push(d, box, score, 0, 0);
}

const ps_decoder ps_decoder_heatmap = {.name = "heatmap",
                                       .about = "top-down pose: [1,joints,h,w], one person in the picture",
                                       .kind = PS_TASK_POSE,
                                       .final = true,
                                       .one_person = true,
                                       .looks = looks,
                                       .bind = bind,
                                       .run = run,
                                       .keypoints = keypoints};
