/* models/detector.c - runs a picture through letterbox, network, decoder and NMS. */
#include "models/detector.h"

#include "models/image.h"
#include "models/image_rows.h"
#include "models/nms.h"
#include "nn/tensor.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FOUND = 300 };

/* A JPEG is read at least so much larger than the network sees it.  With 1.25 detections of photos move by less than a
 * pixel of the input; with 1 (a picture of exactly twice the size) a faint box moved by 30 of 1280 pixels, while mAP of
 * 128 images stayed at 0.340 and 0.342. */
#define SHRINK_MARGIN 1.25

/* The block: two arrays of candidates, two of sort keys, one byte for each class.  Most pages of it are never
 * touched: a picture with 100 candidates costs a few kB.  In the account it has so many. */
enum { COUNTED = 1000, CANDIDATE_BYTES = 2 * (sizeof(ps_candidate) + sizeof(uint64_t)) };

static size_t block_counts(const ps_task *t)
{
    return COUNTED * CANDIDATE_BYTES + (size_t)t->n_classes;
}

static poise_status take_block(ps_detector *d)
{
    ps_arena a = {0};
    ps_decode *k = &d->decode;
    k->cap = 2 * PS_MAX_CANDIDATES;
    for (int pass = 0; pass < 2; pass++) {
        k->found = ps_arena_push(&a, (size_t)k->cap * sizeof *k->found);
        k->spare = ps_arena_push(&a, (size_t)k->cap * sizeof *k->spare);
        k->keys = ps_arena_push(&a, 2 * (size_t)k->cap * sizeof *k->keys);
        d->wanted = ps_arena_push(&a, (size_t)d->task.n_classes);
        if (pass) break;
        d->block = ps_alloc_sparse(a.used, block_counts(&d->task));
        PS_REQUIRE(d->block, POISE_NO_MEMORY, "no memory (%zu bytes) for candidates", a.used);
        a = (ps_arena){.base = d->block, .cap = a.used};
    }
    return POISE_OK;
}

size_t ps_detector_size(const poise_model *m, const ps_task *t)
{
    size_t reals = 0;
    poise_tensor y;
    for (int i = 0; i < PS_MAX_OUTPUTS && poise_model_output(m, i, &y); i++)
        if (y.scale > 0) reals += ps_round_up(poise_tensor_count(&y), 16) * sizeof(float);
    return ps_alloc_size(sizeof(ps_detector)) + block_counts(t) + (reals ? ps_alloc_size(reals) : 0);
}

/* Room for quantised outputs as floats, each at a multiple of 16. */
static poise_status take_reals(ps_detector *d)
{
    size_t n = 0, at = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < PS_MAX_OUTPUTS; i++) {
            const poise_tensor *y = poise_session_output(d->session, i);
            if (!y || !(y->scale > 0)) continue;
            size_t count = ps_round_up(poise_tensor_count(y), 16);
            if (!pass) {
                n += count;
                continue;
            }
            d->real[i] = *y;
            d->real[i].type = POISE_F32, d->real[i].scale = 0, d->real[i].zero = 0;
            d->real[i].data = d->reals + at;
            ps_strides_row_major(&d->real[i]);
            at += count;
        }
        if (!n) return POISE_OK;
        if (!d->reals) d->reals = ps_alloc_array(n, sizeof *d->reals);
        PS_REQUIRE(d->reals, POISE_NO_MEMORY, "no memory (%zu floats) for quantised outputs", n);
    }
    return POISE_OK;
}

/* Output i as decoders want it: real numbers. */
static const poise_tensor *real_output(ps_detector *d, int i)
{
    const poise_tensor *y = poise_session_output(d->session, i), *real = &d->real[i];
    void *at[2];
    ps_walk w;
    if (!y || !real->data) return y;
    ps_walk_init(&w, 2, (const poise_tensor *[]){real, y});
    for (size_t r = 0; r < w.rows; r++) {
        ps_walk_row(&w, r, at);
        for (size_t k = 0; k < w.n; k++) {
            ptrdiff_t from = (ptrdiff_t)k * w.step[1];
            int32_t q = y->type == POISE_I8 ? ((const int8_t *)at[1])[from] : ((const uint8_t *)at[1])[from];
            ((float *)at[0])[(ptrdiff_t)k * w.step[0]] = y->scale * (float)(q - y->zero);
        }
    }
    return real;
}

