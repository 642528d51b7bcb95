/* app/cmd_val.c - poise val: how right a network is on labelled images. */
#include "app/cli.h"
#include "app/coco.h"
#include "app/json.h"
#include "app/nets.h"
#include "app/progress.h"
#include "app/val_data.h"
#include "models/detector.h"
#include "models/image.h"

#include <string.h>

/* COCO's protocol: every score counts, 100 boxes or 20 poses of an image. */
enum { BOXES = 100, POSES = 20 };
static const float least_score = 0.001f, least_pose_score = 0.01f, nms_iou = 0.65f;

typedef struct job {
    const ps_args *args;
    ps_nets nets;
    ps_detector *detector; /* for the last picture's shape */
    ps_dataset data;
    poise_detect_options options;
    poise_object *found;
    int cap;
    ps_guess *guesses;
    int n_guesses, cap_guesses;
    bool people; /* the network sees one person: it is given the labelled boxes */
    int done, runs, top1, top5, failed;
    double ms;
} job;

typedef struct accuracy {
    bool boxes, poses, classes;
    ps_precision box, pose;
} accuracy;

static poise_status prepare(job *j)
{
    const ps_args *a = j->args;
    PS_TRY(ps_nets_open(&j->nets, a));
    j->detector = j->nets.net[0].detector;
    const ps_task *task = &j->detector->task;
    bool pose = task->kind == PS_TASK_POSE;
    PS_TRY(ps_dataset_open(a->words.v[1], task, &j->data));
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
                                        .all_boxes = 1};
    if (j->people && !(a->conf > 0)) j->options.conf = 0;         /* whoever is shown */
    if (task->kind == PS_TASK_CLASSIFY) j->options.conf = 1e-12f; /* the five best, whatever their scores */
    j->found = ps_alloc_array((size_t)j->cap, sizeof *j->found);
    PS_REQUIRE(j->found, POISE_NO_MEMORY, "no memory for %d objects", j->cap);
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
        if (n) PS_TRY(keep(j, image, j->found));
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
    for (int i = 0; l->class_id >= 0 && i < n && i < 5; i++)
        if (j->found[i].class_id == l->class_id) j->top1 += i == 0, j->top5++;
    return POISE_OK;
}

static double shrink(const void *ctx, int32_t w, int32_t h)
{
    const job *j = ctx;
    return j->people ? 1 : ps_detector_shrink(j->detector, w, h, NULL, 0);
}

static poise_status look(job *j, int image)
{
    poise_image img;
    const ps_labelled *l = &j->data.images[image];
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

static poise_status judge(job *j, accuracy *a)
{
    const ps_similarity boxes = {0}, poses = {true, ps_coco_sigmas, PS_COCO_JOINTS};
    const ps_task *t = &j->detector->task;
    a->classes = t->kind == PS_TASK_CLASSIFY;
    if (a->classes) return POISE_OK;
    a->boxes = !j->people; /* which were given */
    if (a->boxes)
        PS_TRY(ps_precision_of(j->data.truths, j->data.n_truths, j->guesses, j->n_guesses, j->cap, &boxes,
                               &a->box));
    a->poses = j->data.keypoints && t->n_keypoints == PS_COCO_JOINTS;
    if (!a->poses) return POISE_OK;
    set_aside(&j->data);
    return ps_precision_of(j->data.truths, j->data.n_truths, j->guesses, j->n_guesses, j->cap, &poses,
                           &a->pose);
}

static void number(ps_json *json, const char *key, bool applies, double v)
{
    if (applies && v >= 0)
        ps_json_number(json, key, v, 5);
    else
        ps_json_null(json, key);
}

static void print_json(const job *j, const accuracy *a)
{
    ps_json json = ps_json_begin(stdout);
    double n = j->done ? j->done : 1, runs = j->runs ? j->runs : 1;
    ps_json_object(&json, NULL);
    number(&json, "map", a->boxes, a->box.ap);
    number(&json, "map50", a->boxes, a->box.ap50);
    number(&json, "map75", a->boxes, a->box.ap75);
    number(&json, "oks_ap", a->poses, a->pose.ap);
    number(&json, "top1", a->classes, j->top1 / n);
    number(&json, "top5", a->classes, j->top5 / n);
    ps_json_int(&json, "images", j->done);
    ps_json_text(&json, "precision", poise_precision_name(poise_model_precision(j->nets.net[0].model)));
    ps_json_text(&json, "kernels", poise_model_kernels(j->nets.net[0].model));
    ps_json_number(&json, "inference_ms", j->ms / runs, 5);
    ps_json_end(&json);
    putchar('\n');
}

static void print_row(const char *what, const ps_precision *p)
{
    printf("%-10s %7.4f %7.4f %7.4f %7.4f %8d\n", what, p->ap, p->ap50, p->ap75, p->recall, p->classes);
}

static void print_text(const job *j, const accuracy *a)
{
    double n = j->done ? j->done : 1, runs = j->runs ? j->runs : 1;
    printf("%s on %s: %d images, precision %s, %.1f ms inference\n", ps_cli_base(j->args->words.v[0]),
           j->args->words.v[1], j->done, poise_model_kernels(j->nets.net[0].model), j->ms / runs);
    if (a->classes) printf("top-1 %.4f   top-5 %.4f\n", j->top1 / n, j->top5 / n);
    if (j->people) printf("each of %d people in its labelled box\n", j->runs);
    if (a->boxes || a->poses) printf("                AP    AP50    AP75  recall  classes\n");
    if (a->boxes) print_row("boxes", &a->box);
    if (a->poses) print_row("keypoints", &a->pose);
}

static poise_status val(job *j)
{
    accuracy a = {0};
    const char *format = j->args->format;
    PS_TRY(prepare(j));
    look_at_all(j);
    PS_TRY(judge(j, &a));
    if (format && !strcmp(format, "json"))
        print_json(j, &a);
    else
        print_text(j, &a);
    return POISE_OK;
}

int ps_cmd_val(const ps_args *a)
{
    job j = {.args = a};
    int code = ps_cli_fail(val(&j));
    if (code == PS_EXIT_OK && j.failed) code = PS_EXIT_FAILED;
    ps_nets_close(&j.nets);
    ps_dataset_close(&j.data);
    ps_free(j.found);
    ps_free(j.guesses);
    return code;
}
