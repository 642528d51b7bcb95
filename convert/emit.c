/* convert/emit.c - emits nodes of a graph for the importers, and folds those of constants at once. */
#include "convert/emit.h"
#include "nn/convert_type.h"

#include <string.h>

enum { MAX_NUMBERS = 1 << 20 }; /* in one constant that a translator looks at */

/* Results larger than this are computed at run time: folding them would swell the file for nothing. */
static const size_t max_folded = (size_t)64 << 20;

bool ps_emit_spend(ps_emit *e, size_t bytes)
{
    if (bytes > *e->budget) return false;
    *e->budget -= bytes;
    return true;
}

ps_value ps_emit_value(const ps_emit *e, int32_t value)
{
    return value >= 0 ? e->g->values[value] : (ps_value){.name = "", .live = -1};
}

/* The record of a constant; false when absent, and when it is not constant, which fails. */
static bool constant(ps_emit *e, int32_t value, const char *what, ps_value *v)
{
    if (e->status != POISE_OK || value < 0) return false;
    *v = ps_emit_value(e, value);
    if (!v->data) PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "input '%s' must be constant", what);
    return v->data != NULL;
}

const int64_t *ps_emit_ints(ps_emit *e, int32_t value, const char *what, size_t *count)
{
    ps_value v;
    *count = 0;
    if (!constant(e, value, what, &v)) return NULL;
    size_t k = ps_value_count(&v);
    bool fits = k <= MAX_NUMBERS && ps_emit_spend(e, k * sizeof(int64_t));
    int64_t *out = fits ? ps_heap_push(e->heap, k * sizeof *out) : NULL;
    if (!out) {
        PS_EMIT_FAIL(e, POISE_NO_MEMORY, "input '%s' has too many elements: %zu", what, k);
        return NULL;
    }
    for (size_t j = 0; j < k; j++) {
        switch (v.type) {
        case POISE_I64: out[j] = ((const int64_t *)v.data)[j]; break;
        case POISE_I32: out[j] = ((const int32_t *)v.data)[j]; break;
        case POISE_U8:
        case POISE_BOOL: out[j] = ((const uint8_t *)v.data)[j]; break;
        case POISE_I8: out[j] = ((const int8_t *)v.data)[j]; break;
        default:
            PS_EMIT_FAIL(e, POISE_BAD_MODEL, "input '%s' has type %s, it must hold integers", what,
                         poise_type_name(v.type));
            return NULL;
        }
    }
    *count = k;
    return out;
}

const float *ps_emit_floats(ps_emit *e, int32_t value, const char *what, size_t *count)
{
    ps_value v;
    *count = 0;
    if (!constant(e, value, what, &v)) return NULL;
    size_t k = ps_value_count(&v);
    float *out = ps_emit_spend(e, k * sizeof(float)) ? ps_heap_push(e->heap, k * sizeof *out) : NULL;
    if (!out) {
        PS_EMIT_FAIL(e, POISE_NO_MEMORY, "input '%s' has too many elements: %zu", what, k);
        return NULL;
    }
    for (size_t j = 0; j < k; j++) {
        switch (v.type) {
        case POISE_F32: out[j] = ((const float *)v.data)[j]; break;
        case POISE_F64: out[j] = (float)((const double *)v.data)[j]; break;
        case POISE_I64: out[j] = (float)((const int64_t *)v.data)[j]; break;
        case POISE_I32: out[j] = (float)((const int32_t *)v.data)[j]; break;
        case POISE_U8: out[j] = ((const uint8_t *)v.data)[j]; break;
        case POISE_I8: out[j] = ((const int8_t *)v.data)[j]; break;
        default:
            PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "input '%s' has type %s", what, poise_type_name(v.type));
            return NULL;
        }
    }
    *count = k;
    return out;
}

int32_t ps_emit_axis(ps_emit *e, int64_t axis, int32_t rank)
{
    if (axis >= -rank && axis < rank) return (int32_t)(axis < 0 ? axis + rank : axis);
    PS_EMIT_FAIL(e, POISE_BAD_MODEL, "axis %lld of a tensor with %d dimensions", (long long)axis, rank);
    return 0;
}

int32_t ps_emit_clamp32(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

int32_t ps_emit_product(const ps_value *v, int from, int to)
{
    int64_t p = 1; /* saturates each time: beside a dimension of 0 the others may multiply to anything */
    for (int i = from; i < to; i++) p = ps_emit_clamp32(p * v->dim[i]);
    return (int32_t)p;
}

void ps_emit_need_static(ps_emit *e, int32_t value)
{
    if (ps_emit_value(e, value).live >= 0)
        PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "the size of '%s' depends on the data", ps_emit_value(e, value).name);
}

/* ---- emitting ---- */

/* Computes the newest node now if its inputs are constants, and takes it out of the graph. */
static poise_status fold(ps_emit *e)
{
    ps_graph *g = e->g;
    int32_t last = g->n_nodes - 1;
    const ps_node *node = &g->nodes[last];
    size_t made = 0, read = 0;
    for (int i = 0; i < node->n_in; i++) {
        if (node->in[i] < 0) continue;
        if (!g->values[node->in[i]].data) return POISE_OK;
        read += ps_value_bytes(&g->values[node->in[i]]);
    }
    for (int i = 0; i < node->n_out; i++)
        if (node->out[i] >= 0) made += ps_value_bytes(&g->values[node->out[i]]);
    if (made > max_folded || ps_graph_folds_late(g, last) || !ps_graph_is_quick(g, last) || !ps_emit_spend(e, made + read))
        return POISE_OK;
    PS_TRY(ps_graph_fold(g, last));
    if (g->n_nodes > last) g->n_nodes = last;
    return POISE_OK;
}

