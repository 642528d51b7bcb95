/* convert/quantize_open.c - prepares a network for quantising: every product has weights and a bias of its own; opens it. */
#include "convert/quantizer.h"
#include "nn/format.h"

#include <string.h>

/* ---- products ---- */

bool ps_product_of(const ps_graph *g, const ps_node *n, ps_product *p)
{
    bool conv = n->op == &ps_op_conv, back = n->op == &ps_op_conv_transpose, rows = n->op == &ps_op_matmul;
    if (!conv && !back && !rows) return false;
    const ps_value *w = &g->values[n->in[1]], *x = &g->values[n->in[0]];
    if (!w->data || w->type != POISE_F32 || x->data || x->type != POISE_F32 || ps_value_count(w) < 1) return false;
    if (g->values[n->out[0]].live >= 0) return false;
    *p = (ps_product){.x = n->in[0], .w = n->in[1], .bias = n->n_in > 2 ? n->in[2] : -1, .y = n->out[0], .group = 1, .taps = 1, .row = 1};
    if (rows) {
        const ps_matmul_params *m = n->params;
        if (w->rank != 2 || m->alpha < 1 || m->alpha > 1) return false;
        p->o = w->dim[m->trans_b ? 0 : 1];
        p->c = w->dim[m->trans_b ? 1 : 0];
        p->so = m->trans_b ? p->c : 1;
        p->sc = m->trans_b ? 1 : p->o;
        return true;
    }
    for (int i = 2; i < w->rank; i++) p->taps *= w->dim[i];
    if (conv && ((const ps_conv_params *)n->params)->dilation[1] == 1) p->row = w->dim[w->rank - 1];
    p->st = 1;
    p->o = w->dim[back ? 1 : 0];
    p->c = w->dim[back ? 0 : 1];
    p->so = (back ? 1 : (ptrdiff_t)p->c) * p->taps;
    p->sc = (back ? (ptrdiff_t)p->o : 1) * p->taps;
    p->group = conv ? ((const ps_conv_params *)n->params)->group : ((const ps_conv_transpose_params *)n->params)->group;
    p->depthwise = p->c == 1 && p->group > 1;
    return conv || p->group == 1;
}

/* ---- preparing ---- */

/* A copy of a constant for a node of its own, zeros for one that is absent. */
static poise_status own_constant(ps_graph *g, ps_node *n, int k, int rank, const int32_t *dim)
{
    int32_t v;
    const void *data = n->in[k] >= 0 ? g->values[n->in[k]].data : NULL;
    PS_TRY(ps_graph_constant(g, NULL, POISE_F32, rank, dim, data, &v));
    n->in[k] = v;
    return POISE_OK;
}

static poise_status own_weights(ps_graph *g, ps_node *n, const ps_product *p, const int32_t *readers)
{
    if (n->n_in < 3) {
        int32_t *in = ps_heap_push(&g->heap, 3 * sizeof *in);
        PS_REQUIRE(in, POISE_NO_MEMORY, "no memory for a bias");
        memcpy(in, n->in, (size_t)n->n_in * sizeof *in);
        in[2] = -1;
        n->in = in;
        n->n_in = 3;
    }
    bool computed = n->in[2] >= 0 && !g->values[n->in[2]].data;
    if (!computed && (n->in[2] < 0 || readers[n->in[2]] > 1)) PS_TRY(own_constant(g, n, 2, 1, &p->o));
    if (readers[n->in[1]] < 2) return POISE_OK;
    const ps_value w = g->values[n->in[1]];
    return own_constant(g, n, 1, w.rank, w.dim);
}

poise_status ps_quantize_check_float(const ps_graph *g)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        PS_REQUIRE(g->nodes[i].op != &ps_op_quantize, POISE_BAD_ARGUMENT,
                   "the network is quantised already (node '%s'): give the one with float weights", g->nodes[i].name);
    for (int32_t v = 0; v < g->n_values; v++)
        PS_REQUIRE(!(g->values[v].scale > 0), POISE_BAD_ARGUMENT,
                   "the network is quantised already (value '%s'): give the one with float weights", g->values[v].name);
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        bool product = n->op == &ps_op_conv || n->op == &ps_op_conv_transpose || n->op == &ps_op_matmul;
        const ps_value *w = product ? &g->values[n->in[1]] : NULL;
        PS_REQUIRE(!w || !w->data || w->type == POISE_F32, POISE_BAD_ARGUMENT,
                   "the weights of node '%s' are %s already: give the network with float weights", n->name, poise_type_name(w->type));
    }
    return POISE_OK;
}

