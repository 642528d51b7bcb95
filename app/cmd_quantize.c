/* app/cmd_quantize.c - poise quantize: a network in 8 bits, with a report of what that costs; nothing is written when it costs
 * too much. */
#include "app/agreement.h"
#include "app/cli.h"
#include "app/progress.h"
#include "app/quantize_report.h"
#include "nn/model.h"

#include <string.h>

enum { MOST_PICTURES = 200, MOST_COMPARED = 64 };
static const double least_agreement = 0.8, least_cosine = 0.9, least_cosine_alone = 0.95;

typedef struct job {
    const ps_args *args;
    const char *in, *out;
    void *bytes, *quantised;
    size_t size, quantised_size;
    ps_calib calib;
    ps_detector *detector; /* of the session that the quantiser fills */
    bool plain;            /* nobody knows what the network means: whole pictures of 0..1 */
    ps_letterbox letterbox; /* for those */
    ps_progress bar;
    const char *what;
    ps_quantize_result result;
} job;

/* ---- the network ---- */

/* The float network as a described .poise file in memory. */
static poise_status read_network(job *j)
{
    ps_file f;
    PS_TRY(ps_file_map(j->in, &f));
    bool ours = ps_format_is(f.bytes, f.size);
    poise_status s = POISE_OK;
    if (ours) {
        j->bytes = ps_alloc(f.size);
        j->size = f.size;
        if (j->bytes) memcpy(j->bytes, f.bytes, f.size);
        else s = ps_fail(POISE_NO_MEMORY, "%s: no memory (%zu bytes) for the network", j->in, f.size);
    }
    ps_file_unmap(&f);
    if (ours || s) return s;
    poise_convert_options co = ps_cli_convert_options(j->args);
    void *bytes;
    size_t size;
    PS_TRY(poise_convert(j->in, &co, &bytes, &size));
    s = ps_cli_describe(j->args, bytes, size, &j->bytes, &j->size);
    poise_free(bytes);
    return s;
}

static poise_status open_detector(const job *j, const void *bytes, size_t size, poise_model **m, poise_session **s,
                                  ps_detector **d)
{
    const ps_args *a = j->args;
    poise_options o = {.threads = a->threads, .isa = a->isa, .tuning = "none", .cpu_mask = a->cpu_mask};
    ps_task_options t = {a->task, a->decoder};
    *m = NULL, *s = NULL, *d = NULL;
    PS_TRY(poise_model_open_memory(bytes, size, &o, m));
    PS_TRY(poise_session_open(*m, s));
    return ps_detector_open(*s, &t, d);
}

static void close_detector(poise_model *m, poise_session *s, ps_detector *d)
{
    ps_detector_close(d);
    poise_session_close(s);
    poise_model_close(m);
}

/* ---- what the quantiser asks for ---- */

/* The whole picture, stretched, colours in 0..1. */
static poise_status fill_plain(job *j, const poise_image *img, poise_session *s)
{
    const ps_pixels pixels = {.fit = PS_FIT_STRETCH, .scale = 1 / 255.0f, .std = {1, 1, 1}};
    const poise_tensor *in = poise_session_input(s, 0);
    ps_image_dims d;
    PS_TRY(ps_image_dims_of(in, &d));
    ps_geometry g = ps_geometry_make(pixels.fit, 0, img->w, img->h, d.w, d.h);
    PS_TRY(ps_letterbox_plan(&j->letterbox, &pixels, &g, s->model->threads));
    return ps_letterbox_run(&j->letterbox, &s->model->kernels, img, in);
}

static poise_status fill(void *ctx, int sample, poise_session *s)
{
    job *j = ctx;
    poise_image img;
    if (!j->detector && !j->plain) {
        ps_task_options t = {j->args->task, j->args->decoder};
        PS_TRY(ps_detector_open(s, &t, &j->detector));
    }
    PS_TRY(ps_calib_image(&j->calib, sample, &img));
    poise_status st = j->plain ? fill_plain(j, &img, s) : ps_detector_fill(j->detector, &img, NULL);
    poise_image_close(&img);
    return st;
}

static void progress(void *ctx, const char *what, int done, int total)
{
    job *j = ctx;
    if (what != j->what) {
        ps_progress_clear(&j->bar);
        j->bar = ps_progress_begin(what, total, j->args->quiet);
        j->what = what;
    }
    ps_progress_show(&j->bar, done);
    if (done >= total) ps_progress_clear(&j->bar);
}

static void progress_compared(void *ctx, int done, int total)
{
    progress(ctx, "agreement", done, total);
}

static poise_status options_of(const ps_args *a, poise_quantize_options *o)
{
    static const char *const ranges[] = {"mse", "percentile", "minmax"};
    o->threads = a->threads;
    o->cpu_mask = a->cpu_mask;
    o->keep_float = a->keep_float.v;
    o->n_keep_float = a->keep_float.n;
    o->full_weights = a->weights && !strcmp(a->weights, "full");
    o->float_budget = a->float_budget > 0 ? a->float_budget / 100 : -1;
    for (int i = 0; i < 3; i++)
        if (a->ranges && !strcmp(a->ranges, ranges[i])) o->ranges = i;
    return POISE_OK;
}

