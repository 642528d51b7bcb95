/* convert/calibrate.c - runs the samples through the exact network and looks at every value when it is made: extremes,
 * then histograms between them.  Nothing of an activation is kept. */
#include "convert/quantizer.h"

#include <math.h>

int ps_calibrate_samples(const ps_quantizer *q, int most)
{
    return q->o->samples < most ? q->o->samples : most;
}

int ps_calibrate_sample(const ps_quantizer *q, int i, int n)
{
    return (int)((int64_t)i * q->o->samples / n);
}

void ps_calibrate_progress(const ps_quantizer *q, const char *what, int done, int total)
{
    if (q->o->progress) q->o->progress(q->o->ctx, what, done, total);
}

poise_status ps_calibrate_fill(ps_quantizer *q, int sample)
{
    poise_status s = q->o->fill(q->o->ctx, sample, q->session);
    return s == POISE_OK ? s : ps_fail_in(s, "calibration sample %d", sample);
}

poise_status ps_calibrate_hold(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    if (!q->held) {
        q->held = ps_heap_push(&q->heap, (size_t)g->n_inputs * sizeof *q->held);
        for (int32_t i = 0; q->held && i < g->n_inputs; i++) {
            q->held[i] = ps_heap_push(&q->heap, ps_value_bytes(&g->values[g->inputs[i]]));
            PS_REQUIRE(q->held[i], POISE_NO_MEMORY, "no memory for an input");
        }
        PS_REQUIRE(q->held, POISE_NO_MEMORY, "no memory for %d inputs", g->n_inputs);
    }
    for (int32_t i = 0; i < g->n_inputs; i++) poise_tensor_read(&q->session->tensors[g->inputs[i]], q->held[i]);
    return POISE_OK;
}

/* ---- looking at a value ---- */

static void see_range(ps_seen *s, const poise_tensor *t)
{
    ps_walk w;
    ps_walk_init(&w, 1, &t);
    for (size_t r = 0; r < w.rows; r++) {
        void *at;
        ps_walk_row(&w, r, &at);
        const float *x = at;
        float lo = s->lo, hi = s->hi;
        for (size_t i = 0; i < w.n; i++) {
            float v = x[(ptrdiff_t)i * w.step[0]];
            if (!(fabsf(v) <= 3e38f)) {
                s->broken++;
                continue;
            }
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
        }
        s->lo = lo;
        s->hi = hi;
    }
}

static void see_bins(ps_seen *s, const poise_tensor *t)
{
    ps_walk w;
    float width = s->hi - s->lo, by = width > 0 ? (float)PS_BINS / width : 0;
    ps_walk_init(&w, 1, &t);
    for (size_t r = 0; r < w.rows; r++) {
        void *at;
        ps_walk_row(&w, r, &at);
        const float *x = at;
        for (size_t i = 0; i < w.n; i++) {
            float v = x[(ptrdiff_t)i * w.step[0]], f = (v - s->lo) * by;
            if (!(v < 0) && !(v > 0)) s->zeros++; /* or no number, which counts for nothing either */
            else s->bins[f > 0 ? f < PS_BINS - 1 ? (int)f : PS_BINS - 1 : 0]++;
        }
    }
}

/* Whether an input can be pixels as they are. */
static void see_pixels(ps_seen *s, const poise_tensor *t)
{
    ps_walk w;
    if (t->type != POISE_F32) return;
    ps_walk_init(&w, 1, &t);
    for (size_t r = 0; r < w.rows; r++) {
        void *at;
        ps_walk_row(&w, r, &at);
        for (size_t i = 0; i < w.n; i++) {
            float v = ((const float *)at)[(ptrdiff_t)i * w.step[0]];
            if (!(v >= 0 && v <= 255 && fabsf(v - rintf(v)) < 1e-4f)) s->no_bytes = true;
            if (!(v >= 0 && v <= 1 && fabsf(v * 255 - rintf(v * 255)) < 1e-3f)) s->no_units = true;
        }
    }
}

/* ---- means of what products read ---- */

