/* convert/quantize_sense.c - which products do harm when they are rounded, and what stays float because of it.
 *
 * Harm is measured where the integer part ends: at the products that write floats, the last of every branch.  Each product in
 * turn is left float, and how much less error there is then is what it did. */
#include "convert/quantizer.h"

#include <stdlib.h>
#include <string.h>

/* Sums for one sample and one setting. */
typedef struct watch {
    ps_quantizer *q;
    ps_error *ends;  /* per product: those that write floats */
    float **exact;   /* per product: what it should write, dense; NULL = no end */
    bool store;
} watch;

static bool is_end(const ps_quantizer *q, const ps_product *p)
{
    return !q->code[p->y].on;
}

static void look(void *ctx, int32_t node)
{
    const watch *w = ctx;
    int32_t p = w->q->product_of[node];
    if (p < 0 || !w->exact[p]) return;
    int32_t v = w->q->products[p].y;
    if (w->store) {
        poise_tensor_read(&w->q->session->tensors[v], w->exact[p]);
        return;
    }
    poise_tensor t = ps_value_tensor(&w->q->model->graph.values[v]);
    t.data = w->exact[p];
    ps_error_add(&w->ends[p], &t, &w->q->fake->tensors[v]);
}

/* Error at all ends, each relative to its power. */
static double error_of(watch *w)
{
    double sum = 0;
    memset(w->ends, 0, (size_t)w->q->n_products * sizeof *w->ends);
    ps_fake_run(w->q, false, look, w);
    for (int32_t i = 0; i < w->q->n_products; i++)
        if (w->exact[i] && w->ends[i].power > 0) sum += w->ends[i].noise / w->ends[i].power;
    return sum;
}

/* Leaves product p float, or not: its weights, and the values that nobody then reads as codes. */
static poise_status leave(ps_quantizer *q, ps_product *p, bool is_float, ps_code *saved)
{
    const ps_graph *g = &q->model->graph;
    p->is_float = is_float;
    ps_fake_weights(q, p);
    if (!is_float) {
        memcpy(q->code, saved, (size_t)g->n_values * sizeof *saved);
        return POISE_OK;
    }
    memcpy(saved, q->code, (size_t)g->n_values * sizeof *saved);
    PS_TRY(ps_quantize_find(q));
    for (int32_t v = 0; v < g->n_values; v++) q->code[v].on = q->code[v].on && saved[v].on;
    return POISE_OK;
}

static poise_status try_all(watch *w, ps_code *saved, double *before)
{
    ps_quantizer *q = w->q;
    PS_TRY(ps_calibrate_hold(q));
    w->store = true;
    ps_session_run_watched(q->session, look, w);
    w->store = false;
    double all = error_of(w);
    *before += all;
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *p = &q->products[i];
        if (p->is_float) continue;
        PS_TRY(leave(q, p, true, saved));
        p->harm += all - error_of(w);
        PS_TRY(leave(q, p, false, saved));
        ps_calibrate_progress(q, "sensitivity", i, q->n_products);
    }
    return POISE_OK;
}

/* So many samples that the trials take about as long as the calibration: at least one. */
static int samples_for(const ps_quantizer *q)
{
    const uint64_t budget = 600ull * 1000 * 1000 * 1000; /* multiply-accumulates: half a minute of one core */
    uint64_t macs = 1;
    for (int32_t i = 0; i < q->n_products; i++) macs += q->products[i].macs;
    uint64_t n = budget / macs / (uint64_t)(q->n_products + 1);
    return ps_calibrate_samples(q, n < 1 ? 1 : n > 8 ? 8 : (int)n);
}

static int by_worth(const void *a, const void *b)
{
    const ps_product *x = *(ps_product *const *)a, *y = *(ps_product *const *)b;
    double u = x->harm / (double)(x->macs + 1), v = y->harm / (double)(y->macs + 1);
    return u != v ? (u < v) - (u > v) : (x->node > y->node) - (x->node < y->node);
}

