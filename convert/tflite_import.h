/* convert/tflite_import.h - what the translators of TFLite operators share: reading an operator, its tensors, its result.
 *
 * Translators are straight-line code: the first failure is kept in n->e.status (see convert/emit.h).
 *
 * A tensor of the file has up to four values in the graph, made when first asked for:
 *   - real numbers (or plain integers, truths) and, where it is quantised, u8 codes: `quantize` nodes go from one to the
 *     other, so that an operator between them is one of floats;
 *   - both in the file's order of dimensions, and, with 4 dimensions, as [n,c,h,w], which is what convolutions, pools and
 *     the like want: transposes go from one to the other.  Operators that do not care give their result in the order in
 *     which their inputs were made, so that transposes stand at the ends of a network only. */
#ifndef PS_CONVERT_TFLITE_IMPORT_H
#define PS_CONVERT_TFLITE_IMPORT_H

#include "convert/emit.h"
#include "convert/tflite_model.h"

typedef enum ps_tflite_order { PS_TFLITE_FILE, PS_TFLITE_NCHW } ps_tflite_order;

typedef struct ps_tflite_slot {
    int32_t real[2], codes[2]; /* values by ps_tflite_order, PS_ABSENT = not made yet */
    int32_t made;              /* the operator of the file that makes it, -1 = none */
    int32_t readers;           /* operators and outputs of the file, */
    int32_t reader;            /* the last operator among them, -1 = none */
    int32_t same_as;           /* the constant of codes whose real numbers these are, dequantised by whoever reads them, or
                                * PS_ABSENT */
    int32_t pad_of;            /* the tensor that this one is, inside borders of zeros that its reader adds; PS_ABSENT = none */
    int32_t pad[4];            /* top, left, bottom, right */
    int32_t dilation[2];       /* ... and its reader has these besides, where not 0: this one was SPACE_TO_BATCH_ND */
    bool spread;               /* it has the contents that BATCH_TO_SPACE_ND would make of it */
    ps_tflite_order order;     /* in which it was made */
    bool ready;                /* it has a value, or is a constant that will have one */
    bool broken;               /* made by an operator that is not supported */
} ps_tflite_slot;

typedef struct ps_tflite {
    ps_graph *g;
    ps_tflite_model model;
    ps_heap heap; /* lives as long as the import */
    const poise_convert_options *o;
    ps_tflite_slot *slots; /* one for each tensor */
    char *unsupported;     /* the list, as text */
    int32_t n_unsupported, n_listed;
    size_t budget;
} ps_tflite;

/* One operator being translated. */
typedef struct ps_tflite_call {
    ps_emit e;
    ps_tflite *c;
    const ps_tflite_node *node;
    int arg; /* from the table: which member of the family */
} ps_tflite_call;

struct ps_tflite_op {
    const char *name; /* NULL ends a table */
    int32_t code;     /* BuiltinOperator */
    int min_in, max_in;
    void (*translate)(ps_tflite_call *n); /* NULL: only its name is known */
    int arg;
};

extern const ps_tflite_op ps_tflite_ops_conv[], ps_tflite_ops_math[], ps_tflite_ops_move[], ps_tflite_ops_shape[],
    ps_tflite_ops_reduce[], ps_tflite_ops_index[], ps_tflite_ops_space[];

const ps_tflite_op *ps_tflite_op_find(int32_t code);

#define PS_TFLITE_FAIL(n, ...) PS_EMIT_FAIL(&(n)->e, __VA_ARGS__)
#define PS_TFLITE_REQUIRE(n, cond, ...)        \
    do {                                       \
        if ((n)->e.status != POISE_OK) return; \
        if (!(cond)) {                         \
            PS_TFLITE_FAIL(n, __VA_ARGS__);    \
            return;                            \
        }                                      \
    } while (0)

/* ---- options: field `id` of the operator's table ---- */

