/* models/task.c - finds out what a network means, and writes it down for the model file. */
#include "models/task.h"

#include "models/decode.h"
#include "runtime/memory.h"
#include "runtime/status.h"

#include <stdio.h>
#include <string.h>

const char *const ps_task_names[PS_TASK_COUNT] = {"detect", "pose", "classify"};
const char *const ps_units_names[PS_UNITS_COUNT] = {"auto", "pixels", "unit", "grid"};
const char *const ps_scores_names[PS_SCORES_COUNT] = {"auto", "unit", "logits"};

/* Index of a word in a list of n; sets *out and is true, or false. */
static bool word(const char *value, const char *const *list, int n, int *out)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(value, list[i])) {
            *out = i;
            return true;
        }
    return false;
}

/* "a, b, c" of n words into buf. */
static const char *joined(char *buf, size_t size, const char *const *list, int n)
{
    size_t at = 0;
    buf[0] = 0;
    for (int i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : "", list[i]);
    return buf;
}

static const char *meta(const ps_io *io, const char *key)
{
    return io->meta ? io->meta(io->ctx, key) : NULL;
}

/* ---- reading keys ---- */

static poise_status read_word(const ps_io *io, const char *key, const char *const *list, int n, int *out)
{
    const char *v = meta(io, key);
    char names[160];
    PS_REQUIRE(!v || word(v, list, n, out), POISE_BAD_MODEL, "metadata %s is \"%.40s\": known are %s", key,
               v ? v : "", joined(names, sizeof names, list, n));
    return POISE_OK;
}

/* Exactly n numbers, each within [lo, hi]. */
static poise_status read_numbers(const ps_io *io, const char *key, float lo, float hi, float *out, int n)
{
    const char *v = meta(io, key);
    float got[PS_MAX_LEVELS * PS_MAX_ANCHORS * 2];
    if (!v) return POISE_OK;
    bool ok = ps_numbers(v, got, n) == n;
    for (int i = 0; i < n && ok; i++) ok = got[i] >= lo && got[i] <= hi;
    PS_REQUIRE(ok, POISE_BAD_MODEL, "metadata %s is \"%.40s\": wants %d numbers from %g to %g", key, v, n,
               (double)lo, (double)hi);
    memcpy(out, got, (size_t)n * sizeof *out);
    return POISE_OK;
}

static poise_status read_number(const ps_io *io, const char *key, float lo, float hi, float *out)
{
    return read_numbers(io, key, lo, hi, out, 1);
}

static poise_status read_kind(const ps_io *io, const ps_task_options *o, ps_task *t)
{
    const char *v = o && o->task ? o->task : meta(io, "poise.task");
    if (!v) v = meta(io, "task");
    int kind = PS_TASK_DETECT;
    char names[80];
    PS_REQUIRE(!v || word(v, ps_task_names, PS_TASK_COUNT, &kind), POISE_UNSUPPORTED,
               "task \"%.40s\" is not one that Poise decodes: %s", v ? v : "",
               joined(names, sizeof names, ps_task_names, PS_TASK_COUNT));
    t->kind = (ps_task_kind)kind;
    return POISE_OK;
}

static poise_status read_keypoints(const ps_io *io, ps_task *t)
{
    const char *v = meta(io, "kpt_shape");
    float k[2];
    if (t->kind == PS_TASK_POSE && v) {
        bool ok =
            ps_numbers(v, k, 2) == 2 && k[0] >= 1 && k[0] <= POISE_MAX_KEYPOINTS && (k[1] == 2 || k[1] == 3);
        PS_REQUIRE(ok, POISE_UNSUPPORTED,
                   "metadata kpt_shape is \"%.40s\": at most %d keypoints of 2 or 3 values", v,
                   POISE_MAX_KEYPOINTS);
        t->n_keypoints = (int32_t)k[0], t->keypoint_dims = (int32_t)k[1];
        return POISE_OK;
    }
    /* COCO's 17 joints of 1 class: 4 + 1 + 51 values, or 6 + 51 in a finished row. */
    bool untold = !v && !meta(io, "task") && !meta(io, "poise.task") && !t->n_classes && io->n_outputs == 1 &&
                  io->out[0].rank == 3;
    const int32_t *dim = io->out[0].dim;
    if (untold && (dim[1] == 56 || dim[2] == 56 || dim[2] == 57)) t->kind = PS_TASK_POSE;
    if (t->kind == PS_TASK_POSE && !v && io->out[0].rank == 3) {
        t->n_keypoints = 17, t->keypoint_dims = 3;
        if (!t->n_classes) t->n_classes = 1;
    }
    return POISE_OK;
}

