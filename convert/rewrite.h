/* convert/rewrite.h - what every rewriting pass needs: who makes a value, how often it is read, matching
 * constants, replacing a node, and the passes themselves.
 *
 * Passes visit nodes in running order and look upwards.  A rewrite always lands in the slot of the last node
 * it replaces, whose output value (and name) stays; nodes that nothing reads any more disappear by themselves.
 * A node whose op is NULL is gone. */
#ifndef PS_CONVERT_REWRITE_H
#define PS_CONVERT_REWRITE_H

#include "nn/op.h"
#include "nn/params.h"

/* What the report counts.  Activations come first, under their ps_act number. */
enum {
    PS_DID_BATCH_NORM = PS_ACT_COUNT, PS_DID_SCALE, PS_DID_BIAS, PS_DID_RESIDUAL, PS_DID_LAYER_NORM,
    PS_DID_GROUP_NORM, PS_DID_PAD, PS_DID_TRANSPOSE, PS_DID_RESHAPE, PS_DID_CONCAT, PS_DID_SLICE, PS_DID_NO_OP,
    PS_DID_SOFT_ARGMAX, PS_DID_UPSAMPLE, PS_DID_SAME, PS_DID_CONSTANT, PS_DID_LOOKUP, PS_DID_COUNT
};

typedef struct ps_rewrite {
    ps_graph *g;
    int32_t *producer; /* per value: the node that makes it, or -1 */
    int32_t *uses;     /* per value: how often nodes and graph outputs read it */
    int32_t *alias;    /* per value: the value that stands for it, itself when it still counts */
    int32_t *is_output; /* per value: 1 for outputs of the graph */
    int32_t *stack;    /* room for every node: those that are about to go */
    int32_t cap;       /* entries of the arrays per value */
    size_t unread;     /* bytes of constants that have lost their last reader since ps_rw_forget */
    size_t budget;     /* bytes of weights that may still be rewritten: hostile graphs share and chain them */
    bool late; /* constants that wait for integer operators are folded too */
    bool changed;
    int32_t did[PS_DID_COUNT];
} ps_rewrite;

poise_status ps_rewrite_init(ps_rewrite *w, ps_graph *g);
void ps_rewrite_free(ps_rewrite *w);
/* Drops the nodes that are gone and the values that nothing names, and renumbers the rest. */
poise_status ps_rewrite_compact(ps_rewrite *w);

/* Input i of n as it is now; -1 = absent. */
int32_t ps_rw_in(ps_rewrite *w, const ps_node *n, int i);
/* Copies all inputs; at most `cap` entries, the rest -1. */
void ps_rw_ins(ps_rewrite *w, const ps_node *n, int32_t *in, int cap);
/* The node that makes v, NULL for inputs and constants. */
ps_node *ps_rw_maker(ps_rewrite *w, int32_t v);
/* The node that makes v, when v is its only output that is read, and read once: it may be merged with its
 * reader.  NULL otherwise, or when its operator is not `op` (NULL = any). */
ps_node *ps_rw_sole(ps_rewrite *w, int32_t v, const ps_op *op);
/* The same for a unary or a binary of the given kind. */
ps_node *ps_rw_sole_unary(ps_rewrite *w, int32_t v, int kind);
ps_node *ps_rw_sole_binary(ps_rewrite *w, int32_t v, int kind);

bool ps_rw_is_const(const ps_rewrite *w, int32_t v); /* f32 constant */
float ps_rw_float(const ps_rewrite *w, int32_t v, size_t i);
/* Whether v is an f32 constant of one element. */
bool ps_rw_scalar(const ps_rewrite *w, int32_t v, double *f);
bool ps_rw_all(const ps_rewrite *w, int32_t v, float f);
/* Equal to 1e-6 of b: numbers that exporters print or compute in different ways. */
bool ps_rw_near(double a, double b);
bool ps_rw_same_dims(const ps_value *a, const ps_value *b);

