/* app/cmd_val.c - poise val: how right a network is on labelled images. */
#include "app/cli.h"
#include "app/coco.h"
#include "app/nets.h"
#include "app/progress.h"
#include "app/val_data.h"
#include "app/val_table.h"
#include "models/detector.h"
#include "models/image.h"
#include "nn/model.h"

#include <stdio.h>
#include <string.h>

/* COCO's protocol: every score counts, 100 boxes or 20 poses of an image. */
enum { BOXES = 100, POSES = 20 };
static const float least_score = 0.001f, least_pose_score = 0.01f, nms_iou = 0.65f;

typedef struct job {
    const ps_args *args;
    ps_nets nets;
    ps_detector *detector; /* for the last picture's shape */
    ps_dataset data;
    ps_classes classes;
    poise_detect_options options;
    poise_object *found;
    int cap;
    ps_guess *guesses;
    int n_guesses, cap_guesses;
    int32_t *answer; /* of a classifier for each image; -1 = none */
    bool people; /* the network sees one person: it is given the labelled boxes */
    int done, runs, top1, top5, failed;
    double ms;
} job;

static poise_status prepare(job *j)
{
    const ps_args *a = j->args;
    PS_TRY(ps_nets_open(&j->nets, a));
    j->detector = j->nets.net[0].detector;
    const ps_task *task = &j->detector->task;
    bool pose = task->kind == PS_TASK_POSE;
    PS_TRY(ps_classes_read(&j->classes, a->classes, task, &j->options));
    PS_TRY(ps_dataset_open(a->words.v[1], task, &j->classes, &j->data));
    j->people = task->decoder->one_person;
    PS_REQUIRE(!j->people || j->data.keypoints, POISE_BAD_ARGUMENT,
               "%s: no labelled keypoints of %d joints, which a network that sees one person is judged by",
               a->words.v[1], task->n_keypoints);
    if (j->data.missing) ps_cli_note(a, "%d images that are listed are not there\n", j->data.missing);
    j->cap = a->max_det ? a->max_det : pose ? POSES : BOXES;
    j->options = (poise_detect_options){.conf = a->conf > 0 ? a->conf
                                                : pose      ? least_pose_score
                                                            : least_score,
                                        .iou = a->iou > 0 ? a->iou : nms_iou,
                                        .max_det = j->cap,
                                        .agnostic_nms = a->agnostic_nms,
                                        .multi_label = 1,
                                        .all_boxes = 1,
                                        .classes = j->classes.list,
                                        .n_classes = j->classes.n};
    if (j->people && !(a->conf > 0)) j->options.conf = 0;         /* whoever is shown */
    if (task->kind == PS_TASK_CLASSIFY) j->options.conf = 1e-12f; /* the five best, whatever their scores */
    j->found = ps_alloc_array((size_t)j->cap, sizeof *j->found);
    j->answer = ps_alloc_array((size_t)j->data.n_images + 1, sizeof *j->answer);
    PS_REQUIRE(j->found && j->answer, POISE_NO_MEMORY, "no memory for %d objects", j->cap);
    for (int i = 0; i < j->data.n_images; i++) j->answer[i] = -1;
    return POISE_OK;
}

static poise_status keep(job *j, int image, const poise_object *o)
{
    if (j->n_guesses == j->cap_guesses) {
        int cap = j->cap_guesses ? 2 * j->cap_guesses : 4096;
        ps_guess *more = ps_realloc(j->guesses, (size_t)cap * sizeof *more);
        PS_REQUIRE(more, POISE_NO_MEMORY, "no memory for %d objects", cap);
        j->guesses = more;
        j->cap_guesses = cap;
    }
    ps_guess g = {image, o->class_id, o->conf, o->x1, o->y1, o->x2, o->y2, NULL};
    if (o->n_keypoints) {
        poise_keypoint *k = ps_heap_push(&j->data.heap, (size_t)o->n_keypoints * sizeof *k);
        PS_REQUIRE(k, POISE_NO_MEMORY, "no memory for keypoints");
        memcpy(k, o->keypoint, (size_t)o->n_keypoints * sizeof *k);
        g.keypoint = k;
    }
    j->guesses[j->n_guesses++] = g;
    return POISE_OK;
}

static bool has_joints(const ps_truth *t)
{
    for (int k = 0; k < t->n_keypoints; k++)
        if (t->keypoint[k].conf > 0) return true;
    return false;
}