/* Adds the numbers under one tap of a convolution's window, at all its positions inside the image. */
static void add_tap(const ps_conv_params *p, const poise_tensor *x, const poise_tensor *y, int ky, int kx, double *sum)
{
    bool flat = x->rank == 3;
    int32_t h = flat ? 1 : x->dim[2], w = x->dim[x->rank - 1], oh = flat ? 1 : y->dim[2], ow = y->dim[y->rank - 1];
    ptrdiff_t row = flat ? 0 : x->stride[2], column = x->stride[x->rank - 1];
    for (int32_t n = 0; n < x->dim[0]; n++)
        for (int32_t oy = 0; oy < oh; oy++) {
            int32_t iy = oy * p->stride[0] - p->pad[0] + ky * p->dilation[0];
            if (iy < 0 || iy >= h) continue;
            for (int32_t ox = 0; ox < ow; ox++) {
                int32_t ix = ox * p->stride[1] - p->pad[1] + kx * p->dilation[1];
                if (ix < 0 || ix >= w) continue;
                const float *at = (const float *)x->data + n * x->stride[0] + iy * row + ix * column;
                for (int32_t c = 0; c < x->dim[1]; c++) sum[c] += (double)at[c * x->stride[1]];
            }
        }
}

static void see_conv(ps_product *p, const ps_conv_params *conv, const poise_tensor *x, const poise_tensor *y)
{
    for (int ky = 0; ky < conv->kernel[0]; ky++)
        for (int kx = 0; kx < conv->kernel[1]; kx++)
            add_tap(conv, x, y, ky, kx, p->mean + (ptrdiff_t)(ky * conv->kernel[1] + kx) * x->dim[1]);
    p->positions += poise_tensor_count(y) / (uint64_t)y->dim[1];
}

/* Of a matrix product: in[0] is [..,m,k]. */
static void see_rows(ps_product *p, const poise_tensor *x, bool transposed)
{
    poise_tensor t = *x;
    int last = t.rank - 1, k = transposed ? last - 1 : last;
    int32_t n = t.dim[k];
    ptrdiff_t step = t.stride[k];
    t.dim[k] = 1;
    ps_walk w;
    const poise_tensor *all = &t;
    ps_walk_init(&w, 1, &all);
    for (size_t r = 0; r < w.rows; r++) {
        void *at;
        ps_walk_row(&w, r, &at);
        for (size_t i = 0; i < w.n; i++) {
            const float *row = (const float *)at + (ptrdiff_t)i * w.step[0];
            for (int32_t j = 0; j < n; j++) p->mean[j] += (double)row[j * step];
        }
    }
    p->positions += poise_tensor_count(&t);
}

/* ---- passes ---- */

typedef struct pass {
    ps_quantizer *q;
    float *const *most;
    bool bins, means;
} pass;

static void look(const pass *p, int32_t v)
{
    ps_seen *s = &p->q->seen[v];
    const poise_tensor *t = &p->q->session->tensors[v];
    if (t->type != POISE_F32 || !poise_tensor_count(t)) return;
    if (!p->bins) see_range(s, t);
    else if (s->bins) see_bins(s, t);
}

static void look_at_product(const pass *p, int32_t node)
{
    int32_t k = p->q->product_of[node];
    if (k < 0 || !p->means || !p->q->products[k].mean) return;
    ps_product *made = &p->q->products[k];
    const ps_node *n = &p->q->model->graph.nodes[node];
    const poise_tensor *x = &p->q->session->tensors[made->x], *y = &p->q->session->tensors[made->y];
    if (n->op == &ps_op_conv) see_conv(made, n->params, x, y);
    else see_rows(made, x, ((const ps_matmul_params *)n->params)->trans_a);
}

static void after(void *ctx, int32_t node)
{
    const pass *p = ctx;
    const ps_node *n = &p->q->model->graph.nodes[node];
    for (int k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0) look(p, n->out[k]);
    look_at_product(p, node);
}

