/* tests/onnx_build.h - writes small ONNX files by hand, sound and unsound ones, and reads and runs them. */
#ifndef PS_TESTS_ONNX_BUILD_H
#define PS_TESTS_ONNX_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/graph.h"

/* A protobuf message: text fields and nested texts.  All stop the test when it is full. */
typedef struct pb {
    uint8_t p[8192];
    size_t n;
} pb;

enum { PB_FLOAT = 1, PB_U8 = 2, PB_I8 = 3, PB_U16 = 4, PB_I16 = 5, PB_I32 = 6, PB_U4 = 21, PB_I4 = 22 }; /* TensorProto.DataType */

void pb_number(pb *b, unsigned field, int64_t v);
void pb_data(pb *b, unsigned field, const void *p, size_t n);
void pb_text(pb *b, unsigned field, const char *s);
void pb_child(pb *b, unsigned field, const pb *c);

/* A float tensor as input (field 11) or output (12); a dimension below 0 is symbolic. */
void pb_info(pb *graph, unsigned field, const char *name, int rank, const int64_t *dim);
void pb_typed_info(pb *graph, unsigned field, const char *name, int type, int rank, const int64_t *dim);
/* A node named as its first output; names are separated by blanks, "-" = absent.  pb_begin: attributes are to come. */
void pb_node(pb *graph, const char *op, const char *in, const char *out);
pb pb_begin(const char *op, const char *in, const char *out);
void pb_end(pb *graph, const pb *node);
void pb_integer(pb *node, const char *name, int64_t v);
void pb_integers(pb *node, const char *name, int count, const int64_t *v);
/* Initialisers: raw data of any type; floats. */
void pb_constant(pb *graph, const char *name, int type, int rank, const int64_t *dim, size_t bytes, const void *data);
void pb_floats(pb *graph, const char *name, int rank, const int64_t *dim, int count, const float *v);

/* Reads the graph as an ONNX file of this opset. */
poise_status pb_read(const pb *graph, int opset, const poise_convert_options *o, ps_graph *g);
/* Reading ends so, and the error says `part`. */
void pb_says(poise_status want, const char *part, const pb *graph, int opset, const poise_convert_options *o);
/* Reads, optimises, writes and opens it. */
poise_model *pb_open(const pb *graph, int opset);
/* Runs it once: inputs and outputs are dense, in their own types. */
void pb_run(const poise_model *m, const void *const *in, void *const *out);

#endif
