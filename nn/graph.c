/* nn/graph.c - builds graphs and keeps their invariants. */
#include "nn/graph.h"

#include "nn/op.h"

#include <float.h>
#include <string.h>

/* Room for one more element in a growing list. */
static poise_status grow(void **list, int32_t *cap, int32_t count, size_t size)
{
    if (count < *cap) return POISE_OK;
    int32_t more = *cap < 32 ? 64 : *cap <= INT32_MAX / 2 ? *cap * 2 : INT32_MAX;
    PS_REQUIRE(more > count, POISE_NO_MEMORY, "the graph has too many parts (%d)", count);
    size_t bytes;
    void *p = ps_size_mul(&bytes, (size_t)more, size) ? ps_realloc(*list, bytes) : NULL;
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for a graph of %d parts", more);
    *list = p;
    *cap = more;
    return POISE_OK;
}
#define GROW(g, part) grow((void **)&(g)->part, &(g)->cap_##part, (g)->n_##part, sizeof *(g)->part)

void ps_graph_free(ps_graph *g)
{
    ps_free(g->values);
    ps_free(g->nodes);
    ps_free(g->inputs);
    ps_free(g->outputs);
    ps_free(g->meta);
    ps_heap_free(&g->heap);
    *g = (ps_graph){0};
}

size_t ps_graph_size(const ps_graph *g)
{
    return ps_block_size(g->values) + ps_block_size(g->nodes) + ps_block_size(g->inputs) + ps_block_size(g->outputs) +
           ps_block_size(g->meta) + ps_heap_size(&g->heap);
}

poise_status ps_graph_value(ps_graph *g, const char *name, int32_t *out)
{
    PS_TRY(GROW(g, values));
    char *copy = ps_heap_string(&g->heap, name ? name : "", name ? strlen(name) : 0);
    PS_REQUIRE(copy, POISE_NO_MEMORY, "no memory for the name of a value");
    g->values[g->n_values] = (ps_value){.name = copy, .live = -1};
    *out = g->n_values++;
    return POISE_OK;
}

poise_status ps_graph_constant(ps_graph *g, const char *name, poise_type type, int rank, const int32_t *dim,
                               const void *data, int32_t *out)
{
    size_t count, bytes;
    PS_REQUIRE(ps_dims_count(rank, dim, &count) && ps_size_mul(&bytes, count, poise_type_size(type)) && bytes < SIZE_MAX / 2,
               POISE_BAD_MODEL, "constant '%s' has an impossible size", name ? name : "");
    char *p = ps_heap_push(&g->heap, bytes + PS_ALIGN);
    PS_REQUIRE(p, POISE_NO_MEMORY, "no memory for constant '%s' of %zu bytes", name ? name : "", bytes);
    p = (char *)ps_round_up((size_t)p, PS_ALIGN);
    if (data) memcpy(p, data, bytes);
    PS_TRY(ps_graph_value(g, name, out));
    ps_value *v = &g->values[*out];
    v->type = type;
    v->rank = rank;
    memcpy(v->dim, dim, (size_t)rank * sizeof *dim);
    v->data = p;
    return POISE_OK;
}

static const void *keep(ps_graph *g, const void *p, size_t n)
{
    void *q = ps_heap_push(&g->heap, n ? n : 1);
    if (q && n) memcpy(q, p, n);
    return q;
}

poise_status ps_graph_node(ps_graph *g, const ps_op *op, const char *name, const void *params, int n_in,
                           const int32_t *in, int n_out, const int32_t *out)
{
    PS_TRY(GROW(g, nodes));
    if (!name) name = "";
    ps_node n = {.op = op, .n_in = n_in, .n_out = n_out};
    n.name = keep(g, name, strlen(name) + 1);
    n.params = (void *)(uintptr_t)keep(g, params, op->param_bytes);
    n.in = (void *)(uintptr_t)keep(g, in, (size_t)n_in * sizeof *in);
    n.out = (void *)(uintptr_t)keep(g, out, (size_t)n_out * sizeof *out);
    PS_REQUIRE(n.name && n.params && n.in && n.out, POISE_NO_MEMORY, "no memory for node '%s'", name);
    g->nodes[g->n_nodes++] = n;
    return POISE_OK;
}

poise_status ps_graph_input(ps_graph *g, int32_t value)
{
    PS_TRY(GROW(g, inputs));
    g->inputs[g->n_inputs++] = value;
    return POISE_OK;
}