/* Every person whose pose can be judged, one by one in its labelled box. */
static poise_status look_at_people(job *j, const poise_image *img, int image)
{
    for (int i = 0; i < j->data.n_truths; i++) {
        const ps_truth *t = &j->data.truths[i];
        const float box[4] = {t->x1, t->y1, t->x2, t->y2};
        int n = 0;
        if (t->image != image || t->crowd || !has_joints(t)) continue;
        PS_TRY(ps_detector_run_box(j->detector, img, box, &j->options, j->found, j->cap, &n));
        j->ms += j->detector->run_ms;
        j->runs++;
        if (!n) continue;
        j->found[0].x1 = t->x1, j->found[0].y1 = t->y1; /* whoever was looked for */
        j->found[0].x2 = t->x2, j->found[0].y2 = t->y2;
        PS_TRY(keep(j, image, j->found));
    }
    return POISE_OK;
}

static poise_status look_at_image(job *j, const poise_image *img, int image)
{
    const ps_labelled *l = &j->data.images[image];
    int n = 0;
    if (j->people) return look_at_people(j, img, image);
    PS_TRY(ps_detector_run(j->detector, img, &j->options, j->found, j->cap, &n));
    j->ms += j->detector->run_ms;
    j->runs++;
    for (int i = 0; l->class_id < 0 && i < n; i++) PS_TRY(keep(j, image, &j->found[i]));
    if (l->class_id >= 0 && n) j->answer[image] = j->found[0].class_id;
    for (int i = 0; l->class_id >= 0 && i < n && i < 5; i++)
        if (j->found[i].class_id == l->class_id) j->top1 += i == 0, j->top5++;
    return POISE_OK;
}

static double shrink(const void *ctx, int32_t w, int32_t h)
{
    const job *j = ctx;
    return j->people ? 1 : ps_detector_shrink(j->detector, w, h, NULL, 0);
}

/* Pixels of an array are what the network is to see: all of them, whatever is cut off pictures. */
static poise_status look_at_pixels(job *j, int image)
{
    const ps_labelled *l = &j->data.images[image];
    poise_image img = {.plane = {(uint8_t *)(uintptr_t)l->rgb}, .stride = {3 * (ptrdiff_t)l->w}, .w = l->w, .h = l->h};
    j->detector->pixels.fit = PS_FIT_STRETCH;
    PS_TRY(look_at_image(j, &img, image));
    j->done++;
    return POISE_OK;
}

static poise_status look(job *j, int image)
{
    poise_image img;
    const ps_labelled *l = &j->data.images[image];
    if (l->rgb) return look_at_pixels(j, image);
    PS_TRY(ps_image_open_shrunk(l->path, j->args->fast_decode ? &(ps_shrink){shrink, j} : NULL, &img));
    ps_dataset_scale(&j->data, image, ps_image_full_w(&img), ps_image_full_h(&img));
    j->detector = ps_nets_for(&j->nets, ps_image_full_w(&img), ps_image_full_h(&img));
    poise_status s = look_at_image(j, &img, image);
    poise_image_close(&img);
    if (s) return ps_fail_in(s, "%s", l->path);
    j->done++;
    return POISE_OK;
}

/* An image that cannot be read is reported, and its objects count as not found. */
static void look_at_all(job *j)
{
    ps_progress bar = ps_progress_begin("val", j->data.n_images, j->args->quiet);
    for (int i = 0; i < j->data.n_images; i++) {
        ps_progress_show(&bar, i);
        if (!look(j, i)) continue;
        ps_progress_clear(&bar);
        ps_cli_fail(POISE_IO);
        j->failed++;
    }
    ps_progress_clear(&bar);
}

/* People without a labelled joint are there to be found, but their poses cannot be judged. */
static void set_aside(ps_dataset *d)
{
    for (int i = 0; i < d->n_truths; i++) d->truths[i].ignore |= !has_joints(&d->truths[i]);
}

static poise_status judge(job *j, ps_val_row *r)
{
    const ps_similarity boxes = {0}, poses = {true, ps_coco_sigmas, PS_COCO_JOINTS};
    const ps_task *t = &j->detector->task;
    r->classes = t->kind == PS_TASK_CLASSIFY;
    if (r->classes) return POISE_OK;
    r->boxes = !j->people; /* which were given */
    PS_TRY(ps_precision_of(j->data.truths, j->data.n_truths, j->guesses, j->n_guesses, j->cap, &boxes, &r->box));
    r->poses = j->data.keypoints && t->n_keypoints == PS_COCO_JOINTS;
    if (!r->poses) return POISE_OK;
    r->pck = ps_pck_of(j->data.truths, j->data.n_truths);
    set_aside(&j->data);
    return ps_precision_of(j->data.truths, j->data.n_truths, j->guesses, j->n_guesses, j->cap, &poses,
                           &r->pose);
}

