/* convert/quantize_equal.c - equal ranges for the channels before a depthwise convolution.
 *
 * y = depthwise(act(conv(x))) is the same when the first convolution's output c is multiplied by s[c] and the second's weights
 * of channel c are divided by it, as long as act(s*t) = s*act(t): none, ReLU, leaky ReLU, and ReLU6 where it never cuts.
 * Both have a scale for each channel, so it costs their weights nothing, and every channel between them uses all codes. */
#include "convert/quantizer.h"

#include <math.h>

typedef struct pair {
    ps_product *first, *second;
} pair;

/* Whether scaling goes through the activation; `most` is then the largest number it may give, or infinity. */
static bool scales(const ps_fused *f, float *most)
{
    *most = INFINITY;
    if (f->act == PS_ACT_NONE || f->act == PS_ACT_RELU || f->act == PS_ACT_LEAKY) return true;
    *most = f->b;
    return f->act == PS_ACT_CLIP && !(f->a < 0) && !(f->a > 0) && f->b > 0;
}

static const ps_fused *fused_of(const ps_graph *g, const ps_product *p)
{
    const ps_node *n = &g->nodes[p->node];
    return n->op == &ps_op_conv ? &((const ps_conv_params *)n->params)->fused : NULL;
}

/* The pair that ends in depthwise convolution b, if nobody else reads what is between. */
static bool find_pair(const ps_quantizer *q, ps_product *b, const int32_t *readers, pair *out)
{
    const ps_graph *g = &q->model->graph;
    int32_t node = q->maker[b->x], k = node < 0 ? -1 : q->product_of[node];
    float most;
    if (!b->depthwise || k < 0 || readers[b->x] != 1 || b->o != b->group) return false;
    ps_product *a = &q->products[k];
    const ps_node *n = &g->nodes[a->node];
    const ps_fused *f = fused_of(g, a);
    if (!f || a->o != b->group || a->asked || b->asked || (n->n_in > 3 && n->in[3] >= 0)) return false;
    if (a->bias < 0 || !g->values[a->bias].data || !scales(f, &most)) return false;
    *out = (pair){a, b};
    return true;
}

static void multiply(ps_quantizer *q, const ps_product *p, int32_t j, float by, bool bias)
{
    float *w = ps_quantizer_constant(q, p->w, false);
    for (int32_t i = 0; i < p->c; i++)
        for (int32_t t = 0; t < p->taps; t++) w[j * p->so + i * p->sc + t * p->st] *= by;
    if (bias) ps_quantizer_constant(q, p->bias, false)[j] *= by;
}

static void equalise(ps_quantizer *q, const pair *p, const float *most)
{
    float limit, all = 0;
    scales(fused_of(&q->model->graph, p->first), &limit);
    for (int32_t j = 0; j < p->first->o; j++) all = fmaxf(all, most[j]);
    for (int32_t j = 0; j < p->first->o; j++) {
        if (!(most[j] > all * 1e-6f) || most[j] > limit * 0.98f) continue; /* silent, or cut already */
        float s = fminf(all, isinf(limit) ? all : limit * 0.9f) / most[j];
        s = exp2f(rintf(log2f(s) * 4) / 4); /* few different ones, and never more than a fifth off */
        if (isfinite(limit) && s * most[j] > limit * 0.98f) continue;
        multiply(q, p->first, j, s, true);
        multiply(q, p->second, j, 1 / s, false);
    }
    ps_quantizer_repack(q->session, p->first->node);
    ps_quantizer_repack(q->session, p->second->node);
    q->equalised++;
}

static int find_pairs(const ps_quantizer *q, const int32_t *readers, pair *pairs)
{
    int n = 0;
    for (int32_t i = 0; i < q->n_products; i++) n += find_pair(q, &q->products[i], readers, &pairs[n]);
    return n;
}

static void count_readers(const ps_graph *g, int32_t *readers)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0) readers[g->nodes[i].in[k]]++;
    for (int32_t i = 0; i < g->n_outputs; i++) readers[g->outputs[i]]++;
}

poise_status ps_quantize_equalise(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    size_t values = (size_t)g->n_values + 1;
    ps_heap tmp = {0};
    int32_t *readers = ps_heap_push(&tmp, values * sizeof *readers);
    float **most = ps_heap_push(&tmp, values * sizeof *most);
    pair *pairs = ps_heap_push(&tmp, ((size_t)q->n_products + 1) * sizeof *pairs);
    bool ok = readers && most && pairs;
    int n = 0;
    if (ok) {
        count_readers(g, readers);
        n = find_pairs(q, readers, pairs);
    }
    for (int i = 0; i < n && ok; i++) {
        most[pairs[i].first->y] = ps_heap_push(&tmp, (size_t)pairs[i].first->o * sizeof **most);
        ok = most[pairs[i].first->y] != NULL;
    }
    poise_status s = ok ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for %d values", g->n_values);
    if (s == POISE_OK && n) s = ps_calibrate_channels(q, most);
    for (int i = 0; i < n && s == POISE_OK; i++) equalise(q, &pairs[i], most[pairs[i].first->y]);
    if (n) ps_quantizer_seal(q);
    ps_heap_free(&tmp);
    return s;
}
