/* tests/tiny_tflite.h - writes small TFLite files, so that tests need no foreign ones. */
#ifndef PS_TESTS_TINY_TFLITE_H
#define PS_TESTS_TINY_TFLITE_H

#include "poise.h"

/* Numbers of the schema that tests use. */
enum { TFL_F32 = 0, TFL_F16 = 1, TFL_I32 = 2, TFL_U8 = 3, TFL_I64 = 4, TFL_BOOL = 6, TFL_I16 = 7, TFL_I8 = 9 };

enum { TFL_TENSORS = 64, TFL_NODES = 32, TFL_FIELDS = 8, TFL_PORTS = 8, TFL_SCALES = 16 };

typedef struct tfl_field {
    int id, size; /* size 1, 4, or 0: a vector of `count` int32 */
    uint32_t bits;
    int32_t list[8];
    int count;
} tfl_field;

/* A file being made: whoever needs something odd writes into the fields before tfl_finish. */
typedef struct tfl {
    struct {
        const char *name;
        int type, rank;
        int32_t dim[8];
        const void *data; /* of the caller, NULL = none */
        size_t bytes;
        int n_scales, axis, n_zeros;
        float scale[TFL_SCALES];
        int64_t zero[TFL_SCALES];
        int32_t buffer; /* 0 = its own */
    } tensor[TFL_TENSORS];
    struct {
        int code, n_in, n_out, n_fields;
        int32_t in[TFL_PORTS], out[TFL_PORTS];
        tfl_field field[TFL_FIELDS];
    } node[TFL_NODES];
    int32_t in[TFL_PORTS], out[TFL_PORTS];
    int n_tensors, n_nodes, n_in, n_out, version;
} tfl;

/* Dimensions as two arguments: their number and the list. */
#define TFL_DIMS(...) (int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), (const int32_t[]){__VA_ARGS__}
#define TFL_SCALAR 0, (const int32_t[1]){0}

/* Adds a tensor and gives its index.  `data` must live until tfl_finish. */
int tfl_tensor(tfl *t, const char *name, int type, int rank, const int32_t *dim);
int tfl_constant(tfl *t, int type, int rank, const int32_t *dim, const void *data);
int tfl_input(tfl *t, int type, int rank, const int32_t *dim);
/* One scale and zero point. */
void tfl_quantise(tfl *t, int tensor, float scale, int64_t zero);
/* One for each index along an axis, zero points 0. */
void tfl_quantise_axis(tfl *t, int tensor, int axis, int n, const float *scale);
/* Adds an operator with inputs from a list that ends with -2 (-1 = absent) and one output, which is made. */
int tfl_node(tfl *t, int code, const int32_t *in, int type, int rank, const int32_t *dim);
#define TFL_IN(...) ((const int32_t[]){__VA_ARGS__, -2})
/* Options of the newest operator. */
void tfl_byte(tfl *t, int id, int v);
void tfl_int(tfl *t, int id, int32_t v);
void tfl_float(tfl *t, int id, float v);
void tfl_ints(tfl *t, int id, int n, const int32_t *v);
void tfl_output(tfl *t, int tensor);
/* The bytes of the file, from ps_alloc; NULL when there is no memory. */
void *tfl_finish(const tfl *t, size_t *size);

enum {
    TINY_TFLITE_FLOAT,  /* x [1,8,8,3] -> [1,4]: convolutions with every fused activation, pools, FULLY_CONNECTED, SOFTMAX */
    TINY_TFLITE_INT8,   /* the same of int8, weights with a scale for each channel */
    TINY_TFLITE_HYBRID, /* the same with float activations and int8 weights */
    TINY_TFLITE_MOVES,  /* x [1,4,4,2]: operators that cut, join and reorder */
    TINY_TFLITE_COUNT
};
void tiny_tflite_describe(int kind, tfl *t);
/* "tflite-float" and so on -> kind, or -1; the bytes of a file, from ps_alloc. */
int tiny_tflite_kind(const char *name);
poise_status tiny_tflite_make(int kind, void **bytes, size_t *size);

#endif