/* How much a network agrees with the first one: equal classes, or objects that both found. */
static double agreement(const job *first, const job *j)
{
    const ps_task *t = &j->detector->task;
    ps_similarity by = {j->people && t->n_keypoints == PS_COCO_JOINTS, ps_coco_sigmas, PS_COCO_JOINTS};
    int same = 0, n = j->data.n_images;
    if (t->kind != first->detector->task.kind || n != first->data.n_images || t->n_keypoints != first->detector->task.n_keypoints)
        return -1;
    if (t->kind != PS_TASK_CLASSIFY)
        return ps_val_agreement(first->guesses, first->n_guesses, j->guesses, j->n_guesses, &by, t->n_keypoints);
    for (int i = 0; i < n; i++) same += j->answer[i] >= 0 && j->answer[i] == first->answer[i];
    return n ? (double)same / n : -1;
}

static void close_job(job *j)
{
    ps_nets_close(&j->nets);
    ps_dataset_close(&j->data);
    ps_classes_free(&j->classes);
    ps_free(j->found);
    ps_free(j->guesses);
    ps_free(j->answer);
}

/* Judges one network; j is for the caller to close. */
static poise_status val(job *j, ps_val_row *r)
{
    poise_memory memory;
    PS_TRY(prepare(j));
    look_at_all(j);
    PS_TRY(judge(j, r));
    const poise_model *m = j->nets.net[0].model;
    poise_model_memory(m, &memory);
    double n = j->done ? j->done : 1, runs = j->runs ? j->runs : 1;
    r->model = j->args->words.v[0];
    r->precision = poise_precision_name(poise_model_precision(m));
    snprintf(r->kernels, sizeof r->kernels, "%s", poise_model_kernels(m));
    r->top1 = j->top1 / n, r->top5 = j->top5 / n;
    r->images = j->done;
    r->people = j->people ? j->runs : 0;
    r->ms = j->ms / runs;
    r->mb = (double)memory.peak / 1048576;
    r->agreement = -1;
    return POISE_OK;
}

/* Whether a network can also run in 16 bits: it has no codes, and this processor multiplies them. */
static bool has_fast(const job *j)
{
    const ps_graph *g = &j->nets.net[0].model->graph;
    for (int32_t i = 0; i < g->n_values; i++)
        if (ps_value_is_quantised(&g->values[i])) return false;
    return poise_model_precision(j->nets.net[0].model) == POISE_EXACT;
}

enum { MOST_ROWS = 33 };

typedef struct table {
    job first; /* its answers are what others are compared with */
    ps_args args; /* those of the network at hand */
    ps_val_row row[MOST_ROWS];
    int n, failed;
} table;

/* One network of the command line's, with a precision of its own if not NULL. */
static poise_status add(table *t, const ps_args *a, int model, const char *precision)
{
    job other = {0}, *j = t->n ? &other : &t->first;
    const char *words[2] = {a->words.v[model], a->words.v[a->words.n - 1]};
    t->args = *a;
    t->args.words = (ps_texts){2, words};
    if (precision) t->args.precision = precision;
    j->args = &t->args;
    ps_val_row *r = &t->row[t->n];
    poise_status s = val(j, r);
    if (!s && t->n) r->agreement = agreement(&t->first, j);
    t->n += !s;
    t->failed += j->failed;
    if (j == &other) close_job(j);
    return s;
}

/* Networks side by side: the first one, which others are compared with, in fast too, unless a precision was asked for. */
static poise_status compare(table *t, const ps_args *a)
{
    int models = a->words.n - 1;
    PS_REQUIRE(models < MOST_ROWS, POISE_BAD_ARGUMENT, "%d networks: at most %d are compared", models, MOST_ROWS - 1);
    for (int i = 0; i < models; i++) {
        PS_TRY(add(t, a, i, NULL));
        if (!i && models > 1 && !a->precision && has_fast(&t->first)) PS_TRY(add(t, a, 0, "fast"));
    }
    return POISE_OK;
}

int ps_cmd_val(const ps_args *a)
{
    table *t = ps_alloc(sizeof *t);
    if (!t) return ps_cli_error(POISE_NO_MEMORY, "no memory for a table");
    int code = ps_cli_fail(compare(t, a));
    if (code == PS_EXIT_OK && a->format && !strcmp(a->format, "json")) ps_val_print_json(t->row, t->n);
    else if (code == PS_EXIT_OK) ps_val_print(t->row, t->n, a->words.v[a->words.n - 1]);
    if (code == PS_EXIT_OK && t->failed) code = PS_EXIT_FAILED;
    close_job(&t->first);
    ps_free(t);
    return code;
}
