/* convert/onnx_import.h - what the translators of ONNX operators share: reading a node, emitting nodes.
 *
 * A translator is straight-line code.  The first failure is kept in n->status and everything after it does
 * nothing: values become PS_BROKEN, attributes their defaults (see convert/emit.h). */
#ifndef PS_CONVERT_ONNX_IMPORT_H
#define PS_CONVERT_ONNX_IMPORT_H

#include "convert/emit.h"
#include "convert/onnx.h"
#include "convert/onnx_model.h"

typedef struct ps_onnx_name {
    const char *name;
    int32_t value;  /* index; PS_BROKEN: made by a node that is not supported */
    int32_t node;   /* its producer in the file, -1 = input or initialiser */
    int32_t tensor; /* initialiser not yet used, or -1 */
    int32_t type;   /* of an initialiser in the file (TensorProto.DataType), else 0 */
} ps_onnx_name;

typedef struct ps_onnx {
    ps_graph *g;
    ps_onnx_model model;
    ps_heap heap; /* lives as long as the import */
    const poise_convert_options *o;
    ps_onnx_name *names; /* open addressing, cap a power of two */
    size_t cap;
    char *unsupported; /* the list, as text */
    int32_t n_unsupported, n_listed;
    size_t budget; /* bytes of constants that may still be read or computed: hostile nodes share large ones */
} ps_onnx;

/* One node being translated. */
typedef struct ps_onnx_call {
    union {
        ps_emit e;
        poise_status status; /* that of e, which it begins with */
    };
    ps_onnx *c;
    const ps_onnx_node *node;
    const ps_onnx_op *op;
    int opset;
    int arg;      /* from the table: which member of the family */
    int32_t *in;  /* value indices, node->n_in of them, PS_ABSENT where not given */
    int32_t *out; /* results, node->n_out of them, to be set by ps_onnx_result */
} ps_onnx_call;

struct ps_onnx_op {
    const char *name; /* NULL ends a table */
    int since, until; /* opsets; until 0 = still there */
    int min_in, max_in;
    void (*translate)(ps_onnx_call *n);
    int arg;
    const char *domain; /* NULL = the standard one */
};

extern const ps_onnx_op ps_onnx_ops_math[], ps_onnx_ops_conv[], ps_onnx_ops_norm[], ps_onnx_ops_reduce[],
    ps_onnx_ops_shape[], ps_onnx_ops_move[], ps_onnx_ops_index[], ps_onnx_ops_const[], ps_onnx_ops_image[],
    ps_onnx_ops_einsum[], ps_onnx_ops_quant[], ps_onnx_ops_qlinear[];

const ps_onnx_op *ps_onnx_op_find(const char *domain, const char *name, int64_t opset);

/* ---- failing ---- */

#define PS_ONNX_FAIL(n, ...) PS_EMIT_FAIL(&(n)->e, __VA_ARGS__)
#define PS_ONNX_REQUIRE(n, cond, ...)        \
    do {                                     \
        if ((n)->status != POISE_OK) return; \
        if (!(cond)) {                       \
            PS_ONNX_FAIL(n, __VA_ARGS__);    \
            return;                          \
        }                                    \
    } while (0)

/* ---- reading the node ---- */

const ps_onnx_attribute *ps_onnx_attr(ps_onnx_call *n, const char *name, int type); /* NULL = absent */
int64_t ps_onnx_int(ps_onnx_call *n, const char *name, int64_t otherwise);
bool ps_onnx_flag(ps_onnx_call *n, const char *name, bool otherwise);
float ps_onnx_float(ps_onnx_call *n, const char *name, float otherwise);
const char *ps_onnx_text(ps_onnx_call *n, const char *name, const char *otherwise);
/* Index of a string attribute in a NULL-terminated list; anything else fails. */
int ps_onnx_choice(ps_onnx_call *n, const char *name, const char *otherwise, const char *const *list);
/* The integers of an attribute; NULL and *count 0 when absent. */
const int64_t *ps_onnx_ints(ps_onnx_call *n, const char *name, size_t *count);

/* Input i: PS_ABSENT when not given. */
int32_t ps_onnx_in(const ps_onnx_call *n, int i);
bool ps_onnx_has_out(const ps_onnx_call *n, int i);
/* A copy of a value's record: pointers into g->values do not survive an emission.  Empty for PS_ABSENT. */
static inline ps_value ps_onnx_value(const ps_onnx_call *n, int32_t value)
{
    return ps_emit_value(&n->e, value);
}
/* The numbers of a constant integer input, on the import's heap; NULL with *count 0 when absent.  Fails when
 * input i is not a constant: `what` names it. */