/* Names that cannot be read are no reason to refuse a network: classes go without. */
static poise_status read_names(const ps_io *io, ps_task *t)
{
    const char *v = meta(io, "names");
    if (!v || !*v) return POISE_OK;
    poise_status st = ps_names_parse(v, &t->names);
    if (st == POISE_NO_MEMORY) return st;
    t->n_classes = t->names.n;
    return POISE_OK;
}

static poise_status choose_decoder(const ps_io *io, const ps_task_options *o, ps_task *t)
{
    const char *name = o && o->decoder ? o->decoder : meta(io, "poise.decoder");
    const char *names[32] = {0};
    char list[256];
    int n = 0;
    for (; ps_decoders[n]; n++) names[n] = ps_decoders[n]->name;
    joined(list, sizeof list, names, n);
    if (name) {
        t->decoder = ps_decoder_find(name);
        PS_REQUIRE(t->decoder, POISE_UNSUPPORTED, "decoder \"%.40s\" is unknown: there are %s", name, list);
        return POISE_OK;
    }
    for (int i = 0; i < n && !t->decoder; i++)
        if (ps_decoders[i]->looks(io, t)) t->decoder = ps_decoders[i];
    PS_REQUIRE(t->decoder, POISE_UNSUPPORTED, "no decoder fits the network's %d output(s): tell one of %s",
               io->n_outputs, list);
    return POISE_OK;
}

/* Our own keys, which win over what a decoder supposes. */
static poise_status read_pixels(const ps_io *io, ps_task *t)
{
    static const char *const colours[2] = {"rgb", "bgr"};
    int fit = (int)t->pixels.fit, filter = (int)t->pixels.filter;
    float border = (float)t->pixels.border, side = (float)t->pixels.short_side;
    PS_TRY(read_word(io, "poise.letterbox", ps_fit_names, PS_FIT_COUNT, &fit));
    PS_TRY(read_word(io, "poise.resize", ps_filter_names, PS_FILTER_COUNT, &filter));
    PS_TRY(read_word(io, "poise.color", colours, 2, &t->pixels.bgr));
    PS_TRY(read_number(io, "poise.border", 0, 255, &border));
    PS_TRY(read_number(io, "poise.short_side", 0, 65536, &side));
    PS_TRY(read_number(io, "poise.scale", -1e6f, 1e6f, &t->pixels.scale));
    PS_TRY(read_numbers(io, "poise.mean", -1e6f, 1e6f, t->pixels.mean, 3));
    PS_TRY(read_numbers(io, "poise.std", 1e-6f, 1e6f, t->pixels.std, 3));
    t->pixels.fit = (ps_fit)fit, t->pixels.filter = (ps_filter)filter;
    t->pixels.border = (int)border, t->pixels.short_side = (int32_t)side;
    return POISE_OK;
}

