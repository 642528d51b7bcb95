/* convert/quantize_emit.c - the graph with its codes: quantize nodes around what is integer, weights as bytes.  The lowering
 * pass turns that into integer operators. */
#include "convert/quantizer.h"

#include <string.h>

typedef struct emitter {
    const ps_quantizer *q;
    ps_graph *g;
    int32_t *real; /* per value: what its readers read: itself, or what comes back from its codes */
} emitter;

static poise_status add_node(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in, int32_t out)
{
    PS_TRY(ps_graph_node(g, op, g->values[out].name, params, n_in, in, 1, &out));
    return ps_graph_infer(g, g->n_nodes - 1);
}

/* v -> codes -> real numbers for all who read v. */
static poise_status add_codes(emitter *e, int32_t v)
{
    const ps_code *c = &e->q->code[v];
    int32_t codes, back;
    if (!c->on) return POISE_OK;
    PS_TRY(ps_graph_value(e->g, e->g->values[v].name, &codes));
    e->g->values[codes].scale = c->scale;
    e->g->values[codes].zero = c->zero;
    PS_TRY(add_node(e->g, &ps_op_quantize, &(ps_quantize_params){.to = POISE_U8}, 1, &v, codes));
    PS_TRY(ps_graph_value(e->g, e->g->values[v].name, &back));
    PS_TRY(add_node(e->g, &ps_op_quantize, &(ps_quantize_params){.to = POISE_F32}, 1, &codes, back));
    e->real[v] = back;
    return POISE_OK;
}

static int32_t axis_of_outputs(const ps_node *n)
{
    if (n->op == &ps_op_conv) return 0;
    return n->op == &ps_op_conv_transpose || !((const ps_matmul_params *)n->params)->trans_b ? 1 : 0;
}

/* Weights as bytes, made real by their scales, and the shifted bias. */
static poise_status add_weights(emitter *e, const ps_node *n, const ps_product *p, int32_t *in)
{
    ps_graph *g = e->g;
    const ps_value w = g->values[n->in[1]];
    int32_t bytes, scales, back;
    ps_quantize_params to = {.to = POISE_F32, .axis = axis_of_outputs(n)};
    PS_TRY(ps_graph_constant(g, w.name, POISE_I8, w.rank, w.dim, p->codes, &bytes));
    PS_TRY(ps_graph_constant(g, NULL, POISE_F32, 1, &p->o, p->scale, &scales));
    PS_TRY(ps_graph_value(g, w.name, &back));
    PS_TRY(add_node(g, &ps_op_quantize, &to, 2, (int32_t[]){bytes, scales}, back));
    in[1] = back;
    if (n->in[2] < 0 || !g->values[n->in[2]].data) return POISE_OK;
    const float *b = g->values[n->in[2]].data;
    PS_TRY(ps_graph_constant(g, g->values[n->in[2]].name, POISE_F32, 1, &p->o, b, &in[2]));
    float *sum = (float *)(uintptr_t)g->values[in[2]].data;
    for (int32_t j = 0; j < p->o; j++) sum[j] += p->shift[j];
    return POISE_OK;
}

static poise_status add_original(emitter *e, const ps_node *n)
{
    ps_graph *g = e->g;
    int32_t k = e->q->maker[n->out[0]], p = k < 0 ? -1 : e->q->product_of[k];
    int32_t *in = ps_heap_push(&g->heap, ((size_t)n->n_in + 1) * sizeof *in);
    PS_REQUIRE(in, POISE_NO_MEMORY, "no memory for node '%s'", n->name);
    for (int i = 0; i < n->n_in; i++) in[i] = n->in[i] < 0 ? -1 : e->real[n->in[i]];
    if (p >= 0 && !e->q->products[p].is_float) PS_TRY(add_weights(e, n, &e->q->products[p], in));
    PS_TRY(ps_graph_node(g, n->op, n->name, n->params, n->n_in, in, n->n_out, n->out));
    PS_TRY(ps_graph_infer(g, g->n_nodes - 1));
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] >= 0) PS_TRY(add_codes(e, n->out[i]));
    return POISE_OK;
}

static poise_status emit(emitter *e, ps_heap *tmp)
{
    ps_graph *g = e->g;
    int32_t n = g->n_nodes;
    ps_node *old = ps_heap_push(tmp, ((size_t)n + 1) * sizeof *old);
    e->real = ps_heap_push(tmp, ((size_t)g->n_values + 1) * sizeof *e->real);
    PS_REQUIRE(old && e->real, POISE_NO_MEMORY, "no memory for a graph of %d nodes", n);
    memcpy(old, g->nodes, (size_t)n * sizeof *old);
    for (int32_t v = 0; v < g->n_values; v++) e->real[v] = v;
    g->n_nodes = 0;
    for (int32_t i = 0; i < g->n_inputs; i++) PS_TRY(add_codes(e, g->inputs[i]));
    for (int32_t i = 0; i < n; i++) PS_TRY(add_original(e, &old[i]));
    return POISE_OK;
}

poise_status ps_quantize_emit(ps_quantizer *q, ps_graph *out)
{
    emitter e = {.q = q, .g = out};
    ps_heap tmp = {0};
    poise_status s = ps_format_read(out, q->bytes, q->size);
    if (s == POISE_OK) s = emit(&e, &tmp);
    ps_heap_free(&tmp);
    return s;
}
