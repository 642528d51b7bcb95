/* convert/tflite_model.h - what a .tflite file says, as plain structs: nothing interpreted, everything bounded.
 * Strings and lists are on the caller's heap; tensor contents stay where they are in the file. */
#ifndef PS_CONVERT_TFLITE_MODEL_H
#define PS_CONVERT_TFLITE_MODEL_H

#include "convert/tflite.h"
#include "convert/tflite_wire.h"
#include "runtime/memory.h"
#include "runtime/status.h"

/* Limits far beyond any real network, so that a small hostile file cannot ask for much. */
enum {
    PS_TFLITE_MAX_OPS = 200000,
    PS_TFLITE_MAX_TENSORS = 200000,
    PS_TFLITE_MAX_PORTS = 4096, /* inputs or outputs of one operator, or of the graph */
    PS_TFLITE_MAX_NAME = 1024,
};

/* TensorType of the schema. */
enum {
    PS_TFLITE_F32 = 0,
    PS_TFLITE_F16 = 1,
    PS_TFLITE_I32 = 2,
    PS_TFLITE_U8 = 3,
    PS_TFLITE_I64 = 4,
    PS_TFLITE_BOOL = 6,
    PS_TFLITE_I16 = 7,
    PS_TFLITE_I8 = 9,
    PS_TFLITE_F64 = 10,
    PS_TFLITE_I4 = 17,
};

typedef struct ps_tflite_tensor {
    const char *name;
    int32_t type; /* PS_TFLITE_..., or another number of the schema */
    int32_t rank, dim[POISE_MAX_DIMS];
    size_t count;        /* elements, checked */
    bool free_dims;      /* a dimension may change (shape_signature): dim holds an example */
    bool sparse, variable;
    const uint8_t *data; /* a constant's contents, NULL = none */
    size_t data_size;
    /* Quantisation: real = scale*(q - zero), one for the tensor or one for each index along `axis`. */
    int32_t n_scales, axis; /* 0 scales = not quantised */
    const float *scale;
    const int64_t *zero; /* n_scales of them */
} ps_tflite_tensor;

typedef struct ps_tflite_node {
    int32_t code;          /* BuiltinOperator */
    const char *custom;    /* its name where the code is CUSTOM, else "" */
    int32_t *in, *out;     /* tensors; -1 = absent */
    int32_t n_in, n_out;
    ps_flat_table options; /* absent = all defaults */
} ps_tflite_node;

typedef struct ps_tflite_meta {
    const char *name;
    const uint8_t *data;
    size_t size;
} ps_tflite_meta;

typedef struct ps_tflite_model {
    ps_flat file;
    const char *description;
    ps_tflite_tensor *tensors;
    ps_tflite_node *nodes; /* in an order that can be run, if the file is right */
    int32_t *inputs, *outputs;
    ps_tflite_meta *meta;
    int32_t n_tensors, n_nodes, n_inputs, n_outputs, n_meta, n_subgraphs;
} ps_tflite_model;

/* Reads the first subgraph.  `m` refers to `bytes` and to `heap`. */
poise_status ps_tflite_model_read(ps_tflite_model *m, ps_heap *heap, const uint8_t *bytes, size_t size);

/* Poise's type for one of the schema, POISE_NONE where there is none; its name there. */
poise_type ps_tflite_type(int32_t type);
const char *ps_tflite_type_name(int32_t type);

#endif
