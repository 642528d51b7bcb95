/* convert/tflite_ops_index.c - TFLite operators that read or write where other tensors say. */
#include "convert/tflite_import.h"

#include <string.h>

/* Options: axis, batch dimensions. */
static void gather(ps_tflite_call *n)
{
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE), at = ps_tflite_in(n, 1), batch = ps_tflite_int(n, 1, 0);
    ps_value v = ps_emit_value(&n->e, x), i = ps_emit_value(&n->e, at);
    ps_axis_params p = {ps_emit_axis(&n->e, ps_tflite_int(n, 0, 0), v.rank)};
    if (batch == 0) {
        ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_gather, &p, x, at), PS_TFLITE_FILE);
        return;
    }
    bool simple = batch > 0 && p.axis == batch && i.rank >= batch && i.rank < POISE_MAX_DIMS;
    PS_TFLITE_REQUIRE(n, simple, POISE_UNSUPPORTED, "%d batch dimensions along axis %d", batch, p.axis);
    int32_t dim[POISE_MAX_DIMS];
    memcpy(dim, i.dim, sizeof dim);
    dim[i.rank] = 1;
    ps_gather_nd_params nd = {batch};
    at = ps_emit_reshape(&n->e, at, i.rank + 1, dim);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_gather_nd, &nd, x, at), PS_TFLITE_FILE);
}

static void gather_nd(ps_tflite_call *n)
{
    ps_gather_nd_params p = {0};
    int32_t x = ps_tflite_raw(n, 0, PS_TFLITE_FILE);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_gather_nd, &p, x, ps_tflite_in(n, 1)), PS_TFLITE_FILE);
}

/* Inputs: indices, updates, shape.  Indices that are there twice add up. */
static void scatter_nd(ps_tflite_call *n)
{
    int32_t dim[POISE_MAX_DIMS] = {0}, at = ps_tflite_in(n, 0), updates = ps_tflite_in(n, 1);
    size_t count;
    const int64_t *shape = ps_tflite_const(n, 2, "shape", &count);
    PS_TFLITE_REQUIRE(n, shape && count <= POISE_MAX_DIMS, POISE_UNSUPPORTED, "a shape of %zu dimensions", count);
    for (size_t i = 0; i < count; i++) dim[i] = ps_emit_clamp32(shape[i]);
    int32_t zeros = ps_emit_scalar(&n->e, ps_emit_value(&n->e, updates).type, 0);
    zeros = ps_emit_expand(&n->e, zeros, (int)count, dim);
    ps_scatter_params p = {0, PS_SCATTER_ADD};
    at = ps_emit_cast(&n->e, POISE_I64, at);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_scatter_nd, &p, zeros, at, updates), PS_TFLITE_FILE);
}

/* Inputs: indices, depth, on, off.  Option: axis of the new dimension. */
static void one_hot(ps_tflite_call *n)
{
    int32_t x = ps_tflite_in(n, 0), on, off, one = 1;
    int64_t depth = ps_tflite_const_one(n, 1, "depth");
    PS_TFLITE_REQUIRE(n, depth >= 0 && depth < 10000000, POISE_BAD_MODEL, "a depth of %lld", (long long)depth);
    ps_one_hot_params p = {ps_emit_axis(&n->e, ps_tflite_int(n, 0, 0), ps_emit_value(&n->e, x).rank + 1), (int32_t)depth};
    on = ps_emit_reshape(&n->e, ps_tflite_in(n, 2), 1, &one);
    off = ps_emit_reshape(&n->e, ps_tflite_in(n, 3), 1, &one);
    int32_t values = PS_EMIT_NODE(&n->e, &ps_op_concat, (&(ps_axis_params){0}), off, on);
    ps_tflite_result(n, 0, PS_EMIT_NODE(&n->e, &ps_op_one_hot, &p, x, values), PS_TFLITE_FILE);
}

/* The places where a tensor is true (or not zero), [count, rank]. */
static void where(ps_tflite_call *n)
{
    int32_t y = PS_EMIT_NODE(&n->e, &ps_op_non_zero, NULL, ps_tflite_in(n, 0));
    ps_tflite_result(n, 0, ps_emit_transpose(&n->e, y, 2, (int32_t[]){1, 0}), PS_TFLITE_FILE);
}

const ps_tflite_op ps_tflite_ops_index[] = {
    {"GATHER", 36, 2, 2, gather, 0},
    {"GATHER_ND", 107, 2, 2, gather_nd, 0},
    {"SCATTER_ND", 122, 3, 3, scatter_nd, 0},
    {"ONE_HOT", 85, 4, 4, one_hot, 0},
    {"WHERE", 109, 1, 1, where, 0},
    {.name = NULL},
};
