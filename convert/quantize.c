/* convert/quantize.c - the public way to a quantised network: calibrate, choose, round, try, write. */
#include "convert/input_codes.h"
#include "convert/optimize.h"
#include "convert/quantizer.h"

#include <math.h>
#include <string.h>

/* ---- nodes that stay float by wish ---- */

/* '*' any text, '?' any letter. */
static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') star = pattern++, from = text;
        else if (*pattern == *text || *pattern == '?') pattern++, text++;
        else if (star) pattern = star + 1, text = ++from;
        else return false;
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

static poise_status keep_float(ps_quantizer *q)
{
    for (int i = 0; i < q->o->n_keep_float; i++) {
        int found = 0;
        for (int32_t k = 0; k < q->n_products; k++) {
            ps_product *p = &q->products[k];
            const ps_graph *g = &q->model->graph;
            if (!matches(q->o->keep_float[i], g->nodes[p->node].name) && !matches(q->o->keep_float[i], g->values[p->y].name))
                continue;
            p->is_float = p->asked = true;
            found++;
        }
        PS_REQUIRE(found, POISE_BAD_ARGUMENT, "no convolution or product is named '%s' (poise info lists the names)",
                   q->o->keep_float[i]);
    }
    return POISE_OK;
}

/* ---- report ---- */

static double decibel(double power, double noise)
{
    return noise > 0 && power > 0 ? 10 * log10(power / noise) : power > 0 ? 999 : 0;
}

static void fill_layer(const ps_quantizer *q, const ps_product *p, double macs, const char *name, poise_quantized_layer *l)
{
    const ps_code *c = &q->code[p->y];
    *l = (poise_quantized_layer){.name = name,
                                 .integer = !p->is_float,
                                 .scale = c->on ? c->scale : 0,
                                 .zero = c->on ? c->zero : 0,
                                 .macs = (double)p->macs / macs,
                                 .weights_db = decibel(p->weight_power, p->weight_noise),
                                 .output_db = decibel(p->power, p->noise),
                                 .harm = p->harm};
}

static poise_status report(const ps_quantizer *q, const ps_error *outputs, poise_quantized *r)
{
    const ps_graph *g = &q->model->graph;
    size_t n = (size_t)q->n_products, m = (size_t)g->n_outputs, texts = 0, at = 0;
    for (size_t i = 0; i < n; i++) texts += strlen(g->nodes[q->products[i].node].name) + 1;
    size_t lists = n * sizeof(poise_quantized_layer) + 2 * m * sizeof(double);
    *r = (poise_quantized){.n_layers = (int)n, .n_outputs = (int)m, .equalised = q->equalised, .memory = ps_alloc(lists + texts)};
    PS_REQUIRE(r->memory, POISE_NO_MEMORY, "no memory for a report of %zu layers", n);
    poise_quantized_layer *l = r->memory;
    double *db = (double *)(void *)(l + n), *cosine = db + m, macs = 1e-9, left = 0;
    char *text = (char *)(cosine + m);
    for (size_t i = 0; i < n; i++) {
        macs += (double)q->products[i].macs;
        left += q->products[i].is_float ? (double)q->products[i].macs : 0;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = g->nodes[q->products[i].node].name;
        strcpy(text + at, name);
        fill_layer(q, &q->products[i], macs, text + at, &l[i]);
        at += strlen(name) + 1;
    }
    for (size_t i = 0; i < m; i++) {
        db[i] = decibel(outputs[i].power, outputs[i].noise);
        cosine[i] = outputs[i].power > 0 && outputs[i].other > 0 ? outputs[i].cross / sqrt(outputs[i].power * outputs[i].other) : 0;
    }
    r->layers = l;
    r->output_db = db;
    r->output_cosine = cosine;
    r->float_macs = left / macs;
    return POISE_OK;
}

/* ---- the order of it all ---- */

