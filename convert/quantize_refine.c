/* convert/quantize_refine.c - the error where the integer part ends, and ranges that leave less of it.
 *
 * What a range does to its own values says little: a rare large number may be all that matters, or nothing.  So other ranges
 * are tried in the whole network, group by group, and kept when the last products of all branches come closer to what they
 * should be. */
#include "convert/quantizer.h"

#include <stdlib.h>
#include <string.h>

static bool is_end(const ps_quantizer *q, const ps_product *p)
{
    return !q->code[p->y].on;
}

static void look(void *ctx, int32_t node)
{
    const ps_ends *e = ctx;
    ps_quantizer *q = e->q;
    int32_t p = q->product_of[node];
    float *exact = p < 0 ? NULL : e->exact[(ptrdiff_t)e->sample * q->n_products + p];
    if (!exact) return;
    int32_t v = q->products[p].y;
    if (e->store) {
        poise_tensor_read(&q->session->tensors[v], exact);
        return;
    }
    poise_tensor t = ps_value_tensor(&q->model->graph.values[v]);
    t.data = exact;
    ps_error_add(&e->error[p], &t, &q->fake->tensors[v]);
}

double ps_ends_error(ps_ends *e)
{
    double sum = 0;
    memset(e->error, 0, (size_t)e->q->n_products * sizeof *e->error);
    for (e->sample = 0; e->sample < e->samples; e->sample++) {
        e->q->held = e->inputs[e->sample];
        ps_fake_run(e->q, false, look, e);
    }
    e->sample = 0;
    e->q->held = NULL;
    for (int32_t i = 0; i < e->q->n_products; i++)
        if (e->exact[i] && e->error[i].power > 0) sum += e->error[i].noise / e->error[i].power;
    return sum;
}

int ps_ends_count(const ps_ends *e)
{
    int n = 0;
    for (int32_t i = 0; i < e->q->n_products; i++) n += e->exact[i] != NULL;
    return n ? n : 1;
}

static poise_status no_memory(void)
{
    return ps_fail(POISE_NO_MEMORY, "no memory for the trials");
}

static poise_status take_memory(ps_ends *e)
{
    ps_quantizer *q = e->q;
    const ps_graph *g = &q->model->graph;
    size_t n = (size_t)q->n_products, samples = (size_t)e->samples;
    e->error = ps_heap_push(&e->heap, n * sizeof *e->error);
    e->exact = ps_heap_push(&e->heap, samples * n * sizeof *e->exact);
    e->inputs = ps_heap_push(&e->heap, samples * sizeof *e->inputs);
    if (!e->error || !e->exact || !e->inputs) return no_memory();
    for (size_t i = 0; i < samples * n; i++) {
        const ps_product *p = &q->products[i % n];
        if (!is_end(q, p)) continue;
        e->exact[i] = ps_heap_push(&e->heap, ps_value_bytes(&g->values[p->y]));
        if (!e->exact[i]) return no_memory();
    }
    return POISE_OK;
}

poise_status ps_ends_open(ps_ends *e, ps_quantizer *q, int samples)
{
    *e = (ps_ends){.q = q, .samples = samples};
    PS_TRY(take_memory(e));
    e->store = true;
    for (e->sample = 0; e->sample < samples; e->sample++) {
        q->held = NULL; /* room of its own for every sample */
        PS_TRY(ps_calibrate_fill(q, ps_calibrate_sample(q, e->sample, samples)));
        PS_TRY(ps_calibrate_hold(q));
        e->inputs[e->sample] = q->held;
        ps_session_run_watched(q->session, look, e);
    }
    e->store = false;
    q->held = NULL;
    return POISE_OK;
}

void ps_ends_close(ps_ends *e)
{
    ps_heap_free(&e->heap);
    e->q->held = NULL;
}

/* ---- ranges ---- */

/* The range of c, its larger end (and the other in proportion, when it is more than a fifth of it) times `by`. */
static ps_code stretched(const ps_code *c, float by)
{
    float lo = -c->scale * (float)c->zero, hi = c->scale * (float)(255 - c->zero);
    ps_code s = *c;
    if (hi >= -lo) hi *= by, lo *= -lo > hi / 5 ? by : 1;
    else lo *= by, hi *= hi > -lo / 5 ? by : 1;
    ps_range_code(lo, hi, &s);
    return s;
}

/* Keeps c for group v if that is better than `error`, which is then the new one. */
static bool is_better(ps_ends *e, int32_t v, const ps_code *c, double *error)
{
    const double worth = 0.97; /* less may be chance: there are few samples */
    ps_code old = e->q->code[v];
    ps_quantize_set(e->q, v, c);
    double now = ps_ends_error(e);
    if (now < worth * *error) {
        *error = now;
        return true;
    }
    ps_quantize_set(e->q, v, &old);
    return false;
}

/* Tries the range of least squared error of the values themselves, then wider or narrower ones as long as it helps. */
static poise_status refine(ps_ends *e, int32_t v, double *error)
{
    enum { FAR = 4 };
    const float wider = 1.3f;
    ps_code c = e->q->code[v];
    PS_TRY(ps_quantize_range(e->q, v, POISE_RANGES_MSE, &c));
    float ratio = c.scale / e->q->code[v].scale;
    if (ratio < 0.9f || ratio > 1.1f) is_better(e, v, &c, error);
    bool moved = false;
    for (int way = 0; way < 2 && !moved; way++)
        for (int i = 0; i < FAR; i++) {
            c = stretched(&e->q->code[v], way ? wider : 1 / wider);
            if (!is_better(e, v, &c, error)) break;
            moved = true;
        }
    return POISE_OK;
}

poise_status ps_quantize_refine(ps_ends *e)
{
    ps_quantizer *q = e->q;
    const ps_graph *g = &q->model->graph;
    double error = ps_ends_error(e);
    int32_t n = 0, done = 0;
    for (int32_t v = 0; v < g->n_values; v++) n += q->code[v].on && q->code[v].group == v;
    for (int32_t v = 0; v < g->n_values; v++) {
        if (!q->code[v].on || q->code[v].group != v) continue;
        ps_calibrate_progress(q, "ranges in the network", done++, n);
        bool input = q->maker[v] < 0;
        if (!input) PS_TRY(refine(e, v, &error));
    }
    ps_calibrate_progress(q, "ranges in the network", n, n);
    return POISE_OK;
}
