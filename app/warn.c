/* app/warn.c - see warn.h */
#include "app/warn.h"

#include "models/decode.h"
#include "nn/op.h"

#include <stdio.h>
#include <string.h>

/* Between two neighbouring codes lies more than that: scores of 0..1 are then 0, or nothing that tells objects apart. */
static const float coarse = 0.05F;

static const ps_node *maker(const ps_graph *g, int32_t value)
{
    for (int32_t i = 0; i < g->n_nodes; i++)
        for (int32_t k = 0; k < g->nodes[i].n_out; k++)
            if (g->nodes[i].out[k] == value) return &g->nodes[i];
    return NULL;
}

/* Steps between the codes that a value is made of, 0 where it is not: through what moves elements, and back from floats. */
static float step_of(const ps_graph *g, int32_t value)
{
    for (int depth = 0; depth < 8; depth++) {
        const ps_value *v = &g->values[value];
        if (ps_value_is_quantised(v)) return v->scale;
        const ps_node *n = maker(g, value);
        bool moves = n && (n->op->flags & PS_OP_KEEPS_SCALE) && !(n->op->flags & PS_OP_CONCAT);
        bool back = n && n->op == &ps_op_quantize && n->n_in == 1;
        if (!moves && !back) return 0;
        value = n->in[0];
    }
    return 0;
}

bool ps_warn_scales(const ps_graph *g, const ps_task *t, char text[PS_WARN_TEXT])
{
    static const char *const together[] = {"yolov8", "yolov5", "yolox", "end2end"}; /* boxes and scores in one output */
    bool one = false;
    for (size_t i = 0; i < sizeof together / sizeof *together; i++) one = one || !strcmp(t->decoder->name, together[i]);
    if (!one || t->out[0] >= g->n_outputs) return false;
    const ps_value *y = &g->values[g->outputs[t->out[0]]];
    float step = step_of(g, g->outputs[t->out[0]]);
    if (!(step > coarse)) return false;
    snprintf(text, PS_WARN_TEXT,
             "boxes and scores share one scale in output '%.60s': scores can only be multiples of %.3g, so that %s; quantise "
             "them apart, or leave the last layers in floats",
             y->name, (double)step, step > 0.5F ? "nothing is found" : "little is found");
    return true;
}
