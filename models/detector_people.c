/* models/detector_people.c - several people in one picture, for networks that see one: a person for each thread.
 *
 * Not as one batch: ultralight SimplePose takes 13.9 ms for 4 people one by one, and 14.2 in a batch of 4 (8: 27.8 and 32),
 * whose activations leave the cache (one thread, Zen 4); and threads share out people better than rows of small layers. */
#include "models/detector.h"

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/status.h"
#include "runtime/threads.h"

enum { GROUP = 64 }; /* people of a region */

typedef struct group {
    ps_detector *d;
    const poise_image *img;
    const float (*box)[4];
    const poise_detect_options *o;
    poise_object *found; /* one for each box */
    int given[GROUP];
    poise_status status[GROUP];
    double ms[GROUP][3];
} group;

static void people_body(void *ctx, int begin, int end, int thread)
{
    group *g = ctx;
    ps_detector *d = thread ? g->d->helper[thread - 1] : g->d;
    for (int i = begin; i < end; i++) {
        g->status[i] = ps_detector_run_box(d, g->img, g->box[i], g->o, &g->found[i], 1, &g->given[i]);
        g->ms[i][0] = d->pre_ms, g->ms[i][1] = d->run_ms, g->ms[i][2] = d->post_ms;
    }
}

/* A session and a detector for each thread but the caller's; false: no memory for one. */
static bool open_helpers(ps_detector *d, int n)
{
    while (d->n_helpers < n) {
        poise_session *s = NULL;
        ps_detector *h = NULL;
        if (poise_session_open(d->session->model, &s)) return false;
        if (ps_detector_open(s, &d->asked, &h)) {
            poise_session_close(s);
            return false;
        }
        d->helper[d->n_helpers++] = h;
    }
    for (int i = 0; i < n; i++) d->helper[i]->pixels = d->pixels;
    return true;
}

void ps_detector_close_helpers(ps_detector *d)
{
    for (int i = 0; i < d->n_helpers; i++) {
        poise_session *s = d->helper[i]->session;
        ps_detector_close(d->helper[i]);
        poise_session_close(s);
    }
    d->n_helpers = 0;
}

/* Up to GROUP people at once, their objects to found[0..*n) in the order of their boxes; ms gets the steps' shares of the
 * time that passed. */
static poise_status run_group(group *g, int n_boxes, int threads, int *n, double ms[3])
{
    double sum[3] = {0}, from = ps_clock_ms();
    ps_parallel(threads, n_boxes, people_body, g);
    double passed = ps_clock_ms() - from;
    *n = 0;
    for (int i = 0; i < n_boxes; i++) {
        if (g->status[i]) /* again, for the text of the failure, which is the thread's */
            PS_TRY(ps_detector_run_box(g->d, g->img, g->box[i], g->o, &g->found[i], 1, &g->given[i]));
        if (g->given[i]) g->found[(*n)++] = g->found[i];
        for (int k = 0; k < 3; k++) sum[k] += g->ms[i][k];
    }
    double all = sum[0] + sum[1] + sum[2];
    for (int k = 0; k < 3 && all > 0; k++) ms[k] += passed * sum[k] / all;
    return POISE_OK;
}

static poise_status one_by_one(ps_detector *d, const poise_image *img, const float (*box)[4], int n_boxes,
                               const poise_detect_options *o, poise_object *found, int cap, int *n, double ms[3])
{
    for (int i = 0; i < n_boxes && *n < cap; i++) {
        int one = 0;
        PS_TRY(ps_detector_run_box(d, img, box[i], o, found + *n, cap - *n, &one));
        *n += one;
        ms[0] += d->pre_ms, ms[1] += d->run_ms, ms[2] += d->post_ms;
    }
    return POISE_OK;
}

poise_status ps_detector_run_boxes(ps_detector *d, const poise_image *img, const float (*box)[4], int n_boxes,
                                   const poise_detect_options *o, poise_object *found, int cap, int *n)
{
    double ms[3] = {0};
    int threads = d->session->model->threads < n_boxes ? d->session->model->threads : n_boxes;
    if (d->alone || cap < n_boxes || !d->task.decoder->one_person) threads = 1;
    *n = 0;
    if (threads < 2 || !open_helpers(d, threads - 1)) {
        PS_TRY(one_by_one(d, img, box, n_boxes, o, found, cap, n, ms));
    } else {
        for (int i = 0; i < n_boxes; i += GROUP) {
            int some = 0, left = n_boxes - i < GROUP ? n_boxes - i : GROUP;
            group g = {.d = d, .img = img, .box = box + i, .o = o, .found = found + *n};
            PS_TRY(run_group(&g, left, threads, &some, ms));
            *n += some;
        }
    }
    d->pre_ms = ms[0], d->run_ms = ms[1], d->post_ms = ms[2];
    return POISE_OK;
}