static poise_status run_all(pass *p, const char *what)
{
    const ps_graph *g = &p->q->model->graph;
    for (int i = 0; i < p->q->o->samples; i++) {
        ps_calibrate_progress(p->q, what, i, p->q->o->samples);
        PS_TRY(ps_calibrate_fill(p->q, i));
        for (int32_t k = 0; k < g->n_inputs; k++) {
            look(p, g->inputs[k]);
            if (!p->bins) see_pixels(&p->q->seen[g->inputs[k]], &p->q->session->tensors[g->inputs[k]]);
        }
        p->means = p->bins && i < 64; /* means settle sooner than extremes */
        ps_session_run_watched(p->q->session, after, p);
    }
    ps_calibrate_progress(p->q, what, p->q->o->samples, p->q->o->samples);
    return POISE_OK;
}

/* Samples that are not numbers, or that make the network compute none, are good for nothing. */
static poise_status check_numbers(const ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t v = 0; v < g->n_values; v++)
        PS_REQUIRE(!q->seen[v].broken, POISE_BAD_ARGUMENT,
                   "value '%s' is infinite or not a number in %llu places: the network or the calibration samples are broken",
                   g->values[v].name, (unsigned long long)q->seen[v].broken);
    return POISE_OK;
}

poise_status ps_calibrate_ranges(ps_quantizer *q)
{
    pass p = {.q = q};
    PS_TRY(run_all(&p, "ranges"));
    return check_numbers(q);
}

static poise_status take_memory(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t v = 0; v < g->n_values; v++) {
        if (!q->code[v].own) continue;
        q->seen[v].bins = ps_heap_push(&q->heap, PS_BINS * sizeof *q->seen[v].bins);
        PS_REQUIRE(q->seen[v].bins, POISE_NO_MEMORY, "no memory for histograms");
    }
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *p = &q->products[i];
        if (q->model->graph.nodes[p->node].op == &ps_op_conv_transpose || p->is_float) continue;
        p->mean = ps_heap_push(&q->heap, (size_t)p->taps * (size_t)p->c * (size_t)p->group * sizeof *p->mean);
        PS_REQUIRE(p->mean, POISE_NO_MEMORY, "no memory for means");
    }
    return POISE_OK;
}

poise_status ps_calibrate_histograms(ps_quantizer *q)
{
    pass p = {.q = q, .bins = true};
    PS_TRY(take_memory(q));
    PS_TRY(run_all(&p, "histograms"));
    for (int32_t i = 0; i < q->n_products; i++) {
        ps_product *k = &q->products[i];
        size_t n = k->mean ? (size_t)k->taps * (size_t)k->c * (size_t)k->group : 0;
        for (size_t j = 0; j < n && k->positions; j++) k->mean[j] /= (double)k->positions;
    }
    return POISE_OK;
}

/* ---- channels ---- */

static void after_channels(void *ctx, int32_t node)
{
    const pass *p = ctx;
    const ps_node *n = &p->q->model->graph.nodes[node];
    int32_t v = n->out[0];
    if (!p->most[v]) return;
    poise_tensor t = p->q->session->tensors[v];
    int32_t channels = t.dim[1];
    char *base = t.data;
    t.dim[1] = 1;
    for (int32_t c = 0; c < channels; c++) {
        ps_seen s = {0};
        t.data = base + c * t.stride[1] * (ptrdiff_t)sizeof(float);
        see_range(&s, &t);
        float most = s.hi > -s.lo ? s.hi : -s.lo;
        if (most > p->most[v][c]) p->most[v][c] = most;
    }
}

poise_status ps_calibrate_channels(ps_quantizer *q, float *const *most)
{
    enum { ENOUGH = 32 };
    pass p = {.q = q, .most = most};
    int n = ps_calibrate_samples(q, ENOUGH);
    for (int i = 0; i < n; i++) {
        ps_calibrate_progress(q, "channels", i, n);
        PS_TRY(ps_calibrate_fill(q, ps_calibrate_sample(q, i, n)));
        ps_session_run_watched(q->session, after_channels, &p);
    }
    ps_calibrate_progress(q, "channels", n, n);
    return POISE_OK;
}