poise_status ps_graph_output(ps_graph *g, int32_t value)
{
    PS_TRY(GROW(g, outputs));
    g->outputs[g->n_outputs++] = value;
    return POISE_OK;
}

/* ---- metadata ---- */

static int32_t find_meta(const ps_graph *g, const char *key)
{
    for (int32_t i = 0; i < g->n_meta; i++)
        if (!strcmp(g->meta[i].key, key)) return i;
    return -1;
}

const char *ps_graph_get_meta(const ps_graph *g, const char *key)
{
    int32_t i = find_meta(g, key);
    return i < 0 ? NULL : g->meta[i].value;
}

poise_status ps_graph_set_meta(ps_graph *g, const char *key, const char *value)
{
    int32_t i = find_meta(g, key);
    if (!value) {
        if (i >= 0) memmove(&g->meta[i], &g->meta[i + 1], (size_t)(--g->n_meta - i) * sizeof *g->meta);
        return POISE_OK;
    }
    PS_TRY(GROW(g, meta));
    ps_meta m = {keep(g, key, strlen(key) + 1), keep(g, value, strlen(value) + 1)};
    PS_REQUIRE(m.key && m.value, POISE_NO_MEMORY, "no memory for metadata '%s'", key);
    g->meta[i < 0 ? g->n_meta++ : i] = m;
    return POISE_OK;
}

/* ---- inference ---- */

size_t ps_value_count(const ps_value *v)
{
    size_t n = 1;
    for (int i = 0; i < v->rank; i++) n *= (size_t)v->dim[i];
    return n;
}

size_t ps_value_bytes(const ps_value *v)
{
    return ps_value_count(v) * poise_type_size(v->type);
}

poise_tensor ps_value_tensor(const ps_value *v)
{
    poise_tensor t = {
        .data = (void *)(uintptr_t)v->data, .type = v->type, .rank = v->rank, .scale = v->scale, .zero = v->zero};
    memcpy(t.dim, v->dim, sizeof t.dim);
    ps_strides_row_major(&t);
    return t;
}

/* A node's values as operators see them; small nodes need no memory. */
typedef struct node_values {
    const ps_value *few[16], **in;
    ps_value *out[4];
} node_values;

static poise_status gather_values(ps_graph *g, const ps_node *n, node_values *v)
{
    v->in = v->few;
    if (n->n_in > 16) v->in = ps_alloc_array((size_t)n->n_in, sizeof *v->in);
    PS_REQUIRE(v->in, POISE_NO_MEMORY, "no memory for a node of %d inputs", n->n_in);
    for (int i = 0; i < n->n_in; i++) v->in[i] = n->in[i] < 0 ? NULL : &g->values[n->in[i]];
    for (int i = 0; i < 4; i++) v->out[i] = i < n->n_out && n->out[i] >= 0 ? &g->values[n->out[i]] : NULL;
    return POISE_OK;
}

static void drop_values(node_values *v)
{
    if (v->in != v->few) ps_free(v->in);
}

static poise_status check_arity(const ps_node *n)
{
    const ps_op *op = n->op;
    PS_REQUIRE(n->n_in >= op->min_in && (op->max_in == PS_MANY || n->n_in <= op->max_in), POISE_BAD_MODEL,
               "has %d inputs, takes %d to %d", n->n_in, op->min_in, op->max_in);
    PS_REQUIRE(n->n_out >= 1 && n->n_out <= op->n_out && n->n_out <= 4, POISE_BAD_MODEL,
               "has %d outputs, gives 1 to %d", n->n_out, op->n_out);
    for (int i = 0; i < op->min_in; i++)
        PS_REQUIRE(n->in[i] >= 0, POISE_BAD_MODEL, "input %d is missing", i);
    PS_REQUIRE(n->out[0] >= 0, POISE_BAD_MODEL, "output 0 is missing");
    return POISE_OK;
}

