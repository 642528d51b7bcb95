/* nn/graph.h - a network before memory is planned: values, nodes, metadata.
 * Built by convert/ from foreign files and by nn/format.c from .poise files; read by everything in nn/. */
#ifndef PS_NN_GRAPH_H
#define PS_NN_GRAPH_H

#include "runtime/memory.h"
#include "runtime/status.h"

typedef struct ps_op ps_op;

/* A tensor of the graph.  Dimensions are in the network's own order (ONNX: N,C,H,W). */
typedef struct ps_value {
    const char *name;
    poise_type type; /* POISE_NONE until inferred */
    int32_t rank;
    int32_t dim[POISE_MAX_DIMS];
    const void *data; /* a constant's contents, dense row-major, 64-byte aligned; NULL = input or computed */
    float scale;  /* quantised (u8, i8): q stands for scale*(q - zero); 0 = plain numbers.  Of a computed value it is a
                   * wish until its node is inferred, which sets 0 where the operator gives plain or real numbers */
    int32_t zero; /* a value of the type */
    int32_t live;      /* node whose run decides the true size of dim[live_axis], or -1: dims are exact */
    int32_t live_axis;
} ps_value;

typedef struct ps_node {
    const ps_op *op;
    const char *name;
    void *params; /* op->param_bytes bytes; only int32_t, uint32_t and float fields, no padding */
    int32_t n_in, n_out;
    int32_t *in;  /* value indices; -1 = an optional input that is absent */
    int32_t *out; /* value indices; every value has at most one producer */
} ps_node;

typedef struct ps_meta {
    const char *key, *value;
} ps_meta;

typedef struct ps_graph {
    ps_value *values;
    ps_node *nodes; /* in an order that can be run */
    int32_t *inputs, *outputs; /* value indices */
    ps_meta *meta;
    int32_t n_values, n_nodes, n_inputs, n_outputs, n_meta;
    int32_t cap_values, cap_nodes, cap_inputs, cap_outputs, cap_meta;
    ps_heap heap; /* names, params, index lists, constants made on the way */
    const uint8_t *mapped; /* a mapped file, or NULL: whoever reads it gives its pages back */
    size_t mapped_size;
    bool last_use; /* constants that were rewritten or written are not needed again */
} ps_graph;

void ps_graph_free(ps_graph *g);
/* What its tables take, in the account of runtime/memory.h. */
size_t ps_graph_size(const ps_graph *g);

/* Adds an empty value (live = -1) and gives its index in *out.  `name` is copied; NULL is "". */
poise_status ps_graph_value(ps_graph *g, const char *name, int32_t *out);
/* Adds a constant whose contents are copied into the graph (data NULL: zeros to be filled by the caller
 * through the returned value). */
poise_status ps_graph_constant(ps_graph *g, const char *name, poise_type type, int rank, const int32_t *dim,
                               const void *data, int32_t *out);
/* Adds a node; index lists and params are copied.  Shapes are not inferred. */
poise_status ps_graph_node(ps_graph *g, const ps_op *op, const char *name, const void *params, int n_in,
                           const int32_t *in, int n_out, const int32_t *out);
/* Checks node i against its operator's rules and sets type, rank, dims and live of its outputs. */
poise_status ps_graph_infer(ps_graph *g, int32_t node);
poise_status ps_graph_input(ps_graph *g, int32_t value);
poise_status ps_graph_output(ps_graph *g, int32_t value);
/* Sets a metadata key (replacing), or removes it with value NULL. */
poise_status ps_graph_set_meta(ps_graph *g, const char *key, const char *value);
const char *ps_graph_get_meta(const ps_graph *g, const char *key);

/* Whether computing a node takes time in proportion to its bytes; products, windows and the like only count as
 * quick when they are small.  For those who fold what a hostile file asks for. */
bool ps_graph_is_quick(const ps_graph *g, int32_t node);
/* Computes the outputs of a node whose inputs are all constants and makes them constants. */
poise_status ps_graph_fold(ps_graph *g, int32_t node);
/* Whether folding would lose what integer operators need: the codes of quantised weights (PS_OP_LAZY_FOLD). */
bool ps_graph_folds_late(const ps_graph *g, int32_t node);

/* Elements and bytes of a value whose dims are known to be legal. */
size_t ps_value_count(const ps_value *v);
size_t ps_value_bytes(const ps_value *v);

static inline bool ps_value_is_quantised(const ps_value *v)
{
    return v->scale > 0 && (v->type == POISE_U8 || v->type == POISE_I8);
}

/* Whether a type can hold the zero point, and numbers can be divided by the scale. */
bool ps_scale_is_legal(poise_type type, float scale, int32_t zero);

/* The value as a dense row-major tensor; data is that of a constant, else NULL. */
poise_tensor ps_value_tensor(const ps_value *v);

/* Multiply-accumulates of a node (convolutions, products), 0 for others. */
uint64_t ps_node_macs(const ps_graph *g, const ps_node *n);

#endif
