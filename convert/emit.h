/* convert/emit.h - what translators of any file format share: emitting nodes, looking at values and constants.
 *
 * The first failure is kept in e->status and everything after it does nothing: values become PS_BROKEN, numbers their
 * defaults.  So a translator is straight-line code that checks only what it decides on, and nobody looks at values of a
 * failed call. */
#ifndef PS_CONVERT_EMIT_H
#define PS_CONVERT_EMIT_H

#include "nn/op.h"
#include "nn/params.h"

enum { PS_ABSENT = -1, PS_BROKEN = -2 }; /* instead of a value's index */

typedef struct ps_emit {
    poise_status status;
    ps_graph *g;
    ps_heap *heap;    /* for numbers that are looked at; lives as long as the import */
    size_t *budget;   /* bytes of constants that may still be read or computed: hostile nodes share large ones */
    const char *name; /* of the nodes that are emitted */
} ps_emit;

#define PS_EMIT_FAIL(e, ...) ((void)((e)->status == POISE_OK ? ((e)->status = ps_fail(__VA_ARGS__)) : POISE_OK))

/* A copy of a value's record: pointers into g->values do not survive an emission.  Empty for PS_ABSENT. */
ps_value ps_emit_value(const ps_emit *e, int32_t value);
/* Takes `bytes` from the budget; false when it is used up. */
bool ps_emit_spend(ps_emit *e, size_t bytes);
/* The numbers of a constant of integers (or, as floats, of any arithmetic type), on e->heap; NULL with *count 0 for
 * PS_ABSENT.  Fails when it is not a constant: `what` names it. */
const int64_t *ps_emit_ints(ps_emit *e, int32_t value, const char *what, size_t *count);
const float *ps_emit_floats(ps_emit *e, int32_t value, const char *what, size_t *count);
/* An axis, made absolute; fails when out of range. */
int32_t ps_emit_axis(ps_emit *e, int64_t axis, int32_t rank);
/* Saturates; dims and indices of the file format are 32-bit. */
int32_t ps_emit_clamp32(int64_t v);
/* Product of dimensions [from, to). */
int32_t ps_emit_product(const ps_value *v, int from, int to);
/* Fails as "size depends on the data" when a dimension of the value is not exact. */
void ps_emit_need_static(ps_emit *e, int32_t value);

/* A node of the graph with one output; shapes are inferred, and constants folded, at once.  With scale > 0 the output is
 * to be quantised (ps_value.scale). */
int32_t ps_emit_scaled(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in, float scale,
                       int32_t zero);
int32_t ps_emit_node(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in);
/* The same with several outputs, written to out. */
void ps_emit_nodes(ps_emit *e, const ps_op *op, const void *params, int n_in, const int32_t *in, int n_out, int32_t *out);
#define PS_EMIT_NODE(e, op, params, ...)                                                   \
    ps_emit_node(e, op, params, (int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), \
                 (const int32_t[]){__VA_ARGS__})

int32_t ps_emit_constant(ps_emit *e, poise_type type, int rank, const int32_t *dim, const void *data);
int32_t ps_emit_scalar(ps_emit *e, poise_type type, double v); /* rank 0; saturates */
int32_t ps_emit_unary(ps_emit *e, int kind, float a, float b, int32_t x);
int32_t ps_emit_binary(ps_emit *e, int kind, int32_t x0, int32_t x1);
int32_t ps_emit_cast(ps_emit *e, poise_type to, int32_t x);
/* x itself when it has these dimensions, or this order, already. */
int32_t ps_emit_reshape(ps_emit *e, int32_t x, int rank, const int32_t *dim);
int32_t ps_emit_transpose(ps_emit *e, int32_t x, int rank, const int32_t *perm);
int32_t ps_emit_expand(ps_emit *e, int32_t x, int rank, const int32_t *dim);

/* Makes v an output of the graph under this name.  A value that is an input, a constant, or an output already gets a node
 * of its own, so that every output is a different computed value. */
poise_status ps_emit_output(ps_graph *g, int32_t v, const char *name);

#endif