/* The worst in relation to what they cost, as long as they fit the budget and matter. */
static poise_status give_back(ps_quantizer *q, const ps_product *const *order)
{
    const double matters = 0.05; /* of the error: less is not worth slower arithmetic */
    double budget = q->o->float_budget > 0 ? (double)q->o->float_budget : q->o->float_budget < 0 ? 0 : 0.05, all = 0;
    for (int32_t i = 0; i < q->n_products; i++) all += (double)q->products[i].macs;
    bool changed = false;
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *p = (ps_product *)(uintptr_t)order[i];
        if (p->is_float || p->harm < matters || (double)p->macs > budget * all) continue;
        budget -= (double)p->macs / all;
        p->is_float = changed = true;
        ps_fake_weights(q, p);
    }
    if (!changed) return POISE_OK;
    PS_TRY(ps_quantize_find(q));
    return ps_quantize_scales(q);
}

static poise_status sense(ps_quantizer *q, watch *w, ps_heap *tmp)
{
    const ps_graph *g = &q->model->graph;
    size_t n = (size_t)q->n_products;
    ps_code *saved = ps_heap_push(tmp, ((size_t)g->n_values + 1) * sizeof *saved);
    const ps_product **order = ps_heap_push(tmp, n * sizeof *order);
    w->ends = ps_heap_push(tmp, n * sizeof *w->ends);
    w->exact = ps_heap_push(tmp, n * sizeof *w->exact);
    PS_REQUIRE(saved && order && w->ends && w->exact, POISE_NO_MEMORY, "no memory for the trials");
    for (int32_t i = 0; i < q->n_products; i++) {
        order[i] = &q->products[i];
        if (!is_end(q, &q->products[i])) continue;
        w->exact[i] = ps_heap_push(tmp, ps_value_bytes(&g->values[q->products[i].y]));
        PS_REQUIRE(w->exact[i], POISE_NO_MEMORY, "no memory for the trials");
    }
    double before = 0;
    int samples = samples_for(q);
    for (int i = 0; i < samples; i++) {
        PS_TRY(ps_calibrate_fill(q, ps_calibrate_sample(q, i, samples)));
        PS_TRY(try_all(w, saved, &before));
    }
    ps_calibrate_progress(q, "sensitivity", q->n_products, q->n_products);
    for (int32_t i = 0; i < q->n_products; i++)
        if (before > 0) q->products[i].harm /= before;
    qsort(order, n, sizeof *order, by_worth);
    return give_back(q, order);
}

poise_status ps_quantize_sense(ps_quantizer *q)
{
    watch w = {.q = q};
    ps_heap tmp = {0};
    poise_status s = sense(q, &w, &tmp);
    ps_heap_free(&tmp);
    return s;
}

/* ---- what it came to ---- */

static void sum_up(void *ctx, int32_t node)
{
    ps_quantizer *q = ctx;
    int32_t p = q->product_of[node];
    if (p < 0) return;
    ps_error e = {0};
    int32_t v = q->products[p].y;
    ps_error_add(&e, &q->session->tensors[v], &q->fake->tensors[v]);
    q->products[p].noise += e.noise;
    q->products[p].power += e.power;
}

poise_status ps_quantize_measure(ps_quantizer *q, ps_error *outputs)
{
    enum { ENOUGH = 16 };
    const ps_graph *g = &q->model->graph;
    int n = ps_calibrate_samples(q, ENOUGH);
    for (int i = 0; i < n; i++) {
        ps_calibrate_progress(q, "comparison", i, n);
        PS_TRY(ps_calibrate_fill(q, ps_calibrate_sample(q, i, n)));
        PS_TRY(ps_calibrate_hold(q));
        ps_fake_run(q, true, sum_up, q);
        for (int32_t k = 0; k < g->n_outputs; k++)
            ps_error_add(&outputs[k], &q->session->tensors[g->outputs[k]], &q->fake->tensors[g->outputs[k]]);
    }
    ps_calibrate_progress(q, "comparison", n, n);
    return POISE_OK;
}
