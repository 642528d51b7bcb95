/* convert/quantize_sense.c - which products do harm when they are rounded, and what stays float because of it.
 *
 * Each product in turn is left float, and how much less error there is then where the integer part ends is what it did. */
#include "convert/quantizer.h"

#include <stdlib.h>
#include <string.h>

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

static poise_status try_all(ps_ends *e, ps_code *saved, double all)
{
    ps_quantizer *q = e->q;
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *p = &q->products[i];
        ps_calibrate_progress(q, "sensitivity", i, q->n_products);
        if (p->is_float) continue;
        PS_TRY(leave(q, p, true, saved));
        p->harm = all > 0 ? 1 - ps_ends_error(e) / all : 0;
        PS_TRY(leave(q, p, false, saved));
    }
    ps_calibrate_progress(q, "sensitivity", q->n_products, q->n_products);
    return POISE_OK;
}

static int by_worth(const void *a, const void *b)
{
    const ps_product *x = *(ps_product *const *)a, *y = *(ps_product *const *)b;
    double u = x->harm / (double)(x->macs + 1), v = y->harm / (double)(y->macs + 1);
    return u != v ? (u < v) - (u > v) : (x->node > y->node) - (x->node < y->node);
}

/* The worst in relation to what they cost, as long as they fit the budget and matter: float arithmetic is several times
 * slower, and an error of 0.2 % of the power (27 dB) changes no result.  `error`: all of it, as a mean over the ends. */
static poise_status give_back(ps_quantizer *q, const ps_product *const *order, double error, bool *changed)
{
    const double matters = 0.05, enough = 0.002;
    double budget = q->o->float_budget > 0 ? (double)q->o->float_budget : q->o->float_budget < 0 ? 0 : 0.05, all = 0;
    for (int32_t i = 0; i < q->n_products; i++) all += (double)q->products[i].macs;
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *p = (ps_product *)(uintptr_t)order[i];
        if (p->is_float || p->harm < matters || p->harm * error < enough || (double)p->macs > budget * all) continue;
        budget -= (double)p->macs / all;
        p->is_float = *changed = true;
        ps_fake_weights(q, p);
    }
    return *changed ? ps_quantize_find(q) : POISE_OK; /* scales stay as they were */
}

static poise_status sense(ps_ends *e, ps_heap *tmp, bool *changed)
{
    ps_quantizer *q = e->q;
    size_t n = (size_t)q->n_products;
    ps_code *saved = ps_heap_push(tmp, ((size_t)q->model->graph.n_values + 1) * sizeof *saved);
    const ps_product **order = ps_heap_push(tmp, n * sizeof *order);
    PS_REQUIRE(saved && order, POISE_NO_MEMORY, "no memory for the trials");
    for (size_t i = 0; i < n; i++) order[i] = &q->products[i];
    double all = ps_ends_error(e);
    PS_TRY(try_all(e, saved, all));
    qsort(order, n, sizeof *order, by_worth);
    return give_back(q, order, all / ps_ends_count(e), changed);
}

poise_status ps_quantize_sense(ps_ends *e, bool *changed)
{
    ps_heap tmp = {0};
    poise_status s = sense(e, &tmp, changed);
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