poise_status ps_detector_open(poise_session *s, const ps_task_options *o, ps_detector **out)
{
    ps_detector *d = ps_alloc(sizeof *d);
    PS_REQUIRE(d, POISE_NO_MEMORY, "no memory for a detector");
    d->session = s;
    if (o) d->asked = *o;
    poise_status st = ps_task_resolve(s->model, o, &d->task);
    if (st == POISE_OK) st = take_block(d);
    if (st == POISE_OK) st = take_reals(d);
    if (st != POISE_OK) {
        ps_detector_close(d);
        return st;
    }
    d->pixels = d->task.pixels;
    d->decode.task = &d->task;
    d->decode.boxes = d->task.boxes;
    d->decode.keypoints = d->task.keypoints;
    d->decode.scores = d->task.scores;
    *out = d;
    return POISE_OK;
}

void ps_detector_close(ps_detector *d)
{
    if (!d) return;
    ps_detector_close_helpers(d);
    ps_letterbox_free(&d->letterbox);
    ps_task_free(&d->task);
    ps_free(d->block);
    ps_free(d->reals);
    ps_free(d);
}

/* Clips the caller's box to the picture. */
static poise_status take_box(ps_detector *d, int32_t w, int32_t h, const float box[4])
{
    d->boxed = box != NULL;
    if (!box) return POISE_OK;
    PS_REQUIRE(d->task.decoder->one_person, POISE_UNSUPPORTED,
               "a box of one person is for networks that see one person; decoder %s finds the boxes itself",
               d->task.decoder->name);
    for (int i = 0; i < 4; i++) {
        float most = (float)(i & 1 ? h : w);
        d->box[i] = box[i] > 0 ? (box[i] < most ? box[i] : most) : 0; /* NaN becomes 0 */
    }
    PS_REQUIRE(d->box[2] > d->box[0] && d->box[3] > d->box[1], POISE_BAD_ARGUMENT,
               "box %g,%g,%g,%g: x1,y1,x2,y2 inside the picture of %d x %d pixels are wanted", (double)box[0],
               (double)box[1], (double)box[2], (double)box[3], w, h);
    return POISE_OK;
}

/* Where a picture of w x h pixels, or the surroundings of a box in it, lies in the network's input. */
static ps_geometry place(const ps_detector *d, int32_t w, int32_t h, const float *box)
{
    const ps_task *t = &d->task;
    if (box) return ps_geometry_around(box, w, h, t->in_w, t->in_h);
    return ps_geometry_make(d->pixels.fit, d->pixels.short_side, w, h, t->in_w, t->in_h);
}

double ps_detector_shrink(const ps_detector *d, int32_t w, int32_t h, const float (*box)[4], int n_boxes)
{
    double least = DBL_MAX;
    for (int i = 0; i < n_boxes || i < 1; i++) {
        ps_geometry g = place(d, w, h, n_boxes ? box[i] : NULL);
        least = fmin(least, fmin(g.step_x, g.step_y));
    }
    return least / SHRINK_MARGIN;
}

poise_status ps_detector_fill(ps_detector *d, const poise_image *img, const float box[4])
{
    PS_TRY(ps_image_check(img));
    int32_t w = ps_image_full_w(img), h = ps_image_full_h(img);
    PS_TRY(take_box(d, w, h, box));
    const poise_tensor *in = poise_session_input(d->session, 0);
    const poise_model *m = d->session->model;
    ps_geometry g = place(d, w, h, box ? d->box : NULL);
    ps_geometry_of_image(&g, img);
    PS_TRY(ps_letterbox_plan(&d->letterbox, &d->pixels, &g, m->threads));
    return ps_letterbox_run(&d->letterbox, &m->kernels, img, in);
}

static float conf_of(const ps_detector *d, const poise_detect_options *o)
{
    return o && o->conf > 0 ? o->conf : d->boxed ? 0 : d->task.conf;
}

