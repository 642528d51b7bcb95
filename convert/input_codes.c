/* convert/input_codes.c - see input_codes.h */
#include "convert/input_codes.h"

#include "nn/op.h"
#include "nn/params.h"

#include <string.h>

static bool is_picture(const ps_value *v)
{
    const int32_t *d = v->dim;
    if (v->type != POISE_F32 || v->rank != 4 || d[0] != 1) return false;
    bool first = (d[1] == 1 || d[1] == 3) && d[2] > 3 && d[3] > 3, last = (d[3] == 1 || d[3] == 3) && d[1] > 3 && d[2] > 3;
    return first || last;
}

/* The value that every reader makes of an input: codes of one scale; -1 where they differ, or there are others. */
static int32_t codes_of(const ps_graph *g, int32_t input)
{
    int32_t codes = -1;
    for (int32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == input) return -1;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        for (int32_t k = 0; k < n->n_in; k++) {
            if (n->in[k] != input) continue;
            const ps_value *y = &g->values[n->out[0]];
            if (n->op != &ps_op_quantize || n->n_in != 1 || y->type != POISE_U8) return -1;
            if (codes >= 0 && (y->scale != g->values[codes].scale || y->zero != g->values[codes].zero)) return -1;
            for (int32_t o = 0; o < g->n_outputs; o++)
                if (g->outputs[o] == n->out[0]) return -1;
            codes = n->out[0];
        }
    }
    return codes;
}

/* Removes node i; nodes behind it move up, and so do the sizes that depend on them. */
static void remove_node(ps_graph *g, int32_t i)
{
    memmove(&g->nodes[i], &g->nodes[i + 1], (size_t)(--g->n_nodes - i) * sizeof *g->nodes);
    for (int32_t v = 0; v < g->n_values; v++) g->values[v].live -= g->values[v].live > i;
}

static void read_input(ps_graph *g, int32_t codes, int32_t input)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == codes) g->nodes[i].in[k] = input;
}

poise_status ps_input_codes(ps_graph *g)
{
    for (int32_t i = 0; i < g->n_inputs; i++) {
        int32_t input = g->inputs[i], codes = is_picture(&g->values[input]) ? codes_of(g, input) : -1;
        if (codes < 0) continue;
        g->values[input].type = POISE_U8;
        g->values[input].scale = g->values[codes].scale;
        g->values[input].zero = g->values[codes].zero;
        for (int32_t k = g->n_nodes; k-- > 0;) {
            const ps_node *n = &g->nodes[k];
            if (n->op != &ps_op_quantize || n->in[0] != input || g->values[n->out[0]].scale != g->values[codes].scale) continue;
            int32_t made = n->out[0];
            if (g->values[made].type != POISE_U8) continue;
            remove_node(g, k);
            read_input(g, made, input);
        }
        PS_TRY(ps_graph_set_meta(g, "poise.input", "f32"));
    }
    return POISE_OK;
}
