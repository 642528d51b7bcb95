/* convert/unsigned_codes.c - see unsigned_codes.h */
#include "convert/unsigned_codes.h"

#include "nn/op.h"
#include "nn/params.h"

#include <string.h>

static bool is_signed(const ps_value *v)
{
    return v->type == POISE_I8 && v->scale > 0;
}

static poise_status flip_constant(ps_graph *g, ps_value *v)
{
    size_t n = ps_value_bytes(v);
    uint8_t *p = ps_heap_push(&g->heap, n + PS_ALIGN);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for constant '%s'", v->name);
    p = (uint8_t *)ps_round_up((size_t)p, PS_ALIGN);
    for (size_t i = 0; i < n; i++) p[i] = ((const uint8_t *)v->data)[i] ^ 128;
    v->data = p;
    v->type = POISE_U8;
    v->zero += 128;
    return POISE_OK;
}

/* The same numbers as codes of another type. */
static poise_status add_node(ps_graph *g, int32_t in, int32_t out, poise_type to)
{
    ps_quantize_params p = {(int32_t)to, 0};
    return ps_graph_node(g, &ps_op_quantize, g->values[out].name, &p, 1, &in, 1, &out);
}

static void replace_reads(ps_graph *g, int32_t from, int32_t to)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == from) g->nodes[i].in[k] = to;
}

/* Puts the newest node first. */
static void move_to_front(ps_graph *g)
{
    ps_node last = g->nodes[g->n_nodes - 1];
    memmove(g->nodes + 1, g->nodes, (size_t)(g->n_nodes - 1) * sizeof *g->nodes);
    g->nodes[0] = last;
}

static poise_status split_input(ps_graph *g, int32_t value)
{
    int32_t codes;
    PS_TRY(ps_graph_value(g, NULL, &codes));
    g->values[codes].scale = g->values[value].scale;
    g->values[codes].zero = g->values[value].zero + 128;
    replace_reads(g, value, codes);
    PS_TRY(add_node(g, value, codes, POISE_U8));
    move_to_front(g);
    return POISE_OK;
}

/* The computed value loses its name and the place among the outputs to a copy of the file's type. */
static poise_status split_output(ps_graph *g, int32_t *output)
{
    int32_t made = *output;
    PS_TRY(ps_graph_value(g, g->values[made].name, output));
    ps_value *v = &g->values[*output];
    v->scale = g->values[made].scale;
    v->zero = g->values[made].zero;
    g->values[made].name = "";
    return add_node(g, made, *output, POISE_I8);
}

static bool is_listed(const int32_t *list, int32_t n, int32_t value)
{
    for (int32_t i = 0; i < n; i++)
        if (list[i] == value) return true;
    return false;
}

/* Sets the wish of one node's outputs and lets its operator decide again; outputs of the graph stay as they are. */
static poise_status infer_again(ps_graph *g, int32_t node)
{
    ps_node *n = &g->nodes[node];
    bool change = false;
    for (int32_t k = 0; k < n->n_out; k++) {
        if (n->out[k] < 0 || !is_signed(&g->values[n->out[k]])) continue;
        if (is_listed(g->outputs, g->n_outputs, n->out[k])) continue;
        g->values[n->out[k]].zero += 128;
        change = true;
    }
    if (change && n->op == &ps_op_quantize) ((ps_quantize_params *)n->params)->to = POISE_U8;
    return ps_graph_infer(g, node);
}

poise_status ps_unsigned_codes(ps_graph *g)
{
    bool any = false;
    for (int32_t i = 0; i < g->n_values; i++) any = any || is_signed(&g->values[i]);
    if (!any) return POISE_OK;
    for (int32_t i = 0; i < g->n_values; i++)
        if (is_signed(&g->values[i]) && g->values[i].data) PS_TRY(flip_constant(g, &g->values[i]));
    for (int32_t i = 0; i < g->n_outputs; i++)
        if (is_signed(&g->values[g->outputs[i]])) PS_TRY(split_output(g, &g->outputs[i]));
    for (int32_t i = 0; i < g->n_inputs; i++)
        if (is_signed(&g->values[g->inputs[i]])) PS_TRY(split_input(g, g->inputs[i]));
    for (int32_t i = 0; i < g->n_nodes; i++) PS_TRY(infer_again(g, i));
    return POISE_OK;
}