/* Thresholds and class filter of this call, into the decoder's state. */
static poise_status set_options(ps_detector *d, const poise_detect_options *o, int *most, float *iou,
                                bool *agnostic)
{
    static const poise_detect_options none;
    if (!o) o = &none;
    PS_REQUIRE(o->conf >= 0 && o->conf <= 1 && o->iou >= 0 && o->iou <= 1, POISE_BAD_ARGUMENT,
               "conf %g and iou %g: both lie in 0..1", (double)o->conf, (double)o->iou);
    PS_REQUIRE(o->max_det >= 0 && o->n_classes >= 0, POISE_BAD_ARGUMENT,
               "max_det %d, n_classes %d: not below 0", o->max_det, o->n_classes);
    ps_decode *k = &d->decode;
    k->conf = conf_of(d, o);
    k->multi_label = o->multi_label != 0;
    k->wanted = NULL;
    *iou = o->iou > 0 ? o->iou : d->task.iou;
    *most = o->max_det ? o->max_det : MOST_FOUND;
    *agnostic = o->agnostic_nms != 0;
    if (!o->classes) return POISE_OK;
    memset(d->wanted, 0, (size_t)d->task.n_classes);
    for (int i = 0; i < o->n_classes; i++) {
        int32_t c = o->classes[i];
        PS_REQUIRE(c >= 0 && c < d->task.n_classes, POISE_BAD_ARGUMENT,
                   "class %d: the network has classes 0 to %d", c, d->task.n_classes - 1);
        d->wanted[c] = 1;
    }
    k->wanted = d->wanted;
    return POISE_OK;
}

static void to_object(const ps_detector *d, const ps_candidate *c, poise_object *out)
{
    const ps_geometry *g = &d->letterbox.geometry;
    out->class_id = c->class_id;
    out->conf = c->score < 1 ? c->score : 1;
    bool none = d->task.kind == PS_TASK_CLASSIFY;
    out->x1 = none ? 0 : ps_geometry_x(g, c->x1);
    out->y1 = none ? 0 : ps_geometry_y(g, c->y1);
    out->x2 = none ? 0 : ps_geometry_x(g, c->x2);
    out->y2 = none ? 0 : ps_geometry_y(g, c->y2);
    if (d->boxed) out->x1 = d->box[0], out->y1 = d->box[1], out->x2 = d->box[2], out->y2 = d->box[3];
    out->n_keypoints = d->task.n_keypoints;
    if (!out->n_keypoints) return;
    d->task.decoder->keypoints(&d->decode, c, out->keypoint);
    for (int32_t i = 0; i < out->n_keypoints; i++) {
        out->keypoint[i].x = ps_geometry_x(g, out->keypoint[i].x);
        out->keypoint[i].y = ps_geometry_y(g, out->keypoint[i].y);
    }
}

poise_status ps_detector_read(ps_detector *d, const poise_detect_options *o, poise_object *found, int cap,
                              int *n)
{
    int most = 0;
    float iou = 0;
    bool agnostic = false;
    ps_decode *k = &d->decode;
    const ps_decoder *dec = d->task.decoder;
    PS_TRY(set_options(d, o, &most, &iou, &agnostic));
    for (int i = 0; i < PS_MAX_OUTPUTS; i++) k->out[i] = real_output(d, i);
    k->trace = (ps_trace){.best_score = -1, .best_class = -1, .conf = k->conf, .iou = iou};
    k->n = 0;
    dec->run(k);
    ps_sort_candidates(k, PS_MAX_CANDIDATES);
    k->trace.candidates = k->n;
    if (dec->final)
        k->n = k->n < most ? k->n : most;
    else
        k->n = ps_nms(k->found, k->n, iou, agnostic, most);
    k->trace.after_nms = k->n;
    int m = k->n < cap ? k->n : cap;
    for (int i = 0; i < m; i++) to_object(d, &k->found[i], &found[i]);
    k->trace.found = *n = m;
    k->trace.boxes = k->boxes, k->trace.keypoints = k->keypoints, k->trace.scores = k->scores;
    return POISE_OK;
}

/* Whether boxes of cells without a score above the threshold are never looked at.  Until units are known they are:
 * ps_unit_scale samples the outputs of the first picture. */
static bool may_gate(const ps_detector *d)
{
    const ps_task *t = &d->task;
    const ps_gate *gate = &d->session->model->gate;
    bool known = d->decode.boxes != PS_UNITS_AUTO && (!t->n_keypoints || d->decode.keypoints != PS_UNITS_AUTO);
    return known && t->decoder->gated && t->channels_first && gate->first_row == 4 && gate->n_rows == t->n_classes;
}

