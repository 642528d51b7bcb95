/* convert/quantize_find.c - which nodes will compute on codes, and which values have one scale together.
 *
 * Products (convolutions, matrix products with constant weights) are integer unless they are to stay float.  Other nodes
 * are when they lie between products: all they read can be codes, and a product reads what they make.  What no product
 * reads stays float: the last convolutions of a head write floats, and boxes, scores and their arithmetic never share a
 * scale, because they have none. */
#include "convert/quantizer.h"

#include <math.h>

typedef enum role {
    ROLE_FLOAT,   /* has no integer way */
    ROLE_PRODUCT,
    ROLE_MOVES,   /* elements of its inputs, unchanged: one scale for all */
    ROLE_ELEMENTS /* makes new numbers, with a scale of their own */
} role;

static role role_of(const ps_quantizer *q, int32_t node)
{
    const ps_graph *g = &q->model->graph;
    const ps_node *n = &g->nodes[node];
    if (q->product_of[node] >= 0) return q->products[q->product_of[node]].is_float ? ROLE_FLOAT : ROLE_PRODUCT;
    if (n->n_out != 1 || g->values[n->out[0]].type != POISE_F32) return ROLE_FLOAT;
    if (n->op == &ps_op_pad)
        return n->n_in == 1 || n->in[1] < 0 ? ROLE_MOVES : ROLE_FLOAT;
    /* A concatenation could take inputs of several scales, but only with one it is no work at all. */
    if (n->op == &ps_op_concat || n->op->flags & PS_OP_KEEPS_SCALE) return ROLE_MOVES;
    if (n->op == &ps_op_pool) {
        const ps_pool_params *p = n->params;
        return p->kind == PS_POOL_MAX ? ROLE_MOVES : p->kind == PS_POOL_AVERAGE ? ROLE_ELEMENTS : ROLE_FLOAT;
    }
    if (n->op == &ps_op_resize)
        return ((const ps_resize_params *)n->params)->mode == PS_RESIZE_NEAREST ? ROLE_MOVES : ROLE_ELEMENTS;
    if (n->op == &ps_op_unary) return ROLE_ELEMENTS;
    if (n->op == &ps_op_reduce) return ((const ps_reduce_params *)n->params)->kind == PS_REDUCE_MEAN ? ROLE_ELEMENTS : ROLE_FLOAT;
    if (n->op == &ps_op_binary) {
        int kind = ((const ps_binary_params *)n->params)->kind;
        for (int k = 0; k < 2; k++) /* with one number it is a table; with many there is none */
            if (g->values[n->in[k]].data && ps_value_count(&g->values[n->in[k]]) != 1) return ROLE_FLOAT;
        return kind == PS_BINARY_ADD || kind == PS_BINARY_MUL ? ROLE_ELEMENTS : ROLE_FLOAT;
    }
    return ROLE_FLOAT;
}

/* A float that is computed or comes in. */
static bool is_real(const ps_graph *g, int32_t v)
{
    return v >= 0 && !g->values[v].data && g->values[v].type == POISE_F32;
}

/* Forwards: nodes that could compute on codes, were somebody to read them. */
static void find_able(ps_quantizer *q, bool *able, bool *codes)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t i = 0; i < g->n_inputs; i++) codes[g->inputs[i]] = true;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        role r = role_of(q, i);
        bool all = r != ROLE_FLOAT, any = false;
        for (int k = 0; k < n->n_in; k++) {
            if (!is_real(g, n->in[k])) continue;
            all = all && codes[n->in[k]];
            any = any || codes[n->in[k]];
        }
        able[i] = r == ROLE_PRODUCT || (r == ROLE_MOVES && any) || (r == ROLE_ELEMENTS && all && any);
        codes[n->out[0]] = able[i];
    }
}

