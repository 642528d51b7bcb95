/* convert/onnx_node.c - what translators use: reading one ONNX node, emitting nodes of the graph. */
#include "convert/onnx_import.h"
#include "nn/convert_type.h"

#include <string.h>

/* Results larger than this are computed at run time: folding them would swell the file for nothing. */
static const size_t max_folded = (size_t)64 << 20;

/* Takes `bytes` from the import's budget; false when it is used up. */
static bool spend(ps_onnx_call *n, size_t bytes)
{
    if (bytes > n->c->budget) return false;
    n->c->budget -= bytes;
    return true;
}

/* ---- attributes ---- */

const ps_onnx_attribute *ps_onnx_attr(ps_onnx_call *n, const char *name, int type)
{
    if (n->status != POISE_OK) return NULL;
    for (int i = 0; i < n->node->n_attributes; i++) {
        const ps_onnx_attribute *a = &n->node->attributes[i];
        if (strcmp(a->name, name)) continue;
        if (a->type == type) return a;
        PS_ONNX_FAIL(n, POISE_BAD_MODEL, "attribute '%s' has type %d, it must have %d", name, a->type, type);
        return NULL;
    }
    return NULL;
}

int64_t ps_onnx_int(ps_onnx_call *n, const char *name, int64_t otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_INT);
    return a ? a->i : otherwise;
}

bool ps_onnx_flag(ps_onnx_call *n, const char *name, bool otherwise)
{
    return ps_onnx_int(n, name, otherwise) != 0;
}

float ps_onnx_float(ps_onnx_call *n, const char *name, float otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_FLOAT);
    return a ? a->f : otherwise;
}

const char *ps_onnx_text(ps_onnx_call *n, const char *name, const char *otherwise)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_STRING);
    return a ? a->s : otherwise;
}

int ps_onnx_choice(ps_onnx_call *n, const char *name, const char *otherwise, const char *const *list)
{
    const char *s = ps_onnx_text(n, name, otherwise);
    for (int i = 0; list[i]; i++)
        if (!strcmp(s, list[i])) return i;
    PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "%s '%.40s' is not supported", name, s);
    return 0;
}

const int64_t *ps_onnx_ints(ps_onnx_call *n, const char *name, size_t *count)
{
    const ps_onnx_attribute *a = ps_onnx_attr(n, name, PS_ONNX_ATTR_INTS);
    *count = a ? a->n_ints : 0;
    return a ? a->ints : NULL;
}

/* ---- inputs ---- */

int32_t ps_onnx_in(const ps_onnx_call *n, int i)
{
    if (n->status != POISE_OK) return PS_BROKEN;
    return i >= 0 && i < n->node->n_in ? n->in[i] : PS_ABSENT;
}

bool ps_onnx_has_out(const ps_onnx_call *n, int i)
{
    return i < n->node->n_out && *n->node->out[i];
}

ps_value ps_onnx_value(const ps_onnx_call *n, int32_t value)
{
    return value >= 0 ? n->c->g->values[value] : (ps_value){.name = "", .live = -1};
}

/* The record of constant input i; false when absent, and when it is not constant, which fails the node. */
static bool constant_input(ps_onnx_call *n, int i, const char *what, ps_value *v)
{
    int32_t in = ps_onnx_in(n, i);
    if (n->status != POISE_OK || in < 0) return false;
    *v = ps_onnx_value(n, in);
    if (!v->data) PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "input '%s' must be constant", what);
    return v->data != NULL;
}

const int64_t *ps_onnx_const_ints(ps_onnx_call *n, int i, const char *what, size_t *count)
{
    ps_value v;
    *count = 0;
    if (!constant_input(n, i, what, &v)) return NULL;
    size_t k = ps_value_count(&v);
    bool fits = k <= PS_ONNX_MAX_NUMBERS && spend(n, k * sizeof(int64_t));
    int64_t *out = fits ? ps_heap_push(&n->c->heap, k * sizeof *out) : NULL;
    if (!out) {
        PS_ONNX_FAIL(n, POISE_NO_MEMORY, "input '%s' has too many elements: %zu", what, k);
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
            PS_ONNX_FAIL(n, POISE_BAD_MODEL, "input '%s' has type %s, it must hold integers", what,
                         poise_type_name(v.type));
            return NULL;
        }
    }
    *count = k;
    return out;
}