int32_t ps_tflite_int(ps_tflite_call *n, int id, int32_t otherwise);
int32_t ps_tflite_byte(ps_tflite_call *n, int id, int32_t otherwise); /* enums and truths */
float ps_tflite_float(ps_tflite_call *n, int id, float otherwise);
const int64_t *ps_tflite_ints(ps_tflite_call *n, int id, size_t *count); /* NULL when absent */

/* ---- tensors ---- */

bool ps_tflite_has(const ps_tflite_call *n, int i);
/* The file's record of input i (which is there), of output k. */
const ps_tflite_tensor *ps_tflite_input(const ps_tflite_call *n, int i);
const ps_tflite_tensor *ps_tflite_output(const ps_tflite_call *n, int k);
/* Whether a tensor holds codes of one scale. */
bool ps_tflite_is_quantised(const ps_tflite_tensor *t);
/* Its zero point as u8 codes have it. */
int32_t ps_tflite_zero(const ps_tflite_tensor *t);

/* Real numbers (or integers) of input i in the file's order, PS_ABSENT when it is not given. */
int32_t ps_tflite_in(ps_tflite_call *n, int i);
/* ... in an order; NCHW only for 4 dimensions. */
int32_t ps_tflite_in_as(ps_tflite_call *n, int i, ps_tflite_order order);
/* What an operator that only moves elements reads: codes where the tensor is quantised, else the same as above. */
int32_t ps_tflite_raw(ps_tflite_call *n, int i, ps_tflite_order order);
/* Number of dimensions of input i as the graph has them. */
int32_t ps_tflite_rank(ps_tflite_call *n, int i);
/* Dimensions of input i in the file's order, as the graph has them. */
ps_value ps_tflite_shape(ps_tflite_call *n, int i);
/* The order in which an operator of element by element has its result: NCHW when an input of 4 dimensions was made so. */
ps_tflite_order ps_tflite_common_order(ps_tflite_call *n);
/* Input i for such an operator in that order: fewer dimensions than 4 are broadcast as the file means it. */
int32_t ps_tflite_operand(ps_tflite_call *n, int i, ps_tflite_order order);
/* Axis of the file in an order. */
int32_t ps_tflite_axis_in(ps_tflite_order order, int32_t axis);
/* Constant integers of input i; see ps_emit_ints. */
const int64_t *ps_tflite_const(ps_tflite_call *n, int i, const char *what, size_t *count);
/* One constant integer; fails when it is another number of them. */
int64_t ps_tflite_const_one(ps_tflite_call *n, int i, const char *what);

/* Weights, input i: real numbers with dimension j being the file's dimension perm[j].  Quantised ones stay constants of
 * codes behind a `quantize` node; their scales must be one, or one for each index along `axis` of the result. */
int32_t ps_tflite_weights(ps_tflite_call *n, int i, int rank, const int32_t *perm, int32_t axis);
/* Bias, input i, as real numbers [channels] for the product of inputs x and 1; PS_ABSENT where there is none. */
int32_t ps_tflite_bias(ps_tflite_call *n, int i, int x, int32_t channels);

/* ---- results ---- */

/* A fused activation (ActivationFunctionType) of x. */
int32_t ps_tflite_activate(ps_tflite_call *n, int32_t kind, int32_t x);
/* Makes `value` (real numbers, or u8 codes) output k, in the order it has; codes and scales become those of the tensor. */
void ps_tflite_result(ps_tflite_call *n, int k, int32_t value, ps_tflite_order order);

/* ---- between the parts of the import ---- */

/* Reads what exporters append to a file: metadata.json (Ultralytics: task, names, imgsz ...) becomes metadata of the graph,
 * a list of labels becomes `names`.  What cannot be read is left out: POISE_NO_MEMORY is the only failure. */
poise_status ps_tflite_read_labels(ps_graph *g, ps_heap *heap, const uint8_t *bytes, size_t size);

/* The values of a tensor, made when they are not there. */
int32_t ps_tflite_real(ps_tflite *c, ps_emit *e, int32_t tensor, ps_tflite_order order);
int32_t ps_tflite_codes(ps_tflite *c, ps_emit *e, int32_t tensor, ps_tflite_order order);

#endif
