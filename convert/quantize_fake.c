/* convert/quantize_fake.c - the network as if it were quantised, computed in floats: weights are rounded, and so is every
 * value that will be codes, where it lies, as soon as it is made. */
#include "convert/quantizer.h"

#include <math.h>
#include <string.h>

/* ---- weights ---- */

void ps_fake_weights(ps_quantizer *q, const ps_product *p)
{
    const float *w = ps_quantizer_constant(q, p->w, false), *b = NULL;
    float *to = ps_quantizer_constant(q, p->w, true), *to_b = NULL;
    bool biased = p->bias >= 0 && q->model->graph.values[p->bias].data;
    if (biased) b = ps_quantizer_constant(q, p->bias, false), to_b = ps_quantizer_constant(q, p->bias, true);
    bool exact = p->is_float || !p->codes;
    for (int32_t j = 0; j < p->o; j++) {
        if (biased) to_b[j] = b[j] + (exact ? 0 : p->shift[j]);
        for (int32_t i = 0; i < p->c; i++)
            for (int32_t t = 0; t < p->taps; t++) {
                ptrdiff_t at = j * p->so + i * p->sc + t * p->st;
                to[at] = exact ? w[at] : p->scale[j] * (float)p->codes[at];
            }
    }
    ps_quantizer_repack(q->fake, p->node);
}

poise_status ps_fake_open(ps_quantizer *q)
{
    PS_TRY(ps_quantizer_copy(q));
    for (int32_t i = 0; i < q->n_products; i++) ps_fake_weights(q, &q->products[i]);
    return POISE_OK;
}

/* ---- values ---- */

static void round_row(float *x, size_t n, ptrdiff_t step, const ps_code *c)
{
    const float magic = 12582912; /* 1.5 * 2^23: adding it rounds to a whole number, half to even */
    float by = 1 / c->scale, low = (float)-c->zero, high = (float)(255 - c->zero);
    for (size_t i = 0; i < n; i++) {
        float t = x[(ptrdiff_t)i * step] * by;
        t = t > low ? t : low;
        t = t < high ? t : high;
        t = (t + magic) - magic;
        x[(ptrdiff_t)i * step] = t * c->scale;
    }
}

static void round_value(const ps_quantizer *q, int32_t v)
{
    const ps_code *c = &q->code[v];
    const poise_tensor *t = &q->fake->tensors[v];
    ps_walk w;
    if (!c->on || !c->own || t->type != POISE_F32 || !poise_tensor_count(t)) return;
    ps_walk_init(&w, 1, &t);
    for (size_t r = 0; r < w.rows; r++) {
        void *at;
        ps_walk_row(&w, r, &at);
        round_row(at, w.n, w.step[0], c);
    }
}

/* ---- running ---- */

void ps_error_add(ps_error *e, const poise_tensor *x, const poise_tensor *y)
{
    ps_walk w;
    if (x->type != POISE_F32 || y->type != POISE_F32 || !poise_tensor_count(x)) return;
    ps_walk_init(&w, 2, (const poise_tensor *[]){x, y});
    for (size_t r = 0; r < w.rows; r++) {
        void *at[2];
        ps_walk_row(&w, r, at);
        for (size_t i = 0; i < w.n; i++) {
            double a = (double)((const float *)at[0])[(ptrdiff_t)i * w.step[0]];
            double b = (double)((const float *)at[1])[(ptrdiff_t)i * w.step[1]];
            e->noise += (b - a) * (b - a);
            e->power += a * a;
            e->cross += a * b;
            e->other += b * b;
        }
    }
}

typedef struct run {
    ps_quantizer *q;
    bool both;
    void (*after)(void *ctx, int32_t node);
    void *ctx;
} run;

static void after(void *ctx, int32_t node)
{
    const run *r = ctx;
    ps_quantizer *q = r->q;
    const ps_node *n = &q->fake_model->graph.nodes[node];
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0) round_value(q, n->out[k]);
    if (r->both && !q->model->plan.skip[node]) q->model->graph.nodes[node].op->run(&q->session->calls[node]);
    if (r->after) r->after(r->ctx, node);
}

void ps_fake_run(ps_quantizer *q, bool both, void (*then)(void *ctx, int32_t node), void *ctx)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t i = 0; i < g->n_inputs; i++) {
        poise_tensor_write(&q->fake->tensors[g->inputs[i]], q->held[i]);
        round_value(q, g->inputs[i]);
    }
    ps_session_run_watched(q->fake, after, &(run){q, both, then, ctx});
}