const int64_t *ps_onnx_const_ints(ps_onnx_call *n, int i, const char *what, size_t *count);
/* The numbers of a constant of any arithmetic type, as floats. */
const float *ps_onnx_const_floats(ps_onnx_call *n, int i, const char *what, size_t *count);
/* An axis, made absolute; fails when out of range. */
static inline int32_t ps_onnx_axis(ps_onnx_call *n, int64_t axis, int32_t rank)
{
    return ps_emit_axis(&n->e, axis, rank);
}
/* Axes from attribute `axes` or from constant input i (-1 = only the attribute), as a mask; *given tells
 * whether there were any. */
int32_t ps_onnx_axes(ps_onnx_call *n, int i, int32_t rank, bool *given);
/* Saturates; dims and indices of the file format are 32-bit. */
static inline int32_t ps_onnx_clamp32(int64_t v)
{
    return ps_emit_clamp32(v);
}
/* Product of dimensions [from, to). */
static inline int32_t ps_onnx_product(const ps_value *v, int from, int to)
{
    return ps_emit_product(v, from, to);
}
/* TensorProto.DataType of input i where it is an initialiser, else 0: tells 4-bit and 16-bit types, which Poise keeps in
 * larger ones. */
int32_t ps_onnx_file_type(const ps_onnx_call *n, int i);
/* Fails as "size depends on the data" when a dimension of the value is not exact. */
static inline void ps_onnx_need_static(ps_onnx_call *n, int32_t value)
{
    ps_emit_need_static(&n->e, value);
}

/* ---- emitting: see convert/emit.h ---- */

static inline int32_t ps_onnx_emit(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in)
{
    return ps_emit_node(&n->e, op, params, n_in, in);
}
static inline void ps_onnx_emit_many(ps_onnx_call *n, const ps_op *op, const void *params, int n_in, const int32_t *in,
                                     int n_out, int32_t *out)
{
    ps_emit_nodes(&n->e, op, params, n_in, in, n_out, out);
}
static inline int32_t ps_onnx_emit_scaled(ps_onnx_call *n, const ps_op *op, const void *params, int n_in,
                                          const int32_t *in, float scale, int32_t zero)
{
    return ps_emit_scaled(&n->e, op, params, n_in, in, scale, zero);
}
#define PS_EMIT(n, op, params, ...) PS_EMIT_NODE(&(n)->e, op, params, __VA_ARGS__)

static inline int32_t ps_onnx_constant(ps_onnx_call *n, poise_type type, int rank, const int32_t *dim, const void *data)
{
    return ps_emit_constant(&n->e, type, rank, dim, data);
}
static inline int32_t ps_onnx_scalar(ps_onnx_call *n, poise_type type, double v)
{
    return ps_emit_scalar(&n->e, type, v);
}
static inline int32_t ps_onnx_unary(ps_onnx_call *n, int kind, float a, float b, int32_t x)
{
    return ps_emit_unary(&n->e, kind, a, b, x);
}
static inline int32_t ps_onnx_binary(ps_onnx_call *n, int kind, int32_t x0, int32_t x1)
{
    return ps_emit_binary(&n->e, kind, x0, x1);
}
static inline int32_t ps_onnx_cast(ps_onnx_call *n, poise_type to, int32_t x)
{
    return ps_emit_cast(&n->e, to, x);
}
static inline int32_t ps_onnx_reshape(ps_onnx_call *n, int32_t x, int rank, const int32_t *dim)
{
    return ps_emit_reshape(&n->e, x, rank, dim);
}
static inline int32_t ps_onnx_transpose(ps_onnx_call *n, int32_t x, int rank, const int32_t *perm)
{
    return ps_emit_transpose(&n->e, x, rank, perm);
}
static inline int32_t ps_onnx_expand(ps_onnx_call *n, int32_t x, int rank, const int32_t *dim)
{
    return ps_emit_expand(&n->e, x, rank, dim);
}

/* Makes `value` output k of the node.  Outputs without a result fail the node. */
void ps_onnx_result(ps_onnx_call *n, int k, int32_t value);

#endif
