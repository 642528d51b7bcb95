/* nn/fold.c - computes nodes whose inputs are constants, with the operators' own code. */
#include "nn/op.h"

#include "runtime/cpu.h"

#include <string.h>

bool ps_graph_is_quick(const ps_graph *g, int32_t node)
{
    static const ps_op *const slow[] = {&ps_op_conv, &ps_op_conv_transpose, &ps_op_matmul, &ps_op_einsum, &ps_op_pool,
                                        &ps_op_lrn,  &ps_op_nms};
    const size_t small = 16384; /* bytes: squared, a few milliseconds */
    const ps_node *n = &g->nodes[node];
    size_t bytes = 0;
    if (n->op == &ps_op_roi_align) return false; /* up to a million samples for an element */
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        if (n->op != slow[i]) continue;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] >= 0) bytes += ps_value_bytes(&g->values[n->in[k]]);
        for (int k = 0; k < n->n_out; k++)
            if (n->out[k] >= 0) bytes += ps_value_bytes(&g->values[n->out[k]]);
    }
    return bytes <= small;
}

typedef struct eval {
    poise_tensor *tensors; /* inputs, then outputs */
    const poise_tensor **in, *out[4];
    void *packed, *scratch;
    ps_kernels kernels;
} eval;

/* Memory for one output, in the graph's heap, where it stays as the constant's contents. */
static poise_status make_output(ps_graph *g, const ps_value *v, poise_tensor *t)
{
    size_t bytes = ps_value_bytes(v);
    char *p = bytes < SIZE_MAX / 2 ? ps_heap_push(&g->heap, bytes + PS_ALIGN) : NULL;
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory to compute constant '%s' (%zu bytes)", v->name, bytes);
    *t = ps_value_tensor(v);
    t->data = (void *)ps_round_up((size_t)p, PS_ALIGN);
    return POISE_OK;
}

static poise_status evaluate(ps_graph *g, const ps_node *n, eval *e, ps_call *c)
{
    size_t count = (size_t)n->n_in + 4;
    e->tensors = ps_alloc_array(count, sizeof *e->tensors);
    e->in = ps_alloc_array(count, sizeof *e->in);
    PS_REQUIRE(e->tensors && e->in, POISE_NO_MEMORY, "no memory to compute node '%s'", n->name);
    for (int i = 0; i < n->n_in; i++) {
        if (n->in[i] < 0) continue;
        e->tensors[i] = ps_value_tensor(&g->values[n->in[i]]);
        e->in[i] = &e->tensors[i];
    }
    for (int i = 0; i < n->n_out; i++) {
        if (n->out[i] < 0) continue;
        poise_tensor *t = &e->tensors[n->n_in + i];
        PS_TRY(make_output(g, &g->values[n->out[i]], t));
        e->out[i] = t;
    }
    ps_kernels_select(&e->kernels, ps_cpu_flags());
    *c = (ps_call){.params = n->params, .n_in = n->n_in, .n_out = n->n_out, .in = e->in, .out = e->out,
                   .k = &e->kernels, .threads = 1};
    size_t packed = n->op->packed ? n->op->packed(c) : 0;
    if (packed) {
        e->packed = ps_alloc(packed);
        PS_REQUIRE(e->packed, POISE_NO_MEMORY, "no memory to compute node '%s'", n->name);
        n->op->pack(c, e->packed);
        c->packed = e->packed;
    }
    e->scratch = ps_alloc(n->op->scratch ? n->op->scratch(c) : 0);
    PS_REQUIRE(e->scratch, POISE_NO_MEMORY, "no memory to compute node '%s'", n->name);
    c->scratch = e->scratch;
    return POISE_OK;
}

/* The size of a constant that depended on the data is known now: keep that many and no bound. */
static void settle_live(ps_value *v, poise_tensor *t, int32_t count)
{
    size_t from = poise_type_size(v->type), blocks = 1; /* bytes behind one step along the axis; steps before it */
    for (int i = 0; i < v->live_axis; i++) blocks *= (size_t)v->dim[i];
    for (int i = v->live_axis + 1; i < v->rank; i++) from *= (size_t)v->dim[i];
    size_t to = from * (size_t)count;
    from *= (size_t)v->dim[v->live_axis];
    for (size_t i = 1; i < blocks; i++) memmove((char *)t->data + i * to, (char *)t->data + i * from, to);
    v->dim[v->live_axis] = count;
    v->live = -1;
}

bool ps_graph_folds_late(const ps_graph *g, int32_t node)
{
    const ps_node *n = &g->nodes[node];
    poise_type type = n->in[0] >= 0 ? g->values[n->in[0]].type : POISE_NONE;
    return (n->op->flags & PS_OP_LAZY_FOLD) && (type == POISE_U8 || type == POISE_I8);
}

poise_status ps_graph_fold(ps_graph *g, int32_t node)
{
    const ps_node *n = &g->nodes[node];
    eval e = {0};
    ps_call c;
    int32_t live = 0;
    poise_status s = evaluate(g, n, &e, &c);
    if (s == POISE_OK) {
        unsigned mode = ps_fp_flush_denormals();
        c.live = &live;
        n->op->run(&c);
        ps_fp_restore(mode);
        for (int i = 0; i < n->n_out; i++) {
            if (!e.out[i]) continue;
            ps_value *v = &g->values[n->out[i]];
            if (v->live == node) settle_live(v, &e.tensors[n->n_in + i], live);
            v->data = e.out[i]->data;
        }
    }
    ps_free(e.tensors);
    ps_free(e.in);
    ps_free(e.packed);
    ps_free(e.scratch);
    return s;
}
