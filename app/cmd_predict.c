/* app/cmd_predict.c - poise predict: objects, keypoints or classes in images. */
#include "app/account.h"
#include "app/classes.h"
#include "app/nets.h"
#include "app/save.h"
#include "app/sources.h"
#include "models/image.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/process.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const ps_args *args;
    ps_nets nets;
    ps_detector *detector; /* for the last picture's shape */
    ps_sources sources;
    poise_detect_options options;
    ps_classes classes;
    float (*boxes)[4]; /* of people, in every image */
    int n_boxes;
    poise_object *found;
    int cap, done;
    bool stop;    /* nothing more can be saved */
    double ms[4]; /* sums: decode, preprocess, inference, postprocess */
    ps_results results;
    ps_save save;
} job;

/* "x1,y1,x2,y2", or several after each other. */
static poise_status read_boxes(job *j, const char *text)
{
    int n = 0;
    for (const char *s = text;; s++) {
        char *end;
        float v = strtof(s, &end);
        if (end == s || (*end && *end != ',') || !isfinite(v)) break;
        j->boxes[j->n_boxes][n++ & 3] = v;
        if (!(n & 3)) j->n_boxes++;
        s = end;
        if (!*s && !(n & 3)) return POISE_OK;
        if (!*s) break;
    }
    return ps_fail(POISE_BAD_ARGUMENT,
                   "--box: '%.60s' is not four numbers for each person like 10,20,110,320", text);
}

static poise_status read_all_boxes(job *j, const ps_texts *texts)
{
    size_t most = 0;
    for (int i = 0; i < texts->n; i++) most += strlen(texts->v[i]) / 8 + 2; /* "1,1,2,2," is the shortest */
    if (!texts->n) return POISE_OK;
    PS_REQUIRE(j->detector->task.decoder->one_person, POISE_BAD_ARGUMENT,
               "--box is for networks that see one person; decoder %s finds the boxes itself",
               j->detector->task.decoder->name);
    j->boxes = ps_alloc_array(most, sizeof *j->boxes);
    PS_REQUIRE(j->boxes, POISE_NO_MEMORY, "no memory for %zu boxes", most);
    for (int i = 0; i < texts->n; i++) PS_TRY(read_boxes(j, texts->v[i]));
    return POISE_OK;
}

/* 0 in poise_detect_options means "as recorded", so a threshold of 0 becomes one below any score. */
static float threshold(float given)
{
    return given < 0 ? 0 : given == 0 ? 1e-12f : given;
}

static poise_status prepare(job *j)
{
    const ps_args *a = j->args;
    for (int i = 1; i < a->words.n; i++) PS_TRY(ps_sources_add(&j->sources, a->words.v[i]));
    j->nets.lean = true;
    PS_TRY(ps_nets_open(&j->nets, a));
    j->detector = j->nets.net[0].detector;
    bool classes = j->detector->task.kind == PS_TASK_CLASSIFY;
    j->cap = a->max_det ? a->max_det : classes ? PS_MOST_CLASSES : PS_MOST_FOUND;
    j->options = (poise_detect_options){.conf = threshold(a->conf),
                                        .iou = threshold(a->iou),
                                        .max_det = j->cap,
                                        .agnostic_nms = a->agnostic_nms,
                                        .all_boxes = !a->lazy};
    PS_TRY(ps_classes_read(&j->classes, a->classes, &j->detector->task, &j->options));
    PS_TRY(read_all_boxes(j, &a->boxes));
    j->found = ps_alloc_array((size_t)j->cap, sizeof *j->found);
    PS_REQUIRE(j->found, POISE_NO_MEMORY, "no memory for %d objects", j->cap);
    return POISE_OK;
}

static void tell(const job *j, const ps_frame *f, int i)
{
    char summary[PS_SUMMARY_TEXT], explained[PS_EXPLAIN_TEXT];
    const ps_task *t = &j->detector->task;
    ps_cli_note(j->args, "image %d/%d %s: %dx%d %s, %.1fms\n", i + 1, j->sources.n, f->source, t->in_h,
                t->in_w, ps_results_summary(f, summary), j->detector->run_ms);
    if (j->args->verbose) fputs(ps_detector_explain(j->detector, explained), stderr);
}