static poise_status read_answers(const ps_io *io, ps_task *t)
{
    int boxes = (int)t->boxes, points = (int)t->keypoints, scores = (int)t->scores;
    PS_TRY(read_word(io, "poise.units", ps_units_names, PS_UNITS_COUNT, &boxes));
    PS_TRY(read_word(io, "poise.keypoint_units", ps_units_names, PS_UNITS_GRID, &points));
    PS_TRY(read_word(io, "poise.scores", ps_scores_names, PS_SCORES_COUNT, &scores));
    PS_TRY(read_number(io, "poise.conf", 0, 1, &t->conf));
    PS_TRY(read_number(io, "poise.iou", 0, 1, &t->iou));
    PS_TRY(read_number(io, "poise.offset", 0, 1, &t->offset));
    t->boxes = (ps_units)boxes, t->keypoints = (ps_units)points, t->scores = (ps_scores)scores;
    return POISE_OK;
}

static poise_status default_names(ps_task *t)
{
    bool face = !strcmp(t->decoder->name, "yunet") || !strcmp(t->decoder->name, "ultraface") ||
                !strcmp(t->decoder->name, "blazeface");
    if (t->names.n) return POISE_OK;
    if (t->n_classes == 1 && face) return ps_names_parse("['face']", &t->names);
    if (t->n_classes == 1 && t->kind == PS_TASK_POSE) return ps_names_parse("['person']", &t->names);
    if (t->n_classes != 80 || t->kind != PS_TASK_DETECT) return POISE_OK;
    t->names.name = ps_alloc_array(80, sizeof *t->names.name);
    PS_REQUIRE(t->names.name, POISE_NO_MEMORY, "no memory for class names");
    memcpy(t->names.name, ps_coco_names, sizeof ps_coco_names);
    t->names.n = 80;
    return POISE_OK;
}

/* An input that the file has as codes takes bytes of the picture for codes (i8: less 128): whatever a byte stands for was
 * decided when the network was quantised.  One that the converter made codes of says what a byte means to the network. */
static void take_codes(const ps_io *io, ps_task *t)
{
    const poise_tensor *in = &io->input;
    if (!(in->scale > 0) || meta(io, "poise.input")) return;
    t->pixels.scale = in->scale;
    for (int c = 0; c < 3; c++) {
        t->pixels.mean[c] = in->scale * (float)(in->zero + (in->type == POISE_I8 ? 128 : 0));
        t->pixels.std[c] = 1;
    }
}

static poise_status resolve(const ps_io *io, const ps_task_options *o, ps_task *t)
{
    PS_REQUIRE(io->n_inputs == 1, POISE_UNSUPPORTED,
               "the network has %d inputs: pictures go into networks with one", io->n_inputs);
    ps_image_dims d;
    PS_TRY(ps_image_dims_of(&io->input, &d));
    t->in_c = d.c, t->in_h = d.h, t->in_w = d.w;
    PS_TRY(read_kind(io, o, t));
    PS_TRY(read_names(io, t));
    PS_TRY(read_keypoints(io, t));
    PS_TRY(read_numbers(io, "poise.anchors", 0.1f, 1e5f, t->anchor[0][0], 18));
    PS_TRY(choose_decoder(io, o, t));
    t->conf = t->decoder->conf > 0 ? t->decoder->conf : 0.25f;
    t->iou = t->decoder->iou > 0 ? t->decoder->iou : 0.7f;
    PS_TRY(t->decoder->bind(io, t));
    take_codes(io, t);
    PS_REQUIRE(!t->n_keypoints || t->decoder->keypoints, POISE_UNSUPPORTED,
               "decoder %s gives no keypoints: use task detect", t->decoder->name);
    PS_TRY(read_pixels(io, t));
    PS_TRY(read_answers(io, t));
    return default_names(t);
}

poise_status ps_task_resolve_io(const ps_io *io, const ps_task_options *o, ps_task *out)
{
    *out = (ps_task){.pixels = {.fit = PS_FIT_CENTER,
                                .filter = PS_FILTER_AREA,
                                .border = 114,
                                .scale = 1 / 255.f,
                                .std = {1, 1, 1}}};
    poise_status st = resolve(io, o, out);
    if (st != POISE_OK) ps_task_free(out);
    return st;
}

static const char *model_meta(const void *ctx, const char *key)
{
    return poise_model_metadata(ctx, key);
}