const float *ps_onnx_const_floats(ps_onnx_call *n, int i, const char *what, size_t *count)
{
    ps_value v;
    *count = 0;
    if (!constant_input(n, i, what, &v)) return NULL;
    size_t k = ps_value_count(&v);
    float *out = spend(n, k * sizeof(float)) ? ps_heap_push(&n->c->heap, k * sizeof *out) : NULL;
    if (!out) {
        PS_ONNX_FAIL(n, POISE_NO_MEMORY, "input '%s' has too many elements: %zu", what, k);
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
            PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "input '%s' has type %s", what, poise_type_name(v.type));
            return NULL;
        }
    }
    *count = k;
    return out;
}

int32_t ps_onnx_axis(ps_onnx_call *n, int64_t axis, int32_t rank)
{
    if (axis >= -rank && axis < rank) return (int32_t)(axis < 0 ? axis + rank : axis);
    PS_ONNX_FAIL(n, POISE_BAD_MODEL, "axis %lld of a tensor with %d dimensions", (long long)axis, rank);
    return 0;
}

int32_t ps_onnx_axes(ps_onnx_call *n, int i, int32_t rank, bool *given)
{
    size_t count = 0;
    const int64_t *axes = ps_onnx_ints(n, "axes", &count);
    if (!axes && i >= 0) axes = ps_onnx_const_ints(n, i, "axes", &count);
    *given = axes != NULL && count > 0;
    int32_t mask = 0;
    for (size_t j = 0; j < count && n->status == POISE_OK; j++) mask |= 1 << ps_onnx_axis(n, axes[j], rank);
    return mask;
}

int32_t ps_onnx_clamp32(int64_t v)
{
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

int32_t ps_onnx_product(const ps_value *v, int from, int to)
{
    int64_t p = 1; /* saturates each time: beside a dimension of 0 the others may multiply to anything */
    for (int i = from; i < to; i++) p = ps_onnx_clamp32(p * v->dim[i]);
    return (int32_t)p;
}

void ps_onnx_need_static(ps_onnx_call *n, int32_t value)
{
    if (ps_onnx_value(n, value).live >= 0)
        PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "the size of '%s' depends on the data",
                     ps_onnx_value(n, value).name);
}

/* ---- emitting ---- */

/* Computes the newest node now if its inputs are constants, and takes it out of the graph. */
static poise_status fold(ps_onnx_call *n)
{
    ps_graph *g = n->c->g;
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
    if (made > max_folded || ps_graph_folds_late(g, last) || !ps_graph_is_quick(g, last) || !spend(n, made + read)) return POISE_OK;
    PS_TRY(ps_graph_fold(g, last));
    if (g->n_nodes > last) g->n_nodes = last;
    return POISE_OK;
}

/* The scale is that of out[0]. */
static void emit(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in, int n_out, int32_t *out,
                 float scale, int32_t zero)
{
    ps_graph *g = n->c->g;
    for (int k = 0; k < n_out; k++)
        if (out[k] != PS_ABSENT) out[k] = PS_BROKEN;
    for (int i = 0; i < n_in; i++)
        if (in[i] < PS_ABSENT) PS_ONNX_FAIL(n, POISE_BAD_MODEL, "an input is missing");
    if (n->status != POISE_OK) return;
    const char *name = *n->node->name || !n->node->n_out ? n->node->name : n->node->out[0];
    for (int k = 0; k < n_out && n->status == POISE_OK; k++)
        if (out[k] != PS_ABSENT) n->status = ps_graph_value(g, NULL, &out[k]);
    if (n->status == POISE_OK && scale > 0) g->values[out[0]].scale = scale, g->values[out[0]].zero = zero;
    if (n->status == POISE_OK) n->status = ps_graph_node(g, op, name, params, n_in, in, n_out, out);
    if (n->status == POISE_OK) n->status = ps_graph_infer(g, g->n_nodes - 1);
    if (n->status == POISE_OK) n->status = fold(n);
}