/* Carries data-dependent sizes from inputs to outputs. */
static poise_status infer_live(const ps_node *n, int32_t index, const node_values *v)
{
    const ps_op *op = n->op;
    int own = op->live ? op->live(n->params, -1, -1, v->in, v->out[0]) : -1;
    if (own >= 0) {
        v->out[0]->live = index;
        v->out[0]->live_axis = own;
    }
    for (int i = 0; i < n->n_in; i++) {
        if (!v->in[i] || v->in[i]->live < 0) continue;
        int axis = op->live ? op->live(n->params, i, v->in[i]->live_axis, v->in, v->out[0]) : -1;
        PS_REQUIRE(axis >= 0, POISE_UNSUPPORTED, "input %d has a size that depends on the data, which %s cannot take", i,
                   op->name);
        const ps_value *y = v->out[0];
        PS_REQUIRE(y->live < 0 || (y->live == v->in[i]->live && y->live_axis == axis), POISE_UNSUPPORTED,
                   "two sizes of its output depend on the data");
        for (int k = 0; k < 4; k++)
            if (v->out[k]) v->out[k]->live = v->in[i]->live, v->out[k]->live_axis = axis;
    }
    const ps_value *y = v->out[0];
    for (int i = 0; y->live >= 0 && op->flags & PS_OP_CONCAT && i < n->n_in; i++)
        PS_REQUIRE(v->in[i]->live == y->live && v->in[i]->live_axis == y->live_axis, POISE_UNSUPPORTED,
                   "a size of input %d does not depend on the data as that of others does", i);
    return POISE_OK;
}

bool ps_scale_is_legal(poise_type type, float scale, int32_t zero)
{
    bool in_type = type == POISE_U8 ? zero >= 0 && zero <= 255 : type == POISE_I8 && zero >= -128 && zero <= 127;
    /* no subnormal numbers: where they count as 0 the value would not be quantised */
    return in_type && scale >= FLT_MIN && scale <= 1 / FLT_MIN;
}

/* What the scale of an output is, now that its type is known. */
static poise_status settle_scale(const ps_op *op, const ps_value *x, ps_value *y)
{
    bool codes = y->type == POISE_U8 || y->type == POISE_I8;
    if (op->flags & PS_OP_KEEPS_SCALE && x && y->type == x->type) {
        y->scale = x->scale;
        y->zero = x->zero;
    } else if (!codes || !(op->flags & PS_OP_QUANTISED)) {
        y->scale = 0;
    }
    if (y->scale == 0) y->zero = 0;
    PS_REQUIRE(y->scale == 0 || ps_scale_is_legal(y->type, y->scale, y->zero), POISE_BAD_MODEL,
               "its output of %s has scale %g and zero point %d", poise_type_name(y->type), (double)y->scale,
               (int)y->zero);
    return POISE_OK;
}

poise_status ps_op_infer(const ps_op *op, const void *params, int n_in, const ps_value *const *in, int n_out,
                         ps_value *const *out)
{
    for (int i = 0; i < n_in && !(op->flags & (PS_OP_QUANTISED | PS_OP_KEEPS_SCALE)); i++)
        PS_REQUIRE(!in[i] || !ps_value_is_quantised(in[i]), POISE_UNSUPPORTED, "input %d is quantised, which %s cannot take",
                   i, op->name);
    PS_TRY(op->infer(params, n_in, in, out));
    for (int k = 0; k < n_out; k++)
        if (out[k]) PS_TRY(settle_scale(op, in[0], out[k]));
    return POISE_OK;
}

static poise_status infer_checked(const ps_node *n, int32_t index, const node_values *v)
{
    for (int k = 0; k < 4; k++)
        if (v->out[k]) {
            v->out[k]->live = -1;
            memset(v->out[k]->dim, 0, sizeof v->out[k]->dim);
        }
    PS_TRY(ps_op_infer(n->op, n->params, n->n_in, v->in, 4, v->out));
    for (int k = 0; k < 4; k++) {
        size_t count;
        if (!v->out[k]) continue;
        PS_REQUIRE(ps_dims_count(v->out[k]->rank, v->out[k]->dim, &count) && poise_type_size(v->out[k]->type),
                   POISE_BAD_MODEL, "its output would have more than 2^31 elements, or impossible dimensions");
    }
    return infer_live(n, index, v);
}

poise_status ps_graph_infer(ps_graph *g, int32_t node)
{
    const ps_node *n = &g->nodes[node];
    node_values v;
    poise_status s = check_arity(n);
    if (s == POISE_OK) {
        PS_TRY(gather_values(g, n, &v));
        s = infer_checked(n, node, &v);
        drop_values(&v);
    }
    return s == POISE_OK ? s : ps_fail_in(s, "node '%s' (%s)", n->name, n->op->name);
}

uint64_t ps_node_macs(const ps_graph *g, const ps_node *n)
{
    const ps_value *in[16] = {0};
    if (!n->op->macs || n->n_in > 16) return 0;
    for (int i = 0; i < n->n_in; i++) in[i] = n->in[i] < 0 ? NULL : &g->values[n->in[i]];
    return n->op->macs(n->params, n->n_in, in, &g->values[n->out[0]]);
}