static poise_status write_file(ps_quantizer *q, void **out, size_t *size)
{
    ps_graph g = {0};
    poise_status s = ps_quantize_emit(q, &g);
    if (s == POISE_OK) s = ps_optimize(&g);
    if (s == POISE_OK) s = ps_input_codes(&g);
    if (s == POISE_OK) s = ps_format_write(&g, out, size);
    ps_graph_free(&g);
    return s;
}

/* So many samples that the trials, about four for each product, take no more than a minute of one core: at least one. */
static int samples_for(const ps_quantizer *q)
{
    const uint64_t budget = 4000ull * 1000 * 1000 * 1000; /* multiply-accumulates */
    uint64_t macs = 1;
    for (int32_t i = 0; i < q->n_products; i++) macs += q->products[i].macs;
    uint64_t n = budget / macs / (4 * (uint64_t)q->n_products);
    return ps_calibrate_samples(q, n < 1 ? 1 : n > 4 ? 4 : (int)n);
}

/* What is found by trying in the whole network. */
static poise_status improve(ps_quantizer *q)
{
    bool refine = q->o->ranges == POISE_RANGES_MSE, sense = q->o->float_budget >= 0;
    ps_ends e;
    if (!refine && !sense) return POISE_OK;
    poise_status s = ps_ends_open(&e, q, samples_for(q));
    if (s == POISE_OK && refine) s = ps_quantize_refine(&e);
    bool changed = false;
    if (s == POISE_OK && sense) s = ps_quantize_sense(&e, &changed);
    if (s == POISE_OK && refine && changed) s = ps_quantize_refine(&e); /* what the worst had hidden */
    ps_ends_close(&e);
    return s;
}

static poise_status choose(ps_quantizer *q, const void *bytes, size_t size)
{
    PS_TRY(ps_quantizer_open(q, bytes, size));
    PS_TRY(keep_float(q));
    if (!q->o->no_equalise) PS_TRY(ps_quantize_equalise(q));
    PS_TRY(ps_quantize_find(q));
    PS_TRY(ps_calibrate_ranges(q));
    PS_TRY(ps_calibrate_histograms(q));
    PS_TRY(ps_quantize_scales(q));
    PS_TRY(ps_quantize_weights(q));
    PS_TRY(ps_fake_open(q));
    return improve(q);
}

static poise_status quantize(ps_quantizer *q, const void *bytes, size_t size, void **out, size_t *out_size, poise_quantized *r)
{
    PS_TRY(choose(q, bytes, size));
    if (r) {
        ps_error *outputs = ps_heap_push(&q->heap, (size_t)q->model->graph.n_outputs * sizeof *outputs);
        PS_REQUIRE(outputs, POISE_NO_MEMORY, "no memory for the report");
        PS_TRY(ps_quantize_measure(q, outputs));
        PS_TRY(report(q, outputs, r));
    }
    return write_file(q, out, out_size);
}

poise_status poise_quantize(const void *bytes, size_t size, const poise_quantize_options *o, void **out, size_t *out_size,
                            poise_quantized *r)
{
    PS_REQUIRE(bytes && o && out && out_size && o->fill, POISE_BAD_ARGUMENT, "poise_quantize: a pointer is NULL");
    PS_REQUIRE(o->samples > 0, POISE_BAD_ARGUMENT, "poise_quantize: %d samples to calibrate with", o->samples);
    PS_REQUIRE(o->ranges >= POISE_RANGES_MSE && o->ranges <= POISE_RANGES_MINMAX, POISE_BAD_ARGUMENT,
               "poise_quantize: unknown choice of ranges %d", o->ranges);
    ps_quantizer q = {.o = o};
    *out = NULL;
    if (r) *r = (poise_quantized){0};
    poise_status s = quantize(&q, bytes, size, out, out_size, r);
    ps_quantizer_close(&q);
    if (s != POISE_OK && r) poise_free(r->memory), *r = (poise_quantized){0};
    return s;
}
