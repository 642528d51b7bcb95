/* app/agreement.c - shows two networks the same pictures and matches what they see. */
#include "app/agreement.h"

#include "runtime/memory.h"

#include <math.h>

enum { MOST = 300 };
static const float fades = 0.6f; /* what one sees, the other may see with this share of the threshold */

typedef struct sums {
    ps_agreement *out;
    double distance;
    int joints, close;
} sums;

static float overlap(const poise_object *a, const poise_object *b)
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1), h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    float both = w > 0 && h > 0 ? w * h : 0;
    float all = (a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both;
    return all > 0 ? both / all : 0;
}

/* Distances of joints, in shares of the object's size (the root of its area). */
static void compare_joints(sums *s, const poise_object *a, const poise_object *b)
{
    const float sure = 0.5f;
    float size = sqrtf(fmaxf((a->x2 - a->x1) * (a->y2 - a->y1), 1));
    for (int i = 0; i < a->n_keypoints && i < b->n_keypoints; i++) {
        if (a->keypoint[i].conf < sure) continue;
        float d = hypotf(a->keypoint[i].x - b->keypoint[i].x, a->keypoint[i].y - b->keypoint[i].y) / size;
        s->distance += (double)d;
        s->joints++;
        s->close += d <= 0.1f;
    }
}

/* Objects of a above the threshold, and the best partner of each among those of b. */
static void match(sums *s, const poise_object *a, int na, const poise_object *b, int nb, float conf, bool first)
{
    for (int i = 0; i < na; i++) {
        const poise_object *best = NULL;
        float most = 0.5f;
        if (a[i].conf < conf) continue;
        for (int j = 0; j < nb; j++) {
            float u = b[j].class_id == a[i].class_id ? overlap(&a[i], &b[j]) : 0;
            if (u > most) most = u, best = &b[j];
        }
        s->out->found++;
        if (!best) continue;
        s->out->matched++;
        s->out->iou += (double)most;
        if (first) compare_joints(s, &a[i], best);
    }
}

static poise_status show(ps_detector *a, ps_detector *b, const poise_image *img, poise_object *seen, sums *s)
{
    const ps_task *t = &a->task;
    poise_object *other = seen + MOST;
    bool tops = t->kind == PS_TASK_CLASSIFY, person = t->decoder->one_person;
    float conf = t->conf > 0 ? t->conf : 0.25f;
    poise_detect_options o = {.conf = tops || person ? 1e-6f : conf * fades, .max_det = MOST};
    int na = 0, nb = 0;
    PS_TRY(ps_detector_run(a, img, &o, seen, MOST, &na));
    PS_TRY(ps_detector_run(b, img, &o, other, MOST, &nb));
    s->out->pictures++;
    if (tops) s->out->same_top += na && nb && seen[0].class_id == other[0].class_id;
    else if (person && na && nb) compare_joints(s, seen, other);
    else if (!person) match(s, seen, na, other, nb, conf, true), match(s, other, nb, seen, na, conf, false);
    return POISE_OK;
}

static void conclude(sums *s, bool tops, bool person)
{
    ps_agreement *a = s->out;
    a->iou = a->matched ? a->iou / a->matched : 0;
    a->keypoints = s->joints ? s->distance / s->joints : -1;
    if (tops) a->score = a->pictures ? (double)a->same_top / a->pictures : 0;
    else if (person) a->score = s->joints ? (double)s->close / s->joints : 0;
    else a->score = a->found ? (double)a->matched / a->found : 1;
}

poise_status ps_agreement_measure(ps_detector *a, ps_detector *b, const ps_calib *c, int most,
                                  void (*progress)(void *ctx, int done, int total), void *ctx, ps_agreement *out)
{
    *out = (ps_agreement){0};
    sums s = {.out = out};
    int n = c->n < most ? c->n : most;
    poise_object *seen = ps_alloc_array(2 * MOST, sizeof *seen);
    PS_REQUIRE(seen, POISE_NO_MEMORY, "no memory for %d objects", 2 * MOST);
    poise_status st = POISE_OK;
    for (int i = 0; i < n && st == POISE_OK; i++) {
        poise_image img;
        progress(ctx, i, n);
        st = ps_calib_image(c, (int)((int64_t)i * c->n / n), &img);
        if (st != POISE_OK) break;
        st = show(a, b, &img, seen, &s);
        poise_image_close(&img);
    }
    progress(ctx, n, n);
    ps_free(seen);
    conclude(&s, a->task.kind == PS_TASK_CLASSIFY, a->task.decoder->one_person);
    return st;
}
