/* nn/op.h - what an operator is.  One file nn/op_<name>.c each (or a family), one line in nn/ops.def. */
#ifndef PS_NN_OP_H
#define PS_NN_OP_H

#include "nn/graph.h"
#include "nn/tensor.h"
#include "ops/kernels.h"
#include "runtime/threads.h"

enum { PS_MANY = 255 }; /* max_in of an operator that takes any number */

/* A node with its tensors.  Before run(), `data` of computed tensors is NULL and that of constants set;
 * strides are final. */
typedef struct ps_call {
    const void *params;
    int n_in, n_out;
    const poise_tensor *const *in; /* NULL = absent optional input */
    const poise_tensor *const *out;
    const void *packed;    /* what pack() wrote */
    void *scratch;         /* scratch() bytes, contents undefined, 64-byte aligned */
    const ps_kernels *k;
    int threads;           /* give to ps_parallel */
    bool last_use;         /* in pack: nobody needs in[1] again, and it may give back what it has read on the way */
    int16_t variant;       /* which of the operator's ways to run: honoured by packed, pack, scratch and run */
    int32_t *live;         /* run() stores the true size of a data-dependent dimension here */
    const uint8_t *need;   /* h*w: the pixels of out[0] that matter, 1 each; NULL = all.  run() may leave out others */
} ps_call;

/* How the memory of an output is ordered when the plan is free to choose. */
typedef enum ps_order {
    PS_ORDER_ROW,  /* row-major */
    PS_ORDER_LAST, /* channels-last: dimension 1 innermost (rank >= 3, else row-major) */
    PS_ORDER_LIKE, /* as the largest computed input of the same rank, else row-major */
} ps_order;

/* Which tensors of a node may be bfloat16 in the fast precision; masks of inputs, bit 31 for all from the 32nd on. */
typedef struct ps_narrow {
    bool out;      /* out[0] */
    uint32_t in;   /* these inputs, whatever the type of the others, but: */
    uint32_t tied; /* these have the type of out[0] (constants among them are converted) */
    uint32_t must; /* these are bfloat16 whenever the precision is fast, cast if need be, unless constant: a product's */
} ps_narrow;

enum {
    PS_OP_INPLACE = 1, /* out[0] may be an input of the same type, dims and strides that dies here */
    PS_OP_CONCAT = 2,  /* inputs may live inside out[0]: see op_concat.c */
    PS_OP_QUANTISED = 4,   /* knows quantised inputs (ps_value.scale); others are never given one */
    PS_OP_KEEPS_SCALE = 8, /* moves elements: outputs of the type of input 0 are quantised as it is */
    PS_OP_LAZY_FOLD = 16,  /* a node of constants is left to run: convert/ folds it when nothing can use it as it is */
};

struct ps_op {
    const char *name;
    uint8_t min_in, max_in;
    uint8_t n_out; /* most outputs; all but the first are optional */
    uint8_t order; /* ps_order */
    uint8_t flags;
    uint16_t param_bytes;

    /* Checks every rule and sets type, rank and dim of each out.  in[i] or out[j] NULL = absent.  Trusts nothing:
     * params and inputs may come from a hostile file.  Error texts do not name the node: the caller does.
     * The caller has checked n_in, n_out and that the dims of inputs are legal, and checks those of outputs. */
    poise_status (*infer)(const void *params, int n_in, const ps_value *const *in, ps_value *const *out);

    /* Optional.  The axis of out[0] that has the data-dependent size of axis `axis` of input i, or -1
     * when such an input cannot be used.  NULL = never.  For an operator that makes such a size: i = -1,
     * and the answer is the axis.  An output has one such size: the caller refuses inputs whose answers or
     * makers differ. */
    int (*live)(const void *params, int i, int axis, const ps_value *const *in, const ps_value *out);

    /* Optional.  Describes out[0] as a view of in[0] (strides of out, offset in elements from in's base);
     * false when in's strides do not allow it, and run() must copy. */
    bool (*view)(const void *params, const poise_tensor *in, poise_tensor *out, ptrdiff_t *offset);

    /* Optional, for an operator that has several ways to compute a node: the name of way i for this node (a word that
     * stays the same from version to version: tuning files hold it), NULL past the last.  Way 0 is what the operator
     * chooses by rule, the same on every machine with the same kernels.  Depends on c->k, shapes and strides alone. */
    const char *(*variant)(const ps_call *c, int i);

    /* Optional.  Bytes of weights in the layout of the kernels in c->k (0 = used in place), and writing
     * them.  packs tells whether constant input i is not needed once packed. */
    size_t (*packed)(const ps_call *c);
    void (*pack)(const ps_call *c, void *dst);
    bool (*packs)(const ps_call *c, int i);

    /* Optional.  The order of what pack() writes (nn/layout.h), the same bytes whoever packs: a file may then hold them ready for
     * use (nn/packed.h).  NULL = they are made whenever a model is opened. */
    unsigned (*layout)(const ps_call *c);

    /* Optional.  Bytes of working space for c->threads threads. */
    size_t (*scratch)(const ps_call *c);

    /* Computes the outputs, honouring all strides.  Cannot fail, does not allocate, trusts infer(). */
    void (*run)(const ps_call *c);

    /* Optional.  What of a node of f32 may have 16 bits; decided from f32 types, before nn/precision.c sets others.  run() and
     * all above must then take every combination that the answer allows.  NULL = nothing. */
    ps_narrow (*narrow)(const void *params, int n_in, const ps_value *const *in, const ps_value *out);

    /* Optional.  Multiply-accumulates. */
    uint64_t (*macs)(const void *params, int n_in, const ps_value *const *in, const ps_value *out);

    /* Optional.  One line of its parameters for people, into buf. */
    void (*describe)(const void *params, char *buf, size_t size);
};

/* op->infer() and what the scales of the outputs (NULL = absent) then are: from a wish to what the operator gives. */
poise_status ps_op_infer(const ps_op *op, const void *params, int n_in, const ps_value *const *in, int n_out,
                         ps_value *const *out);

#define PS_OP(id, name) extern const ps_op ps_op_##name;
#include "nn/ops.def"
#undef PS_OP

const ps_op *ps_op_by_id(unsigned id); /* NULL = unknown */
/* Walks all operators: NULL after the last. */
const ps_op *ps_op_at(int i);
unsigned ps_op_id(const ps_op *op);

#endif
