/* models/decode_classify.c - classifiers: one score for each class of the whole picture. */
#include "models/decode.h"

#include <math.h>
#include <string.h>

/* [1,n] (or with trailing ones): probabilities, or logits that become them by a softmax. */

static int32_t classes_of(const ps_io *io)
{
    if (io->n_outputs < 1 || io->out[0].rank < 2 || io->out[0].type != POISE_F32 || io->out[0].dim[0] != 1)
        return 0;
    int32_t n = 1;
    for (int a = 1; a < io->out[0].rank; a++) {
        if (io->out[0].dim[a] > 1 && n > 1) return 0;
        if (io->out[0].dim[a] > 1) n = io->out[0].dim[a];
    }
    return n > 1 && n <= PS_MAX_CLASSES ? n : 0;
}

/* Codes of 0..1 in steps of 1/256 with the least code for 0: how TFLite quantises what a softmax or sigmoid gives. */
static bool is_probability(const poise_tensor *t)
{
    return t->scale == 1 / 256.f && (t->zero == 0 || t->zero == -128);
}

static bool looks(const ps_io *io, const ps_task *t)
{
    int32_t n = classes_of(io);
    /* Without being told, only the sizes of ImageNet and lists with as many names are classifiers: a
     * vector may as well be an embedding. */
    return io->n_outputs == 1 && n &&
           (t->kind == PS_TASK_CLASSIFY || is_probability(&io->out[0]) || n == 1000 || n == 1001 || n == t->n_classes);
}

static poise_status bind(const ps_io *io, ps_task *t)
{
    static const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    int32_t n = classes_of(io);
    if (!n) return ps_bad_outputs(io, "classify", "f32 [1,classes]");
    bool ultralytics = io->meta && io->meta(io->ctx, "names") && io->meta(io->ctx, "stride");
    t->kind = PS_TASK_CLASSIFY;
    t->n_classes = n;
    bool small = t->in_h < 128; /* nets for microcontrollers (MLPerf Tiny) are trained on whole pictures */
    t->pixels.fit = small ? PS_FIT_STRETCH : PS_FIT_CROP;
    if (ultralytics) { /* trained on plain /255, short side to size */
        t->pixels.short_side = t->in_h < t->in_w ? t->in_h : t->in_w;
        return POISE_OK;
    }
    memcpy(t->pixels.mean, mean, sizeof mean);
    memcpy(t->pixels.std, std, sizeof std);
    return POISE_OK;
}

static void run(ps_decode *d)
{
    const poise_tensor *o = d->out[0];
    int axis = 1;
    for (int a = 1; a < o->rank; a++)
        if (o->dim[a] > 1) axis = a;
    const float *p = o->data;
    int32_t n = d->task->n_classes;
    float top = -INFINITY, least = INFINITY, sum = 0, exps = 0;
    for (int32_t i = 0; i < n; i++) {
        float v = p[i * o->stride[axis]];
        if (v > top) top = v;
        if (v < least) least = v;
        sum += v;
    }
    /* Probabilities are never negative and sum to 1; nothing else is likely to. */
    if (d->scores == PS_SCORES_AUTO)
        d->scores = least >= 0 && fabsf(sum - 1) < 0.02f ? PS_SCORES_UNIT : PS_SCORES_LOGITS;
    bool logits = d->scores == PS_SCORES_LOGITS;
    for (int32_t i = 0; i < n && logits; i++) exps += expf(p[i * o->stride[axis]] - top);
    d->trace.cells += n;
    for (int32_t i = 0; i < n; i++) {
        float v = p[i * o->stride[axis]], score = logits ? expf(v - top) / exps : v;
        if (d->wanted && !d->wanted[i]) continue;
        ps_saw(d, score, i);
        if (score >= 0)
            ps_push(d, (float[4]){0}, score, i, i); /* no threshold: the best few are the answer */
    }
}

const ps_decoder ps_decoder_classify = {.name = "classify",
                                        .about = "classifier: [1,classes], probabilities or logits",
                                        .kind = PS_TASK_CLASSIFY,
                                        .final = true,
                                        .looks = looks,
                                        .bind = bind,
                                        .run = run};