void ps_onnx_emit_many(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in,
                       int n_out, int32_t *out)
{
    emit(n, op, params, n_in, in, n_out, out, 0, 0);
}

int32_t ps_onnx_emit_scaled(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in,
                            float scale, int32_t zero)
{
    int32_t out = 0;
    emit(n, op, params, n_in, in, 1, &out, scale, zero);
    return out;
}

int32_t ps_onnx_emit(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in)
{
    int32_t out = 0;
    ps_onnx_emit_many(n, op, params, n_in, in, 1, &out);
    return out;
}

int32_t ps_onnx_constant(ps_onnx_call *n, poise_type type, int rank, const int32_t *dim, const void *data)
{
    int32_t v = PS_BROKEN;
    if (n->status == POISE_OK) n->status = ps_graph_constant(n->c->g, NULL, type, rank, dim, data, &v);
    return v;
}

int32_t ps_onnx_scalar(ps_onnx_call *n, poise_type type, double v)
{
    uint64_t bits = 0; /* room for the largest type */
    if (poise_type_size(type)) ps_store_real(type, v, &bits);
    else PS_ONNX_FAIL(n, POISE_UNSUPPORTED, "type %s is not supported here", poise_type_name(type));
    return ps_onnx_constant(n, type, 0, (const int32_t[1]){0}, &bits);
}

int32_t ps_onnx_unary(ps_onnx_call *n, int kind, float a, float b, int32_t x)
{
    return PS_EMIT(n, &ps_op_unary, (&(ps_unary_params){kind, a, b}), x);
}

int32_t ps_onnx_binary(ps_onnx_call *n, int kind, int32_t x0, int32_t x1)
{
    return PS_EMIT(n, &ps_op_binary, (&(ps_binary_params){kind}), x0, x1);
}

int32_t ps_onnx_cast(ps_onnx_call *n, poise_type to, int32_t x)
{
    if (ps_onnx_value(n, x).type == to) return x;
    return PS_EMIT(n, &ps_op_cast, (&(ps_cast_params){(int32_t)to}), x);
}

static void set_dims(int32_t *to, int rank, const int32_t *dim)
{
    if (rank > 0) memcpy(to, dim, (size_t)rank * sizeof *dim);
}

int32_t ps_onnx_reshape(ps_onnx_call *n, int32_t x, int rank, const int32_t *dim)
{
    ps_value v = ps_onnx_value(n, x);
    if (v.rank == rank && (!rank || !memcmp(v.dim, dim, (size_t)rank * sizeof *dim))) return x;
    ps_shape_params p = {.rank = rank};
    set_dims(p.dim, rank, dim);
    return PS_EMIT(n, &ps_op_reshape, &p, x);
}

int32_t ps_onnx_transpose(ps_onnx_call *n, int32_t x, int rank, const int32_t *perm)
{
    ps_transpose_params p = {.rank = rank};
    set_dims(p.perm, rank, perm);
    bool moves = false;
    for (int i = 0; i < rank; i++) moves |= perm[i] != i;
    return moves ? PS_EMIT(n, &ps_op_transpose, &p, x) : x;
}

int32_t ps_onnx_expand(ps_onnx_call *n, int32_t x, int rank, const int32_t *dim)
{
    ps_value v = ps_onnx_value(n, x);
    if (v.rank == rank && (!rank || !memcmp(v.dim, dim, (size_t)rank * sizeof *dim))) return x;
    ps_shape_params p = {.rank = rank};
    set_dims(p.dim, rank, dim);
    return PS_EMIT(n, &ps_op_expand, &p, x);
}

void ps_onnx_result(ps_onnx_call *n, int k, int32_t value)
{
    if (n->status != POISE_OK || !ps_onnx_has_out(n, k)) return;
    n->out[k] = value;
    ps_value *v = value >= 0 ? &n->c->g->values[value] : NULL;
    if (!v || *v->name) return;
    v->name = ps_heap_string(&n->c->g->heap, n->node->out[k], strlen(n->node->out[k]));
    if (!v->name) {
        v->name = "";
        PS_ONNX_FAIL(n, POISE_NO_MEMORY, "no memory for a name");
    }
}