/* The scale is that of out[0]. */
static void emit(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in, int n_out, int32_t *out,
                 float scale, int32_t zero)
{
    ps_graph *g = e->g;
    for (int k = 0; k < n_out; k++)
        if (out[k] != PS_ABSENT) out[k] = PS_BROKEN;
    for (int i = 0; i < n_in; i++)
        if (in[i] < PS_ABSENT) PS_EMIT_FAIL(e, POISE_BAD_MODEL, "an input is missing");
    for (int k = 0; k < n_out && e->status == POISE_OK; k++)
        if (out[k] != PS_ABSENT) e->status = ps_graph_value(g, NULL, &out[k]);
    if (e->status != POISE_OK) return;
    if (scale > 0) g->values[out[0]].scale = scale, g->values[out[0]].zero = zero;
    e->status = ps_graph_node(g, op, e->name, params, n_in, in, n_out, out);
    if (e->status == POISE_OK) e->status = ps_graph_infer(g, g->n_nodes - 1);
    if (e->status == POISE_OK) e->status = fold(e);
}

void ps_emit_nodes(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in, int n_out, int32_t *out)
{
    emit(e, op, params, n_in, in, n_out, out, 0, 0);
}

int32_t ps_emit_scaled(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in, float scale,
                       int32_t zero)
{
    int32_t out = 0;
    emit(e, op, params, n_in, in, 1, &out, scale, zero);
    return out;
}

int32_t ps_emit_node(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in)
{
    return ps_emit_scaled(e, op, params, n_in, in, 0, 0);
}

int32_t ps_emit_constant(ps_emit *e, poise_type type, int rank, const int32_t *dim, const void *data)
{
    int32_t v = PS_BROKEN;
    if (e->status == POISE_OK) e->status = ps_graph_constant(e->g, NULL, type, rank, dim, data, &v);
    return v;
}

int32_t ps_emit_scalar(ps_emit *e, poise_type type, double v)
{
    uint64_t bits = 0; /* room for the largest type */
    if (poise_type_size(type)) ps_store_real(type, v, &bits);
    else PS_EMIT_FAIL(e, POISE_UNSUPPORTED, "type %s is not supported here", poise_type_name(type));
    return ps_emit_constant(e, type, 0, (const int32_t[1]){0}, &bits);
}

int32_t ps_emit_unary(ps_emit *e, int kind, float a, float b, int32_t x)
{
    return PS_EMIT_NODE(e, &ps_op_unary, (&(ps_unary_params){kind, a, b}), x);
}

int32_t ps_emit_binary(ps_emit *e, int kind, int32_t x0, int32_t x1)
{
    return PS_EMIT_NODE(e, &ps_op_binary, (&(ps_binary_params){kind}), x0, x1);
}

int32_t ps_emit_cast(ps_emit *e, poise_type to, int32_t x)
{
    if (ps_emit_value(e, x).type == to) return x;
    return PS_EMIT_NODE(e, &ps_op_cast, (&(ps_cast_params){(int32_t)to}), x);
}

static void set_dims(int32_t *to, int rank, const int32_t *dim)
{
    if (rank > 0) memcpy(to, dim, (size_t)rank * sizeof *dim);
}

static bool has_dims(const ps_value *v, int rank, const int32_t *dim)
{
    return v->rank == rank && (!rank || !memcmp(v->dim, dim, (size_t)rank * sizeof *dim));
}

int32_t ps_emit_reshape(ps_emit *e, int32_t x, int rank, const int32_t *dim)
{
    ps_value v = ps_emit_value(e, x);
    if (has_dims(&v, rank, dim)) return x;
    ps_shape_params p = {.rank = rank};
    set_dims(p.dim, rank, dim);
    return PS_EMIT_NODE(e, &ps_op_reshape, &p, x);
}

int32_t ps_emit_transpose(ps_emit *e, int32_t x, int rank, const int32_t *perm)
{
    ps_transpose_params p = {.rank = rank};
    set_dims(p.perm, rank, perm);
    bool moves = false;
    for (int i = 0; i < rank; i++) moves |= perm[i] != i;
    return moves ? PS_EMIT_NODE(e, &ps_op_transpose, &p, x) : x;
}

int32_t ps_emit_expand(ps_emit *e, int32_t x, int rank, const int32_t *dim)
{
    ps_value v = ps_emit_value(e, x);
    if (has_dims(&v, rank, dim)) return x;
    ps_shape_params p = {.rank = rank};
    set_dims(p.dim, rank, dim);
    return PS_EMIT_NODE(e, &ps_op_expand, &p, x);
}

/* ---- outputs ---- */

static bool is_io(const ps_graph *g, int32_t value)
{
    for (int32_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == value) return true;
    for (int32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == value) return true;
    return g->values[value].data != NULL;
}

poise_status ps_emit_output(ps_graph *g, int32_t v, const char *name)
{
    if (is_io(g, v)) {
        int32_t copy;
        ps_shape_params p = {.rank = g->values[v].rank};
        memcpy(p.dim, g->values[v].dim, sizeof p.dim);
        PS_TRY(ps_graph_value(g, name, &copy));
        PS_TRY(ps_graph_node(g, &ps_op_reshape, name, &p, 1, &v, 1, &copy));
        PS_TRY(ps_graph_infer(g, g->n_nodes - 1));
        v = copy;
    }
    const char *own = ps_heap_string(&g->heap, name, strlen(name));
    PS_REQUIRE(own, POISE_NO_MEMORY, "no memory for a name");
    g->values[v].name = own;
    return ps_graph_output(g, v);
}