static void run_network(const ps_detector *d, const poise_detect_options *o)
{
    /* Below any logit whose sigmoid, rounded, is above the threshold. */
    if (may_gate(d) && !(o && o->all_boxes)) ps_session_run_gated(d->session, ps_logit(conf_of(d, o) - 1e-6f) - 1e-3f);
    else poise_session_run(d->session);
}

poise_status ps_detector_run_box(ps_detector *d, const poise_image *img, const float box[4],
                                 const poise_detect_options *o, poise_object *found, int cap, int *n)
{
    double t0 = ps_clock_ms();
    PS_TRY(ps_detector_fill(d, img, box));
    double t1 = ps_clock_ms();
    run_network(d, o);
    double t2 = ps_clock_ms();
    poise_status st = ps_detector_read(d, o, found, cap, n);
    d->pre_ms = t1 - t0, d->run_ms = t2 - t1, d->post_ms = ps_clock_ms() - t2;
    return st;
}

poise_status ps_detector_run(ps_detector *d, const poise_image *img, const poise_detect_options *o,
                             poise_object *found, int cap, int *n)
{
    return ps_detector_run_box(d, img, NULL, o, found, cap, n);
}

/* Where the picture, or which part of it, lies in the input. */
static int explain_place(const ps_detector *d, char *buf, size_t size)
{
    const ps_geometry *g = &d->letterbox.geometry;
    if (d->boxed)
        return snprintf(buf, size, "crop:      %.1f x %.1f at %.1f,%.1f of %d x %d -> %d x %d",
                        g->step_x * g->dst_w, g->step_y * g->dst_h, g->start_x, g->start_y, g->src_w,
                        g->src_h, g->dst_w, g->dst_h);
    return snprintf(buf, size, "letterbox: %d x %d -> %d x %d at %d,%d in %d x %d", g->src_w, g->src_h,
                    g->new_w, g->new_h, g->left, g->top, g->dst_w, g->dst_h);
}

const char *ps_detector_explain(const ps_detector *d, char buf[PS_EXPLAIN_TEXT])
{
    const ps_trace *t = &d->decode.trace;
    const ps_task *k = &d->task;
    const char *name = t->best_class >= 0 && t->best_class < k->names.n ? k->names.name[t->best_class] : NULL;
    int n = explain_place(d, buf, PS_EXPLAIN_TEXT);
    n += snprintf(buf + n, PS_EXPLAIN_TEXT - (size_t)n,
                  " (%s, %s, %s)\n"
                  "decoder:   %s, task %s, %d classes, %d keypoints\n",
                  d->boxed ? "box" : ps_fit_names[d->pixels.fit], ps_filter_names[d->pixels.filter],
                  d->pixels.bgr ? "bgr" : "rgb", k->decoder->name, ps_task_names[k->kind], k->n_classes,
                  k->n_keypoints);
    if (t->best_score < 0)
        n += snprintf(buf + n, PS_EXPLAIN_TEXT - (size_t)n, "scores:    none of %lld is %s\n", (long long)t->cells,
                      d->decode.wanted ? "highest for a class that is wanted" : "a number above -1");
    else
        n += snprintf(buf + n, PS_EXPLAIN_TEXT - (size_t)n,
                      "scores:    best %.4g (class %d%s%.64s) of %lld cells, threshold %.4g\n",
                      (double)t->best_score, t->best_class, name ? " " : "", name ? name : "",
                      (long long)t->cells, (double)t->conf);
    snprintf(buf + n, PS_EXPLAIN_TEXT - (size_t)n,
             "candidates: %lld above the threshold, %d to NMS (iou %.4g), %d after it, %d given\n"
             "units:     boxes %s, keypoints %s, scores %s\n",
             (long long)t->passed, t->candidates, (double)t->iou, t->after_nms, t->found,
             ps_units_names[t->boxes], ps_units_names[t->keypoints], ps_scores_names[t->scores]);
    size_t end = strlen(buf);
    if (d->session->marked >= 0)
        snprintf(buf + end, PS_EXPLAIN_TEXT - end, "boxes:     computed around %lld of %lld cells\n",
                 (long long)d->session->marked, (long long)t->cells);
    return buf;
}