poise_status ps_task_resolve(const poise_model *m, const ps_task_options *o, ps_task *out)
{
    *out = (ps_task){0};
    ps_io *io = ps_alloc(sizeof *io); /* too large for a stack frame */
    PS_REQUIRE(io, POISE_NO_MEMORY, "no memory to look at the network");
    io->n_inputs = poise_model_inputs(m);
    io->n_outputs = poise_model_outputs(m) < PS_MAX_OUTPUTS ? poise_model_outputs(m) : PS_MAX_OUTPUTS;
    io->meta = model_meta;
    io->ctx = m;
    poise_model_input(m, 0, &io->input);
    for (int i = 0; i < io->n_outputs; i++) {
        poise_model_output(m, i, &io->out[i]);
        if (io->out[i].scale > 0) io->out[i].type = POISE_F32; /* what decoders are given: ps_detector_read */
    }
    poise_status st = ps_task_resolve_io(io, o, out);
    ps_free(io);
    return st;
}

void ps_task_free(ps_task *t)
{
    ps_names_free(&t->names);
}

/* ---- writing ---- */

typedef struct sink {
    poise_status (*put)(void *ctx, const char *key, const char *value);
    void *ctx;
} sink;

static poise_status put_numbers(const sink *s, const char *key, const float *v, int n)
{
    char text[512];
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%.9g", i ? " " : "", (double)v[i]);
    return s->put(s->ctx, key, text);
}

static poise_status put_pixels(const sink *s, const ps_pixels *p)
{
    float border = (float)p->border, side = (float)p->short_side;
    PS_TRY(s->put(s->ctx, "poise.letterbox", ps_fit_names[p->fit]));
    PS_TRY(s->put(s->ctx, "poise.resize", ps_filter_names[p->filter]));
    PS_TRY(s->put(s->ctx, "poise.color", p->bgr ? "bgr" : "rgb"));
    PS_TRY(put_numbers(s, "poise.border", &border, 1));
    if (p->fit == PS_FIT_CROP) PS_TRY(put_numbers(s, "poise.short_side", &side, 1));
    PS_TRY(put_numbers(s, "poise.scale", &p->scale, 1));
    PS_TRY(put_numbers(s, "poise.mean", p->mean, 3));
    return put_numbers(s, "poise.std", p->std, 3);
}

poise_status ps_task_store(const ps_task *t,
                           poise_status (*put)(void *ctx, const char *key, const char *value), void *ctx)
{
    sink s = {put, ctx};
    PS_TRY(put(ctx, "poise.task", ps_task_names[t->kind]));
    PS_TRY(put(ctx, "poise.decoder", t->decoder->name));
    PS_TRY(put_pixels(&s, &t->pixels));
    if (t->n_keypoints) {
        float k[2] = {(float)t->n_keypoints, (float)t->keypoint_dims};
        PS_TRY(put_numbers(&s, "kpt_shape", k, 2));
    }
    if (t->boxes) PS_TRY(put(ctx, "poise.units", ps_units_names[t->boxes]));
    if (t->keypoints) PS_TRY(put(ctx, "poise.keypoint_units", ps_units_names[t->keypoints]));
    if (t->scores) PS_TRY(put(ctx, "poise.scores", ps_scores_names[t->scores]));
    if (t->anchor[0][0][0] > 0) PS_TRY(put_numbers(&s, "poise.anchors", t->anchor[0][0], 18));
    if (t->bins) PS_TRY(put_numbers(&s, "poise.offset", &t->offset, 1));
    PS_TRY(put_numbers(&s, "poise.conf", &t->conf, 1));
    PS_TRY(put_numbers(&s, "poise.iou", &t->iou, 1));
    if (!t->names.n) return POISE_OK;
    char *names = ps_names_text(&t->names);
    PS_REQUIRE(names, POISE_NO_MEMORY, "no memory for class names");
    poise_status st = put(ctx, "names", names);
    ps_free(names);
    return st;
}
