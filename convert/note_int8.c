/* convert/note_int8.c - says in the metadata which operators of a graph compute with codes, and which with floats. */
#include "convert/lower_int8.h"

#include "nn/op.h"

#include <stdio.h>

static bool has_codes(const ps_graph *g, const ps_node *n)
{
    for (int32_t k = 0; k < n->n_in; k++)
        if (n->in[k] >= 0 && ps_value_is_quantised(&g->values[n->in[k]])) return true;
    return false;
}

static bool gives_floats(const ps_graph *g, const ps_node *n)
{
    for (int32_t k = 0; k < n->n_out; k++)
        if (n->out[k] >= 0 && g->values[n->out[k]].type == POISE_F32) return true;
    return false;
}

poise_status ps_note_int8(ps_graph *g)
{
    enum { OPS = 128 };
    int32_t floats[OPS] = {0}, codes = 0;
    char text[1024];
    bool any = false;
    for (int32_t i = 0; i < g->n_nodes; i++) {
        const ps_node *n = &g->nodes[i];
        unsigned id = ps_op_id(n->op);
        if (has_codes(g, n))
            codes++;
        else if (gives_floats(g, n) && id < OPS)
            floats[id]++;
    }
    if (!codes) return ps_graph_set_meta(g, "poise.int8", NULL);
    size_t at = (size_t)snprintf(text, sizeof text, "%d of codes", (int)codes);
    for (unsigned id = 0; id < OPS; id++) {
        const ps_op *op = floats[id] ? ps_op_by_id(id) : NULL;
        if (!op || at + 64 > sizeof text) continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %d", any ? ", " : "; float: ", op->name, (int)floats[id]);
        any = true;
    }
    return ps_graph_set_meta(g, "poise.int8", text);
}
