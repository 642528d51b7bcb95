/* convert/onnx_model.h - what a .onnx file says, as plain structs: nothing interpreted, everything bounded.
 * Strings and lists are on the caller's heap; tensor contents stay where they are in the file. */
#ifndef PS_CONVERT_ONNX_MODEL_H
#define PS_CONVERT_ONNX_MODEL_H

#include "convert/onnx_wire.h"
#include "runtime/memory.h"
#include "runtime/status.h"

/* Limits far beyond any real network, so that a small hostile file cannot ask for much. */
enum {
    PS_ONNX_MAX_NODES = 200000,
    PS_ONNX_MAX_TENSORS = 200000,
    PS_ONNX_MAX_PORTS = 4096,    /* inputs or outputs of one node, or of the graph */
    PS_ONNX_MAX_ATTRIBUTES = 64, /* of one node */
    PS_ONNX_MAX_NAME = 1024,
    PS_ONNX_MAX_TEXT = 4 << 20,   /* of a metadata value or a string attribute */
    PS_ONNX_MAX_NUMBERS = 1 << 20 /* in one attribute */
};

typedef struct ps_onnx_tensor {
    const char *name;
    int32_t type; /* of TensorProto.DataType */
    int32_t rank;
    int32_t dim[POISE_MAX_DIMS];
    size_t count;       /* elements, checked */
    ps_wire message;    /* the whole TensorProto, for typed data */
    const uint8_t *raw; /* raw_data, or NULL */
    size_t raw_size;
} ps_onnx_tensor;

/* Types of attributes. */
enum {
    PS_ONNX_ATTR_FLOAT = 1,
    PS_ONNX_ATTR_INT = 2,
    PS_ONNX_ATTR_STRING = 3,
    PS_ONNX_ATTR_TENSOR = 4,
    PS_ONNX_ATTR_FLOATS = 6,
    PS_ONNX_ATTR_INTS = 7,
    PS_ONNX_ATTR_STRINGS = 8
};

typedef struct ps_onnx_attribute {
    const char *name;
    int32_t type; /* PS_ONNX_ATTR_..., or another number of ONNX (graphs and the like) */
    float f;
    int64_t i;
    const char *s;
    ps_onnx_tensor *t;
    float *floats;
    int64_t *ints;
    size_t n_floats, n_ints;
} ps_onnx_attribute;

typedef struct ps_onnx_node {
    const char *name, *op, *domain;
    const char **in, **out; /* "" = absent */
    ps_onnx_attribute *attributes;
    int32_t n_in, n_out, n_attributes;
} ps_onnx_node;

typedef struct ps_onnx_info {
    const char *name;
    int32_t type;                       /* of TensorProto.DataType, 0 = not a tensor */
    int32_t rank;                       /* -1 = unknown */
    int32_t dim[POISE_MAX_DIMS];        /* -1 = symbolic */
    const char *symbol[POISE_MAX_DIMS]; /* its name, or "" */
} ps_onnx_info;

typedef struct ps_onnx_model {
    int64_t ir_version, opset; /* opset of the standard operators, 0 = none given */
    const char *producer, *producer_version;
    ps_onnx_node *nodes;
    ps_onnx_tensor *tensors; /* initialisers */
    ps_onnx_info *inputs, *outputs;
    const char **meta; /* key, value, key, value, ... */
    int32_t n_nodes, n_tensors, n_inputs, n_outputs, n_meta;
} ps_onnx_model;

/* Reads a ModelProto.  `m` refers to `bytes` and to `heap`. */
poise_status ps_onnx_model_read(ps_onnx_model *m, ps_heap *heap, const uint8_t *bytes, size_t size);

/* Reads one TensorProto: an initialiser, an attribute, or a .pb file of test data. */
poise_status ps_onnx_tensor_read(ps_onnx_tensor *t, ps_heap *heap, ps_wire message);

/* Poise's type for one of ONNX, POISE_NONE where there is none; the ONNX name of a type. */
poise_type ps_onnx_type(int32_t type);
const char *ps_onnx_type_name(int32_t type);

/* Types of TensorProto that constants may have beside Poise's own, and what they are kept in: 4-bit integers in
 * bytes, 16-bit ones in i32. */
enum { PS_ONNX_U16 = 4, PS_ONNX_I16 = 5, PS_ONNX_U4 = 21, PS_ONNX_I4 = 22 };
poise_type ps_onnx_storage_type(int32_t type);

/* The contents of t, dense row-major, count elements of ps_onnx_storage_type(t->type).  Raw data that is aligned
 * for its element type is given in place, in the file; anything else is decoded into `heap`. */
poise_status ps_onnx_tensor_data(const ps_onnx_tensor *t, ps_heap *heap, const void **data);

#endif