/* Adds an f32 constant of zeros; *data is for the caller to fill. */
poise_status ps_rw_floats(ps_rewrite *w, int rank, const int32_t *dim, int32_t *out, float **data);
/* Adds a constant of any type; see ps_graph_constant. */
poise_status ps_rw_constant(ps_rewrite *w, poise_type type, int rank, const int32_t *dim, const void *data, int32_t *out);
/* Takes `bytes` from the budget; false when it is used up. */
bool ps_rw_spend(ps_rewrite *w, size_t bytes);

/* Makes node n another operator with other inputs and the same outputs.  *ok = false, and nothing is changed,
 * when its rules would not give the outputs the same types and dimensions. */
poise_status ps_rw_set(ps_rewrite *w, ps_node *n, const ps_op *op, const void *params, int n_in,
                       const int32_t *in, bool *ok);
/* Adds an f32 value to be computed. */
poise_status ps_rw_value(ps_rewrite *w, int rank, const int32_t *dim, int32_t *out);
/* Puts a new node y = op(in...) into the slot of one that is gone; y is from ps_rw_value. */
poise_status ps_rw_revive(ps_rewrite *w, ps_node *slot, const ps_op *op, const void *params, int n_in,
                          const int32_t *in, int32_t y);
/* Counts `by` readers more (or less) of each value, so that none goes while its readers are exchanged. */
void ps_rw_hold(ps_rewrite *w, int n, const int32_t *v, int32_t by);
/* Moves node n to the earlier slot that became free. */
void ps_rw_move(ps_rewrite *w, ps_node *n, ps_node *slot);
/* Removes n, whose only output is the same as value x.  False when it must stay. */
bool ps_rw_bypass(ps_rewrite *w, ps_node *n, int32_t x);
/* Forgets the contents of constants that nothing reads any more, if that is worth the search (g->last_use).  Between
 * passes only: their callers may hold constants that are about to be read. */
void ps_rw_forget(ps_rewrite *w);
/* Removes n because nothing needs it. */
void ps_rw_kill(ps_rewrite *w, ps_node *n);
void ps_rw_did(ps_rewrite *w, int what);

enum { PS_RW_INPUTS = 6 }; /* of a convolution or product: x, weights, bias, residual, scales, table */

/* The activation part of a node's parameters, NULL when it has none; and whether it adds a residual. */
ps_fused *ps_rw_fused(const ps_node *n, void *params);
bool ps_rw_has_residual(ps_rewrite *w, const ps_node *n);

/* Passes: try to rewrite what ends in node n. */
poise_status ps_fuse_activation(ps_rewrite *w, ps_node *n); /* chains -> one unary          fuse_activation.c */
poise_status ps_fuse_norm(ps_rewrite *w, ps_node *n);       /* chains -> layer, group norm  fuse_norm.c */
poise_status ps_fuse_linear(ps_rewrite *w, ps_node *n);     /* scales and shifts -> weights fuse_linear.c */
poise_status ps_fuse_epilogue(ps_rewrite *w, ps_node *n);   /* activation, residual         fuse_epilogue.c */
poise_status ps_fuse_pad(ps_rewrite *w, ps_node *n);        /* pad -> conv, pool            fuse_pad.c */
poise_status ps_fuse_soft_argmax(ps_rewrite *w, ps_node *n); /* mean under a softmax  fuse_soft_argmax.c */
poise_status ps_fuse_upsample(ps_rewrite *w, ps_node *n); /* 1x1 conv before the upsample  fuse_upsample.c */
poise_status ps_fuse_gather(ps_rewrite *w, ps_node *n);     /* gather of even steps -> slice  fuse_gather.c */
poise_status ps_fuse_lookup(ps_rewrite *w, ps_node *n);     /* tables -> products      fuse_lookup.c */
poise_status ps_fuse_shape(ps_rewrite *w, ps_node *n);      /* no-ops, transposes, concat   fuse_shape.c */
/* One pass over the graph: nodes that compute the same become one.               fuse_same.c */
poise_status ps_fuse_same(ps_rewrite *w);

#endif