/* Backwards: values that products read, through nodes that are able. */
static void find_read(ps_quantizer *q, const bool *able)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t i = g->n_nodes; i-- > 0;) {
        const ps_node *n = &g->nodes[i];
        bool product = role_of(q, i) == ROLE_PRODUCT;
        q->integer[i] = product || (able[i] && q->code[n->out[0]].on);
        if (!q->integer[i]) continue;
        for (int k = 0; k < n->n_in; k++)
            if (is_real(g, n->in[k])) q->code[n->in[k]].on = true;
    }
}

static int32_t head_of(const ps_quantizer *q, int32_t v)
{
    while (q->code[v].group != v) v = q->code[v].group;
    return v;
}

static void join_groups(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t v = 0; v < g->n_values; v++) {
        q->code[v].group = v;
        q->code[v].own = q->code[v].on;
    }
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        if (!q->integer[i] || role_of(q, i) != ROLE_MOVES || !q->code[n->out[0]].on) continue;
        q->code[n->out[0]].own = false;
        for (int k = 0; k < n->n_in; k++) {
            int32_t v = n->in[k];
            if (!is_real(g, v)) continue;
            int32_t a = head_of(q, v), b = head_of(q, n->out[0]);
            q->code[a > b ? a : b].group = a > b ? b : a;
        }
    }
    for (int32_t v = 0; v < g->n_values; v++) q->code[v].group = head_of(q, v);
}

poise_status ps_quantize_find(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    bool *able = ps_alloc((size_t)g->n_nodes + 1), *codes = ps_alloc((size_t)g->n_values + 1);
    if (able && codes) {
        for (int32_t v = 0; v < g->n_values; v++) q->code[v].on = false;
        find_able(q, able, codes);
        find_read(q, able);
        join_groups(q);
    }
    bool ok = able && codes;
    ps_free(able);
    ps_free(codes);
    return ok ? POISE_OK : ps_fail(POISE_NO_MEMORY, "no memory for a graph of %d nodes", g->n_nodes);
}

/* Inputs that are pixels lose nothing. */
static bool take_pixels(const ps_quantizer *q, int32_t v, ps_code *c)
{
    const ps_seen *s = &q->seen[v];
    if (q->maker[v] >= 0 || (s->no_units && s->no_bytes)) return false;
    c->scale = s->no_units ? 1 : 1 / 255.0f;
    c->zero = 0;
    return true;
}

poise_status ps_quantize_range(const ps_quantizer *q, int32_t v, int ranges, ps_code *out)
{
    const ps_graph *g = &q->model->graph;
    const ps_seen **seen = ps_alloc_array((size_t)g->n_values + 1, sizeof *seen);
    PS_REQUIRE(seen, POISE_NO_MEMORY, "no memory for a graph of %d values", g->n_values);
    int n = 0;
    bool pixels = false;
    float lo, hi;
    for (int32_t i = v; i < g->n_values; i++) {
        if (!q->code[i].on || q->code[i].group != v || !q->code[i].own) continue;
        pixels = pixels || take_pixels(q, i, out);
        seen[n++] = &q->seen[i];
    }
    poise_status s = POISE_OK;
    if (n != 1 || !pixels) {
        s = ps_range_choose(ranges, seen, n, &lo, &hi);
        ps_range_code(lo, hi, out);
    }
    ps_free(seen);
    return s;
}

void ps_quantize_set(ps_quantizer *q, int32_t v, const ps_code *c)
{
    for (int32_t i = v; i < q->model->graph.n_values; i++) {
        if (!q->code[i].on || q->code[i].group != v) continue;
        q->code[i].scale = c->scale;
        q->code[i].zero = c->zero;
    }
}

poise_status ps_quantize_scales(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    int ranges = q->o->ranges == POISE_RANGES_MINMAX ? POISE_RANGES_MINMAX : POISE_RANGES_PERCENTILE;
    for (int32_t v = 0; v < g->n_values; v++) {
        ps_code c = {0};
        if (!q->code[v].on || q->code[v].group != v) continue;
        PS_TRY(ps_quantize_range(q, v, ranges, &c));
        ps_quantize_set(q, v, &c);
    }
    return POISE_OK;
}