static double shrink(const void *ctx, int32_t w, int32_t h)
{
    const job *j = ctx;
    return ps_detector_shrink(j->detector, w, h, (const float(*)[4])j->boxes, j->n_boxes);
}

/* One image: found, printed, saved. */
static poise_status predict(job *j, int i)
{
    ps_frame f = {.source = j->sources.path[i], .found = j->found};
    poise_image img;
    double from = ps_clock_ms();
    bool whole = !j->args->fast_decode || j->args->save || j->args->save_crop;
    PS_TRY(ps_image_open_shrunk(f.source, whole ? NULL : &(ps_shrink){shrink, j}, &img));
    f.decode_ms = ps_clock_ms() - from;
    f.w = ps_image_full_w(&img), f.h = ps_image_full_h(&img);
    ps_detector *by = ps_nets_for(&j->nets, f.w, f.h);
    if (!by) {
        poise_image_close(&img);
        j->stop = true;
        return POISE_NO_MEMORY;
    }
    f.by = j->detector = by;
    poise_status s = j->n_boxes ? ps_detector_run_boxes(j->detector, &img, (const float(*)[4])j->boxes,
                                                        j->n_boxes, &j->options, j->found, j->cap, &f.n)
                                : ps_detector_run(j->detector, &img, &j->options, j->found, j->cap, &f.n);
    if (s) ps_fail_in(s, "%s", f.source);
    if (!s) {
        double ms[4] = {f.decode_ms, j->detector->pre_ms, j->detector->run_ms, j->detector->post_ms};
        for (int k = 0; k < 4; k++) j->ms[k] += ms[k];
        j->done++;
        ps_results_frame(&j->results, &f);
        tell(j, &f, i);
        s = ps_save_frame(&j->save, &f, &img);
        j->stop = s != POISE_OK; /* a directory that cannot be written to, or a full disk */
    }
    poise_image_close(&img);
    return s;
}

/* What was held, beside the account of info; each further shape of --rect has told its own. */
static void tell_memory(const job *j)
{
    ps_account all;
    char held[PS_BYTES_TEXT], planned[PS_BYTES_TEXT];
    ps_account_of(j->args, j->nets.net[0].model, &all);
    ps_cli_note(j->args, "memory: %s at most so far; %s planned, pictures apart\n", ps_cli_bytes(ps_process_most(), held),
                ps_cli_bytes(all.total, planned));
}

static void speed(const job *j)
{
    const ps_task *t = &j->detector->task;
    double n = j->done;
    if (!j->done) return;
    ps_cli_note(
        j->args,
        "Speed: %.1fms decode, %.1fms preprocess, %.1fms inference, %.1fms postprocess per image at shape "
        "(1, %d, %d, %d), precision %s\n",
        j->ms[0] / n, j->ms[1] / n, j->ms[2] / n, j->ms[3] / n, t->in_c, t->in_h, t->in_w, poise_model_kernels(j->nets.net[0].model));
    if (j->args->verbose) tell_memory(j);
    if (*j->save.dir && !j->stop) ps_cli_note(j->args, "Results saved to %s\n", j->save.dir);
}

static int predict_all(job *j)
{
    int code = PS_EXIT_OK;
    j->results.keypoints = j->detector->task.n_keypoints;
    ps_results_begin(&j->results);
    /* Nobody reads on, or the disk is full: main tells. */
    for (int i = 0; i < j->sources.n && !j->stop && !ferror(stdout); i++) {
        if (predict(j, i)) {
            ps_cli_fail(POISE_IO);
            code = PS_EXIT_FAILED;
        }
    }
    ps_results_end(&j->results);
    speed(j);
    return code;
}

static void close_job(job *j)
{
    ps_nets_close(&j->nets);
    ps_sources_free(&j->sources);
    ps_save_free(&j->save);
    ps_classes_free(&j->classes);
    ps_free(j->boxes);
    ps_free(j->found);
}

int ps_cmd_predict(const ps_args *a)
{
    job j = {.args = a, .save = {.args = a}};
    int code = ps_cli_fail(prepare(&j));
    j.results = (ps_results){.f = stdout, .format = a->format ? a->format : "jsonl", .many = j.sources.n > 1};
    if (code == PS_EXIT_OK) code = predict_all(&j);
    close_job(&j);
    return code;
}
