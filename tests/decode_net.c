/* tests/decode_net.c - see decode_net.h */
#include "tests/decode_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/tensor.h"

dn_network dn_net;

static const char *meta_of(const void *ctx, const char *key)
{
    const dn_network *n = ctx;
    for (int i = 0; n->meta[i]; i += 2)
        if (!strcmp(n->meta[i], key)) return n->meta[i + 1];
    return NULL;
}

void dn_begin(int h, int w)
{
    memset(&dn_net, 0, sizeof dn_net);
    dn_net.io.input = (poise_tensor){.type = POISE_F32, .rank = 4, .dim = {1, 3, h, w}};
    dn_net.io.n_inputs = 1;
    dn_net.io.meta = meta_of;
    dn_net.io.ctx = &dn_net;
}

void dn_say(const char *key, const char *value)
{
    int i = 0;
    while (dn_net.meta[i]) i += 2;
    dn_net.meta[i] = key, dn_net.meta[i + 1] = value;
}

/* A zero output; gives its dense values. */
float *dn_output(int rank, int a, int b, int c, int d)
{
    poise_tensor *t = &dn_net.io.out[dn_net.io.n_outputs++];
    *t = (poise_tensor){.type = POISE_F32, .rank = rank, .dim = {1, a, b, c, d}};
    ps_strides_row_major(t);
    t->data = calloc(poise_tensor_count(t), sizeof(float));
    return t->data;
}

/* The same values in another layout. */
static void lay(int i, int layout)
{
    const poise_tensor *t = &dn_net.io.out[i];
    poise_tensor *v = &dn_net.view[i];
    size_t n = poise_tensor_count(t);
    *v = *t;
    float *p = calloc(8 * n + 64, sizeof(float));
    dn_net.memory[i] = v->data = p;
    if (layout == 1 && t->rank == 4) ps_strides_channels_last(v, t->dim[1] + 3);
    if (layout == 1 && t->rank == 3) v->stride[1] = 1, v->stride[2] = t->dim[1] + 5, v->stride[0] = 0;
    if (layout == 2) {
        v->stride[t->rank - 1] = -1;
        v->data = p + t->dim[t->rank - 1] - 1;
    }
    poise_tensor_write(v, t->data);
}

void dn_run(int layout, float conf, bool multi)
{
    for (int i = 0; i < dn_net.io.n_outputs; i++) {
        free(dn_net.memory[i]);
        lay(i, layout);
        dn_net.d.out[i] = &dn_net.view[i];
    }
    ps_decode *d = &dn_net.d;
    d->task = &dn_net.task;
    d->conf = conf, d->multi_label = multi;
    d->boxes = dn_net.task.boxes, d->keypoints = dn_net.task.keypoints, d->scores = dn_net.task.scores;
    d->cap = 2 * PS_MAX_CANDIDATES;
    if (!d->found) {
        d->found = calloc((size_t)d->cap, sizeof *d->found);
        d->spare = calloc((size_t)d->cap, sizeof *d->spare);
        d->keys = calloc((size_t)d->cap, 2 * sizeof *d->keys);
    }
    d->n = 0;
    d->trace = (ps_trace){.best_score = -1, .best_class = -1};
    dn_net.task.decoder->run(d);
    ps_sort_candidates(d, PS_MAX_CANDIDATES);
}

void dn_end(void)
{
    for (int i = 0; i < dn_net.io.n_outputs; i++) free(dn_net.memory[i]), free(dn_net.io.out[i].data);
    free(dn_net.d.found), free(dn_net.d.spare), free(dn_net.d.keys);
    ps_task_free(&dn_net.task);
}

void dn_resolve(const char *decoder)
{
    if (ps_task_resolve_io(&dn_net.io, NULL, &dn_net.task) != POISE_OK) fail_msg("%s: %s", decoder, poise_error_text());
    assert_string_equal(dn_net.task.decoder->name, decoder);
}

void dn_expect(int i, int id, float score, float x1, float y1, float x2, float y2)
{
    assert_true(i < dn_net.d.n);
    const ps_candidate *c = &dn_net.d.found[i];
    bool same = c->class_id == id && fabsf(c->score - score) < 1e-4f && fabsf(c->x1 - x1) < 2e-3f &&
                fabsf(c->y1 - y1) < 2e-3f && fabsf(c->x2 - x2) < 2e-3f && fabsf(c->y2 - y2) < 2e-3f;
    if (!same)
        fail_msg("%s candidate %d: class %d %.5f, %.3f %.3f %.3f %.3f", dn_net.task.decoder->name, i, c->class_id,
                 (double)c->score, (double)c->x1, (double)c->y1, (double)c->x2, (double)c->y2);
}

void dn_expect_point(const poise_keypoint *k, float x, float y, float conf)
{
    if (fabsf(k->x - x) > 1e-3f || fabsf(k->y - y) > 1e-3f || fabsf(k->conf - conf) > 1e-4f)
        fail_msg("%s: keypoint %g %g %g", dn_net.task.decoder->name, (double)k->x, (double)k->y, (double)k->conf);
}