/* ---- judging ---- */

static poise_status compare(job *j)
{
    poise_model *m[2] = {NULL, NULL};
    poise_session *s[2] = {NULL, NULL};
    ps_detector *d[2] = {NULL, NULL};
    j->result.agreement = (ps_agreement){.score = 1, .keypoints = -1};
    if (j->plain) return POISE_OK; /* the cosine of the outputs has to do */
    poise_status st = open_detector(j, j->bytes, j->size, &m[0], &s[0], &d[0]);
    if (!st) st = open_detector(j, j->quantised, j->quantised_size, &m[1], &s[1], &d[1]);
    if (!st)
        st = ps_agreement_measure(d[0], d[1], &j->calib, MOST_COMPARED, progress_compared, j, &j->result.agreement);
    for (int i = 0; i < 2; i++) close_detector(m[i], s[i], d[i]);
    return st;
}

/* Fails when what the network says has changed too much. */
static poise_status judge(const job *j)
{
    const ps_quantize_result *r = &j->result;
    double cosine = 1, least = r->agreement.pictures ? least_cosine : least_cosine_alone;
    for (int i = 0; i < r->quantized.n_outputs; i++)
        if (r->quantized.output_cosine[i] < cosine) cosine = r->quantized.output_cosine[i];
    if (r->agreement.score >= least_agreement && cosine >= least) return POISE_OK;
    if (j->args->force) {
        ps_cli_note(j->args, "poor agreement, written all the same (--force)\n");
        return POISE_OK;
    }
    char answers[64] = "";
    if (r->agreement.pictures)
        snprintf(answers, sizeof answers, "answers agree by %.3f (%.2f wanted), ", r->agreement.score, least_agreement);
    return ps_fail(POISE_IO,
                   "%s: not written: of the 8-bit network and the float one %soutputs have a cosine of %.4f (%.2f wanted); more "
                   "pictures like those it will see, --keep-float, a larger --float-budget, or --force",
                   j->out, answers, cosine, least);
}

/* ---- the order of it ---- */

static poise_status load_pictures(job *j)
{
    poise_model *m;
    poise_session *s;
    ps_detector *d;
    poise_status st = open_detector(j, j->bytes, j->size, &m, &s, &d); /* what it means has to be known before anything */
    poise_tensor in;
    ps_image_dims dims = {0};
    if (m && s && !d && !j->args->task && !j->args->decoder && poise_model_input(m, 0, &in) && !ps_image_dims_of(&in, &dims)) {
        ps_cli_note(j->args, "nobody knows what this network means (--task, --decoder): it is calibrated on whole pictures, colours "
                             "in 0..1\n");
        j->plain = true;
        st = POISE_OK;
    }
    if (!st) {
        int w = d ? d->task.in_w : dims.w, h = d ? d->task.in_h : dims.h, side = w > h ? w : h;
        st = ps_calib_open(&j->calib, j->args->calib, j->args->samples ? j->args->samples : MOST_PICTURES, side);
    }
    close_detector(m, s, d);
    return st;
}

static poise_status quantize(job *j)
{
    size_t n = strlen(j->out);
    poise_quantize_options o = {.fill = fill, .progress = progress, .ctx = j};
    PS_REQUIRE(n > 6 && !strcmp(j->out + n - 6, ".poise"), POISE_BAD_ARGUMENT, "%s: the name of the result must end in .poise",
               j->out);
    PS_REQUIRE(j->args->calib, POISE_BAD_ARGUMENT,
               "--calib is missing: a directory of pictures, or a video, like those the network will see");
    PS_TRY(ps_cli_check_target(j->args));
    PS_TRY(read_network(j));
    PS_TRY(load_pictures(j));
    PS_TRY(options_of(j->args, &o));
    o.samples = j->calib.n;
    poise_status s = poise_quantize(j->bytes, j->size, &o, &j->quantised, &j->quantised_size, &j->result.quantized);
    ps_detector_close(j->detector);
    if (s) return ps_fail_in(s, "%s", j->in);
    PS_TRY(compare(j));
    j->result.bytes_before = j->size;
    j->result.bytes_after = j->quantised_size;
    j->result.samples = j->calib.n;
    ps_quantize_print(j->args, &j->result);
    PS_TRY(judge(j));
    PS_TRY(ps_cli_pack(j->args, &j->quantised, &j->quantised_size));
    ps_cli_hold();
    s = ps_file_write(j->out, j->quantised, j->quantised_size);
    ps_cli_release();
    char text[PS_BYTES_TEXT];
    if (!s) ps_cli_note(j->args, "%s: %s\n", j->out, ps_cli_bytes(j->quantised_size, text));
    return s;
}

int ps_cmd_quantize(const ps_args *a)
{
    job j = {.args = a, .in = a->words.v[0], .out = a->words.v[1]};
    poise_status s = quantize(&j);
    ps_progress_clear(&j.bar);
    int code = ps_cli_fail(s);
    ps_letterbox_free(&j.letterbox);
    ps_calib_close(&j.calib);
    poise_free(j.result.quantized.memory);
    poise_free(j.quantised);
    ps_free(j.bytes);
    return code;
}
