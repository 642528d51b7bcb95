/* tests/graph_build.h - builds small graphs by hand, computes them, and checks what rewriting does to them. */
#ifndef PS_TESTS_GRAPH_BUILD_H
#define PS_TESTS_GRAPH_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/op.h"
#include "nn/params.h"

/* Dimensions as two arguments: their number and the list. */
#define GB_DIMS(...) (int)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), (const int32_t[]){__VA_ARGS__}

/* Random numbers begin anew. */
void gb_seed(uint32_t value);

/* All stop the test on failure and return a value's index. */
int32_t gb_input(ps_graph *g, int rank, const int32_t *dim);
int32_t gb_random(ps_graph *g, int rank, const int32_t *dim, float low, float high); /* constant */
int32_t gb_filled(ps_graph *g, int rank, const int32_t *dim, float value);
int32_t gb_scalar(ps_graph *g, float value); /* rank 0 */
int32_t gb_node(ps_graph *g, const ps_op *op, const void *params, int n_in, const int32_t *in);
int32_t gb_unary(ps_graph *g, int kind, float a, float b, int32_t x);
int32_t gb_binary(ps_graph *g, int kind, int32_t x, int32_t y);
/* out channels, square kernel and pad of 1 dilation and stride, groups; random weights; bias if asked for. */
int32_t gb_conv(ps_graph *g, int32_t x, int32_t out, int32_t kernel, int32_t pad, int32_t group, bool bias);
/* Random weights [k,n] on the right. */
int32_t gb_matmul(ps_graph *g, int32_t x, int32_t n);
/* Batch norm: random scale and bias. */
int32_t gb_affine(ps_graph *g, int32_t x);
int32_t gb_reshape(ps_graph *g, int32_t x, int rank, const int32_t *dim);
int32_t gb_transpose(ps_graph *g, int32_t x, int rank, const int32_t *perm);
int32_t gb_slice(ps_graph *g, int32_t x, int axis, int32_t start, int32_t size);
int32_t gb_concat(ps_graph *g, int axis, int n_in, const int32_t *in);
int32_t gb_mean(ps_graph *g, int32_t x, int32_t axes);
int32_t gb_pad(ps_graph *g, int32_t x, int32_t amount, int32_t value); /* last two dimensions; value -1 = 0 */
/* Codes u8 of a scale and zero point; numbers from codes; both, one behind the other. */
int32_t gb_quantize(ps_graph *g, int32_t x, float scale, int32_t zero);
int32_t gb_dequantize(ps_graph *g, int32_t x);
int32_t gb_round(ps_graph *g, int32_t x, float scale, int32_t zero);
int32_t gb_codes(ps_graph *g, poise_type type, int rank, const int32_t *dim); /* random constant of 8 bits */
/* Random i8 constant, dequantised with a scale for each index along an axis. */
int32_t gb_weights(ps_graph *g, int rank, const int32_t *dim, int axis);
/* gb_conv with such weights, and a bias. */
int32_t gb_conv_int8(ps_graph *g, int32_t x, int32_t out, int32_t kernel, int32_t pad, int32_t group);
void gb_output(ps_graph *g, int32_t x);

/* Computes the graph, optimises it, computes it again: outputs must keep names and dimensions and agree to
 * 1e-5 of their largest magnitude.  Every rewritten node must obey its rules. */
void gb_optimize(ps_graph *g);
/* The same for graphs that round to codes: at most that share of the elements differs, and none by more than `step`. */
void gb_optimize_within(ps_graph *g, double step, double share);
/* Nodes of an operator; all nodes when op is NULL. */
int gb_count(const ps_graph *g, const ps_op *op);
const ps_node *gb_first(const ps_graph *g, const ps_op *op);

#endif