static poise_status prepare(ps_quantizer *q, ps_graph *g)
{
    int32_t *readers = ps_alloc_array((size_t)g->n_values + 1, sizeof *readers), n_nodes = g->n_nodes;
    PS_REQUIRE(readers, POISE_NO_MEMORY, "no memory for a graph of %d values", g->n_values);
    poise_status s = ps_quantize_check_float(g);
    int32_t found = 0;
    for (int32_t i = 0; i < n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0) readers[g->nodes[i].in[k]]++;
    for (int32_t i = 0; i < n_nodes && s == POISE_OK; i++) {
        ps_product p;
        if (!ps_product_of(g, &g->nodes[i], &p)) continue;
        s = own_weights(g, &g->nodes[i], &p, readers);
        found++;
    }
    ps_free(readers);
    if (s == POISE_OK && !found)
        s = ps_fail(POISE_UNSUPPORTED, "there is nothing to quantise: no convolution or matrix product with constant float weights");
    return s == POISE_OK ? ps_format_write(g, &q->bytes, &q->size) : s;
}

/* ---- open ---- */

static poise_status open_model(const ps_quantizer *q, const void *bytes, poise_model **m, poise_session **s)
{
    poise_options o = {.threads = q->o->threads, .cpu_mask = q->o->cpu_mask, .tuning = "none", .precision = POISE_EXACT};
    PS_TRY(poise_model_open_memory(bytes, q->size, &o, m));
    return poise_session_open(*m, s);
}

static void close_model(poise_model **m, poise_session **s)
{
    poise_session_close(*s);
    poise_model_close(*m);
    *s = NULL;
    *m = NULL;
}

static void list_products(ps_quantizer *q)
{
    const ps_graph *g = &q->model->graph;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        ps_product *p = &q->products[q->n_products];
        q->product_of[i] = -1;
        for (int k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] >= 0) q->maker[g->nodes[i].out[k]] = i;
        if (!ps_product_of(g, &g->nodes[i], p)) continue;
        p->node = i;
        p->macs = ps_node_macs(g, &g->nodes[i]);
        q->product_of[i] = q->n_products++;
    }
}

poise_status ps_quantizer_open(ps_quantizer *q, const void *bytes, size_t size)
{
    ps_graph g = {0};
    poise_status s = ps_format_read(&g, bytes, size);
    if (s == POISE_OK) s = prepare(q, &g);
    ps_graph_free(&g);
    PS_TRY(s);
    PS_TRY(open_model(q, q->bytes, &q->model, &q->session));
    size_t values = (size_t)q->model->graph.n_values + 1, nodes = (size_t)q->model->graph.n_nodes + 1;
    q->maker = ps_heap_push(&q->heap, values * sizeof *q->maker);
    q->seen = ps_heap_push(&q->heap, values * sizeof *q->seen);
    q->code = ps_heap_push(&q->heap, values * sizeof *q->code);
    q->product_of = ps_heap_push(&q->heap, nodes * sizeof *q->product_of);
    q->integer = ps_heap_push(&q->heap, nodes * sizeof *q->integer);
    q->products = ps_heap_push(&q->heap, nodes * sizeof *q->products);
    PS_REQUIRE(q->maker && q->seen && q->code && q->product_of && q->integer && q->products, POISE_NO_MEMORY,
               "no memory to quantise a graph of %zu values", values);
    for (size_t v = 0; v < values; v++) q->maker[v] = -1;
    list_products(q);
    return POISE_OK;
}

void ps_quantizer_repack(const poise_session *s, int32_t node)
{
    const poise_model *m = s->model;
    if (m->packed[node]) m->graph.nodes[node].op->pack(&s->calls[node], (void *)(uintptr_t)m->packed[node]);
}

void ps_quantizer_seal(ps_quantizer *q)
{
    ps_file_header *h = q->bytes;
    h->checksum = ps_format_checksum(h + 1, q->size - sizeof *h, NULL);
}

poise_status ps_quantizer_copy(ps_quantizer *q)
{
    q->fake_bytes = ps_alloc(q->size);
    PS_REQUIRE(q->fake_bytes, POISE_NO_MEMORY, "no memory for a copy of the network (%zu bytes)", q->size);
    memcpy(q->fake_bytes, q->bytes, q->size);
    return open_model(q, q->fake_bytes, &q->fake_model, &q->fake);
}

void ps_quantizer_close(ps_quantizer *q)
{
    close_model(&q->model, &q->session);
    close_model(&q->fake_model, &q->fake);
    ps_free(q->bytes);
    ps_free(q->fake_bytes);
    ps_heap_free(&q->heap);
}

float *ps_quantizer_constant(const ps_quantizer *q, int32_t v, bool fake)
{
    size_t at = (size_t)((const uint8_t *)q->model->graph.values[v].data - (const uint8_t *)q->bytes);
    return (float *)(void *)((uint8_t *)(fake ? q->fake_bytes : q->bytes) + at);
}
